//! `POST /loki/api/v1/push`: answered 204 when the lines are durable.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_formats::compression::{Compression, decompress};
use vigie_formats::loki::{PushError, PushLimits, decode_push, decode_push_json};
use vigie_model::{Acknowledge, LogBatch, LogOutcome};

use super::LokiState;
use crate::{BodyError, Identity, RequestBody};

/// The index of lines that come by Loki's push.
const INDEX: &str = "loki";
/// Bytes of a request that snappy hides.
const DECODED_BYTES_MAX: usize = 64 << 20;

pub(super) async fn push(
    State(state): State<Arc<LokiState>>,
    identity: Identity,
    headers: HeaderMap,
    body: Result<RequestBody, BodyError>,
) -> Response {
    let mut body = match body {
        Ok(body) => body,
        Err(error @ BodyError::Busy) => {
            return (StatusCode::TOO_MANY_REQUESTS, error.to_string()).into_response();
        }
        Err(error) => return error.into_response(),
    };
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let mut batch = LogBatch::new();
    let limits = PushLimits::default();
    let bad = |text: String| (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response();
    let decoded = match media {
        "application/json" => decode_push_json(&body.bytes, INDEX, &limits, &mut batch),
        "" | "application/x-protobuf" => {
            let length = snap_length(&body.bytes);
            if let Err(error) = body.reserve(body.bytes.len() + length) {
                return (StatusCode::TOO_MANY_REQUESTS, error.to_string()).into_response();
            }
            let mut message = Vec::new();
            let limit = DECODED_BYTES_MAX;
            if let Err(error) = decompress(Compression::Snappy, &body.bytes, limit, &mut message) {
                return bad(error.to_string());
            }
            decode_push(&message, INDEX, &limits, &mut batch)
        }
        other => {
            let text = format!("content type {other:?} is not supported\n");
            return (StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into_response();
        }
    };
    let report = match decoded {
        Ok(report) => report,
        Err(error @ PushError::NoStream) => {
            return (StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n")).into_response();
        }
        Err(error) => return bad(error.to_string()),
    };
    if !batch.is_empty() {
        match state.sink.write_logs(&identity.tenant, batch, Acknowledge::Durable).await {
            Ok(report) => {
                for outcome in report.outcomes {
                    match outcome {
                        LogOutcome::Invalid(message) => return bad(message),
                        LogOutcome::Unavailable(message) => return busy(&message),
                        _ => {}
                    }
                }
            }
            Err(error) => return busy(&error.message),
        }
    }
    match report.message {
        Some(message) => bad(message),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Clients send again what is refused so.
fn busy(message: &str) -> Response {
    (StatusCode::TOO_MANY_REQUESTS, format!("{message}\n")).into_response()
}

/// How long a snappy block says that it becomes, within the limit.
fn snap_length(bytes: &[u8]) -> usize {
    snap::raw::decompress_len(bytes).unwrap_or(0).min(DECODED_BYTES_MAX)
}
