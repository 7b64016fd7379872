//! Conditions over an event, compiled once.

use std::cmp::Ordering;

use vigie_language::logstash::{Comparison, Condition, Connective, FieldReference, Operand};
use vigie_language::ruby_pattern::RubyPattern;
use vigie_model::event::{Event, Value};

use crate::{field, text};

/// A condition, ready to be asked.
#[derive(Debug)]
pub(crate) enum Test {
    Both(Connective, Box<Self>, Box<Self>),
    Not(Box<Self>),
    Truthy(Term),
    In(Term, Term),
    Compare(Term, Comparison, Term),
    Matches(Term, RubyPattern),
}

/// A value in a condition.
#[derive(Debug)]
pub(crate) enum Term {
    Field(FieldReference),
    Constant(Value),
}

impl Test {
    /// Compiles a condition. The error says which expression is none.
    pub(crate) fn compile(condition: &Condition) -> Result<Self, String> {
        Ok(match condition {
            Condition::Both(connective, left, right) => Self::Both(
                *connective,
                Box::new(Self::compile(left)?),
                Box::new(Self::compile(right)?),
            ),
            Condition::Not(inner) => Self::Not(Box::new(Self::compile(inner)?)),
            Condition::Truthy(operand) => Self::Truthy(term(operand)),
            Condition::In { item, list } => Self::In(term(item), term(list)),
            Condition::Compare { left, comparison, right } => {
                Self::Compare(term(left), *comparison, term(right))
            }
            Condition::Matches { value, pattern } => Self::Matches(
                term(value),
                RubyPattern::compile(pattern)
                    .map_err(|error| format!("the expression /{pattern:.100}/: {error}"))?,
            ),
        })
    }

    /// Whether it holds for `event`.
    pub(crate) fn holds(&self, event: &Event) -> bool {
        match self {
            Self::Both(connective, left, right) => match connective {
                Connective::And => left.holds(event) && right.holds(event),
                Connective::Or => left.holds(event) || right.holds(event),
                Connective::Xor => left.holds(event) != right.holds(event),
                Connective::Nand => !(left.holds(event) && right.holds(event)),
            },
            Self::Not(inner) => !inner.holds(event),
            Self::Truthy(term) => term.value(event).is_some_and(is_truthy),
            Self::In(item, list) => is_in(item.value(event), list.value(event)),
            Self::Compare(left, comparison, right) => {
                compare(left.value(event), *comparison, right.value(event))
            }
            // Only a text matches; an expression that gives up does not.
            Self::Matches(term, pattern) => match term.value(event) {
                Some(Value::String(text)) => pattern.is_match(text).unwrap_or(false),
                _ => false,
            },
        }
    }
}

impl Term {
    fn value<'a>(&'a self, event: &'a Event) -> Option<&'a Value> {
        match self {
            Self::Field(reference) => field::get(event, reference),
            Self::Constant(value) => Some(value),
        }
    }
}

fn term(operand: &Operand) -> Term {
    match operand {
        Operand::Field(reference) => Term::Field(reference.clone()),
        other => Term::Constant(constant(other)),
    }
}

fn constant(operand: &Operand) -> Value {
    match operand {
        Operand::Text(text) => Value::String(text.clone()),
        Operand::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Value::Integer(*number as i64)
        }
        Operand::Number(number) => Value::Float(*number),
        Operand::List(items) => Value::List(items.iter().map(constant).collect()),
        // A field within a list is not looked up (nor is it in Logstash): it is its text.
        Operand::Field(reference) => Value::String(reference.to_string()),
    }
}

/// Null, false, the empty text and the text `false` do not hold.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Boolean(false) => false,
        Value::String(text) => !text.is_empty() && text != "false",
        _ => true,
    }
}

/// In a list: one of its items. In a text: a part of it.
fn is_in(item: Option<&Value>, list: Option<&Value>) -> bool {
    let Some(item) = item else { return false };
    match list {
        Some(Value::List(items)) => items.iter().any(|known| is_equal(item, known)),
        Some(Value::String(whole)) => item.as_str().is_some_and(|part| whole.contains(part)),
        Some(Value::Object(object)) => item.as_str().is_some_and(|key| object.get(key).is_some()),
        Some(other) => is_equal(item, other),
        None => false,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn is_equal(left: &Value, right: &Value) -> bool {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left == right,
        _ => match (left, right) {
            (Value::Time(time_ns), Value::String(written))
            | (Value::String(written), Value::Time(time_ns)) => text::time(*time_ns) == *written,
            (Value::Boolean(value), Value::String(written))
            | (Value::String(written), Value::Boolean(value)) => value.to_string() == *written,
            _ => left == right,
        },
    }
}

fn compare(left: Option<&Value>, comparison: Comparison, right: Option<&Value>) -> bool {
    let are_equal = match (left, right) {
        (Some(left), Some(right)) => is_equal(left, right),
        (None | Some(Value::Null), None | Some(Value::Null)) => true,
        _ => false,
    };
    let order = match (left, right) {
        (Some(left), Some(right)) => order_of(left, right),
        _ => None,
    };
    match comparison {
        Comparison::Equal => are_equal,
        Comparison::NotEqual => !are_equal,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

/// Numbers with numbers, texts with texts; nothing else has an order.
fn order_of(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::String(right)) => Some(text::time(*left).cmp(right)),
        _ => number(left)?.partial_cmp(&number(right)?),
    }
}
