//! Answers, with the headers that clients insist on.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::Value;

use super::call::Call;
use super::filter_path;

/// What is answered.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Json(Value),
    /// JSON that is written already.
    Written(Vec<u8>),
    Text(String),
}

impl Reply {
    pub(super) fn json(value: Value) -> Self {
        Self { status: 200, content: Content::Json(value) }
    }

    pub(super) fn written(json: Vec<u8>) -> Self {
        Self { status: 200, content: Content::Written(json) }
    }

    pub(super) fn text(text: String) -> Self {
        Self { status: 200, content: Content::Text(text) }
    }

    /// `{"acknowledged": true}`
    pub(super) fn acknowledged() -> Self {
        Self::json(serde_json::json!({"acknowledged": true}))
    }

    /// Whether something is there, as HEAD asks.
    pub(super) fn exists(is_there: bool) -> Self {
        Self::text(String::new()).with_status(if is_there { 200 } else { 404 })
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn response(self, call: &Call) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (media_type, body) = match self.content {
            Content::Text(text) => ("text/plain; charset=UTF-8", text.into_bytes()),
            Content::Json(value) => {
                (call.media_type.unwrap_or("application/json"), write(value, call))
            }
            Content::Written(json) => {
                let is_changed = call.parameter("filter_path").is_some() || call.flag("pretty");
                let json = match is_changed.then(|| serde_json::from_slice(&json)) {
                    Some(Ok(value)) => write(value, call),
                    _ => json,
                };
                (call.media_type.unwrap_or("application/json"), json)
            }
        };
        let body = if call.method == Method::HEAD { Body::empty() } else { Body::from(body) };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }
}

fn write(value: Value, call: &Call) -> Vec<u8> {
    let value = match call.parameter("filter_path") {
        Some(paths) => filter_path::apply(value, paths),
        None => value,
    };
    let written = if call.flag("pretty") {
        serde_json::to_vec_pretty(&value).map(|mut json| {
            json.push(b'\n');
            json
        })
    } else {
        serde_json::to_vec(&value)
    };
    written.unwrap_or_default()
}
