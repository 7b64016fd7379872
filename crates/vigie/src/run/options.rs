//! From the plan to the options of the parts that show and answer.

use std::collections::BTreeMap;

use vigie_query::EngineOptions;
use vigie_receive::config::LoadedConfig;
use vigie_show::FrontDoorOptions;
use vigie_show::prometheus::PrometheusOptions;

use crate::plan::{Plan, SignIn};

pub(super) fn door_options(plan: &Plan) -> FrontDoorOptions {
    FrontDoorOptions {
        cors_origin: plan.cors_origin.clone(),
        hosts: plan.external_url.iter().filter_map(|url| host_of(url)).collect(),
        web_config: plan.web_config.clone(),
        sign_in_everywhere: plan.people.as_ref().is_some_and(|p| p.sign_in == SignIn::Everywhere),
        // What Elasticsearch takes; its senders are configured for it.
        body_bytes_max: 100 << 20,
        ..web_limits(plan)
    }
}

/// Limits of `--web.max-connections` and `--web.read-timeout`.
fn web_limits(plan: &Plan) -> FrontDoorOptions {
    let mut options = FrontDoorOptions::default();
    if let Some(most) = plan.web.connections_max {
        options.connections_max = most.max(1);
    }
    if let Some(timeout) = plan.web.read_timeout {
        (options.header_timeout, options.body_timeout) = (timeout, timeout);
    }
    options
}

/// The host name in an address such as `https://vigie.example:9090/path`.
fn host_of(url: &str) -> Option<String> {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let host = after.split(['/', ':']).next()?;
    (!host.is_empty()).then(|| host.to_owned())
}

pub(super) fn engine_options(plan: &Plan, loaded: &LoadedConfig) -> EngineOptions {
    EngineOptions {
        lookback_ms: i64::try_from(plan.lookback.as_millis()).unwrap_or(i64::MAX),
        timeout: plan.query_timeout,
        samples_max: plan.query_samples_max,
        subquery_step_ms: i64::try_from(loaded.config.global.evaluation_interval.0)
            .unwrap_or(60_000),
        ..EngineOptions::default()
    }
}

pub(super) fn api_options(plan: &Plan) -> PrometheusOptions {
    let defaults = PrometheusOptions::default();
    let (remote_read_samples_max, remote_read_frame_bytes_max) = plan
        .remote_read_limits
        .unwrap_or((defaults.remote_read_samples_max, defaults.remote_read_frame_bytes_max));
    PrometheusOptions {
        remote_read_samples_max,
        remote_read_frame_bytes_max,
        enable_admin_api: plan.enable_admin_api,
        enable_lifecycle: plan.enable_lifecycle,
        lookback: plan.lookback,
        query_timeout: plan.query_timeout,
        query_samples_max: plan.query_samples_max,
        retention_text: plan.retention_text.clone(),
        query_concurrency_max: plan.query_concurrency_max.unwrap_or(defaults.query_concurrency_max),
        ..defaults
    }
}

/// Flags under Prometheus' names, for `/api/v1/status/flags`.
pub(super) fn flags(plan: &Plan) -> BTreeMap<String, String> {
    let path = plan.prometheus.as_ref().map_or_else(String::new, |p| p.display().to_string());
    let data = plan.store.as_ref().map_or_else(String::new, |s| s.data.display().to_string());
    let listen: Vec<String> = plan.prometheus_ports.iter().map(|p| p.address.to_string()).collect();
    [
        ("config.file", path),
        ("storage.tsdb.path", data),
        ("storage.tsdb.retention.time", plan.retention_text.clone()),
        ("web.listen-address", listen.join(",")),
        ("web.external-url", plan.external_url.clone().unwrap_or_default()),
        ("web.enable-admin-api", plan.enable_admin_api.to_string()),
        ("web.enable-lifecycle", plan.enable_lifecycle.to_string()),
        ("query.lookback-delta", format!("{}s", plan.lookback.as_secs())),
        ("query.timeout", format!("{}s", plan.query_timeout.as_secs())),
        ("query.max-samples", plan.query_samples_max.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
