//! What stands outside `/api`: health, reload, quit, own telemetry, version.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use vigie_receive::scrape::LocalExposition;
use vigie_store::HeadStats;

use super::federate::federate;
use super::status::BuildView;
use super::{PrometheusState, Shared};
use crate::ExpositionText;

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
        .route("/federate", get(federate))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
}

async fn healthy() -> String {
    format!("{NAME} is Healthy.\n")
}

async fn ready(State(state): State<Shared>) -> Response {
    match check_ready(&state) {
        Ok(()) if state.store.is_replayed() => format!("{NAME} is Ready.\n").into_response(),
        // Questions are answered already, but not yet with all that there is.
        Ok(()) => unready(false),
        Err(refusal) => *refusal,
    }
}

/// Prometheus' answer to questions before everything is started and after the end has begun.
pub(super) fn check_ready(state: &Shared) -> Result<(), Box<Response>> {
    let is_stopping = state.operator.is_stopping();
    if state.operator.is_ready() && !is_stopping {
        return Ok(());
    }
    Err(Box::new(unready(is_stopping)))
}

fn unready(is_stopping: bool) -> Response {
    let stopping = HeaderValue::from_static(if is_stopping { "true" } else { "false" });
    let status = StatusCode::SERVICE_UNAVAILABLE;
    (status, [(STOPPING, stopping)], "Service Unavailable").into_response()
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
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], own_metrics(&state)).into_response()
}

/// Everything that `/metrics` shows.
pub(super) fn own_metrics(state: &PrometheusState) -> String {
    let mut text = state.telemetry.render();
    text.push_str(&depended_on(state));
    text.push_str(&kept(state));
    text
}

/// What the store says of itself, and what dashboards ask of Prometheus' head.
fn kept(state: &PrometheusState) -> String {
    let mut text = ExpositionText::new();
    for (name, help, value) in state.store.counters().snapshot() {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        text.single(name, kind, help.trim(), value as f64);
    }
    let tenants = state.store.tenants();
    let heads: Vec<_> = tenants.iter().map(|tenant| state.store.head_stats(tenant)).collect();
    let sum = |of: fn(&HeadStats) -> u64| heads.iter().map(of).sum::<u64>() as f64;
    let parts: usize = tenants.iter().map(|tenant| state.store.parts(tenant).len()).sum();
    for (name, help, value) in [
        ("prometheus_tsdb_head_series", "Series in the heads.", sum(|head| head.series)),
        ("prometheus_tsdb_blocks_loaded", "Parts.", parts as f64),
        ("vigie_store_head_samples", "Samples in the heads.", sum(|head| head.samples)),
        ("vigie_store_head_bytes", "Memory of the heads, roughly.", sum(|head| head.bytes)),
        ("vigie_store_tenants", "Tenants that ever wrote.", tenants.len() as f64),
        (
            "vigie_store_wal_disk_bytes",
            "Bytes of the write-ahead log on disk.",
            state.store.wal_disk_bytes() as f64,
        ),
    ] {
        text.single(name, "gauge", help, value);
    }
    text.finish()
}

/// `/metrics` without a socket: this process as a target of its own scraping.
#[derive(Debug)]
pub struct OwnMetrics(pub Arc<PrometheusState>);

impl LocalExposition for OwnMetrics {
    fn expose(&self) -> (String, Bytes) {
        (TEXT_FORMAT.to_owned(), Bytes::from(own_metrics(&self.0)))
    }
}

/// The few names of Prometheus' own that dashboards and scripts depend on.
fn depended_on(state: &PrometheusState) -> String {
    let mut text = ExpositionText::new();
    let build = &state.build;
    let labels = [
        ("version", build.version.as_str()),
        ("revision", build.revision.as_str()),
        ("branch", build.branch.as_str()),
        ("goversion", build.compiler.as_str()),
    ];
    let help = "The version whose API is served, and where the binary comes from.";
    text.family("prometheus_build_info", "gauge", help);
    text.sample("prometheus_build_info", &labels, 1.0);
    let number = |yes: bool| f64::from(u8::from(yes));
    let is_stopping = state.operator.is_stopping();
    let is_ready = state.operator.is_ready() && !is_stopping && state.store.is_replayed();
    text.single("prometheus_ready", "gauge", "Whether everything is started.", number(is_ready));
    let reload = state.operator.last_reload();
    let name = "prometheus_config_last_reload_successful";
    text.single(name, "gauge", "Whether the last reload succeeded.", number(reload.is_success));
    if reload.is_success {
        let name = "prometheus_config_last_reload_success_timestamp_seconds";
        let help = "When the configuration was loaded last.";
        text.single(name, "gauge", help, reload.at_ms as f64 / 1000.0);
    }
    text.finish()
}

async fn version(State(state): State<Shared>) -> Response {
    axum::Json(BuildView::of(&state)).into_response()
}
