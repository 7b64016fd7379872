//! What stands outside `/api`: health, reload, quit, own telemetry, version.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::Shared;
use super::status::BuildView;

/// Prometheus' name in the texts that scripts wait for.
const NAME: &str = "Prometheus Server";
const STOPPING: HeaderName = HeaderName::from_static("x-prometheus-stopping");
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload).put(reload).get(only_post))
        .route("/-/quit", post(quit).put(quit).get(only_post))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
}

async fn healthy() -> String {
    format!("{NAME} is Healthy.\n")
}

async fn ready(State(state): State<Shared>) -> Response {
    match check_ready(&state) {
        Ok(()) => format!("{NAME} is Ready.\n").into_response(),
        Err(refusal) => *refusal,
    }
}

/// Prometheus' answer to questions before everything is started and after the end has begun.
pub(super) fn check_ready(state: &Shared) -> Result<(), Box<Response>> {
    let is_stopping = state.operator.is_stopping();
    if state.operator.is_ready() && !is_stopping {
        return Ok(());
    }
    let stopping = HeaderValue::from_static(if is_stopping { "true" } else { "false" });
    let status = StatusCode::SERVICE_UNAVAILABLE;
    Err(Box::new((status, [(STOPPING, stopping)], "Service Unavailable").into_response()))
}

async fn reload(State(state): State<Shared>) -> Response {
    if !state.options.enable_lifecycle {
        return lifecycle_off();
    }
    match state.operator.reload().await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(detail) => {
            let text = format!("failed to reload config: {detail}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

async fn quit(State(state): State<Shared>) -> Response {
    if !state.options.enable_lifecycle {
        return lifecycle_off();
    }
    if state.operator.is_stopping() {
        return "Termination already in progress.".into_response();
    }
    state.operator.quit();
    "Requesting termination... Goodbye!".into_response()
}

fn lifecycle_off() -> Response {
    (StatusCode::FORBIDDEN, "Lifecycle API is not enabled.").into_response()
}

async fn only_post() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed").into_response()
}

async fn metrics(State(state): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], state.telemetry.render()).into_response()
}

async fn version(State(state): State<Shared>) -> Response {
    axum::Json(BuildView::of(&state)).into_response()
}
