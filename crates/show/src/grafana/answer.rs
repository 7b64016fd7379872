//! Answers and refusals in Grafana's form.

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use vigie_catalog::{CatalogError, CatalogErrorKind};

use crate::{BodyError, RequestBody};

/// A request that is not answered with what was asked for: `{"message": ...}`.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Map<String, Value>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let mut body = Map::new();
        body.insert("message".to_owned(), Value::String(message.into()));
        Self { status, body }
    }

    /// One more field, such as `status`.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// A fault of this side; what exactly is for the log.
    pub(super) fn internal(detail: &str) -> Self {
        tracing::error!(detail, "a request for Grafana's API failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json_answer(self.status, &self.body)
    }
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        match error.kind() {
            CatalogErrorKind::Invalid => Self::bad(error.to_string()),
            CatalogErrorKind::Full => Self::forbidden(format!("Quota reached: {error}")),
            CatalogErrorKind::Failed => {
                tracing::error!(%error, "the catalog cannot be written");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "the change could not be kept")
            }
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

/// An answer with this status.
pub(super) fn json_answer<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ];
            (status, headers, body).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// What was asked for.
pub(super) fn ok<T: Serialize + ?Sized>(value: &T) -> Response {
    json_answer(StatusCode::OK, value)
}

/// That it was done.
pub(super) fn done(message: impl Into<String>) -> Response {
    ok(&json!({"message": message.into()}))
}

pub(super) type Answer = Result<Response, Refusal>;

/// A body of JSON, whatever it calls itself. An empty one is an empty object.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = RequestBody::from_request(request, state).await?;
        let bytes: &[u8] = if body.bytes.is_empty() { b"{}" } else { &body.bytes };
        // Go's decoder says less; saying where is kinder.
        let value = serde_json::from_slice(bytes)
            .map_err(|error| Refusal::bad(format!("bad request data: {error}")))?;
        Ok(Self(value))
    }
}

/// `2026-01-02T03:04:05Z`
pub(super) fn date(time_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(time_ms).map_or_else(
        |_| "0001-01-01T00:00:00Z".to_owned(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// The query of an address as pairs.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// The first value under this name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(found, value)| found == name && !value.is_empty());
        named.next().map(|(_, value)| value.as_str())
    }

    /// All values under this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(found, _)| found == name);
        named.map(|(_, value)| value.as_str())
    }

    /// A number under this name.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| matches!(value, "true" | "1" | "t" | "True"))
    }
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Query {
    type Rejection = Refusal;

    async fn from_request_parts(
        head: &mut axum::http::request::Parts,
        _state: &S,
    ) -> Result<Self, Refusal> {
        let text = head.uri.query().unwrap_or_default();
        serde_urlencoded::from_str(text)
            .map(Self)
            .map_err(|error| Refusal::bad(format!("bad query: {error}")))
    }
}

/// A page of `items`, and how many there are: Grafana counts pages from 1.
pub(super) fn page_of<T>(items: Vec<T>, query: &Query, size: usize) -> (Vec<T>, usize) {
    let total = items.len();
    let size = query.number("perpage").unwrap_or(size).clamp(1, 5_000);
    let skipped = query.number::<usize>("page").unwrap_or(1).max(1) - 1;
    let page = items.into_iter().skip(skipped.saturating_mul(size)).take(size).collect();
    (page, total)
}

/// A title in the form that it has in addresses.
pub(super) fn slug(title: &str) -> String {
    let mut slug = String::new();
    for letter in title.chars().take(200) {
        if letter.is_alphanumeric() {
            slug.extend(letter.to_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// Whether a uid may be part of an address; the refusal says why not.
pub(super) fn check_uid(uid: &str) -> Result<(), Refusal> {
    if uid.len() > 40 {
        return Err(Refusal::bad("uid too long, max 40 characters"));
    }
    if uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Ok(());
    }
    Err(Refusal::bad("uid contains illegal characters"))
}

/// The login of who asks, as it is noted beside what they changed.
pub(super) fn login_of(identity: &crate::Identity) -> String {
    identity.user.as_ref().map_or_else(|| "Anonymous".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_slugs() {
        for (title, expected) in [
            ("Node Exporter Full", "node-exporter-full"),
            ("  CPU / Memory (%) ", "cpu-memory"),
            ("Été 2026", "été-2026"),
            ("///", ""),
        ] {
            assert_eq!(slug(title), expected);
        }
    }
}
