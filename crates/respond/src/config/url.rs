//! Addresses: shown, or hidden because they are secrets themselves.

use vigie_language::yaml::{ConfigError, Field, Node, Out, Secret, Source};

/// What a hidden value is shown as, and what is read back as "hidden".
const HIDDEN: &str = "<secret>";

fn check(text: &str) -> Result<(), String> {
    // The host in a hidden webhook's shown form is no host.
    if text == HIDDEN || text == HIDDEN_WEBHOOK {
        return Ok(());
    }
    let url = url::Url::parse(text).map_err(|error| format!("parse {text:?}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("unsupported scheme {:?} for URL", url.scheme()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("missing host for URL".to_owned());
    }
    Ok(())
}

/// An address of an HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// An address that is known to be one.
    pub(super) fn known(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same with a slash at its end, to which paths can be added.
    pub(super) fn with_slash(mut self) -> Self {
        if !self.0.ends_with('/') {
            self.0.push('/');
        }
        self
    }
}

impl Field for Url {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let text = String::read(node, source)?;
        check(&text).map_err(|message| node.error(source, message))?;
        Ok(Self(text))
    }

    fn write(&self) -> Option<Out> {
        // User and password in an address are nobody's business.
        let mut shown = self.0.clone();
        if let Ok(mut url) = url::Url::parse(&self.0)
            && url.password().is_some()
            && url.set_password(Some("xxxxx")).is_ok()
        {
            shown = url.to_string();
        }
        Some(Out::Text(shown))
    }
}

/// An address whose path is a secret, as incoming webhooks have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUrl(Secret);

impl SecretUrl {
    /// Hides an address.
    pub(super) fn new(text: &str) -> Self {
        Self(Secret::new(text))
    }

    /// The address, for whoever has to ask it.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl Field for SecretUrl {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let text = String::read(node, source)?;
        // The message must not say the address.
        check(&text).map_err(|_| {
            node.error(source, "unsupported or malformed URL").advise("write https://...")
        })?;
        Ok(Self(Secret::new(text)))
    }

    fn write(&self) -> Option<Out> {
        self.0.write()
    }
}

/// How a webhook's hidden address is shown. Alertmanager before 0.26 read it as a plain address,
/// and its amtool reads what the server shows, so that it has to look like one.
const HIDDEN_WEBHOOK: &str = "http://<secret>";

/// A webhook's address: hidden, and possibly a template.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookUrl(Secret);

impl WebhookUrl {
    /// The address or its template.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has to be rendered before it is an address.
    pub fn is_template(&self) -> bool {
        self.reveal().contains("{{")
    }
}

impl Field for WebhookUrl {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let text = String::read(node, source)?;
        if !text.contains("{{") {
            check(&text).map_err(|_| {
                node.error(source, "invalid URL: unsupported or malformed")
                    .advise("write http://... or https://...")
            })?;
        }
        Ok(Self(Secret::new(text)))
    }

    fn write(&self) -> Option<Out> {
        (!self.is_empty()).then(|| Out::Text(HIDDEN_WEBHOOK.to_owned()))
    }
}

/// `host:port`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostPort {
    /// The host.
    pub host: String,
    /// The port, by number or name.
    pub port: String,
}

impl HostPort {
    /// Whether none was written.
    pub const fn is_empty(&self) -> bool {
        self.host.is_empty() && self.port.is_empty()
    }
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Field for HostPort {
    fn read(node: &Node, source: &Source) -> Result<Self, ConfigError> {
        let text = String::read(node, source)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        let wrong = |what: &str| node.error(source, format!("address {text}: {what}"));
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("missing port in address"))?;
        let host = match host.strip_prefix('[').map(|inner| inner.strip_suffix(']')) {
            Some(Some(inner)) => inner,
            Some(None) => return Err(wrong("missing ']' in address")),
            None if host.contains(':') => return Err(wrong("too many colons in address")),
            None => host,
        };
        if port.is_empty() {
            return Err(wrong("port cannot be empty"));
        }
        Ok(Self { host: host.to_owned(), port: port.to_owned() })
    }

    fn write(&self) -> Option<Out> {
        (!self.is_empty()).then(|| Out::Text(self.to_string()))
    }
}
