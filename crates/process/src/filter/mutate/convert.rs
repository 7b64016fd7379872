//! `convert`: to other types, as Ruby would.

use vigie_model::event::Value;

use crate::text;

/// What a value is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    String,
    Integer,
    Float,
    Boolean,
    IntegerEu,
    FloatEu,
}

impl Target {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "integer" => Self::Integer,
            "float" => Self::Float,
            "boolean" => Self::Boolean,
            "integer_eu" => Self::IntegerEu,
            "float_eu" => Self::FloatEu,
            _ => return None,
        })
    }

    /// The value, or each of a list; an object and nothing stay. None: it cannot be.
    pub(super) fn convert(self, value: Value) -> Option<Value> {
        Some(match value {
            Value::Object(_) | Value::Null => value,
            Value::List(items) => {
                let converted = items.into_iter().map(|item| match item {
                    Value::Null => Some(Value::Null),
                    item => self.one(item),
                });
                Value::List(converted.collect::<Option<_>>()?)
            }
            value => self.one(value)?,
        })
    }

    fn one(self, value: Value) -> Option<Value> {
        match self {
            Self::String => Some(Value::String(text::of_value(&value))),
            Self::Boolean => Some(to_boolean(value)),
            Self::Integer => to_integer(&value),
            Self::Float => to_float(&value),
            Self::IntegerEu => to_integer(&from_eu(value)),
            Self::FloatEu => to_float(&from_eu(value)),
        }
    }
}

/// `1.234,56` as `1,234.56`.
fn from_eu(value: Value) -> Value {
    let Value::String(text) = value else { return value };
    let swap = |c| match c {
        ',' => '.',
        '.' => ',',
        other => other,
    };
    Value::String(text.chars().map(swap).collect())
}

fn to_boolean(value: Value) -> Value {
    match text::of_value(&value).to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" | "1.0" => Value::Boolean(true),
        "" | "false" | "f" | "no" | "n" | "0" | "0.0" => Value::Boolean(false),
        // What is neither stays as it is.
        _ => value,
    }
}

fn to_integer(value: &Value) -> Option<Value> {
    Some(Value::Integer(match value {
        Value::Boolean(value) => i64::from(*value),
        Value::Integer(number) => *number,
        Value::Float(number) if number.is_finite() => *number as i64,
        Value::String(text) => {
            let plain = text.trim().replace(',', "");
            match hexadecimal(&plain) {
                Some(number) => number,
                None if plain.contains(['e', 'E']) && plain.parse::<f64>().is_ok() => {
                    text::to_float(&plain) as i64
                }
                None => text::to_integer(&plain),
            }
        }
        _ => return None,
    }))
}

fn to_float(value: &Value) -> Option<Value> {
    Some(Value::Float(match value {
        Value::Boolean(value) => f64::from(u8::from(*value)),
        Value::Integer(number) => *number as f64,
        Value::Float(number) => *number,
        Value::String(text) => {
            let plain = text.trim().replace(',', "");
            match hexadecimal(&plain) {
                Some(number) => number as f64,
                // Ruby's Float(): the whole text must be a number.
                None => plain.parse::<f64>().ok().filter(|number| number.is_finite())?,
            }
        }
        _ => return None,
    }))
}

fn hexadecimal(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))?;
    Some(sign * i64::from_str_radix(digits, 16).ok()?)
}
