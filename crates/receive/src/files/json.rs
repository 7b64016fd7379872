//! Lines that are JSON.

use vigie_formats::event_json::parse_json_object;
use vigie_language::filebeat::JsonRules;
use vigie_model::event::{Object, Value};

use super::chain::Line;

/// Reads the line's text as JSON; what is no object stays a text, and says so when it should.
pub(super) fn decode(line: &mut Line, rules: &JsonRules) {
    let mut object = match parse_json_object(line.text.as_bytes()) {
        Ok(object) => object,
        Err(error) => {
            if rules.add_error_key {
                let mut told = Object::new();
                told.push("message", Value::from(format!("Error decoding JSON: {error}")));
                told.push("type", Value::from("json"));
                line.fields.insert("error", Value::Object(told));
            }
            if !rules.ignore_decoding_error {
                tracing::debug!(%error, "a line is no JSON");
            }
            return;
        }
    };
    line.is_json = true;
    line.text = match &rules.message_key {
        // The message stays a field of the document; lines are chosen and joined by it.
        Some(key) => match object.get(key) {
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        },
        None => String::new(),
    };
    if rules.expand_keys {
        object = expand(object);
    }
    line.documents.push((rules.clone(), object));
}

/// Dotted keys as nested ones; what is in the way of one keeps its place.
fn expand(object: Object) -> Object {
    let mut expanded = Object::new();
    for (key, value) in object {
        let value = match value {
            Value::Object(inner) => Value::Object(expand(inner)),
            other => other,
        };
        put(&mut expanded, &key, value);
    }
    expanded
}

fn put(object: &mut Object, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        object.insert(path, value);
        return;
    };
    let slot = object.entry(first);
    if matches!(slot, Value::Null) {
        *slot = Value::Object(Object::new());
    }
    match slot {
        Value::Object(inner) => put(inner, rest, value),
        _ => {
            object.insert(path, value);
        }
    }
}
