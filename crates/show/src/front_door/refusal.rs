//! How the front door says no, in the words of the part that was asked.

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// In which form a part's clients understand a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefusalStyle {
    /// A line of text, with a challenge for who has not signed in.
    Text,
    /// Grafana's `{"message": ...}`, without a challenge: browsers would open their own form.
    Message,
    /// Elasticsearch's error.
    Elasticsearch,
    /// A status in a header of gRPC.
    Grpc,
}

impl RefusalStyle {
    pub(super) fn of(part: &str, head: &Parts) -> Self {
        let content_type = head.headers.get(header::CONTENT_TYPE);
        if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
            return Self::Grpc;
        }
        match part {
            "page" => Self::Message,
            "elasticsearch" => Self::Elasticsearch,
            _ => Self::Text,
        }
    }
}

/// A request that is not let in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) style: RefusalStyle,
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl From<Refusal> for Box<Response> {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.into_response())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { style, status, message } = self;
        let challenge = || {
            // As Prometheus and Elasticsearch say it.
            let value = HeaderValue::from_static(match style {
                RefusalStyle::Elasticsearch => "Basic realm=\"security\", charset=\"UTF-8\"",
                _ => "Basic",
            });
            (status == StatusCode::UNAUTHORIZED).then_some([(header::WWW_AUTHENTICATE, value)])
        };
        let json_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        match style {
            RefusalStyle::Text => (status, challenge(), format!("{message}\n")).into_response(),
            RefusalStyle::Message => {
                (status, json_type, json!({"message": message}).to_string()).into_response()
            }
            RefusalStyle::Elasticsearch => {
                let cause = json!({"type": "security_exception", "reason": message});
                let body = json!({
                    "error": {
                        "root_cause": [cause], "type": "security_exception", "reason": message,
                    },
                    "status": status.as_u16(),
                });
                (status, challenge(), json_type, body.to_string()).into_response()
            }
            RefusalStyle::Grpc => {
                // gRPC's codes: 16 unauthenticated, 7 permission denied, 8 exhausted, 3 invalid.
                let code = match status {
                    StatusCode::UNAUTHORIZED => "16",
                    StatusCode::FORBIDDEN => "7",
                    StatusCode::TOO_MANY_REQUESTS => "8",
                    _ => "3",
                };
                let value = |text: &str| {
                    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
                };
                let headers = [
                    ("content-type", value("application/grpc")),
                    ("grpc-status", value(code)),
                    ("grpc-message", value(&message)),
                ];
                (StatusCode::OK, headers).into_response()
            }
        }
    }
}
