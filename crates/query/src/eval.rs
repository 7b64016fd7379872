//! Evaluation: nodes of the plan become rows of values, one value a step.
//!
//! Rows are pushed from where they arise to where they are used up ([`Evaluator::stream`]): an
//! aggregation over a range function over a selector holds one row at a time.

mod aggregate;
mod aggregate_k;
mod binary;
mod binary_value;
mod buckets;
mod call;
mod date;
mod histogram_call;
mod info;
mod labels_call;
mod merge;
mod number;
mod range;
mod row;
mod select;
mod window;

use std::cell::{Cell as StdCell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use vigie_language::promql::{Position, ValueType};
use vigie_model::Labels;
use vigie_store::{Budget, SeriesSet};

pub(crate) use binary::go_labels as binary_labels;
pub(crate) use buckets::Forced;
pub(crate) use merge::same_labels;
pub(crate) use range::subquery_start_ms;
pub(crate) use row::{Cell, Grid, Row};

use crate::annotations::Annotations;
use crate::plan::{Argument, Node, Plan};
use crate::{Features, QueryError};

/// Takes rows one after another. It may take what is in the row; what it leaves is reused.
pub(crate) type Sink<'s> = &'s mut dyn FnMut(&mut Row) -> Result<(), QueryError>;

/// What all of an evaluation shares.
pub(crate) struct Evaluator<'a> {
    pub(crate) plan: &'a Plan,
    /// The series of each of the plan's selectors.
    pub(crate) series: &'a [SeriesSet],
    pub(crate) budget: &'a Budget,
    pub(crate) deadline: Instant,
    pub(crate) lookback_ms: i64,
    pub(crate) features: Features,
    pub(crate) annotations: RefCell<Annotations>,
    /// Samples that were looked at.
    pub(crate) samples: StdCell<u64>,
    /// Places for values in rows that are kept at the moment, and the most there ever were.
    pub(crate) held: StdCell<u64>,
    pub(crate) held_peak: StdCell<u64>,
    pub(crate) samples_max: u64,
}

impl Evaluator<'_> {
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if Instant::now() >= self.deadline {
            return Err(QueryError::Timeout);
        }
        Ok(self.budget.check()?)
    }

    pub(crate) fn warn(&self, text: &str, position: Position) {
        self.annotations.borrow_mut().warn(text, position);
    }

    pub(crate) fn info(&self, text: &str, position: Position) {
        self.annotations.borrow_mut().info(text, position);
    }

    pub(crate) fn count_samples(&self, samples: usize) {
        self.samples.set(self.samples.get() + samples as u64);
    }

    /// Counts `values` more that are kept; an error when those are too many.
    pub(crate) fn hold(&self, values: usize) -> Result<(), QueryError> {
        let held = self.held.get().saturating_add(values as u64);
        self.held.set(held);
        self.held_peak.set(self.held_peak.get().max(held));
        if held > self.samples_max { Err(QueryError::TooManySamples) } else { Ok(()) }
    }

    /// Pushes the rows of `node`, a vector or a scalar, into `sink`.
    pub(crate) fn stream(&self, node: &Node, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        let held = self.held.get();
        let done = self.stream_node(node, grid, sink);
        // What the node kept is gone; what the sink kept is counted by its owner.
        self.held.set(held);
        done
    }

    fn stream_node(&self, node: &Node, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        self.check()?;
        match node {
            Node::Number(value) => {
                let mut row = Row::new(Labels::empty(), grid.count);
                row.values.fill(*value);
                sink(&mut row)
            }
            Node::String(_) | Node::Range(_) => {
                Err(QueryError::Internal("value of an unexpected type".to_owned()))
            }
            Node::Selector(selector) => self.stream_selector(selector, grid, sink),
            Node::Call(call) => self.stream_call(call, grid, sink),
            Node::Aggregate(aggregate) => self.stream_aggregate(aggregate, grid, sink),
            Node::Binary(binary) => self.stream_binary(binary, grid, sink),
            Node::Negate(expr) => self.stream_negated(expr, grid, sink),
            Node::StepInvariant(expr) if grid.count == 0 => self.stream(expr, grid, sink),
            Node::StepInvariant(expr) => self.stream(expr, grid.first_only(), &mut |row| {
                row.spread(grid.count);
                sink(row)
            }),
        }
    }

    /// The rows of `node`.
    pub(crate) fn rows(&self, node: &Node, grid: Grid) -> Result<Vec<Row>, QueryError> {
        let mut rows = Vec::new();
        self.stream(node, grid, &mut |row| {
            self.hold(row.values.len())?;
            rows.push(std::mem::take(row));
            Ok(())
        })?;
        self.hold(rows.iter().map(|row| row.values.len()).sum())?;
        Ok(rows)
    }

    /// The value of scalar `node` at each step.
    pub(crate) fn scalar(&self, node: &Node, grid: Grid) -> Result<Vec<f64>, QueryError> {
        let mut values = Vec::new();
        self.stream(node, grid, &mut |row| {
            values = std::mem::take(&mut row.values);
            Ok(())
        })?;
        values.resize(grid.count, f64::NAN);
        Ok(values)
    }

    pub(crate) fn scalar_argument(
        &self,
        args: &[Argument],
        at: usize,
        grid: Grid,
    ) -> Result<Vec<f64>, QueryError> {
        match args.get(at) {
            Some(arg) if arg.value_type == ValueType::Scalar => self.scalar(&arg.node, grid),
            _ => Err(QueryError::Internal(format!("argument {at} is missing"))),
        }
    }

    fn stream_negated(&self, expr: &Node, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut push = |row: &mut Row| {
            for step in 0..row.values.len() {
                if let Some(histogram) = row.histogram(step) {
                    let mut negated = histogram.as_ref().clone();
                    negated.multiply(-1.0);
                    row.set_histogram(step, Arc::new(negated));
                } else if let Some(value) = row.float(step) {
                    row.values[step] = -value;
                }
            }
            self.drop_name(row);
            sink(row)
        };
        if self.features.delayed_name_removal {
            return self.stream(expr, grid, &mut push);
        }
        let rows = self.rows(expr, grid)?;
        let mut rows = same_labels(rows, |row| without_metadata(&row.labels))?;
        rows.iter_mut().try_for_each(push)
    }

    /// Drops the metric's name, now or at the end of the query.
    pub(crate) fn drop_name(&self, row: &mut Row) {
        row.drop_name = true;
        if !self.features.delayed_name_removal {
            row.labels = without_metadata(&row.labels);
        }
    }
}

/// `labels` without name, type and unit.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    labels.filtered(|name| !is_metadata(name))
}

pub(crate) fn is_metadata(name: &str) -> bool {
    matches!(name, "__name__" | "__type__" | "__unit__")
}

pub(crate) fn invalid_quantile(q: f64) -> String {
    format!("quantile value should be between 0 and 1, got {}", go_float(q))
}

/// A number as Go prints it with `%g`, near enough for messages.
pub(crate) fn go_float(value: f64) -> String {
    let exponent = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else if (-4..21).contains(&exponent) {
        value.to_string()
    } else {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}
