//! Whether this process is up, as Jaeger's admin ports (16687, 14269) and the collector's health
//! extension (13133) tell it: `/` with the words of Jaeger's health check, `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
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
        "uptime": go(Duration::from_millis(up_ms.max(0).unsigned_abs())),
    }))
}

/// A duration as Go prints it: `1h2m3.004s`.
fn go(duration: Duration) -> String {
    let (total, millis) = (duration.as_secs(), duration.subsec_millis());
    let (hours, minutes) = (total / 3_600, total / 60 % 60);
    let seconds = (total % 60) as f64 + f64::from(millis) / 1e3;
    match (hours, minutes) {
        (0, 0) if total == 0 => format!("{millis}ms"),
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

async fn metrics(State(state): State<Arc<Health>>) -> Response {
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text)], state.telemetry.render()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_go_does() {
        for (ms, expected) in [
            (0, "0ms"),
            (250, "250ms"),
            (1_500, "1.5s"),
            (62_000, "1m2s"),
            (3_723_004, "1h2m3.004s"),
        ] {
            assert_eq!(go(Duration::from_millis(ms)), expected);
        }
    }
}
