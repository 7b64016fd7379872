//! Expressions about one span, made ready and evaluated.

use regex::Regex;
use vigie_language::traceql::{Expression, Field, Operator, Static};

use super::value::{FieldValue, calculate, compare};
use crate::QueryError;

/// Somebody who knows a span's fields.
pub(super) trait Fields {
    /// The value of a field.
    fn value(&self, field: &Field) -> Result<FieldValue, QueryError>;
}

/// An expression whose regular expressions are made.
#[derive(Debug)]
pub(super) enum Ready {
    Constant(FieldValue),
    Field(Field),
    Negative(Box<Self>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Compare(Operator, Box<Self>, Box<Self>),
    Calculate(Operator, Box<Self>, Box<Self>),
    Matches { of: Box<Self>, regex: Regex, is_wanted: bool },
}

/// Makes an expression ready.
pub(super) fn prepare(expression: &Expression) -> Result<Ready, QueryError> {
    let boxed = |inner: &Expression| prepare(inner).map(Box::new);
    Ok(match expression {
        Expression::Static(value) => Ready::Constant(FieldValue::of_static(value)),
        Expression::Field(field) => Ready::Field(field.clone()),
        Expression::Negative(inner) => Ready::Negative(boxed(inner)?),
        Expression::Not(inner) => Ready::Not(boxed(inner)?),
        Expression::Binary(operator, left, right) => {
            let (left_ready, right_ready) = (boxed(left)?, boxed(right)?);
            match operator {
                Operator::And => Ready::And(left_ready, right_ready),
                Operator::Or => Ready::Or(left_ready, right_ready),
                Operator::Matches | Operator::NotMatches => {
                    let Expression::Static(Static::Text(pattern)) = &**right else {
                        return Err(QueryError::BadData("a regular expression is a text".into()));
                    };
                    Ready::Matches {
                        of: left_ready,
                        regex: regex(pattern)?,
                        is_wanted: *operator == Operator::Matches,
                    }
                }
                Operator::Add
                | Operator::Subtract
                | Operator::Multiply
                | Operator::Divide
                | Operator::Modulo
                | Operator::Power => Ready::Calculate(*operator, left_ready, right_ready),
                _ => Ready::Compare(*operator, left_ready, right_ready),
            }
        }
    })
}

/// The regular expression that must match a whole text.
pub(super) fn regex(pattern: &str) -> Result<Regex, QueryError> {
    regex::RegexBuilder::new(&format!("^(?s:{pattern})$"))
        .size_limit(4 << 20)
        .build()
        .map_err(|error| QueryError::BadData(error.to_string()))
}

/// Whether the expression is true of the span.
pub(super) fn is_true(ready: &Ready, span: &impl Fields) -> Result<bool, QueryError> {
    Ok(matches!(evaluate(ready, span)?, FieldValue::Boolean(true)))
}

/// The value of the expression for the span.
pub(super) fn evaluate(ready: &Ready, span: &impl Fields) -> Result<FieldValue, QueryError> {
    Ok(match ready {
        Ready::Constant(value) => value.clone(),
        Ready::Field(field) => span.value(field)?,
        Ready::Negative(inner) => match evaluate(inner, span)? {
            FieldValue::Integer(value) => FieldValue::Integer(value.wrapping_neg()),
            FieldValue::Float(value) => FieldValue::Float(-value),
            FieldValue::Duration(value) => FieldValue::Duration(value.wrapping_neg()),
            _ => FieldValue::Nil,
        },
        Ready::Not(inner) => match evaluate(inner, span)? {
            FieldValue::Boolean(value) => FieldValue::Boolean(!value),
            _ => FieldValue::Nil,
        },
        Ready::And(left, right) => {
            FieldValue::Boolean(is_true(left, span)? && is_true(right, span)?)
        }
        Ready::Or(left, right) => {
            FieldValue::Boolean(is_true(left, span)? || is_true(right, span)?)
        }
        Ready::Compare(operator, left, right) => {
            let (left, right) = (evaluate(left, span)?, evaluate(right, span)?);
            FieldValue::Boolean(compare(*operator, &left, &right))
        }
        Ready::Calculate(operator, left, right) => {
            calculate(*operator, &evaluate(left, span)?, &evaluate(right, span)?)
        }
        Ready::Matches { of, regex, is_wanted } => {
            FieldValue::Boolean(matches(&evaluate(of, span)?, regex, *is_wanted))
        }
    })
}

fn matches(value: &FieldValue, regex: &Regex, is_wanted: bool) -> bool {
    match value {
        FieldValue::Text(text) => regex.is_match(text) == is_wanted,
        FieldValue::List(items) if is_wanted => {
            items.iter().any(|item| matches(item, regex, is_wanted))
        }
        FieldValue::List(items) => items.iter().all(|item| matches(item, regex, is_wanted)),
        _ => false,
    }
}

/// Calls `visit` with each field of an expression.
pub(super) fn fields_of(expression: &Expression, visit: &mut impl FnMut(&Field)) {
    match expression {
        Expression::Static(_) => {}
        Expression::Field(field) => visit(field),
        Expression::Negative(inner) | Expression::Not(inner) => fields_of(inner, visit),
        Expression::Binary(_, left, right) => {
            fields_of(left, visit);
            fields_of(right, visit);
        }
    }
}
