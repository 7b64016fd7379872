//! Sending requests, and judging their answers. What is secret never gets into an error: no URL is
//! told, and the texts of answers are cleaned of every secret that went into the request.

use std::path::Path;
use std::time::Duration;

use vigie_dial::{
    HeaderMap, HeaderName, HeaderValue, HttpAnswer, HttpClient, HttpConfig, HttpEnvironment,
    HttpError, Method, RequestLimits,
};
use vigie_language::yaml::Secret;
use vigie_world::World;

use super::message::wrong;
use super::{NotifyError, NotifyFailure};

/// Bytes of an answer that are read: the rest says nothing more.
const ANSWER_BYTES_MAX: u64 = 1 << 20;
/// Characters of an answer that an error tells.
const DETAIL_CHARACTERS_MAX: usize = 300;

/// What every integration needs of the outside.
#[derive(Debug, Clone)]
pub struct NotifyEnvironment {
    /// For HTTP clients.
    pub http: HttpEnvironment,
    /// Clock, files, randomness.
    pub world: World,
    /// Whether link-local addresses may be asked.
    pub allows_link_local: bool,
    /// The name of this machine, for mail.
    pub host_name: String,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Secret,
    pub(super) headers: Vec<(&'static str, Secret)>,
    pub(super) body: String,
    /// What must not be told even if the other side repeats it.
    pub(super) secrets: Vec<String>,
}

impl Request {
    /// A POST of JSON.
    pub(super) fn json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        let json = Secret::new("application/json");
        Self {
            method: Method::POST,
            url: Secret::new(url),
            headers: vec![("content-type", json)],
            body: body.to_string(),
            secrets: Vec::new(),
        }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, Secret::new(value)));
        self
    }

    pub(super) fn with_secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }
}

/// Sends requests with one integration's `http_config`.
#[derive(Debug, Clone)]
pub(super) struct Post {
    client: HttpClient,
    world: World,
    timeout: Option<Duration>,
}

impl Post {
    pub(super) fn new(
        config: Option<&HttpConfig>,
        environment: &NotifyEnvironment,
        timeout_ms: u64,
    ) -> Result<Self, HttpError> {
        let default = HttpConfig::default();
        let client = HttpClient::guarded(
            config.unwrap_or(&default),
            &environment.http,
            &environment.world,
            environment.allows_link_local,
        )?;
        let timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms));
        Ok(Self { client, world: environment.world.clone(), timeout })
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.world.clock.now_ms()
    }

    /// A secret, or what its file says now.
    pub(super) fn secret(&self, value: &str, file: &Path) -> Result<String, NotifyError> {
        secret(&self.world, value, file)
    }

    /// The answer, whatever its status.
    pub(super) async fn send(
        &self,
        request: &Request,
        timeout: Duration,
    ) -> Result<HttpAnswer, NotifyError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let mut value = HeaderValue::from_str(value.reveal())
                .map_err(|_| wrong(format!("the value of the header {name} is not valid")))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let timeout = self.timeout.map_or(timeout, |own| own.min(timeout));
        let limits = RequestLimits { body_bytes: ANSWER_BYTES_MAX, timeout };
        let body = request.body.clone().into_bytes().into();
        let method = request.method.clone();
        let sent = self.client.request(method, request.url.reveal(), headers, body, limits);
        sent.await.map_err(|error| failure(&error))
    }
}

/// A secret, or what its file says now.
pub(super) fn secret(world: &World, value: &str, file: &Path) -> Result<String, NotifyError> {
    if file.as_os_str().is_empty() {
        return Ok(value.to_owned());
    }
    let bytes = world.disk.read(file).map_err(|error| {
        let reason = format!("could not read {}: {error}", file.display());
        NotifyError { retry: false, failure: NotifyFailure::Configuration, reason }
    })?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Why no answer came, without the address, which may be a secret.
fn failure(error: &HttpError) -> NotifyError {
    match error {
        HttpError::Timeout { .. } => NotifyError {
            retry: true,
            failure: NotifyFailure::Timeout,
            reason: "no answer in time".to_owned(),
        },
        HttpError::Transport { reason, .. } => NotifyError {
            // An address that is refused stays so.
            retry: !reason.contains("refused") || reason.contains("onnection refused"),
            failure: NotifyFailure::Other,
            reason: format!("request failed: {reason}"),
        },
        HttpError::Setup(reason) => wrong(reason.clone()),
        other => {
            NotifyError { retry: true, failure: NotifyFailure::Other, reason: other.to_string() }
        }
    }
}

/// An error unless the status is 2xx; 5xx and those of `retried` may go better another time.
pub(super) fn judge(
    request: &Request,
    answer: &HttpAnswer,
    retried: &[u16],
) -> Result<(), NotifyError> {
    let status = answer.status.as_u16();
    let failure = match status {
        200..300 => return Ok(()),
        400..500 => NotifyFailure::ClientError,
        500..600 => NotifyFailure::ServerError,
        _ => NotifyFailure::Other,
    };
    let detail = clean(request, &String::from_utf8_lossy(&answer.body));
    let colon = if detail.is_empty() { "" } else { ": " };
    Err(NotifyError {
        retry: status >= 500 || retried.contains(&status),
        failure,
        reason: format!("unexpected status code {status}{colon}{detail}"),
    })
}

/// An error that the other side tells in its answer.
pub(super) fn told(request: &Request, retry: bool, detail: &str) -> NotifyError {
    NotifyError { retry, failure: NotifyFailure::ClientError, reason: clean(request, detail) }
}

/// A text from outside, as an error may tell it: on one line, short, without our secrets.
pub(super) fn clean(request: &Request, text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let headers = request.headers.iter().filter(|(name, _)| *name != "content-type");
    let secrets = request.secrets.iter().map(String::as_str);
    let url = std::iter::once(request.url.reveal());
    for secret in secrets.chain(headers.map(|(_, value)| value.reveal())).chain(url) {
        if secret.len() > 3 {
            text = text.replace(secret, "<secret>");
        }
    }
    super::message::cut(text.replace(|c: char| c.is_control(), " "), DETAIL_CHARACTERS_MAX)
}
