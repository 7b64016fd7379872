//! What belongs to a trace, and where its time went: `/api/v1/traces/...`, Vigie's own API.

mod latency;
mod related;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use vigie_model::span::TraceId;
use vigie_process::trace_context;
use vigie_store::{Store, StoreError};

/// Parameters of a request.
type Pairs = Vec<(String, String)>;

/// Traces that one question is about at most.
const TRACES_MAX: usize = 1_000;

/// What answers are made from.
#[derive(Debug, Clone)]
pub struct TracesState {
    /// What is kept.
    pub store: Arc<Store>,
}

/// The API's routes.
pub fn router(state: TracesState) -> Router {
    Router::new()
        .route("/api/v1/traces/related", get(related::related))
        .route("/api/v1/traces/latency", get(latency::latency))
        .route("/api/v1/traces/compare", get(latency::compare))
        .route("/api/v1/traces/{id}/critical_path", get(latency::critical_path))
        .with_state(state)
}

/// Why there is no answer.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "bad_data", message: message.into() }
    }

    fn missing(id: TraceId) -> Self {
        let message = format!("there is no trace {id}");
        Self { status: StatusCode::NOT_FOUND, kind: "not_found", message }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, kind: "internal", message: error.to_string() }
    }
}

type Answered = Result<Value, Refusal>;

/// Runs `work`, which reads parts, away from the async threads.
async fn answered(work: impl FnOnce() -> Answered + Send + 'static) -> Response {
    let done = match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(StoreError::Unavailable(error.to_string()).into()),
    };
    let (status, body) = match done {
        Ok(data) => (StatusCode::OK, json!({"status": "success", "data": data})),
        Err(refusal) => (
            refusal.status,
            json!({"status": "error", "errorType": refusal.kind, "error": refusal.message}),
        ),
    };
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

fn parameter<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

fn number<T: std::str::FromStr>(pairs: &Pairs, name: &str) -> Result<Option<T>, Refusal> {
    let Some(text) = parameter(pairs, name) else { return Ok(None) };
    let wrong = || Refusal::bad(format!("{name}: {text:?} is not a number that is taken here"));
    text.parse().map(Some).map_err(|_| wrong())
}

/// The trace that a text names, in whatever form.
fn trace_of(text: &str) -> Result<TraceId, Refusal> {
    let found = trace_context(text).and_then(|context| TraceId::parse(&context.trace));
    found.ok_or_else(|| Refusal::bad(format!("{text:?} is no id of a trace")))
}
