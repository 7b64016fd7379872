//! `eq`, `lt` and their kin: only values of the same basic kind compare.

use std::cmp::Ordering;

use crate::template::format;
use crate::template::value::Value;

#[derive(PartialEq, Eq)]
enum Basic {
    Bool,
    Integer,
    Float,
    Text,
    Other,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Int(_) | Value::Duration(_) | Value::Month(_) | Value::Weekday(_) => Basic::Integer,
        Value::Float(_) => Basic::Float,
        Value::Text(_) | Value::Marked(..) => Basic::Text,
        _ => Basic::Other,
    }
}

/// Whether the first equals any of the others.
pub(super) fn equal(arguments: &[Value]) -> Result<Value, String> {
    let Some((first, others)) = arguments.split_first() else {
        return Err("missing argument for comparison".to_owned());
    };
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal_two(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn equal_two(first: &Value, other: &Value) -> Result<bool, String> {
    if basic(first) != basic(other) {
        if first.is_nil() || other.is_nil() {
            return Ok(false);
        }
        return Err(incompatible(first, other));
    }
    match (first, other) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a.unix_ns() == b.unix_ns()),
        _ if first.is_nil() || other.is_nil() => Ok(first.is_nil() == other.is_nil()),
        _ => match (first.as_text(), other.as_text(), first.as_integer(), other.as_integer()) {
            (Some(a), Some(b), ..) => Ok(a == b),
            (_, _, Some(a), Some(b)) => Ok(a == b),
            _ => structures(first, other),
        },
    }
}

/// Structs of the same type are equal if all their fields are; slices and maps do not compare.
fn structures(first: &Value, other: &Value) -> Result<bool, String> {
    if !is_comparable(other) {
        let text = format::display(other);
        return Err(format!("non-comparable type {text}: {}", other.type_name()));
    }
    let (Value::Struct(a), Value::Struct(b)) = (first, other) else { return Ok(false) };
    if a.kind.is_pointer || b.kind.is_pointer {
        return Ok(std::ptr::eq(a, b));
    }
    if a.kind.name != b.kind.name {
        return Ok(false);
    }
    for (a, b) in a.values.iter().zip(&b.values) {
        if !equal_two(a, b)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_comparable(value: &Value) -> bool {
    match value {
        Value::List(_) | Value::Map(_) => false,
        Value::Struct(structure) => {
            structure.kind.is_pointer || structure.values.iter().all(is_comparable)
        }
        _ => true,
    }
}

fn incompatible(first: &Value, other: &Value) -> String {
    let (first, other) = (first.type_name(), other.type_name());
    format!("incompatible types for comparison: {first} and {other}")
}

fn order(arguments: &[Value]) -> Result<Option<Ordering>, String> {
    let [first, other] = arguments else {
        return Err("missing argument for comparison".to_owned());
    };
    if basic(first) == Basic::Other || basic(other) == Basic::Other {
        return Err("invalid type for comparison".to_owned());
    }
    if basic(first) != basic(other) {
        return Err(incompatible(first, other));
    }
    match (first, other) {
        (Value::Bool(_), _) => Err("invalid type for comparison".to_owned()),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        _ => match (first.as_text(), other.as_text()) {
            (Some(a), Some(b)) => Ok(Some(a.cmp(b))),
            _ => Ok(Some(first.as_integer().cmp(&other.as_integer()))),
        },
    }
}

pub(super) fn less(arguments: &[Value]) -> Result<bool, String> {
    Ok(order(arguments)? == Some(Ordering::Less))
}

/// `lt` or `eq`, as Go has it: with NaN neither holds, so that `gt` does.
pub(super) fn less_or_equal(arguments: &[Value]) -> Result<bool, String> {
    Ok(matches!(order(arguments)?, Some(Ordering::Less | Ordering::Equal)))
}
