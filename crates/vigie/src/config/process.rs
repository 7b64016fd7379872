//! Section `[process]` of `vigie.toml`.

use std::path::PathBuf;

use serde::Deserialize;

/// What is done with lines of logs before they are kept, and what is made from spans.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProcessSettings {
    /// Recognise ids of traces, spans and requests in whatever field they come.
    pub(crate) correlation: bool,
    /// Rules of sampling; the first that fits a line counts.
    pub(crate) sample: Vec<SampleSettings>,
    /// Lines whose key is the same are kept once within the window (`10s`).
    pub(crate) deduplicate: Option<DeduplicateSettings>,
    /// Fields whose different values are limited.
    pub(crate) cardinality: Vec<CardinalitySettings>,
    /// Metrics that are made from spans.
    pub(crate) span_metrics: SpanMetricsSettings,
    /// What SDKs are told to sample.
    pub(crate) head_sampling: HeadSamplingSettings,
    /// Which traces are kept once they are complete: the keys of the collector's processor
    /// `tail_sampling`, or `file`, a configuration of the collector that has it.
    pub(crate) tail_sampling: Option<serde_json::Value>,
}

/// Which lines are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SampleSettings {
    /// Levels that it is for; none: all.
    #[serde(default)]
    pub(crate) levels: Vec<String>,
    /// Which part is kept, 0 to 1.
    #[serde(default)]
    pub(crate) ratio: Option<f64>,
    /// Lines of the same key are kept or dropped together: `%{trace_id}`.
    pub(crate) key: Option<String>,
    /// Most lines a second of the same key.
    pub(crate) per_second_max: Option<u32>,
}

/// Lines that are the same.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeduplicateSettings {
    /// What makes lines the same: `%{service} %{message}`.
    pub(crate) key: String,
    /// For how long.
    pub(crate) window: String,
}

/// A field whose values are limited.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardinalitySettings {
    /// `[user][id]`
    pub(crate) field: String,
    /// Different values; further ones become `_other`.
    pub(crate) values_max: usize,
}

/// Metrics that are made from spans.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SpanMetricsSettings {
    /// Whether they are made.
    pub(crate) enabled: bool,
    /// How often they are written.
    pub(crate) interval: String,
    /// Combinations of service, operation, kind and status; operations past them become `_other`.
    pub(crate) keys_max: usize,
    /// Pairs of services in the service graph.
    pub(crate) edges_max: usize,
    /// Spans that ended longer ago are not counted.
    pub(crate) slack: String,
    /// Whose names they have: `tempo`, `collector`.
    pub(crate) names: Vec<String>,
}

impl Default for SpanMetricsSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: "15s".into(),
            keys_max: 5_000,
            edges_max: 2_000,
            slack: "1h".into(),
            names: vec!["tempo".into(), "collector".into()],
        }
    }
}

/// What SDKs are told to sample.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct HeadSamplingSettings {
    /// A strategies file as Jaeger's `--sampling.strategies-file`; without one, everything.
    pub(crate) strategies: Option<PathBuf>,
}
