//! Exemplars: one observed value with the trace it belongs to.

use crate::Labels;

/// One observation kept beside a series, usually carrying a `trace_id`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Labels of the exemplar itself (`trace_id`, `span_id`, ...), not of its series.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// When it was observed, milliseconds since the epoch.
    pub timestamp_ms: i64,
}
