//! Queries that give numbers: LogQL's metric queries.
//!
//! An expression is evaluated for all steps at once. Each range aggregation reads its lines once,
//! whatever the number of steps: what only adds up (`rate`, `count_over_time`, `bytes_...`) is
//! added to every step that sees the line, the rest keeps its samples and looks at the window of
//! each step. A sum over what adds up names its labels to the reading, so that series which it
//! would put together are never apart.
//!
//! Semantics are Loki 3's: the window of a step is from `range` before it, excluded, to it,
//! included; a division by zero is no number; a line that a stage failed on fails the query.

mod binary;
mod range;
mod replace;
mod unwrap;
mod vector;

use vigie_language::logql::{MetricExpr, VectorOp};
use vigie_model::Labels;
use vigie_store::logs::LogSnapshot;

use super::LogqlError;
use super::scan::Bounds;

/// Series of one query, as it is read and as it is answered.
const SERIES_MAX: usize = 10_000;
/// Values that a query holds at once, those of all series and steps.
const VALUES_MAX: usize = 16_000_000;

/// The times of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The first, nanoseconds since the epoch.
    pub start_ns: i64,
    /// How far apart they are; more than 0.
    pub step_ns: i64,
    /// How many; at least 1.
    pub count: usize,
}

impl Steps {
    /// One time.
    pub const fn at(time_ns: i64) -> Self {
        Self { start_ns: time_ns, step_ns: 1, count: 1 }
    }

    /// From `start_ns` to `end_ns`, both included.
    pub fn between(start_ns: i64, end_ns: i64, step_ns: i64) -> Self {
        let steps = end_ns.saturating_sub(start_ns).max(0) / step_ns.max(1);
        Self { start_ns, step_ns: step_ns.max(1), count: usize::try_from(steps).unwrap_or(0) + 1 }
    }

    /// The time of a step.
    pub fn time_ns(&self, at: usize) -> i64 {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        self.start_ns.saturating_add(at.saturating_mul(self.step_ns))
    }
}

/// A series of numbers, one or none for each step.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// Its labels.
    pub labels: Labels,
    /// Its values.
    pub values: Vec<Option<f64>>,
}

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// The same number at every step.
    Scalar(f64),
    /// Series, by their labels or in the order that was asked for.
    Series(Vec<MetricSeries>),
}

/// What the evaluation of an expression reads from.
struct Evaluation<'a> {
    snapshot: &'a LogSnapshot,
    steps: Steps,
    bounds: &'a Bounds,
}

/// Evaluates `expr` at every step.
pub(super) fn evaluate(
    snapshot: &LogSnapshot,
    expr: &MetricExpr,
    steps: Steps,
    bounds: &Bounds,
) -> Result<MetricValue, LogqlError> {
    let evaluation = Evaluation { snapshot, steps, bounds };
    let mut value = evaluation.expr(expr)?;
    if let MetricValue::Series(series) = &mut value {
        series.retain(|series| series.values.iter().any(Option::is_some));
        // At one time `topk` and `sort` give an order; over a range there is none to give.
        let is_ordered = steps.count == 1
            && matches!(expr, MetricExpr::Vector(vector) if matches!(
                vector.op,
                VectorOp::Topk | VectorOp::ApproxTopk | VectorOp::Bottomk | VectorOp::Sort | VectorOp::SortDesc
            ));
        if !is_ordered {
            series.sort_by(|one, other| one.labels.cmp(&other.labels));
        }
    }
    Ok(value)
}

impl Evaluation<'_> {
    fn expr(&self, expr: &MetricExpr) -> Result<MetricValue, LogqlError> {
        self.bounds.check()?;
        Ok(match expr {
            MetricExpr::Literal(value) => MetricValue::Scalar(*value),
            MetricExpr::VectorLiteral(value) => {
                let values = vec![Some(*value); self.steps.count];
                MetricValue::Series(vec![MetricSeries { labels: Labels::empty(), values }])
            }
            MetricExpr::Range(range) => MetricValue::Series(self.range(range, None)?),
            MetricExpr::Vector(vector) => MetricValue::Series(self.vector(vector)?),
            MetricExpr::Binary(binary) => self.binary(binary)?,
            MetricExpr::LabelReplace(replace) => {
                MetricValue::Series(replace::replaced(self.series(&replace.expr)?, replace)?)
            }
        })
    }

    /// The series of an expression that may be no number alone.
    fn series(&self, expr: &MetricExpr) -> Result<Vec<MetricSeries>, LogqlError> {
        match self.expr(expr)? {
            MetricValue::Series(series) => Ok(series),
            MetricValue::Scalar(value) => {
                let values = vec![Some(value); self.steps.count];
                Ok(vec![MetricSeries { labels: Labels::empty(), values }])
            }
        }
    }
}

/// Refuses more series or values than a query may hold.
fn check_size(series: usize, steps: usize) -> Result<(), LogqlError> {
    if series > SERIES_MAX {
        return Err(LogqlError::BadRequest(format!(
            "maximum number of series ({SERIES_MAX}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum, count or topk"
        )));
    }
    if series.saturating_mul(steps) > VALUES_MAX {
        return Err(LogqlError::BadRequest(format!(
            "the query gives more than {VALUES_MAX} values ({series} series at {steps} times); ask for fewer series or a longer step"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
