//! TraceQL over the span store: searches, metrics, and which tags there are.
//!
//! A query's conditions become a filter of the store that leaves nothing out and may let too much
//! through; what it lets through is judged span by span ([`rows`]) where the query is about single
//! spans, else trace by trace ([`whole`]), newest first.

mod compare;
mod evaluate;
mod metrics;
mod pushdown;
mod rows;
mod scan;
mod search;
mod series;
mod spansets;
mod tags;
#[cfg(test)]
mod tests;
mod value;
mod whole;

pub use metrics::{MetricRange, metrics};
pub use search::{FoundSpan, FoundSpanset, FoundTrace, Search, SearchAnswer, filter_trace, search};
pub use series::{MetricExemplar, MetricSeries};
pub use tags::{TagNames, TagRange, tag_names, tag_values};
pub use value::FieldValue;

/// What one query may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Spans that are read whole.
    pub spans_max: usize,
    /// Spans of which single fields are read.
    pub rows_max: usize,
    /// Series of an answer.
    pub series_max: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { spans_max: 2_000_000, rows_max: 100_000_000, series_max: 10_000 }
    }
}
