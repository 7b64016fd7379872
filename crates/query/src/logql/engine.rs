//! The ways to ask.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use vigie_language::logql::{LogExpr, MetricExpr};
use vigie_language::promql::BinaryOp;
use vigie_store::logs::LogSnapshot;

use super::log::{entries, grouped, streams};
use super::scan::Bounds;
use super::{Direction, LogStreamAnswer, LogqlError, StreamCount};

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

/// The value of an expression without lines, and whether it is a vector; `None` where it is none
/// or a comparison leaves nothing.
pub fn constant(expr: &MetricExpr) -> Option<(f64, bool)> {
    match expr {
        MetricExpr::Literal(value) => Some((*value, false)),
        MetricExpr::VectorLiteral(value) => Some((*value, true)),
        MetricExpr::Binary(binary) => {
            let (a, a_vector) = constant(&binary.lhs)?;
            let (b, b_vector) = constant(&binary.rhs)?;
            let value = match binary.op {
                BinaryOp::Add => a + b,
                BinaryOp::Sub => a - b,
                BinaryOp::Mul => a * b,
                BinaryOp::Div => a / b,
                BinaryOp::Mod => a % b,
                BinaryOp::Pow => a.powf(b),
                _ => return None,
            };
            Some((value, a_vector || b_vector))
        }
        _ => None,
    }
}
