//! What a process that is called `prometheus` will do.

use std::time::Duration;

use anyhow::{Context, Result};

use super::store::store_options;
use super::{Plan, listen_address, rules};
use crate::args::PrometheusArgs;
use crate::config::{Settings, duration};

/// How Prometheus' port is served.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebPlan {
    /// Below which address everything is; empty: the root.
    pub(crate) route_prefix: String,
    pub(crate) connections_max: Option<usize>,
    pub(crate) read_timeout: Option<Duration>,
}

impl Plan {
    /// `prometheus`
    pub(crate) fn from_prometheus(args: PrometheusArgs) -> Result<Self> {
        let rules = rules::from_prometheus(&args)?;
        let (data, retention) = if args.agent {
            (args.agent_data, Some(args.agent_retention))
        } else {
            (args.data, args.retention_time)
        };
        let settings = Settings {
            store: crate::config::StoreSettings {
                retention,
                retention_size: args.retention_size,
                ..Default::default()
            },
            ..Settings::default()
        };
        let (store, retention_text) = store_options(&data, &settings)?;
        let ports = args.listen_address.iter().map(|text| listen_address(text));
        let mut plan = Self {
            store: Some(store),
            prometheus: Some(args.config_file),
            rules,
            prometheus_ports: ports.collect::<Result<_>>()?,
            created_as_start: created_as_start(&args.features),
            web: WebPlan {
                route_prefix: args.route_prefix.unwrap_or_else(|| {
                    args.external_url.as_deref().map(path_of).unwrap_or_default()
                }),
                connections_max: args.connections_max,
                read_timeout: args
                    .read_timeout
                    .as_deref()
                    .map(duration)
                    .transpose()
                    .context("--web.read-timeout")?,
            },
            web_config: args.web_config,
            enable_lifecycle: args.enable_lifecycle,
            enable_admin_api: args.enable_admin_api,
            cors_origin: Some(args.cors_origin),
            external_url: args.external_url,
            lookback: duration(&args.lookback_delta).context("--query.lookback-delta")?,
            query_timeout: duration(&args.query_timeout).context("--query.timeout")?,
            query_samples_max: args.query_samples_max,
            query_concurrency_max: Some(args.query_concurrency_max),
            remote_read_limits: Some((
                args.remote_read_samples_max as u64,
                args.remote_read_frame_bytes_max,
            )),
            is_agent: args.agent,
            retention_text,
            ..Self::nothing()
        };
        if args.auto_reload {
            let every = duration(&args.auto_reload_interval);
            plan.auto_reload = Some(every.context("--config.auto-reload-interval")?);
        }
        Ok(plan)
    }
}

/// Whether a feature is on with which Prometheus takes `_created` series as start timestamps.
fn created_as_start(features: &[String]) -> bool {
    let mut names = features.iter().flat_map(|list| list.split(','));
    names.any(|name| matches!(name.trim(), "st-storage" | "created-timestamp-zero-ingestion"))
}

/// The path in an address such as `https://vigie.example/prometheus/`.
fn path_of(url: &str) -> String {
    let after = url.split_once("://").map_or("", |(_, after)| after);
    after.split_once('/').map_or_else(String::new, |(_, path)| format!("/{path}"))
}
