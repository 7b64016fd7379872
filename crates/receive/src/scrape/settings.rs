//! A job's settings, compiled once for all its targets.

use std::sync::Arc;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};

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
    /// `Accept` and `Accept-Encoding`.
    pub headers: HeaderMap,
}

impl JobSettings {
    /// Compiles `config`.
    pub(super) fn compile(config: Arc<ScrapeConfig>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let accept = HeaderValue::from_str(&accept(&config)).map_err(|error| error.to_string())?;
        headers.insert(ACCEPT, accept);
        let encoding = if config.enable_compression { "gzip" } else { "identity" };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        Ok(Self {
            relabel: Relabeler::compile(&config.relabel_configs)?,
            metric_relabel: Relabeler::compile(&config.metric_relabel_configs)?,
            legacy_names: config.metric_name_validation_scheme == "legacy",
            headers,
            config,
        })
    }
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
