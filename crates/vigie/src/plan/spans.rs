//! What is made from spans, and which of them are kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use vigie_process::{SpanMetricsOptions, TailSamplingOptions};

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

/// `[process.tail_sampling]`, else the block of a collector's configuration among `found`; `None`:
/// every trace is kept.
pub(super) fn tail_sampling(
    settings: Option<&Value>,
    found: impl Iterator<Item = PathBuf>,
) -> Result<Option<TailSamplingOptions>> {
    if let Some(settings) = settings {
        let options = match settings.get("file").and_then(Value::as_str) {
            Some(file) => of_file(Path::new(file)),
            None => TailSamplingOptions::parse(settings).map_err(anyhow::Error::from),
        };
        return options.context("[process.tail_sampling]").map(Some);
    }
    let mut read = Vec::new();
    for path in found {
        if let Some(options) = collector_policies(&path)? {
            read.push((path, options));
        }
    }
    if let [(one, _), (other, _), ..] = read.as_slice() {
        let (one, other) = (one.display(), other.display());
        bail!(
            "{one} and {other} both have policies of tail sampling; [process.tail_sampling] file names one"
        );
    }
    Ok(read.pop().map(|(_, options)| options))
}

/// The policies of a collector's configuration, if it has any.
pub(crate) fn collector_policies(path: &Path) -> Result<Option<TailSamplingOptions>> {
    let value = yaml(path)?;
    let processors = value.get("processors").and_then(Value::as_object);
    let has = processors.is_some_and(|processors| {
        processors.keys().any(|key| key == "tail_sampling" || key.starts_with("tail_sampling/"))
    });
    if !has {
        return Ok(None);
    }
    of_file(path).map(Some)
}

fn of_file(path: &Path) -> Result<TailSamplingOptions> {
    let value = yaml(path)?;
    TailSamplingOptions::parse_file(&value).with_context(|| format!("in {}", path.display()))
}

fn yaml(path: &Path) -> Result<Value> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_saphyr::from_str(&text).with_context(|| format!("in {}", path.display()))
}
