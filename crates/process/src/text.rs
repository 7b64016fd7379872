//! Values as text, and texts with fields in them.

use jiff::tz::TimeZone;
use vigie_language::logstash::{Piece, Sprintf};
use vigie_model::event::{Event, Value, write_value_json};

use crate::field;

/// A value as Ruby's `to_s` writes it in `%{field}`: lists joined by commas, objects as JSON.
pub(crate) fn of_value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => float(*number),
        Value::String(text) => text.clone(),
        Value::Time(time_ns) => time(*time_ns),
        Value::List(list) => list.iter().map(of_value).collect::<Vec<_>>().join(","),
        Value::Object(_) => json(value),
    }
}

/// As JSON.
pub(crate) fn json(value: &Value) -> String {
    let mut out = Vec::new();
    write_value_json(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// As Java writes a double: `1.0`, `1.0E10`.
fn float(number: f64) -> String {
    let plain = (1e-3..1e7).contains(&number.abs()) || number == 0.0 || !number.is_finite();
    if plain {
        return format!("{number:?}");
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}E{exponent}")
}

/// A moment in ISO 8601 with milliseconds.
pub(crate) fn time(time_ns: i64) -> String {
    let mut out = Vec::with_capacity(32);
    let digits = match time_ns {
        ns if ns % 1_000_000 == 0 => 3,
        ns if ns % 1_000 == 0 => 6,
        _ => 9,
    };
    let format = vigie_model::TimeFormat::from_code(digits).unwrap_or_default();
    vigie_model::write_time_text(time_ns, format, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Puts a text together for an event.
pub(crate) fn render(template: &Sprintf, event: &Event, now_ns: i64) -> String {
    if let [Piece::Literal(text)] = template.pieces() {
        return text.clone();
    }
    let mut out = String::new();
    for piece in template.pieces() {
        match piece {
            Piece::Literal(text) => out.push_str(text),
            Piece::Field(reference, raw) => match field::get(event, reference) {
                Some(Value::Null) | None => {
                    out.push_str("%{");
                    out.push_str(raw);
                    out.push('}');
                }
                Some(value) => out.push_str(&of_value(value)),
            },
            Piece::Now => out.push_str(&time(now_ns)),
            dated => {
                if let Some(time_ns) = event.time_ns() {
                    out.push_str(&date(dated, time_ns));
                }
            }
        }
    }
    out
}

fn date(piece: &Piece, time_ns: i64) -> String {
    let time_ms = time_ns.div_euclid(1_000_000);
    match piece {
        Piece::EpochSeconds => time_ms.div_euclid(1_000).to_string(),
        Piece::Joda(pattern) => pattern.write(time_ms, &TimeZone::UTC),
        Piece::Java(format) => format.write(time_ms, &TimeZone::UTC),
        _ => String::new(),
    }
}

/// Ruby's `to_i`: the digits that a text begins with, or zero.
pub(crate) fn to_integer(text: &str) -> i64 {
    let text = text.trim_start().replace('_', "");
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let value = digits.get(..length).unwrap_or_default().parse::<i64>().unwrap_or(0);
    if text.starts_with('-') { -value } else { value }
}

/// Ruby's `to_f`: the number that a text begins with, or zero.
pub(crate) fn to_float(text: &str) -> f64 {
    let text = text.trim_start();
    let longest = text.len().min(64);
    (1..=longest)
        .rev()
        .filter_map(|end| text.get(..end))
        .find_map(|head| {
            let is_number = head.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
                && head.ends_with(|c: char| c.is_ascii_digit());
            if is_number { head.parse().ok() } else { None }
        })
        .unwrap_or(0.0)
}
