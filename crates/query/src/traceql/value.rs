//! Values of fields, and how they compare.

use std::cmp::Ordering;

use serde_json::Value as Json;
use vigie_language::traceql::{Operator, Static};
use vigie_model::span::{SpanKind, StatusCode};

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// There is none.
    Nil,
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// Text.
    Text(String),
    /// A boolean.
    Boolean(bool),
    /// A duration in nanoseconds.
    Duration(i64),
    /// `unset`, `ok` or `error`.
    Status(&'static str),
    /// `server`, `client` and so on.
    Kind(&'static str),
    /// Several values.
    List(Vec<Self>),
}

impl FieldValue {
    /// The value of a literal.
    pub(super) fn of_static(value: &Static) -> Self {
        match value {
            Static::Nil => Self::Nil,
            Static::Integer(value) => Self::Integer(*value),
            Static::Float(value) => Self::Float(*value),
            Static::Text(text) => Self::Text(text.clone()),
            Static::Boolean(value) => Self::Boolean(*value),
            Static::Duration(value) => Self::Duration(*value),
            Static::Status(name) => Self::Status(name),
            Static::Kind(name) => Self::Kind(name),
        }
    }

    /// The value of an attribute.
    pub(super) fn of_json(value: &Json) -> Self {
        match value {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Boolean(*value),
            Json::String(text) => Self::Text(text.clone()),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Self::Integer(value),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::Array(items) => Self::List(items.iter().map(Self::of_json).collect()),
            Json::Object(_) => Self::Text(value.to_string()),
        }
    }

    pub(super) const fn of_status(status: StatusCode) -> Self {
        Self::Status(match status {
            StatusCode::Unset => "unset",
            StatusCode::Ok => "ok",
            StatusCode::Error => "error",
        })
    }

    pub(super) const fn of_kind(kind: SpanKind) -> Self {
        Self::Kind(match kind {
            SpanKind::Unspecified => "unspecified",
            other => other.name(),
        })
    }

    /// The number; durations are nanoseconds.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) | Self::Duration(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The number as it is told: durations are seconds.
    pub(super) fn measure(&self) -> Option<f64> {
        match self {
            Self::Duration(value) => Some(*value as f64 / 1e9),
            other => other.number(),
        }
    }

    fn whole(&self) -> Option<i64> {
        match self {
            Self::Integer(value) | Self::Duration(value) => Some(*value),
            _ => None,
        }
    }

    /// How it is written, alone.
    pub fn text(&self) -> String {
        match self {
            Self::Nil => "nil".to_owned(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Boolean(value) => value.to_string(),
            Self::Duration(value) => go_duration(*value),
            Self::Status(name) | Self::Kind(name) => (*name).to_owned(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::text).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    /// Bytes that are the same for the same values only.
    pub(super) fn write_key(&self, key: &mut Vec<u8>) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Self::Nil => (0, &[]),
            Self::Integer(value) => (1, &value.to_le_bytes()),
            Self::Float(value) => (2, &value.to_bits().to_le_bytes()),
            Self::Text(text) => (3, text.as_bytes()),
            Self::Boolean(value) => (4, &[u8::from(*value)]),
            Self::Duration(value) => (5, &value.to_le_bytes()),
            Self::Status(name) => (6, name.as_bytes()),
            Self::Kind(name) => (7, name.as_bytes()),
            Self::List(items) => {
                key.push(8);
                key.extend_from_slice(&(items.len() as u32).to_le_bytes());
                for item in items {
                    item.write_key(key);
                }
                return;
            }
        };
        key.push(kind);
        key.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        key.extend_from_slice(bytes);
    }
}

/// A duration as Go prints it.
pub(super) fn go_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let all = nanoseconds.unsigned_abs();
    let short = |value: u64, unit: u64, name: &str| {
        let text = format!("{}.{:09}", value / unit, value % unit * (1_000_000_000 / unit));
        format!("{sign}{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match all {
        0 => "0s".to_owned(),
        1..1_000 => short(all, 1, "ns"),
        1_000..1_000_000 => short(all, 1_000, "µs"),
        1_000_000..1_000_000_000 => short(all, 1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (all / 60_000_000_000, all % 60_000_000_000);
            let (hours, minutes) = (minutes / 60, minutes % 60);
            let seconds = format!("{}.{:09}", rest / 1_000_000_000, rest % 1_000_000_000);
            let seconds = seconds.trim_end_matches('0').trim_end_matches('.').to_owned();
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, _) => format!("{sign}{minutes}m{seconds}s"),
                _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// Whether a comparison holds. A list is compared item by item: `=` and `=~` hold when they do for
/// any, `!=` and `!~` when they do for all.
pub(super) fn compare(operator: Operator, left: &FieldValue, right: &FieldValue) -> bool {
    if let FieldValue::List(items) = left {
        let mut each = items.iter().map(|item| compare(operator, item, right));
        return match operator {
            Operator::NotEqual if *right == FieldValue::Nil => !items.is_empty(),
            Operator::NotEqual | Operator::NotMatches => each.all(|holds| holds),
            _ => each.any(|holds| holds),
        };
    }
    if let FieldValue::List(items) = right {
        let flipped = match operator {
            Operator::Less => Operator::Greater,
            Operator::LessEqual => Operator::GreaterEqual,
            Operator::Greater => Operator::Less,
            Operator::GreaterEqual => Operator::LessEqual,
            other => other,
        };
        return compare(flipped, &FieldValue::List(items.clone()), left);
    }
    match (left, right) {
        (FieldValue::Nil, FieldValue::Nil) => operator == Operator::Equal,
        (FieldValue::Nil, _) | (_, FieldValue::Nil) => {
            // What is not there differs from nothing but itself.
            operator == Operator::NotEqual && *right == FieldValue::Nil
        }
        _ => match order(left, right) {
            Some(order) => match operator {
                Operator::Equal => order == Ordering::Equal,
                Operator::NotEqual => order != Ordering::Equal,
                Operator::Less => order == Ordering::Less,
                Operator::LessEqual => order != Ordering::Greater,
                Operator::Greater => order == Ordering::Greater,
                Operator::GreaterEqual => order != Ordering::Less,
                _ => false,
            },
            None => false,
        },
    }
}

/// The order of two values of one type; `None` when they have different types.
pub(super) fn order(left: &FieldValue, right: &FieldValue) -> Option<Ordering> {
    match (left, right) {
        (FieldValue::Text(left), FieldValue::Text(right)) => Some(left.cmp(right)),
        (FieldValue::Boolean(left), FieldValue::Boolean(right)) => Some(left.cmp(right)),
        (FieldValue::Status(left), FieldValue::Status(right))
        | (FieldValue::Kind(left), FieldValue::Kind(right)) => Some(left.cmp(right)),
        _ => match (left.whole(), right.whole()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.number()?.partial_cmp(&right.number()?),
        },
    }
}

/// What arithmetic gives; integers stay integers, and what makes no sense is nil.
pub(super) fn calculate(operator: Operator, left: &FieldValue, right: &FieldValue) -> FieldValue {
    if let (FieldValue::Integer(left), FieldValue::Integer(right)) = (left, right) {
        let result = match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Divide => left.checked_div(*right),
            Operator::Modulo => left.checked_rem(*right),
            Operator::Power => u32::try_from(*right).ok().and_then(|right| left.checked_pow(right)),
            _ => None,
        };
        if let Some(result) = result {
            return FieldValue::Integer(result);
        }
        if *right == 0 && matches!(operator, Operator::Divide | Operator::Modulo) {
            return FieldValue::Nil;
        }
    }
    let (Some(a), Some(b)) = (left.number(), right.number()) else { return FieldValue::Nil };
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Modulo => a % b,
        Operator::Power => a.powf(b),
        _ => return FieldValue::Nil,
    };
    let is_duration = [left, right].iter().any(|side| matches!(side, FieldValue::Duration(_)));
    if is_duration && result.is_finite() && result.abs() < 9.2e18 {
        return FieldValue::Duration(result.round() as i64);
    }
    FieldValue::Float(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_in_go() {
        for (nanoseconds, expected) in [
            (0, "0s"),
            (15, "15ns"),
            (1_500, "1.5µs"),
            (20_000_000, "20ms"),
            (-1_500_000_000, "-1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(nanoseconds), expected);
        }
    }

    #[test]
    fn lists_match_by_any_and_differ_by_all() {
        let list = FieldValue::List(vec![FieldValue::Integer(1), FieldValue::Integer(5)]);
        let is = |operator, value: i64| compare(operator, &list, &FieldValue::Integer(value));
        assert!(is(Operator::Equal, 5) && is(Operator::Less, 2) && is(Operator::NotEqual, 3));
        assert!(!is(Operator::NotEqual, 5) && !is(Operator::Equal, 2));
        assert!(compare(Operator::NotEqual, &list, &FieldValue::Nil));
        assert!(!compare(Operator::NotEqual, &FieldValue::Nil, &FieldValue::Integer(1)));
    }

    #[test]
    fn arithmetic_never_panics() {
        for operator in [Operator::Divide, Operator::Modulo, Operator::Multiply, Operator::Power] {
            for (a, b) in [(i64::MIN, -1), (1, 0), (i64::MAX, i64::MAX)] {
                calculate(operator, &FieldValue::Integer(a), &FieldValue::Integer(b));
                calculate(operator, &FieldValue::Duration(a), &FieldValue::Duration(b));
            }
        }
    }
}
