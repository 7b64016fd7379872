//! The values of duration expressions (`5m + step()`).

use vigie_language::promql::{DurationExpr, DurationOp, Position};

use crate::QueryError;

/// What durations may depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct DurationContext {
    pub(super) step_ms: i64,
    pub(super) range_ms: i64,
}

/// More seconds than this do not fit nanoseconds in 64 bits, which is Prometheus' limit.
const SECONDS_MAX: f64 = 9_223_372_036.0;

/// `expr` in milliseconds. Only offsets may be 0 or less.
pub(super) fn duration_ms(
    expr: &DurationExpr,
    context: DurationContext,
    any_sign: bool,
) -> Result<i64, QueryError> {
    let at = position(expr);
    let fail = |text: &str| QueryError::execution(format!("{}:{}: {text}", at.start, at.end));
    let seconds = evaluate(expr, context)?;
    if !seconds.is_finite() {
        return Err(fail("duration is NaN or infinite"));
    }
    if seconds <= 0.0 && !any_sign {
        return Err(fail("duration must be greater than 0"));
    }
    if seconds.abs() > SECONDS_MAX {
        return Err(fail("duration is out of range"));
    }
    // What is computed is cut to milliseconds; what is written is exact.
    let milliseconds = seconds * 1000.0;
    let written = matches!(expr, DurationExpr::Literal(..));
    Ok(if written { milliseconds.round() } else { milliseconds } as i64)
}

fn evaluate(expr: &DurationExpr, context: DurationContext) -> Result<f64, QueryError> {
    Ok(match expr {
        DurationExpr::Literal(seconds, _) => *seconds,
        DurationExpr::Step(_) => context.step_ms as f64 / 1000.0,
        DurationExpr::Range(_) => context.range_ms as f64 / 1000.0,
        DurationExpr::MinOf(a, b, _) => evaluate(a, context)?.min(evaluate(b, context)?),
        DurationExpr::MaxOf(a, b, _) => evaluate(a, context)?.max(evaluate(b, context)?),
        DurationExpr::Unary { negative, expr, .. } => {
            let value = evaluate(expr, context)?;
            if *negative { -value } else { value }
        }
        DurationExpr::Paren(expr, _) => evaluate(expr, context)?,
        DurationExpr::Binary { op, lhs, rhs } => {
            let (a, b) = (evaluate(lhs, context)?, evaluate(rhs, context)?);
            if b == 0.0 && matches!(op, DurationOp::Div | DurationOp::Mod) {
                let at = position(expr);
                let what = if *op == DurationOp::Div { "division" } else { "modulo" };
                let text = format!("{}:{}: {what} by zero", at.start, at.end);
                return Err(QueryError::Execution(text));
            }
            match op {
                DurationOp::Add => a + b,
                DurationOp::Sub => a - b,
                DurationOp::Mul => a * b,
                DurationOp::Div => a / b,
                DurationOp::Mod => a % b,
                DurationOp::Pow => a.powf(b),
            }
        }
    })
}

fn position(expr: &DurationExpr) -> Position {
    match expr {
        DurationExpr::Literal(_, at)
        | DurationExpr::Step(at)
        | DurationExpr::Range(at)
        | DurationExpr::MinOf(_, _, at)
        | DurationExpr::MaxOf(_, _, at)
        | DurationExpr::Paren(_, at) => *at,
        DurationExpr::Unary { expr, position: at, .. } => {
            Position { start: at.start, end: position(expr).end }
        }
        DurationExpr::Binary { lhs, rhs, .. } => {
            Position { start: position(lhs).start, end: position(rhs).end }
        }
    }
}
