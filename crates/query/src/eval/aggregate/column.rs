//! What a group has gathered at each step.

use std::sync::Arc;

use vigie_language::promql::AggregateOp;
use vigie_model::{CounterResetHint, Histogram, HistogramSum};

use crate::eval::Evaluator;
use crate::eval::number::{Mean, Sum, quantile};
use crate::eval::row::{Row, is_absent, is_float};
use crate::eval::window::{mixed_schemas, reconciled};
use crate::plan::AggregateNode;

/// What a group has gathered, by operator.
pub(super) enum Column {
    Sum { floats: Vec<Option<Sum>>, histograms: Histograms },
    Avg { floats: Vec<Option<Mean>>, histograms: Histograms },
    Count(Vec<u64>),
    Group(Vec<u64>),
    Min(Vec<Option<f64>>),
    Max(Vec<Option<f64>>),
    Spread { spreads: Vec<Option<Spread>>, root: bool },
    Quantile(Vec<Vec<f64>>),
}

/// A running variance without compensation, as Prometheus' aggregation has it.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn new(first: f64) -> Self {
        let squares = if first.is_finite() { 0.0 } else { f64::NAN };
        Self { count: 1.0, mean: first, squares }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
}

impl Column {
    pub(super) fn new(op: AggregateOp, steps: usize) -> Self {
        match op {
            AggregateOp::Avg => {
                Self::Avg { floats: vec![None; steps], histograms: Histograms::new(true) }
            }
            AggregateOp::Count => Self::Count(vec![0; steps]),
            AggregateOp::Group => Self::Group(vec![0; steps]),
            AggregateOp::Min => Self::Min(vec![None; steps]),
            AggregateOp::Max => Self::Max(vec![None; steps]),
            AggregateOp::Stddev => Self::Spread { spreads: vec![None; steps], root: true },
            AggregateOp::Stdvar => Self::Spread { spreads: vec![None; steps], root: false },
            AggregateOp::Quantile => Self::Quantile(vec![Vec::new(); steps]),
            _ => Self::Sum { floats: vec![None; steps], histograms: Histograms::new(false) },
        }
    }

    /// Adds all values of `row`.
    pub(super) fn add(&mut self, row: &Row, evaluator: &Evaluator<'_>, node: &AggregateNode) {
        match self {
            Self::Sum { floats, histograms } => {
                each(row, floats, |state, value| match state {
                    Some(sum) => sum.add(value),
                    None => *state = Some(Sum::new(value)),
                });
                histograms.add(row, evaluator, node);
            }
            Self::Avg { floats, histograms } => {
                each(row, floats, |state, value| match state {
                    Some(mean) => mean.add(value),
                    None => *state = Some(Mean::new(value)),
                });
                histograms.add(row, evaluator, node);
            }
            Self::Count(counts) | Self::Group(counts) => {
                for (count, value) in counts.iter_mut().zip(&row.values) {
                    *count += u64::from(!is_absent(*value));
                }
            }
            Self::Min(states) => each(row, states, |state, value| {
                if state.is_none_or(|kept| kept > value || kept.is_nan()) {
                    *state = Some(value);
                }
            }),
            Self::Max(states) => each(row, states, |state, value| {
                if state.is_none_or(|kept| kept < value || kept.is_nan()) {
                    *state = Some(value);
                }
            }),
            Self::Spread { spreads, .. } => each(row, spreads, |state, value| match state {
                Some(spread) => spread.add(value),
                None => *state = Some(Spread::new(value)),
            }),
            Self::Quantile(values) => each(row, values, Vec::push),
        }
        self.tell_ignored(row, evaluator, node);
    }

    fn tell_ignored(&self, row: &Row, evaluator: &Evaluator<'_>, node: &AggregateNode) {
        let name = match self {
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::Spread { root: true, .. } => "stddev",
            Self::Spread { root: false, .. } => "stdvar",
            Self::Quantile(_) => "quantile",
            _ => return,
        };
        if row.histograms.iter().any(Option::is_some) {
            let text = format!("ignored histogram in {name} aggregation");
            evaluator.info(&text, node.expr_position);
        }
    }

    /// Puts what was gathered into `row`, whose values are all absent.
    pub(super) fn finish(
        self,
        row: &mut Row,
        params: &[f64],
        evaluator: &Evaluator<'_>,
        node: &AggregateNode,
    ) {
        match self {
            Self::Sum { floats, histograms } => {
                let total = |sum: &Sum| sum.value + sum.error;
                fill(row, &floats, |_, sum| sum.as_ref().map(total));
                histograms.finish(row, evaluator, node);
            }
            Self::Avg { floats, histograms } => {
                fill(row, &floats, |_, mean| mean.as_ref().map(Mean::mean));
                histograms.finish(row, evaluator, node);
            }
            Self::Count(counts) => {
                fill(row, &counts, |_, count| (*count > 0).then_some(*count as f64));
            }
            Self::Group(counts) => fill(row, &counts, |_, count| (*count > 0).then_some(1.0)),
            Self::Min(states) | Self::Max(states) => fill(row, &states, |_, state| *state),
            Self::Spread { spreads, root } => fill(row, &spreads, |_, spread| {
                let variance = spread.as_ref().map(|spread| spread.squares / spread.count)?;
                Some(if root { variance.sqrt() } else { variance })
            }),
            Self::Quantile(values) => fill(row, &values, |step, values| {
                let q = params.get(step).copied().unwrap_or(f64::NAN);
                (!values.is_empty()).then(|| quantile(q, &mut values.clone()))
            }),
        }
    }
}

