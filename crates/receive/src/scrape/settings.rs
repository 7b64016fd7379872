//! A job's settings, compiled once for all its targets.

use std::sync::Arc;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use vigie_world::World;

use super::failure_log::FailureLog;
use super::relabel::Relabeler;
use crate::config::{SCRAPE_PROTOCOLS, ScrapeConfig};

/// A job's settings, compiled.
#[derive(Debug)]
pub(super) struct JobSettings {
    /// As written.
    pub config: Arc<ScrapeConfig>,
    /// What happens to targets.
    pub relabel: Relabeler,
    /// What happens to samples.
    pub metric_relabel: Relabeler,
    /// Whether names must be those of Prometheus 2.
    pub legacy_names: bool,
    /// Finest resolution of native histograms that `native_histogram_min_bucket_factor` allows.
    pub schema_max: i32,
    /// Whether `_created` series become the start timestamps of others.
    pub created_as_start: bool,
    /// Where failed scrapes are logged.
    pub failure_log: Option<FailureLog>,
    /// `Accept` and `Accept-Encoding`.
    pub headers: HeaderMap,
}

impl JobSettings {
    /// Compiles `config`.
    pub(super) fn compile(
        config: Arc<ScrapeConfig>,
        created_as_start: bool,
        world: &World,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let accept = HeaderValue::from_str(&accept(&config)).map_err(|error| error.to_string())?;
        headers.insert(ACCEPT, accept);
        let encoding = if config.enable_compression { "gzip" } else { "identity" };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        Ok(Self {
            relabel: Relabeler::compile(&config.relabel_configs)?,
            metric_relabel: Relabeler::compile(&config.metric_relabel_configs)?,
            legacy_names: config.metric_name_validation_scheme == "legacy",
            schema_max: schema_of(config.native_histogram_min_bucket_factor),
            created_as_start,
            failure_log: FailureLog::open(
                &config.scrape_failure_log_file,
                &config.job_name,
                world,
            )?,
            headers,
            config,
        })
    }
}

/// Coarsest and finest resolution of native histograms.
pub(super) const SCHEMA_MIN: i32 = -4;
const SCHEMA_MAX: i32 = 8;

/// The finest schema whose buckets grow by at least `factor`; the finest of all for 1 and less.
fn schema_of(factor: f64) -> i32 {
    if factor <= 1.0 {
        return SCHEMA_MAX;
    }
    let schema = (-factor.log2().log2()).floor();
    schema.clamp(f64::from(SCHEMA_MIN), f64::from(SCHEMA_MAX)) as i32
}

/// The formats that a target is asked for, best first with falling weights, then anything.
fn accept(config: &ScrapeConfig) -> String {
    let mut parts = Vec::new();
    let mut weight = config.scrape_protocols.len() + 1;
    for protocol in &config.scrape_protocols {
        let Some((name, media_type)) = SCRAPE_PROTOCOLS.iter().find(|(name, _)| name == protocol)
        else {
            continue;
        };
        // Formats that are older than escaping schemes must not be asked for one.
        let escaping = match *name {
            "PrometheusText1.0.0" | "OpenMetricsText1.0.0" => {
                format!(";escaping={}", config.metric_name_escaping_scheme)
            }
            _ => String::new(),
        };
        parts.push(format!("{media_type}{escaping};q=0.{weight}"));
        weight -= 1;
    }
    parts.push(format!("*/*;q=0.{weight}"));
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_factor_is_a_schema() {
        // The table of Prometheus' documentation.
        let cases = [(65536.0, -4), (256.0, -3), (16.0, -2), (4.0, -1), (2.0, 0), (1.4, 1)];
        for (factor, schema) in cases {
            assert_eq!(schema_of(factor), schema, "{factor}");
        }
        let finer = [(1.1, 2), (1.09, 3), (1.04, 4), (1.02, 5), (1.01, 6), (1.005, 7)];
        for (factor, schema) in finer.into_iter().chain([(1.002, 8), (0.0, 8), (f64::INFINITY, -4)])
        {
            assert_eq!(schema_of(factor), schema, "{factor}");
        }
    }

    #[test]
    fn formats_are_asked_for_in_order_of_preference() {
        let config = ScrapeConfig {
            scrape_protocols: vec!["OpenMetricsText1.0.0".into(), "PrometheusText0.0.4".into()],
            metric_name_escaping_scheme: "allow-utf-8".into(),
            ..ScrapeConfig::default()
        };
        assert_eq!(
            accept(&config),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.3,\
             text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
    }
}
