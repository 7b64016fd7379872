//! Whether this process is up, as Jaeger's admin ports (16687, 14269) and the collector's health
//! extension (13133) tell it: `/` with the words of Jaeger's health check, `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use vigie_language::template::duration_text;
use vigie_world::World;

use crate::Telemetry;

struct Health {
    started_ms: i64,
    world: World,
    telemetry: Arc<Telemetry>,
}

/// Answers from now on.
pub fn router(world: World, telemetry: Arc<Telemetry>) -> Router {
    let started_ms = world.clock.now_ms();
    Router::new()
        .route("/", get(health))
        .route("/status", get(health))
        .route("/health", get(health))
        .route("/health/status", get(health))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(Health { started_ms, world, telemetry }))
}

async fn health(State(state): State<Arc<Health>>) -> Json<Value> {
    let up_ms = state.world.clock.now_ms().saturating_sub(state.started_ms);
    let since = jiff::Timestamp::from_millisecond(state.started_ms).unwrap_or_default();
    Json(json!({
        "status": "Server available",
        "upSince": since.to_string(),
        "uptime": duration_text(up_ms.max(0).saturating_mul(1_000_000)),
    }))
}

async fn metrics(State(state): State<Arc<Health>>) -> Response {
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text)], state.telemetry.render()).into_response()
}
