//! From SQL's conditions to matchers of labels and a range of time.
//!
//! What is made of a condition holds for at least the samples for which it holds: all conditions
//! are checked again.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use vigie_model::{MatchOp, Matcher, TimeRange};

use super::columns::MetricColumns;
use crate::documents::columns::TIMESTAMP;

/// What the store is asked.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) matchers: Vec<Matcher>,
    pub(super) range: TimeRange,
}

/// What the store is asked for `conditions`, all of which must hold.
pub(super) fn asked(conditions: &[Expr], columns: &MetricColumns) -> Asked {
    let mut asked = Asked { matchers: Vec::new(), range: TimeRange::ALL };
    for condition in conditions {
        narrow(condition, columns, &mut asked);
    }
    asked
}

/// Whether the store can be asked for less because of `condition`.
pub(super) fn narrows(condition: &Expr, columns: &MetricColumns) -> bool {
    narrow(condition, columns, &mut Asked { matchers: Vec::new(), range: TimeRange::ALL })
}

fn narrow(condition: &Expr, columns: &MetricColumns, asked: &mut Asked) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let left = narrow(left, columns, asked);
            narrow(right, columns, asked) || left
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if let (Some(column), Some(value)) = (column_of(left), literal(right)) {
                return compared(column, *op, value, columns, asked);
            }
            let (Some(column), Some(value)) = (column_of(right), literal(left)) else {
                return false;
            };
            op.swap().is_some_and(|op| compared(column, op, value, columns, asked))
        }
        Expr::Between(between) if !between.negated => {
            let bounds = (literal(&between.low), literal(&between.high));
            let (Some(column), (Some(low), Some(high))) = (column_of(&between.expr), bounds) else {
                return false;
            };
            compared(column, Operator::GtEq, low, columns, asked)
                && compared(column, Operator::LtEq, high, columns, asked)
        }
        Expr::InList(list) if !list.negated => {
            let Some(label) = column_of(&list.expr).and_then(|name| columns.label_of(name)) else {
                return false;
            };
            let values: Option<Vec<String>> =
                list.list.iter().map(|value| literal(value).and_then(text_of)).collect();
            let Some(values) = values else { return false };
            let escaped: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
            asked.matchers.push(Matcher::new(label, MatchOp::Regex, escaped.join("|")));
            true
        }
        _ => false,
    }
}

fn compared(
    column: &str,
    operator: Operator,
    value: &ScalarValue,
    columns: &MetricColumns,
    asked: &mut Asked,
) -> bool {
    if column == TIMESTAMP {
        let ScalarValue::TimestampNanosecond(Some(time_ns), _) = value else { return false };
        let (floor, ceiling) =
            (time_ns.div_euclid(1_000_000), -(-i128::from(*time_ns)).div_euclid(1_000_000) as i64);
        let range = &mut asked.range;
        match operator {
            Operator::Gt | Operator::GtEq => range.start_ms = range.start_ms.max(floor),
            Operator::Lt | Operator::LtEq => range.end_ms = range.end_ms.min(ceiling),
            Operator::Eq => {
                range.start_ms = range.start_ms.max(floor);
                range.end_ms = range.end_ms.min(ceiling);
            }
            _ => return false,
        }
        return true;
    }
    let (Some(label), Operator::Eq) = (columns.label_of(column), operator) else { return false };
    let Some(text) = text_of(value) else { return false };
    asked.matchers.push(Matcher::equal(label, text));
    true
}

/// The column that an expression is, casts between types of text aside.
fn column_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        Expr::Cast(cast) if cast.field.data_type().is_string() => column_of(&cast.expr),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn text_of(value: &ScalarValue) -> Option<String> {
    value.try_as_str().flatten().map(str::to_owned)
}
