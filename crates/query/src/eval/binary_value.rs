//! Binary operators on single values.

use std::sync::Arc;

use vigie_language::promql::{BinaryOp, Position};
use vigie_model::{CounterResetHint, Histogram};

use super::Evaluator;
use super::row::Cell;
use super::window::reconciled;

/// The operator on two numbers. Comparisons give 1 or 0.
pub(crate) fn scalar_op(op: BinaryOp, a: f64, b: f64) -> f64 {
    match compare(op, a, b) {
        Some(holds) => f64::from(u8::from(holds)),
        None => arithmetic(op, a, b),
    }
}

fn compare(op: BinaryOp, a: f64, b: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Greater => a > b,
        BinaryOp::Less => a < b,
        BinaryOp::GreaterEqual => a >= b,
        BinaryOp::LessEqual => a <= b,
        _ => return None,
    })
}

fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => f64::NAN,
    }
}

/// The operator as it is written.
pub(crate) const fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "^",
        BinaryOp::Atan2 => "atan2",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Greater => ">",
        BinaryOp::Less => "<",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::LessEqual => "<=",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Unless => "unless",
        BinaryOp::TrimUpper => "</",
        BinaryOp::TrimLower => ">/",
    }
}

/// Whether the result is a value of another kind than the operands, so that the metric's name
/// does not fit it.
pub(crate) const fn changes_kind(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Div
            | BinaryOp::Mod
            | BinaryOp::Pow
            | BinaryOp::Atan2
    )
}

/// What an operator makes of two values.
pub(crate) enum Outcome {
    /// This value.
    Keep(Cell),
    /// A comparison that does not hold.
    Drop,
    /// The operands do not fit; what there is to tell was told.
    Unfit,
}

/// An operator and where it stands.
pub(crate) struct Operation<'a> {
    pub(crate) evaluator: &'a Evaluator<'a>,
    pub(crate) op: BinaryOp,
    pub(crate) position: Position,
}

impl Operation<'_> {
    /// The operator on two values, neither of them absent.
    pub(crate) fn apply(&self, a: &Cell, b: &Cell) -> Outcome {
        match (a, b) {
            (Cell::Float(a), Cell::Float(b)) => self.floats(*a, *b),
            (Cell::Float(a), Cell::Histogram(b)) if self.op == BinaryOp::Mul => {
                keep(b, |histogram| histogram.multiply(*a))
            }
            (Cell::Histogram(a), Cell::Float(b)) => self.histogram_float(a, *b),
            (Cell::Histogram(a), Cell::Histogram(b)) => self.histograms(a, b),
            _ => self.unfit("float", "histogram"),
        }
    }

    fn floats(&self, a: f64, b: f64) -> Outcome {
        match (compare(self.op, a, b), self.op) {
            (Some(true), _) => Outcome::Keep(Cell::Float(a)),
            (Some(false), _) => Outcome::Drop,
            (None, BinaryOp::TrimUpper | BinaryOp::TrimLower) => self.unfit("float", "float"),
            (None, op) => Outcome::Keep(Cell::Float(arithmetic(op, a, b))),
        }
    }

    fn histogram_float(&self, a: &Histogram, b: f64) -> Outcome {
        match self.op {
            BinaryOp::Mul => keep(a, |histogram| histogram.multiply(b)),
            BinaryOp::Div => keep(a, |histogram| histogram.divide(b)),
            BinaryOp::TrimUpper => keep(a, |histogram| histogram.trim_upper(b)),
            BinaryOp::TrimLower => keep(a, |histogram| histogram.trim_lower(b)),
            _ => self.unfit("histogram", "float"),
        }
    }

    fn histograms(&self, a: &Arc<Histogram>, b: &Histogram) -> Outcome {
        let mut result = a.as_ref().clone();
        let (combined, operation) = match self.op {
            BinaryOp::Add => (result.add(b), "addition"),
            BinaryOp::Sub => (result.subtract(b), "subtraction"),
            BinaryOp::Equal if a.same_data(b) => return Outcome::Keep(Cell::Histogram(a.clone())),
            BinaryOp::NotEqual if !a.same_data(b) => {
                return Outcome::Keep(Cell::Histogram(Arc::clone(a)));
            }
            BinaryOp::Equal | BinaryOp::NotEqual => return Outcome::Drop,
            _ => return self.unfit("histogram", "histogram"),
        };
        let Ok(combined) = combined else {
            let symbol = symbol(self.op);
            let text =
                format!("incompatible bucket layout encountered for binary operator {symbol}");
            self.evaluator.warn(&text, self.position);
            return Outcome::Unfit;
        };
        if combined.counter_reset_collision {
            let text = format!("conflicting counter resets during histogram {operation}");
            self.evaluator.warn(&text, self.position);
            return Outcome::Unfit;
        }
        if combined.bounds_reconciled {
            self.evaluator.info(&reconciled(operation), self.position);
        }
        if self.op == BinaryOp::Sub {
            result.counter_reset_hint = CounterResetHint::Gauge;
        }
        result.compact();
        Outcome::Keep(Cell::Histogram(Arc::new(result)))
    }

    fn unfit(&self, a: &str, b: &str) -> Outcome {
        let symbol = symbol(self.op);
        let text = format!(
            "incompatible sample types encountered for binary operator {symbol:?}: {a} {symbol} {b}"
        );
        self.evaluator.info(&text, self.position);
        Outcome::Unfit
    }
}

fn keep(histogram: &Histogram, change: impl FnOnce(&mut Histogram)) -> Outcome {
    let mut changed = histogram.clone();
    change(&mut changed);
    changed.compact();
    Outcome::Keep(Cell::Histogram(Arc::new(changed)))
}
