//! What is made from spans.

use anyhow::{Context, Result, bail};
use vigie_process::SpanMetricsOptions;

use crate::config::{SpanMetricsSettings, duration};

/// `[process.span_metrics]`; `None`: no metrics are made.
pub(super) fn metrics(settings: &SpanMetricsSettings) -> Result<Option<SpanMetricsOptions>> {
    let mut options = SpanMetricsOptions {
        interval: duration(&settings.interval).context("[process.span_metrics] interval")?,
        slack: duration(&settings.slack).context("[process.span_metrics] slack")?,
        keys_max: settings.keys_max,
        edges_max: settings.edges_max,
        tempo_names: false,
        collector_names: false,
        ..SpanMetricsOptions::default()
    };
    if options.interval.is_zero() {
        bail!("[process.span_metrics] interval: no time at all, expected one such as 15s");
    }
    for name in &settings.names {
        match name.as_str() {
            "tempo" => options.tempo_names = true,
            "collector" => options.collector_names = true,
            other => {
                bail!("[process.span_metrics] names: `{other}` is none of \"tempo\", \"collector\"")
            }
        }
    }
    Ok(settings.enabled.then_some(options))
}
