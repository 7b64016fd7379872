//! Mail.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::net::TcpStream;
use vigie_dial::{HttpError, is_refused_address, tls_client_config};
use vigie_language::template::Time;

use super::mail;
use super::message::{Message, MessageTemplates, wrong};
use super::post::{NotifyEnvironment, secret};
use super::smtp::{Connection, Login, SmtpError, Tls};
use super::{
    Notifier, NotifyAlert, NotifyContext, NotifyError, NotifyFailure, NotifyReceipt, Rendered,
};
use crate::config::EmailConfig;

/// Hours between the mails of a thread are by UTC's days.
const DAY_LAYOUT: &str = "2006-01-02";

/// Mail over SMTP.
#[derive(Debug)]
pub(super) struct Email {
    config: EmailConfig,
    templates: MessageTemplates,
    environment: NotifyEnvironment,
    tls: Tls,
}

/// A mail, before it is text.
struct Draft {
    from: String,
    to: Vec<String>,
    headers: Vec<(String, String)>,
    text: Option<String>,
    html: Option<String>,
}

impl Email {
    pub(super) fn new(
        config: EmailConfig,
        templates: MessageTemplates,
        environment: NotifyEnvironment,
    ) -> Result<Self, HttpError> {
        let tls_config = config.tls_config.clone().unwrap_or_default();
        let server_name = if tls_config.server_name.is_empty() {
            config.smarthost.host.clone()
        } else {
            tls_config.server_name.clone()
        };
        let made = tls_client_config(&tls_config, &environment.world)?;
        let tls = Tls { config: Arc::new(made), server_name };
        Ok(Self { config, templates, environment, tls })
    }

    fn draft(&self, message: &Message<'_>) -> Result<Draft, NotifyError> {
        let config = &self.config;
        let from = message.text(&config.from)?;
        let to = message.text(&config.to)?;
        let senders =
            mail::addresses(&from).map_err(|error| wrong(format!("parse 'from': {error}")))?;
        let [sender] = senders.as_slice() else {
            return Err(wrong("must be exactly one 'from' address"));
        };
        let mut headers = Vec::new();
        for (name, template) in &config.headers {
            headers.push((name.clone(), message.text(template)?));
        }
        let defaults =
            [("Subject", EmailConfig::DEFAULT_SUBJECT), ("To", &config.to), ("From", &config.from)];
        for (name, template) in defaults {
            if !config.headers.contains_key(name) {
                headers.push((name.to_owned(), message.text(template)?));
            }
        }
        let text = (!config.text.is_empty()).then(|| message.text(&config.text)).transpose()?;
        let html = config.html.as_deref().unwrap_or(EmailConfig::DEFAULT_HTML);
        let html = (!html.is_empty()).then(|| message.html(html)).transpose()?;
        let to = mail::addresses(&to).map_err(|error| wrong(format!("parse 'to': {error}")))?;
        Ok(Draft { from: sender.clone(), to, headers, text, html })
    }

    fn mail(&self, draft: &Draft, message: &Message<'_>) -> String {
        let random = || self.environment.world.random.next_u64();
        let mut text = String::new();
        for (name, value) in &draft.headers {
            text.push_str(&mail::header(name, value));
        }
        if !self.config.headers.contains_key("Message-Id") {
            let host = &self.environment.host_name;
            let id = format!("<{}.{}@{host}>", self.environment.world.clock.now_ms(), random());
            text.push_str(&mail::header("Message-Id", &id));
        }
        let now = Time::from_unix_ms(message.context.now_ms);
        if self.config.threading.enabled {
            let hash = message.key_hash();
            let hash = hash.get(..16).unwrap_or(&hash);
            let day = match self.config.threading.thread_by_date.as_str() {
                "none" => String::new(),
                _ => now.format(DAY_LAYOUT),
            };
            // No mail has this id: mail programs gather under it what refers to it.
            let root = format!("<alert-{hash}-{day}@alertmanager>");
            text.push_str(&mail::header("References", &root));
            text.push_str(&mail::header("In-Reply-To", &root));
        }
        if !self.config.headers.contains_key("Date") {
            text.push_str(&mail::header("Date", &now.format("Mon, 02 Jan 2006 15:04:05 -0700")));
        }
        let boundary = format!("{:016x}{:016x}", random(), random());
        let kind = format!("multipart/alternative; boundary={boundary}");
        text.push_str(&mail::header("Content-Type", &kind));
        text.push_str("MIME-Version: 1.0\r\n\r\n");
        // The preferred alternative is the last (RFC 2046, 5.1.4).
        for (kind, body) in [("text/plain", &draft.text), ("text/html", &draft.html)] {
            if let Some(body) = body {
                text.push_str(&mail::part(&boundary, kind, body));
            }
        }
        text.push_str(&format!("--{boundary}--\r\n"));
        text
    }

