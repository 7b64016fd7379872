//! The ways to ask.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use vigie_language::logql::{LogExpr, MetricExpr};
use vigie_store::logs::LogSnapshot;

use super::log::{entries, grouped, streams};
use super::metric::evaluate;
use super::scan::Bounds;
use super::{Direction, LogStreamAnswer, LogqlError, MetricValue, Steps, StreamCount};

/// What ends a query early.
#[derive(Debug, Clone)]
pub struct LogqlBounds {
    /// When it must be done.
    pub deadline: Instant,
    /// Set when nobody waits for the answer any more.
    pub stop: Arc<AtomicBool>,
}

impl LogqlBounds {
    fn inner(&self) -> Bounds {
        Bounds { deadline: self.deadline, stop: Arc::clone(&self.stop) }
    }
}

/// The first `limit` lines from `start_ns` (included) to `end_ns` (excluded), together by their
/// labels: by those of the stream alone with `by_stream`.
pub fn log_entries(
    snapshot: &LogSnapshot,
    log: &LogExpr,
    times: (i64, i64),
    order: (Direction, usize),
    by_stream: bool,
    bounds: &LogqlBounds,
) -> Result<Vec<LogStreamAnswer>, LogqlError> {
    Ok(grouped(entries(snapshot, log, times, order, &bounds.inner())?, by_stream))
}

/// The streams that have lines from `start_ns` to `end_ns`, both included.
pub fn log_streams(
    snapshot: &LogSnapshot,
    log: &LogExpr,
    times: (i64, i64),
    bounds: &LogqlBounds,
) -> Result<Vec<StreamCount>, LogqlError> {
    streams(snapshot, log, times, &bounds.inner())
}

/// The numbers of `expr` at every step.
pub fn metric(
    snapshot: &LogSnapshot,
    expr: &MetricExpr,
    steps: Steps,
    bounds: &LogqlBounds,
) -> Result<MetricValue, LogqlError> {
    evaluate(snapshot, expr, steps, &bounds.inner())
}
