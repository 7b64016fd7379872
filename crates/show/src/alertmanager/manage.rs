//! What stands outside `/api`: health, reload, own numbers.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::Shared;
use super::metrics::expose;
use crate::ExpositionText;

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/-/healthy", get(async || "OK"))
        .route("/-/ready", get(async || "OK"))
        .route("/-/reload", axum::routing::post(reload).put(reload))
        .route("/metrics", get(metrics))
        .route("/", get(landing))
}

async fn reload(State(state): State<Shared>) -> Response {
    match state.operator.reload().await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(detail) => {
            let text = format!("failed to reload config: {detail}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
        }
    }
}

async fn metrics(State(state): State<Shared>) -> Response {
    let mut text = state.telemetry.render();
    // Where this part runs alone nobody has registered it with the telemetry.
    if !text.contains("alertmanager_build_info") {
        let mut own = ExpositionText::new();
        expose(&state, &mut own);
        text.push_str(&own.finish());
    }
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response()
}

async fn landing() -> Html<&'static str> {
    Html(
        "<!doctype html><title>Vigie: alerts</title><h1>Alerts</h1>\
         <p>This is Alertmanager's API, served by Vigie: <a href=\"api/v2/alerts/groups\">groups</a>, \
         <a href=\"api/v2/silences\">silences</a>, <a href=\"api/v2/status\">status</a>, \
         <a href=\"api/v1/respond/why\">why</a>, <a href=\"metrics\">metrics</a>.</p>",
    )
}