    async fn connect(&self) -> Result<TcpStream, SmtpError> {
        let host = &self.config.smarthost;
        let failed = |reason: String| SmtpError { is_final: false, reason };
        let port: u16 = match host.port.as_str() {
            "smtp" => 25,
            "submission" => 587,
            "smtps" | "submissions" => 465,
            port => port.parse().map_err(|_| SmtpError {
                is_final: true,
                reason: format!("unknown port {port:?}"),
            })?,
        };
        let found = tokio::net::lookup_host((host.host.as_str(), port)).await;
        let found = found.map_err(|error| failed(format!("resolve the server: {error}")))?;
        let allows = self.environment.allows_link_local;
        let mut reason = "the server has no address, or a link-local one".to_owned();
        for address in found.filter(|found| allows || !is_refused_address(found.ip())) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => reason = format!("establish connection to server: {error}"),
            }
        }
        Err(failed(reason))
    }

    async fn deliver(
        &self,
        draft: &Draft,
        mail: &str,
        password: &str,
        secret: &str,
    ) -> Result<(), SmtpError> {
        let config = &self.config;
        let is_implicit = config.force_implicit_tls.unwrap_or(config.smarthost.port == "465");
        let hello = if config.hello.is_empty() { "localhost" } else { config.hello.as_str() };
        let stream = self.connect().await?;
        let implicit = is_implicit.then_some(&self.tls);
        let mut connection = Connection::open(stream, hello, implicit).await?;
        if config.require_tls.unwrap_or(true) && !is_implicit {
            connection = connection.start_tls(&self.tls).await?;
        }
        if !config.auth_username.is_empty() {
            let host = config.smarthost.host.as_str();
            let login = Login {
                identity: &config.auth_identity,
                user: &config.auth_username,
                password,
                secret,
                is_local: matches!(host, "localhost" | "127.0.0.1" | "::1"),
            };
            connection.log_in(&login).await?;
        }
        connection.send(&draft.from, &draft.to, mail).await?;
        connection.quit().await;
        Ok(())
    }

    async fn tell(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<NotifyReceipt, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        let draft = self.draft(&message)?;
        let mail = self.mail(&draft, &message);
        let config = &self.config;
        let world = &self.environment.world;
        let password = secret(world, config.auth_password.reveal(), &config.auth_password_file)?;
        let cram = secret(world, config.auth_secret.reveal(), &config.auth_secret_file)?;
        let delivery = self.deliver(&draft, &mail, &password, &cram);
        match tokio::time::timeout(context.timeout, delivery).await {
            Ok(Ok(())) => {
                let detail = format!("mail to {} addresses", draft.to.len());
                Ok(NotifyReceipt { detail, ..Default::default() })
            }
            Ok(Err(error)) => Err(NotifyError {
                retry: !error.is_final,
                failure: if error.is_final {
                    NotifyFailure::ClientError
                } else {
                    NotifyFailure::Other
                },
                reason: without(&error.reason, &[&password, &cram]),
            }),
            Err(_) => Err(NotifyError {
                retry: true,
                failure: NotifyFailure::Timeout,
                reason: "the mail server did not answer in time".to_owned(),
            }),
        }
    }
}

/// What a server repeats of what it was given is not told.
fn without(reason: &str, secrets: &[&str]) -> String {
    let known = secrets.iter().filter(|secret| secret.len() > 3);
    known.fold(reason.to_owned(), |reason, secret| reason.replace(secret, "<secret>"))
}

impl Notifier for Email {
    fn notify<'a>(
        &'a self,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
    ) -> BoxFuture<'a, Result<NotifyReceipt, NotifyError>> {
        Box::pin(self.tell(context, alerts))
    }

    fn render(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<Rendered, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        let draft = self.draft(&message)?;
        let mut parts = draft.headers;
        parts.extend(draft.text.map(|text| ("text".to_owned(), text)));
        parts.extend(draft.html.map(|html| ("html".to_owned(), html)));
        Ok(Rendered { parts })
    }
}
