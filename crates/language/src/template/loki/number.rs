//! Arithmetic on whatever can be a number: text that is none counts as 0, as in `sprig`.

use super::super::Value;

/// A whole number.
pub(super) fn integer_of(value: &Value) -> i64 {
    match value {
        Value::Int(value) | Value::Duration(value) => *value,
        Value::Float(value) => *value as i64,
        Value::Bool(value) => i64::from(*value),
        Value::Text(text) => {
            let text = text.trim();
            text.parse().unwrap_or_else(|_| text.parse::<f64>().map_or(0, |value| value as i64))
        }
        _ => 0,
    }
}

/// A number.
pub(super) fn float_of(value: &Value) -> f64 {
    match value {
        Value::Int(value) | Value::Duration(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(text) => text.trim().parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// The arguments one after another, as whole numbers.
pub(super) fn integers(arguments: &[Value], with: fn(i64, i64) -> i64) -> Value {
    Value::Int(arguments.iter().map(integer_of).reduce(with).unwrap_or(0))
}

/// The arguments one after another.
pub(super) fn floats(arguments: &[Value], with: fn(f64, f64) -> f64) -> Value {
    Value::Float(arguments.iter().map(float_of).reduce(with).unwrap_or(0.0))
}

/// As [`integers`], where the second must not be 0.
pub(super) fn divided(arguments: &[Value], with: fn(i64, i64) -> i64) -> Result<Value, String> {
    if arguments.get(1).map(integer_of) == Some(0) {
        return Err("integer divide by zero".to_owned());
    }
    Ok(integers(arguments, with))
}

/// `round number digits [threshold]`
pub(super) fn rounded(arguments: &[Value]) -> Value {
    let value = arguments.first().map_or(0.0, float_of);
    let digits = arguments.get(1).map_or(0, integer_of).clamp(-300, 300) as i32;
    let threshold = arguments.get(2).map_or(0.5, float_of);
    let scale = 10.0_f64.powi(digits);
    let scaled = value * scale;
    let whole = if scaled.fract().abs() >= threshold { scaled.ceil() } else { scaled.floor() };
    let rounded = whole / scale;
    Value::Float(if rounded.is_finite() { rounded } else { value })
}
