//! Tempo's HTTP API on 3200: TraceQL, traces by id, tags, metrics of spans.
//!
//! Source: "Tempo HTTP API" of Grafana's documentation. Two things differ on purpose: searches give
//! the latest traces, in order, every time; and without `start` and `end` all that is kept is
//! searched.

mod metrics;
mod parameters;
mod search;
mod tags;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use vigie_query::traceql::FieldValue;
use vigie_query::{QueryError, QueryErrorKind};
use vigie_store::Store;
use vigie_world::World;

/// What answers are made from.
#[derive(Debug)]
pub struct TempoState {
    store: Arc<Store>,
    world: World,
}

impl TempoState {
    /// Answers from `store`.
    pub fn new(store: Arc<Store>, world: World) -> Arc<Self> {
        Arc::new(Self { store, world })
    }

    fn now_ns(&self) -> i64 {
        self.world.clock.now_ms().saturating_mul(1_000_000)
    }
}

/// The API's routes.
pub fn router(state: Arc<TempoState>) -> Router {
    Router::new()
        .route("/ready", get(async || "ready\n"))
        .route("/api/echo", get(async || "echo"))
        .route("/api/status/buildinfo", get(build_information))
        .route("/api/traces/{id}", get(trace::by_id_v1))
        .route("/api/v2/traces/{id}", get(trace::by_id_v2))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(tags::names_v1))
        .route("/api/v2/search/tags", get(tags::names_v2))
        .route("/api/search/tag/{tag}/values", get(tags::values_v1))
        .route("/api/v2/search/tag/{tag}/values", get(tags::values_v2))
        .route("/api/metrics/query_range", get(metrics::range))
        .route("/api/metrics/query", get(metrics::instant))
        .with_state(state)
}

/// Grafana asks for the version to know what it may ask; this one has all that is served here.
async fn build_information() -> Response {
    answer(&json!({
        "version": "2.9.0",
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

fn answer(body: &Value) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

/// Errors are plain text.
fn failure(status: StatusCode, message: impl Into<String>) -> Response {
    (status, message.into()).into_response()
}

fn query_failure(error: &QueryError) -> Response {
    let status = match error.kind() {
        QueryErrorKind::BadData => StatusCode::BAD_REQUEST,
        QueryErrorKind::Execution | QueryErrorKind::TooManySamples => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        QueryErrorKind::Canceled | QueryErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        QueryErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    failure(status, error.to_string())
}

/// Runs `work`, which reads parts, away from the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
) -> Result<T, QueryError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(QueryError::Internal(error.to_string())),
    }
}

/// OTLP's wrapped value of a field.
fn any_value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Integer(value) => json!({"intValue": value.to_string()}),
        FieldValue::Float(value) => json!({"doubleValue": value}),
        FieldValue::Boolean(value) => json!({"boolValue": value}),
        FieldValue::List(items) => {
            json!({"arrayValue": {"values": items.iter().map(any_value).collect::<Vec<_>>()}})
        }
        other => json!({"stringValue": other.text()}),
    }
}

fn attributes(pairs: &[(String, FieldValue)]) -> Value {
    let pair = |(key, value): &(String, FieldValue)| json!({"key": key, "value": any_value(value)});
    Value::Array(pairs.iter().map(pair).collect())
}
