//! Constants: Go's literals for numbers and characters.

use super::ast::Number;
use crate::promql::{go_quote, unescape};

/// The number a literal stands for, in every kind that can hold it.
pub(super) fn parse(text: &str) -> Result<Number, String> {
    if let Some(inside) = text.strip_prefix('\'') {
        return character(text, inside.strip_suffix('\'').unwrap_or(inside));
    }
    let plain = without_underscores(text)
        .ok_or_else(|| format!("illegal number syntax: {}", go_quote(text)))?;
    let unsigned = integer(&plain);
    let mut number = Number {
        text: text.into(),
        integer: signed(&plain),
        unsigned: unsigned.filter(|value| i64::try_from(*value).is_err()),
        float: None,
    };
    number.float = match (number.integer, number.unsigned) {
        (Some(value), _) => Some(value as f64),
        (None, Some(value)) => Some(value as f64),
        (None, None) => float(&plain),
    };
    if number.integer.is_some() || number.unsigned.is_some() {
        return Ok(number);
    }
    let Some(value) = number.float else {
        return Err(format!("illegal number syntax: {}", go_quote(text)));
    };
    if !plain.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", go_quote(text)));
    }
    // 1e3 can stand where an integer is wanted.
    if value.fract() == 0.0 && value.abs() < 9.2e18 {
        number.integer = Some(value as i64);
    }
    Ok(number)
}

fn character(text: &str, inside: &str) -> Result<Number, String> {
    let value = unescape(inside, '\'').map_err(|_| "invalid syntax".to_owned())?;
    let mut chars = value.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else {
        return Err(format!("malformed character constant: {text}"));
    };
    let value = i64::from(u32::from(c));
    let float = Some(value as f64);
    Ok(Number { text: text.into(), integer: Some(value), unsigned: None, float })
}

/// Underscores may stand between digits of an integer, as in Go.
fn without_underscores(text: &str) -> Option<String> {
    if !text.contains('_') {
        return Some(text.to_owned());
    }
    let bad = text.ends_with('_') || text.contains("__") || text.contains('.');
    (!bad).then(|| text.replace('_', ""))
}

/// Base, and the digits without its prefix.
fn base(text: &str) -> (u32, &str) {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.get(1).map(u8::to_ascii_lowercase)) {
        (Some(b'0'), Some(b'x')) => (16, text.get(2..).unwrap_or("")),
        (Some(b'0'), Some(b'o')) => (8, text.get(2..).unwrap_or("")),
        (Some(b'0'), Some(b'b')) => (2, text.get(2..).unwrap_or("")),
        (Some(b'0'), Some(b'0'..=b'9')) => (8, text.get(1..).unwrap_or("")),
        _ => (10, text),
    }
}

fn integer(text: &str) -> Option<u64> {
    let (base, digits) = base(text);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, base).ok()
}

fn signed(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let magnitude = integer(text.strip_prefix(['+', '-']).unwrap_or(text))?;
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        let value = hex_float(hex)?;
        return Some(if text.starts_with('-') { -value } else { value });
    }
    // Rust reads words such as "inf" as well, which the lexer never gives.
    if !lower.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// `1.8p3`, after the prefix: an exponent is required.
fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for c in whole.chars() {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let mut unit = 1.0;
    for c in fraction.chars() {
        unit /= 16.0;
        value += unit * f64::from(c.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    Some(value * 2f64.powi(exponent)).filter(|value| value.is_finite())
}
