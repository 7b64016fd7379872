//! Native histograms: exponential buckets (schemas -4 to 8) and custom buckets (schema -53).
//!
//! Semantics are those of Prometheus 3's `FloatHistogram`; the operations below work on expanded
//! `(bucket index, count)` cells and collapse them again into spans without empty buckets, so that
//! equal populations always have equal layouts.

mod buckets;
mod reset;
mod statistics;
mod sum;
mod trim;
mod validate;

use std::sync::Arc;

#[cfg(test)]
mod tests;

pub use buckets::Bucket;
pub use statistics::{FractionResult, QuantileNote, QuantileResult};
pub use sum::{Combined, HistogramSum, IncompatibleHistograms};
pub use validate::HistogramError;

/// The schema number that says "buckets have custom upper bounds".
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// What is known about whether a counter restarted between the previous sample and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CounterResetHint {
    /// Compare the two to find out.
    #[default]
    Unknown,
    /// It did restart.
    CounterReset,
    /// It did not restart.
    NotCounterReset,
    /// A gauge: restarts have no meaning.
    Gauge,
}

/// A run of buckets that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Gap to the previous span's end; for the first span, the index of its first bucket.
    pub offset: i32,
    /// Number of buckets in the run.
    pub length: u32,
}

/// A native histogram with absolute (not delta) bucket counts as floats.
///
/// Integer histograms are kept in the same shape: counts up to 2^53 are exact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Whether a reset happened before this sample.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution: bucket bounds grow by 2^(2^-schema); [`CUSTOM_BUCKETS_SCHEMA`] for custom ones.
    pub schema: i32,
    /// Width of the zero bucket: it holds observations in [-threshold, threshold].
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Which positive buckets are given.
    pub positive_spans: Vec<Span>,
    /// Which negative buckets are given.
    pub negative_spans: Vec<Span>,
    /// Count of each bucket of `positive_spans`, in order.
    pub positive_buckets: Vec<f64>,
    /// Count of each bucket of `negative_spans`, in order.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets, ascending, without +Inf; shared between samples.
    pub custom_values: Option<Arc<[f64]>>,
}

impl Histogram {
    /// Whether bucket bounds are custom ones.
    pub const fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }
}
