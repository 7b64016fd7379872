//! The answer to a query.

use std::sync::Arc;
use std::time::Duration;

use vigie_model::{Histogram, Labels, TimeRange};

/// The value of a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

/// One series' value at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct InstantSample {
    /// Labels of the series.
    pub labels: Labels,
    /// When, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The value.
    pub value: SampleValue,
}

/// One series' values over a range, as columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RangeSeries {
    /// Labels of the series.
    pub labels: Labels,
    /// When each float was, ascending.
    pub timestamps_ms: Vec<i64>,
    /// The float at each of `timestamps_ms`.
    pub values: Vec<f64>,
    /// Native histograms, ascending by time.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// The value of a query.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    /// A number.
    Scalar {
        /// When, milliseconds since the epoch.
        time_ms: i64,
        /// The number.
        value: f64,
    },
    /// Text.
    String {
        /// When, milliseconds since the epoch.
        time_ms: i64,
        /// The text.
        value: String,
    },
    /// Series with one value each, in the order of the answer.
    Vector(Vec<InstantSample>),
    /// Series with values over a range, ascending by labels.
    Matrix(Vec<RangeSeries>),
}

/// How long the parts of a query took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryTimings {
    /// From text to tree.
    pub prepare: Duration,
    /// Finding series.
    pub select: Duration,
    /// Evaluating.
    pub evaluate: Duration,
    /// All together.
    pub total: Duration,
}

/// What a selector of a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorStats {
    /// The selector.
    pub text: String,
    /// The time range that it was looked for in.
    pub range: TimeRange,
    /// Series that it found.
    pub series: usize,
    /// How long finding them took.
    pub took: Duration,
}

/// What a query took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryStats {
    /// How long its parts took.
    pub timings: QueryTimings,
    /// Samples that were looked at, once for each step that used them.
    pub samples: u64,
    /// Samples held at once, at most.
    pub samples_peak: u64,
    /// What its selectors found.
    pub selectors: Vec<SelectorStats>,
    /// (time, samples) of each step, when that was asked for.
    pub samples_per_step: Vec<(i64, u64)>,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryOutput {
    /// The value.
    pub value: QueryValue,
    /// Annotations that say that the answer may be wrong.
    pub warnings: Vec<String>,
    /// Annotations that say that the query may not be what was meant.
    pub infos: Vec<String>,
    /// What it took.
    pub stats: QueryStats,
}
