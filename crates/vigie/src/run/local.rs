//! What Vigie itself is: its own numbers, and this host's, for scrapes in process and on ports.

mod alert_metrics;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};

use anyhow::{Context, Result};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use vigie_receive::host::{self, Host};
use vigie_receive::lines::LineMetrics;
use vigie_receive::remote_write::RemoteWriters;
use vigie_receive::scrape::{LocalExposition, LocalTargets, ScrapeManager};
use vigie_show::Telemetry;
use vigie_show::prometheus::{self, PrometheusState};
use vigie_world::World;

use super::rules::Rules;

/// This host, by Node Exporter's flags.
pub(crate) fn host(flags: &[String], world: &World) -> Result<Arc<Host>> {
    let arguments = host::parse_arguments(flags).context("flags of the host's collectors")?;
    Ok(Arc::new(Host::new(arguments.options, world.clone())))
}

/// Vigie's own numbers. The state that shows them knows what is scraped, which knows these: so
/// they learn of the state last, and hold it weakly.
#[derive(Debug, Default)]
pub(crate) struct OwnMetrics(OnceLock<Weak<PrometheusState>>);

impl OwnMetrics {
    /// From now on the numbers are those of `state`.
    pub(crate) fn show(&self, state: &Arc<PrometheusState>) {
        // Set once, when the process starts.
        self.0.set(Arc::downgrade(state)).ok();
    }
}

impl LocalExposition for OwnMetrics {
    fn expose(&self) -> (String, Bytes) {
        match self.0.get().and_then(Weak::upgrade) {
            Some(state) => prometheus::OwnMetrics(state).expose(),
            None => (host::CONTENT_TYPE.to_owned(), Bytes::new()),
        }
    }
}

/// This host's numbers.
#[derive(Debug)]
pub(crate) struct HostMetrics(pub(crate) Arc<Host>);

impl LocalExposition for HostMetrics {
    fn expose(&self) -> (String, Bytes) {
        self.0.expose()
    }
}

/// Counts of the receiver, in Vigie's own numbers.
pub(crate) fn register_receive(
    telemetry: &Telemetry,
    scrape: &ScrapeManager,
    remotes: &RemoteWriters,
    lines: &Arc<LineMetrics>,
) {
    let (scraped, sent) = (Arc::clone(scrape.metrics()), Arc::clone(remotes.metrics()));
    let lines = Arc::clone(lines);
    telemetry.register(Box::new(move |text| {
        for (name, help, value) in
            scraped.snapshot().into_iter().chain(sent.snapshot()).chain(lines.snapshot())
        {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            text.family(name, kind, help);
            text.sample(name, &[], value as f64);
        }
    }));
}

/// Counts of the rules and of the delivery of their alerts, in Vigie's own numbers.
pub(crate) fn register_alert(telemetry: &Telemetry, rules: &Arc<Rules>) {
    let rules = Arc::downgrade(rules);
    telemetry.register(Box::new(move |text| {
        if let Some(rules) = rules.upgrade() {
            alert_metrics::write(text, rules.manager(), rules.alertmanagers.metrics());
        }
    }));
}

/// Node Exporter's port.
pub(crate) fn host_router(host: Arc<Host>) -> Router {
    let metrics = move || {
        let host = Arc::clone(&host);
        async move { expose(host).await }
    };
    let landing = "<!doctype html><title>Vigie: this host</title><h1>This host</h1>\
                   <p><a href=\"/metrics\">Metrics</a></p>";
    Router::new()
        .route("/metrics", get(metrics))
        .route("/", get(move || async move { Html(landing) }))
}

async fn expose(host: Arc<Host>) -> Response {
    // Reading a stuck mount may block.
    let exposed = tokio::task::spawn_blocking(move || host.expose()).await;
    match exposed {
        Ok((content_type, body)) => ([(CONTENT_TYPE, content_type)], body).into_response(),
        Err(_) => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The addresses under which configuration files name what Vigie itself is.
pub(super) fn targets(
    own: Arc<dyn LocalExposition>,
    host: Arc<Host>,
    api: Option<SocketAddr>,
    host_address: Option<SocketAddr>,
) -> LocalTargets {
    let mut local = LocalTargets::new();
    let host: Arc<dyn LocalExposition> = Arc::new(HostMetrics(host));
    let parts = [(own, api, "prometheus:9090"), (host, host_address, "node-exporter:9100")];
    for (part, address, container) in parts {
        if let Some(address) = address {
            local.add(&format!("localhost:{}", address.port()), Arc::clone(&part));
            local.add(&format!("127.0.0.1:{}", address.port()), Arc::clone(&part));
        }
        local.add_unless_resolved(container, part);
    }
    local
}
