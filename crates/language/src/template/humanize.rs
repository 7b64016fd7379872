//! Numbers, durations and times for people: `humanize` and its kin.

use super::format::general;
use super::time::Time;
use super::value::Value;
use crate::promql::go_quote;

type Result = std::result::Result<String, String>;

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// A number, or text that is one.
pub(super) fn number(value: &Value) -> std::result::Result<f64, String> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Duration(nanoseconds) => Ok(*nanoseconds as f64 / 1e9),
        Value::Text(text) => text
            .parse()
            .map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", go_quote(text))),
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

/// Four significant digits.
fn four(value: f64) -> String {
    general(value, Some(4), 'e', false)
}

/// Steps down by a thousand until the number is at least one.
fn shrunk(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    (value, prefix)
}

/// Steps up by the unit as long as the number is as large.
fn grown(mut value: f64, unit: f64, prefixes: [&'static str; 8]) -> (f64, &'static str) {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < unit {
            break;
        }
        prefix = next;
        value /= unit;
    }
    (value, prefix)
}

pub(super) fn humanize(value: &Value) -> Result {
    let value = number(value)?;
    if value == 0.0 || !value.is_finite() {
        return Ok(four(value));
    }
    let (value, prefix) = if value.abs() >= 1.0 {
        grown(value, 1000.0, ["k", "M", "G", "T", "P", "E", "Z", "Y"])
    } else {
        shrunk(value)
    };
    Ok(format!("{}{prefix}", four(value)))
}

pub(super) fn humanize_1024(value: &Value) -> Result {
    let value = number(value)?;
    if value.abs() <= 1.0 || !value.is_finite() {
        return Ok(four(value));
    }
    let (value, prefix) = grown(value, 1024.0, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]);
    Ok(format!("{}{prefix}", four(value)))
}

pub(super) fn humanize_duration(value: &Value) -> Result {
    let value = number(value)?;
    if !value.is_finite() {
        return Ok(four(value));
    }
    if value == 0.0 {
        return Ok(format!("{}s", four(value)));
    }
    if value.abs() < 1.0 {
        let (value, prefix) = shrunk(value);
        return Ok(format!("{}{prefix}s", four(value)));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let magnitude = value.abs();
    let whole = magnitude as i64;
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    Ok(match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", four(magnitude)),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, ..) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    })
}

pub(super) fn humanize_percentage(value: &Value) -> Result {
    Ok(format!("{}%", four(number(value)? * 100.0)))
}

pub(super) fn humanize_timestamp(value: &Value) -> Result {
    let value = number(value)?;
    if !value.is_finite() {
        return Ok(four(value));
    }
    Ok(time(value)?.to_string())
}

/// Seconds since 1970 as a time, to the millisecond.
pub(super) fn time(seconds: f64) -> std::result::Result<Time, String> {
    if !seconds.is_finite() {
        return Err("value is NaN or Inf".to_owned());
    }
    let nanoseconds = seconds * 1e9;
    if !(-9.223_372_036_854_775e18..=9.223_372_036_854_775e18).contains(&nanoseconds) {
        return Err(format!(
            "{} cannot be represented as a nanoseconds timestamp since it overflows int64",
            super::format::shortest(seconds)
        ));
    }
    Ok(Time::from_unix_ms((nanoseconds as i64) / 1_000_000))
}
