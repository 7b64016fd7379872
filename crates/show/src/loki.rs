//! Loki's HTTP API on 3100: push, log queries, labels and streams.
//!
//! What is served and what is not is in `docs/use/loki.md`. Queries run on threads that may block
//! and end when the asker goes away.

mod numbers;
mod parameters;
mod push;
mod read;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use vigie_model::LogSink;
use vigie_query::logql::{LogqlError, LogqlErrorKind};
use vigie_store::Store;
use vigie_world::World;

/// Everything that Loki's API serves from.
#[derive(Debug)]
pub struct LokiState {
    /// Where lines are read.
    pub store: Arc<Store>,
    /// Where lines are written.
    pub sink: Arc<dyn LogSink>,
    /// The clock.
    pub world: World,
    /// How long a query may take.
    pub query_timeout: Duration,
}

/// The API's routes.
pub fn router(state: Arc<LokiState>) -> Router {
    Router::new()
        .route("/loki/api/v1/push", post(push::push))
        .route("/api/prom/push", post(push::push))
        .route("/loki/api/v1/query", any(read::query))
        .route("/loki/api/v1/query_range", any(read::query_range))
        .route("/loki/api/v1/labels", any(read::labels))
        .route("/loki/api/v1/label", any(read::labels))
        .route("/loki/api/v1/label/{name}/values", any(read::values))
        .route("/loki/api/v1/series", any(read::series))
        .route("/loki/api/v1/index/stats", any(read::stats))
        .route("/loki/api/v1/format_query", any(read::format_query))
        .route("/loki/api/v1/status/buildinfo", get(read::build_info))
        .route("/ready", get(|| async { "ready\n" }))
        .layer(DefaultBodyLimit::disable())
        .with_state(state)
}

/// What the page asks, on its own port.
pub fn questions_router(state: Arc<LokiState>) -> Router {
    Router::new()
        .route("/loki/api/v1/query", any(read::query))
        .route("/loki/api/v1/query_range", any(read::query_range))
        .route("/loki/api/v1/labels", any(read::labels))
        .route("/loki/api/v1/label/{name}/values", any(read::values))
        .route("/loki/api/v1/series", any(read::series))
        .route("/loki/api/v1/format_query", any(read::format_query))
        .with_state(state)
}

/// An error as Loki answers it: text.
fn refuse(error: &LogqlError) -> Response {
    let status = match error.kind() {
        LogqlErrorKind::BadRequest => StatusCode::BAD_REQUEST,
        LogqlErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        LogqlErrorKind::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        LogqlErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string()).into_response()
}
