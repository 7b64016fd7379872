//! LogQL over the store of logs: lines and numbers.
//!
//! How streams, structured metadata and lines of Loki lie in documents is told in
//! `docs/use/loki.md`. Selectors and line filters are asked of the store's
//! indexes as far as it can answer them; the pipeline runs over what is left. Of queries that give
//! numbers only those without lines (`vector(1)+vector(1)`) are answered yet.

mod engine;
mod error;
mod labels;
mod log;
mod pipeline;
mod push_down;
mod scan;
mod streams;

pub use engine::{LogqlBounds, constant, log_entries, log_streams};
pub use error::{LogqlError, LogqlErrorKind};
pub use log::{Direction, LogEntry, LogStreamAnswer};
pub use streams::StreamCount;
