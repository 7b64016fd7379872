//! The envelope of all answers below `/api/v1`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use vigie_store::{StoreError, StoreErrorKind};

use crate::json::{push_string, push_strings};

/// What a handler gives.
pub(super) type Answered = Result<Answer, ApiError>;

const BEGINNING: &[u8] = br#"{"status":"success""#;

/// A successful answer, written as its data is known.
#[derive(Debug)]
pub(super) struct Answer {
    body: Vec<u8>,
    warnings: Vec<String>,
    infos: Vec<String>,
}

impl Answer {
    /// Without data.
    pub(super) fn empty() -> Self {
        Self { body: BEGINNING.to_vec(), warnings: Vec::new(), infos: Vec::new() }
    }

    /// With the data that `write` appends as JSON.
    pub(super) fn written(write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut answer = Self::empty();
        answer.body.extend_from_slice(br#","data":"#);
        write(&mut answer.body);
        answer
    }

    /// With `data` as its fields say. For answers that are small.
    pub(super) fn data(data: &impl Serialize) -> Answered {
        let mut answer = Self::empty();
        answer.body.extend_from_slice(br#","data":"#);
        serde_json::to_writer(&mut answer.body, data)
            .map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(answer)
    }

    /// With one more field beside the data. For values that are small.
    pub(super) fn with_field(mut self, name: &str, value: &impl Serialize) -> Answered {
        self.body.push(b',');
        push_string(&mut self.body, name);
        self.body.push(b':');
        serde_json::to_writer(&mut self.body, value)
            .map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(self)
    }

    /// With these annotations.
    pub(super) fn annotated(mut self, warnings: Vec<String>, infos: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self.infos.extend(infos);
        self
    }

    /// With the warning that a list was cut, when it was.
    pub(super) fn truncated(self, is_truncated: bool) -> Self {
        let warning = is_truncated.then(|| "results truncated due to limit".to_owned());
        self.annotated(warning.into_iter().collect(), Vec::new())
    }
}

impl IntoResponse for Answer {
    fn into_response(mut self) -> Response {
        for (name, list) in [("warnings", &self.warnings), ("infos", &self.infos)] {
            if !list.is_empty() {
                self.body.push(b',');
                push_string(&mut self.body, name);
                self.body.push(b':');
                push_strings(&mut self.body, list);
            }
        }
        self.body.push(b'}');
        json_response(StatusCode::OK, self.body)
    }
}

fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    // Answers depend on whose data is asked for; caches between must know.
    let by_tenant = HeaderValue::from_static("X-Scope-OrgID");
    response.headers_mut().append(header::VARY, by_tenant);
    response
}

/// Kinds of errors, with Prometheus' names and codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiErrorKind {
    BadData,
    Canceled,
    Execution,
    Internal,
    NotFound,
    Timeout,
    Unavailable,
    /// Another door of the same: no room, or shutting down. Prometheus has no such answer.
    Overloaded,
}

/// An error as the API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) kind: ApiErrorKind,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(kind: ApiErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn bad_data(message: impl Into<String>) -> Self {
        Self::new(ApiErrorKind::BadData, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(ApiErrorKind::Internal, message)
    }

    /// `invalid parameter "step": ...`
    pub(super) fn parameter(name: &str, detail: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {detail}"))
    }

    fn status(&self) -> (StatusCode, &'static str) {
        // 499 is nginx' code for "client closed request", which Prometheus uses too.
        let closed = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
        match self.kind {
            ApiErrorKind::BadData => (StatusCode::BAD_REQUEST, "bad_data"),
            ApiErrorKind::Canceled => (closed, "canceled"),
            ApiErrorKind::Execution => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
            ApiErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            ApiErrorKind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            ApiErrorKind::Timeout => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            // Prometheus answers 500 here: its table of codes leaves this kind out.
            ApiErrorKind::Unavailable => (StatusCode::INTERNAL_SERVER_ERROR, "unavailable"),
            ApiErrorKind::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, name) = self.status();
        let mut body = br#"{"status":"error","errorType":"#.to_vec();
        push_string(&mut body, name);
        body.extend_from_slice(br#","error":"#);
        push_string(&mut body, &self.message);
        body.push(b'}');
        json_response(status, body)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Invalid => ApiErrorKind::BadData,
            StoreErrorKind::OverBudget => ApiErrorKind::Execution,
            StoreErrorKind::Cancelled => ApiErrorKind::Canceled,
            StoreErrorKind::Unavailable => ApiErrorKind::Overloaded,
            StoreErrorKind::Corrupt | StoreErrorKind::Failed => ApiErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}
