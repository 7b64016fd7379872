//! LogQL over the store of logs: lines and numbers.
//!
//! How streams, structured metadata and lines of Loki lie in documents is told in
//! `docs/use/loki.md`. Selectors and line filters are asked of the store's
//! indexes as far as it can answer them; the pipeline runs over what is left.

mod engine;
mod error;
mod labels;
mod log;
mod metric;
mod pipeline;
mod push_down;
mod scan;
mod streams;
#[cfg(test)]
mod test_lines;

pub use engine::{LogqlBounds, log_entries, log_streams, metric};
pub use error::{LogqlError, LogqlErrorKind};
pub use log::{Direction, LogEntry, LogStreamAnswer};
pub use metric::{MetricSeries, MetricValue, Steps};
pub use streams::StreamCount;
