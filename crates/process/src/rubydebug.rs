//! An event as the `rubydebug` codec prints it.

use vigie_model::event::{Event, Object, Value};

use crate::text;

const INDENT: usize = 4;

/// The event, with aligned keys, without `@metadata` unless it is asked for.
pub fn rubydebug(event: &Event, shows_metadata: bool) -> String {
    let mut out = String::new();
    if shows_metadata && !event.metadata.is_empty() {
        let mut fields = event.fields.clone();
        fields.insert("@metadata", Value::Object(event.metadata.clone()));
        object(&fields, 0, &mut out);
    } else {
        object(&event.fields, 0, &mut out);
    }
    out
}

fn object(members: &Object, depth: usize, out: &mut String) {
    if members.is_empty() {
        out.push_str("{}");
        return;
    }
    let inner = (depth + 1) * INDENT;
    let longest = members.iter().map(|(key, _)| key.chars().count() + 2).max().unwrap_or(0);
    out.push_str("{\n");
    for (at, (key, value)) in members.iter().enumerate() {
        if at > 0 {
            out.push_str(",\n");
        }
        out.push_str(&format!("{:>width$} => ", inspected(key), width = inner + longest));
        one(value, depth + 1, out);
    }
    out.push_str(&format!("\n{}}}", " ".repeat(depth * INDENT)));
}

fn list(items: &[Value], depth: usize, out: &mut String) {
    if items.is_empty() {
        out.push_str("[]");
        return;
    }
    let width = (items.len() - 1).to_string().len();
    out.push_str("[\n");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(",\n");
        }
        out.push_str(&format!("{}[{at:>width$}] ", " ".repeat((depth + 1) * INDENT)));
        one(item, depth + 1, out);
    }
    out.push_str(&format!("\n{}]", " ".repeat(depth * INDENT)));
}

fn one(value: &Value, depth: usize, out: &mut String) {
    match value {
        _ if depth > 100 => out.push_str("..."),
        Value::Null => out.push_str("nil"),
        Value::String(text) => out.push_str(&inspected(text)),
        Value::List(items) => list(items, depth, out),
        Value::Object(members) => object(members, depth, out),
        // Times stand without quotes, numbers as they are.
        other => out.push_str(&text::of_value(other)),
    }
}

/// A text as Ruby's `inspect` writes it.
fn inspected(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{1b}' => out.push_str("\\e"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
