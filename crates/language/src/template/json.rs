//! Values as JSON, in the form of Go's `encoding/json`.

use super::exec::TEXT_BYTES_MAX;
use super::value::{Struct, Value};

/// The value's JSON; numbers that JSON does not have are an error.
pub(super) fn encode(value: &Value) -> Result<String, String> {
    let mut text = String::new();
    push(&mut text, value)?;
    Ok(text)
}

fn push(text: &mut String, value: &Value) -> Result<(), String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("json: more than {TEXT_BYTES_MAX} bytes"));
    }
    match value {
        Value::Nil | Value::NilInterface => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number)
        | Value::Duration(number)
        | Value::Month(number)
        | Value::Weekday(number) => text.push_str(&number.to_string()),
        Value::Float(number) => push_float(text, *number)?,
        Value::Text(inner) | Value::Marked(_, inner) => push_text(text, inner),
        Value::Time(time) => {
            let written = time.format("2006-01-02T15:04:05.999999999Z07:00");
            push_text(text, &written);
        }
        Value::List(list) => {
            text.push('[');
            for (index, item) in list.items.iter().enumerate() {
                separate(text, index);
                push(text, item)?;
            }
            text.push(']');
        }
        Value::Map(map) => {
            text.push('{');
            for (index, (key, item)) in map.entries.iter().enumerate() {
                separate(text, index);
                push_text(text, key);
                text.push(':');
                push(text, item)?;
            }
            text.push('}');
        }
        Value::Struct(structure) => push_struct(text, structure)?,
    }
    Ok(())
}

fn push_struct(text: &mut String, structure: &Struct) -> Result<(), String> {
    let kind = structure.kind;
    let names = if kind.json_names.is_empty() { kind.fields } else { kind.json_names };
    text.push('{');
    let named = names.iter().zip(&structure.values).filter(|(name, _)| !name.is_empty());
    for (index, (name, value)) in named.enumerate() {
        separate(text, index);
        push_text(text, name);
        text.push(':');
        push(text, value)?;
    }
    text.push('}');
    Ok(())
}

fn separate(text: &mut String, index: usize) {
    if index > 0 {
        text.push(',');
    }
}

fn push_float(text: &mut String, number: f64) -> Result<(), String> {
    if !number.is_finite() {
        let name = super::format::shortest(number);
        return Err(format!("json: unsupported value: {name}"));
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let written = format!("{number:e}");
        let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        text.push_str(&format!("{mantissa}e{sign}{exponent}"));
    } else {
        text.push_str(&number.to_string());
    }
    Ok(())
}

/// Go escapes what could end a script element as well.
pub(super) fn push_text(text: &mut String, inner: &str) {
    text.push('"');
    for c in inner.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c if c < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
}
