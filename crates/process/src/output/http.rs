//! `http`: events by requests to any server; and the client that all outputs dial with.

use std::time::Duration;

use vigie_dial::{
    HeaderMap, HeaderName, HeaderValue, HttpAnswer, HttpClient, HttpConfig, Method, RequestLimits,
    TlsConfig,
};
use vigie_language::logstash::{ConfigError, Sprintf};
use vigie_model::event::{DeliverFuture, Event, Refusal, RefusalKind};
use vigie_world::World;

use super::{Output, OutputContext, set_aside};
use crate::build::Context;
use crate::codec::{Codec, json};
use crate::options::Options;
use crate::text;

/// How often a request is tried before the batch is refused to its sender.
pub(super) const TRIES_MAX: u32 = 6;

/// A client that keeps trying while a server cannot take what it is sent.
#[derive(Debug)]
pub(super) struct Dialer {
    client: HttpClient,
    headers: HeaderMap,
    timeout: Duration,
    pub(super) world: World,
}

impl Dialer {
    pub(super) fn build(
        options: &Options<'_>,
        outputs: &OutputContext,
        world: &World,
    ) -> Result<Self, ConfigError> {
        let ca = match options.list("ssl_certificate_authorities")? {
            Some(paths) => paths.into_iter().next(),
            None => options.text("cacert")?,
        };
        let verifies = options.boolean("ssl_certificate_verification", true)?
            && options.text("ssl_verification_mode")?.as_deref() != Some("none");
        let tls_config = TlsConfig {
            ca_file: ca.unwrap_or_default().into(),
            insecure_skip_verify: !verifies,
            ..TlsConfig::default()
        };
        let config = HttpConfig { tls_config, ..HttpConfig::default() };
        let client = HttpClient::new(&config, &outputs.http, world)
            .map_err(|error| options.error(&error.to_string()))?;
        let seconds = options.number("request_timeout", 60.0)?.clamp(1.0, 3_600.0);
        options.ignore(&[
            "ssl",
            "ssl_enabled",
            "pool_max",
            "pool_max_per_route",
            "socket_timeout",
            "connect_timeout",
            "keepalive",
            "validate_after_inactivity",
        ]);
        let timeout = Duration::from_secs_f64(seconds);
        Ok(Self { client, headers: headers(options)?, timeout, world: world.clone() })
    }

    /// Sends until there is an answer that is neither 429 nor 5xx.
    pub(super) async fn send(
        &self,
        method: &Method,
        url: &str,
        content_type: &str,
        body: String,
    ) -> Result<HttpAnswer, Refusal> {
        let mut headers = self.headers.clone();
        if let Ok(value) = HeaderValue::from_str(content_type) {
            headers.insert("content-type", value);
        }
        let limits = RequestLimits { body_bytes: 0, timeout: self.timeout };
        let body = body.into_bytes();
        let mut last = String::new();
        for attempt in 0..TRIES_MAX {
            if attempt > 0 {
                self.wait(attempt).await;
            }
            let sent = self
                .client
                .request(method.clone(), url, headers.clone(), body.clone().into(), limits)
                .await;
            match sent {
                Ok(answer) if answer.status.is_server_error() || answer.status.as_u16() == 429 => {
                    last = format!("{url}: HTTP status {}", answer.status);
                }
                Ok(answer) => return Ok(answer),
                Err(error) => last = error.to_string(),
            }
        }
        Err(Refusal::new(RefusalKind::Unavailable, last))
    }

    /// Longer from time to time, from a quarter of a second on.
    pub(super) async fn wait(&self, attempt: u32) {
        let wait_ms = 250_u64.saturating_mul(1 << attempt.min(6));
        self.world.clock.sleep(Duration::from_millis(wait_ms)).await;
    }
}