fn each<S>(row: &Row, states: &mut [S], mut add: impl FnMut(&mut S, f64)) {
    for (state, value) in states.iter_mut().zip(&row.values) {
        if is_float(*value) {
            add(state, *value);
        }
    }
}

fn fill<S>(row: &mut Row, states: &[S], value: impl Fn(usize, &S) -> Option<f64>) {
    for (step, state) in states.iter().enumerate() {
        if let Some(value) = value(step, state) {
            row.values[step] = value;
        }
    }
}

/// The histograms of a group at one step.
#[derive(Default)]
struct Gathered {
    sum: Option<HistogramSum>,
    /// All of them: only a mean needs them, for when their sum overflows.
    all: Vec<Arc<Histogram>>,
    reset: bool,
    not_reset: bool,
    /// Some do not fit the others: there is no result.
    unfit: bool,
}

/// The histograms of a group, by step; empty until the first one.
pub(super) struct Histograms {
    steps: Vec<Gathered>,
    mean: bool,
}

impl Histograms {
    const fn new(mean: bool) -> Self {
        Self { steps: Vec::new(), mean }
    }

    fn add(&mut self, row: &Row, evaluator: &Evaluator<'_>, node: &AggregateNode) {
        if row.histograms.is_empty() {
            return;
        }
        self.steps.resize_with(row.values.len(), Gathered::default);
        for (step, gathered) in self.steps.iter_mut().enumerate() {
            if let Some(histogram) = row.histogram(step) {
                gathered.add(histogram, self.mean, row, evaluator, node);
            }
        }
    }

    fn finish(self, row: &mut Row, evaluator: &Evaluator<'_>, node: &AggregateNode) {
        let at = node.expr_position;
        for (step, gathered) in self.steps.into_iter().enumerate() {
            if gathered.unfit {
                row.clear(step);
                continue;
            }
            let (reset, not_reset) = (gathered.reset, gathered.not_reset);
            let Some(histogram) = gathered.result(self.mean) else { continue };
            if row.has(step) {
                let text = "encountered a mix of histograms and floats for aggregation";
                evaluator.warn(text, at);
                row.clear(step);
                continue;
            }
            row.set_histogram(step, Arc::new(histogram));
            if reset && not_reset {
                evaluator.warn("conflicting counter resets during histogram aggregation", at);
            }
        }
    }
}

impl Gathered {
    fn add(
        &mut self,
        histogram: &Arc<Histogram>,
        mean: bool,
        row: &Row,
        evaluator: &Evaluator<'_>,
        node: &AggregateNode,
    ) {
        if self.unfit {
            return;
        }
        self.reset |= histogram.counter_reset_hint == CounterResetHint::CounterReset;
        self.not_reset |= histogram.counter_reset_hint == CounterResetHint::NotCounterReset;
        if mean {
            self.all.push(Arc::clone(histogram));
        }
        let Some(sum) = &mut self.sum else {
            self.sum = Some(HistogramSum::new(histogram));
            return;
        };
        match sum.add(histogram) {
            Ok(combined) if combined.bounds_reconciled => {
                evaluator.info(&reconciled("aggregation"), node.expr_position);
            }
            Ok(_) => {}
            Err(_) => {
                let name = row.labels.metric_name().unwrap_or("");
                evaluator.warn(&mixed_schemas(name), node.expr_position);
                self.unfit = true;
            }
        }
    }

    fn result(self, mean: bool) -> Option<Histogram> {
        let mut total = self.sum?.total();
        if mean {
            let count = self.all.len() as f64;
            if total.has_overflow() {
                total = mean_of_parts(&self.all, count).unwrap_or(total);
            } else {
                total.divide(count);
            }
        }
        total.compact();
        Some(total)
    }
}

/// The mean as a sum of parts, which does not overflow where the sum of the whole does.
fn mean_of_parts(all: &[Arc<Histogram>], count: f64) -> Option<Histogram> {
    let mut parts = all.iter().map(|histogram| {
        let mut part = histogram.as_ref().clone();
        part.divide(count);
        part
    });
    let mut sum = HistogramSum::new(&parts.next()?);
    for part in parts {
        sum.add(&part).ok()?;
    }
    Some(sum.total())
}
