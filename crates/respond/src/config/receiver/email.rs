//! Mail.

use std::collections::BTreeMap;
use std::path::PathBuf;

use vigie_dial::TlsConfig;
use vigie_language::section;
use vigie_language::yaml::Secret;

use crate::config::At;
use crate::config::url::HostPort;

section! {
    /// Tells by mail.
    pub struct EmailConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = false,
        /// To whom.
        to: String = String::new(),
        /// From whom.
        from: String = String::new(),
        /// How we greet.
        hello: String = String::new(),
        /// The mail server.
        smarthost: HostPort = HostPort::default(),
        /// User there.
        auth_username: String = String::new(),
        /// Password there.
        auth_password: Secret = Secret::default(),
        /// File of the password.
        auth_password_file: PathBuf = PathBuf::new(),
        /// Secret of CRAM-MD5.
        auth_secret: Secret = Secret::default(),
        /// File of the secret.
        auth_secret_file: PathBuf = PathBuf::new(),
        /// Identity of PLAIN.
        auth_identity: String = String::new(),
        /// Headers, in canonical form; the values are templates.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// The HTML part; no such part when it is empty.
        html: Option<String> = None,
        /// The plain part; no such part when it is empty.
        text: String = String::new(),
        /// Whether mail may only go over TLS.
        require_tls: Option<bool> = None,
        /// TLS.
        tls_config: Option<TlsConfig> = None,
        /// Whether TLS begins with the connection; by the port when absent.
        force_implicit_tls: Option<bool> = None,
        /// Mails of one group as one thread.
        threading: ThreadingConfig = ThreadingConfig::default(),
        /// Not Alertmanager's: the subject, as people expect it to be called. Becomes a header.
        subject: Option<At<String>> = None,
        /// Not Alertmanager's: the plain part, as people expect it to be called.
        body: Option<At<String>> = None,
    }
}

section! {
    /// Mails of one group as one thread.
    pub struct ThreadingConfig("config.ThreadingConfig") {
        /// Whether they are.
        enabled: bool = false,
        /// `none` or `daily`: whether each day begins a thread.
        thread_by_date: String = String::new(),
    }
}

fn check(config: &mut EmailConfig) -> Result<(), String> {
    if config.to.is_empty() {
        return Err("missing to address in email config".into());
    }
    let mut headers = BTreeMap::new();
    for (name, value) in std::mem::take(&mut config.headers) {
        let name = canonical(&name);
        if headers.insert(name.clone(), value).is_some() {
            return Err(format!("duplicate header {name:?} in email config"));
        }
    }
    config.headers = headers;
    check_threading(config)?;
    if config.subject.is_some() && config.headers.contains_key("Subject") {
        return Err("subject and headers.Subject cannot both be set in email config".into());
    }
    if config.body.is_some() && (!config.text.is_empty() || config.html.is_some()) {
        return Err("body cannot be set beside text or html in email config".into());
    }
    Ok(())
}

fn check_threading(config: &EmailConfig) -> Result<(), String> {
    if !config.threading.enabled {
        return Ok(());
    }
    for name in ["References", "In-Reply-To"] {
        if config.headers.contains_key(name) {
            return Err(format!(
                "conflicting configuration: threading.enabled conflicts with custom {name} header"
            ));
        }
    }
    if !matches!(config.threading.thread_by_date.as_str(), "none" | "daily") {
        return Err("threading.thread_by_date must be either 'none' or 'daily'".into());
    }
    Ok(())
}

/// A header's name with capitals where words begin.
fn canonical(name: &str) -> String {
    let mut is_start = true;
    let letters = name.chars().map(|c| {
        let letter = if is_start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        is_start = c == '-';
        letter
    });
    letters.collect()
}

impl EmailConfig {
    /// The HTML part unless the configuration has its own.
    pub const DEFAULT_HTML: &str = "{{ template \"email.default.html\" . }}";
    /// The subject unless the configuration has its own.
    pub const DEFAULT_SUBJECT: &str = "{{ template \"email.default.subject\" . }}";

    /// Turns `subject` and `body` into the fields that Alertmanager has for them; gives the name
    /// and place of each that was there.
    pub(in crate::config) fn adopt(&mut self) -> Vec<(&'static str, At<()>)> {
        let mut found = Vec::new();
        if let Some(subject) = self.subject.take() {
            found.push(("subject", At { value: (), line: subject.line, column: subject.column }));
            self.headers.insert("Subject".to_owned(), subject.value);
        }
        if let Some(body) = self.body.take() {
            found.push(("body", At { value: (), line: body.line, column: body.column }));
            self.text = body.value;
            self.html = Some(String::new());
        }
        found
    }

    /// The HTML part.
    pub fn html(&self) -> &str {
        self.html.as_deref().unwrap_or(Self::DEFAULT_HTML)
    }
}
