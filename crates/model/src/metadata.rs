//! What a metric says of itself: type, help and unit.

use std::fmt;

/// The type of a metric as exposition formats name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum MetricType {
    /// Nothing was said.
    #[default]
    Unknown,
    /// Only grows, until it restarts at zero.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
    /// Buckets of the moment, going up and down.
    GaugeHistogram,
    /// Quantiles, sum and count computed by the application.
    Summary,
    /// Labels with the constant value 1.
    Info,
    /// One boolean per state.
    StateSet,
}

impl MetricType {
    /// The name in the Prometheus API and in exposition formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }

    /// The type of that name; `untyped` is the old name of `unknown`.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "unknown" | "untyped" => Self::Unknown,
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            _ => return None,
        })
    }
}

impl fmt::Display for MetricType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Type, help and unit of a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Metadata {
    /// The metric's type.
    pub kind: MetricType,
    /// Help text, unescaped.
    pub help: String,
    /// Unit, as in OpenMetrics; empty when none was given.
    pub unit: String,
}