/// `user` and `password`, `api_key`, `headers`.
fn headers(options: &Options<'_>) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    let encode =
        |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let mut pairs = options.pairs("headers")?.unwrap_or_default();
    if let Some(user) = options.text("user")? {
        let password = options.text("password")?.unwrap_or_default();
        let value = format!("Basic {}", encode(&format!("{user}:{password}")));
        pairs.push(("authorization".to_owned(), value));
    } else if let Some(key) = options.text("api_key")? {
        let key = if key.contains(':') { encode(&key) } else { key };
        pairs.push(("authorization".to_owned(), format!("ApiKey {key}")));
    }
    for (name, value) in pairs {
        let name = HeaderName::try_from(name.as_str());
        let value = HeaderValue::from_str(&value);
        match (name, value) {
            (Ok(name), Ok(value)) => headers.insert(name, value),
            _ => return Err(options.error("headers: a name or value cannot be sent")),
        };
    }
    Ok(headers)
}

#[derive(Debug)]
struct Http {
    dialer: Dialer,
    url: Sprintf,
    method: Method,
    content_type: String,
    format: Format,
    outputs: OutputContext,
}

#[derive(Debug)]
enum Format {
    Codec(Codec),
    Batch,
    Message(Sprintf),
}

pub(super) fn build(
    options: &Options<'_>,
    context: &Context<'_>,
    outputs: &OutputContext,
) -> Result<Box<dyn Output>, ConfigError> {
    let dialer = Dialer::build(options, outputs, &context.options.world)?;
    let method = options
        .choice("http_method", &["put", "post", "patch", "delete", "get", "head"])?
        .ok_or_else(|| options.error("the option http_method is missing"))?;
    let message = options.sprintf("message")?;
    let format = match options.choice("format", &["json", "json_batch", "form", "message"])? {
        Some("json_batch") => Format::Batch,
        Some("form") => return Err(options.error("format: form is refused; use json")),
        Some("message") => Format::Message(
            message.ok_or_else(|| options.error("format => message needs the option message"))?,
        ),
        _ => Format::Codec(Codec::build(options, "json")?),
    };
    if options.value("mapping").is_some() {
        return Err(options.error("mapping is refused; shape the event by mutate, or use message"));
    }
    let default =
        if matches!(format, Format::Message(_)) { "text/plain" } else { "application/json" };
    let content_type = options.text("content_type")?.unwrap_or_else(|| default.to_owned());
    options.ignore(&[
        "automatic_retries",
        "retry_failed",
        "retryable_codes",
        "retry_non_idempotent",
        "ignorable_codes",
        "http_compression",
        "cookies",
        "follow_redirects",
    ]);
    Ok(Box::new(Http {
        dialer,
        url: options.template(&options.required("url")?)?,
        method: method.to_uppercase().parse().map_err(|_| options.error("http_method"))?,
        content_type,
        format,
        outputs: outputs.clone(),
    }))
}

impl Output for Http {
    fn write(&self, events: Vec<Event>) -> DeliverFuture<'_> {
        Box::pin(async move {
            let now_ns = self.dialer.world.clock.now_ms().saturating_mul(1_000_000);
            if matches!(self.format, Format::Batch) {
                let bodies: Vec<_> = events.iter().map(json).collect();
                let url = events.first().map(|event| text::render(&self.url, event, now_ns));
                return self
                    .one(&url.unwrap_or_default(), format!("[{}]", bodies.join(",")), events)
                    .await;
            }
            for event in events {
                let body = match &self.format {
                    Format::Codec(codec) => codec.encode(&event, now_ns),
                    Format::Message(template) => text::render(template, &event, now_ns),
                    Format::Batch => json(&event),
                };
                let url = text::render(&self.url, &event, now_ns);
                self.one(&url, body, vec![event]).await?;
            }
            Ok(())
        })
    }
}

impl Http {
    async fn one(&self, url: &str, body: String, events: Vec<Event>) -> Result<(), Refusal> {
        let answer = self.dialer.send(&self.method, url, &self.content_type, body).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        let reason = format!("{url}: HTTP status {}", answer.status);
        let letters = events.into_iter().map(|event| (event, reason.clone())).collect();
        set_aside(self.outputs.dead_letters.as_ref(), "http", letters)
    }
}
