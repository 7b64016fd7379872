//! Events as packed documents and as JSON.

use std::collections::BTreeMap;

use super::value::{Object, Value};
use super::{Event, TIMESTAMP};
use crate::log::{
    DOCUMENT_DEPTH_MAX, DocumentWriter, Scalar, TimeFormat, parse_any_time, write_json_text,
    write_time_text,
};

/// Longest dotted path of a field, in bytes; fields below a longer one are left out.
const PATH_BYTES_MAX: usize = 8 << 10;

/// Packs the document of `event` and gives its time: `@timestamp`'s, or `now_ns`. The depth of an
/// event is limited by whoever made it; what is deeper than a document may be is left out.
pub fn pack_event(event: &Event, now_ns: i64, writer: &mut DocumentWriter<'_>) -> i64 {
    let mut time_ns = now_ns;
    for (key, value) in event.fields.iter() {
        if key == TIMESTAMP {
            time_ns = pack_time(value, now_ns, writer);
        } else {
            pack_value(key, value, (1, key.len()), writer);
        }
    }
    time_ns
}

fn pack_time(value: &Value, now_ns: i64, writer: &mut DocumentWriter<'_>) -> i64 {
    match value {
        Value::Time(time_ns) => {
            writer.time(TIMESTAMP, time_format(*time_ns));
            *time_ns
        }
        Value::String(text) => {
            writer.string(TIMESTAMP, text);
            parse_any_time(text).unwrap_or(now_ns)
        }
        Value::Integer(ms) => {
            writer.number(TIMESTAMP, &ms.to_string());
            ms.saturating_mul(1_000_000)
        }
        other => {
            pack_value(TIMESTAMP, other, (1, TIMESTAMP.len()), writer);
            now_ns
        }
    }
}

/// Milliseconds, or as many digits as it takes.
fn time_format(time_ns: i64) -> TimeFormat {
    let digits = match time_ns {
        ns if ns % 1_000_000 == 0 => 3,
        ns if ns % 1_000 == 0 => 6,
        _ => 9,
    };
    TimeFormat::from_code(digits).unwrap_or_default()
}

fn pack_value(
    key: &str,
    value: &Value,
    (depth, path_bytes): (usize, usize),
    writer: &mut DocumentWriter<'_>,
) {
    if path_bytes > PATH_BYTES_MAX {
        return;
    }
    match value {
        Value::Object(object) => {
            if depth >= DOCUMENT_DEPTH_MAX {
                return;
            }
            writer.begin_object(key);
            for (name, value) in object.iter() {
                pack_value(name, value, (depth + 1, path_bytes + 1 + name.len()), writer);
            }
            writer.end_object();
        }
        Value::List(list) => pack_list(key, list, writer),
        scalar => with_scalar(scalar, |value| match value {
            Scalar::String(text) => writer.string(key, text),
            Scalar::Number(text) => writer.number(key, text),
            Scalar::Boolean(value) => writer.boolean(key, value),
            Scalar::Null => writer.null(key),
        }),
    }
}

fn pack_list(key: &str, list: &[Value], writer: &mut DocumentWriter<'_>) {
    if !list.iter().any(|item| matches!(item, Value::List(_) | Value::Object(_))) {
        writer.begin_list(key);
        for item in list {
            with_scalar(item, |value| writer.item(value));
        }
        writer.end_list();
        return;
    }
    let mut json = Vec::new();
    write_list_json(list, &mut json, 0);
    writer.raw(key, &String::from_utf8_lossy(&json));
    let mut found = BTreeMap::new();
    for item in list {
        collect(item, key, 0, &mut found);
    }
    for (path, items) in found {
        writer.begin_hidden(&path);
        for item in items {
            with_scalar(item, |value| writer.item(value));
        }
        writer.end_list();
    }
}

/// The scalars within a list, by path.
fn collect<'a>(
    value: &'a Value,
    path: &str,
    depth: usize,
    found: &mut BTreeMap<String, Vec<&'a Value>>,
) {
    match value {
        _ if depth > DOCUMENT_DEPTH_MAX || path.len() > PATH_BYTES_MAX => {}
        Value::List(list) => list.iter().for_each(|item| collect(item, path, depth + 1, found)),
        Value::Object(object) => object.iter().for_each(|(key, value)| {
            collect(value, &format!("{path}.{key}"), depth + 1, found);
        }),
        scalar => found.entry(path.to_owned()).or_default().push(scalar),
    }
}

/// Hands a scalar as its JSON; objects and lists are nothing here.
fn with_scalar(value: &Value, take: impl FnOnce(Scalar<'_>)) {
    match value {
        Value::Boolean(value) => take(Scalar::Boolean(*value)),
        Value::Integer(number) => take(Scalar::Number(&number.to_string())),
        Value::Float(number) => match float_text(*number) {
            Some(text) => take(Scalar::Number(&text)),
            None => take(Scalar::Null),
        },
        Value::String(text) => take(Scalar::String(text)),
        Value::Time(time_ns) => {
            let mut text = Vec::with_capacity(32);
            write_time_text(*time_ns, time_format(*time_ns), &mut text);
            take(Scalar::String(&String::from_utf8_lossy(&text)));
        }
        Value::Null | Value::List(_) | Value::Object(_) => take(Scalar::Null),
    }
}

/// JSON's text of a number; none for what JSON has no text for.
fn float_text(number: f64) -> Option<String> {
    if !number.is_finite() {
        return None;
    }
    let plain = (1e-5..1e16).contains(&number.abs()) || number == 0.0;
    Some(if plain { format!("{number:?}") } else { format!("{number:e}") })
}

/// Appends `value` as JSON. What is deeper than a document may be is null.
pub fn write_value_json(value: &Value, out: &mut Vec<u8>) {
    write_json(value, out, 0);
}

/// Appends `object` as JSON.
pub fn write_object_json(object: &Object, out: &mut Vec<u8>) {
    write_members(object, out, 0);
}

fn write_members(object: &Object, out: &mut Vec<u8>, depth: usize) {
    out.push(b'{');
    for (at, (key, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json_text(key, out);
        out.push(b':');
        write_json(value, out, depth + 1);
    }
    out.push(b'}');
}

fn write_list_json(list: &[Value], out: &mut Vec<u8>, depth: usize) {
    out.push(b'[');
    for (at, value) in list.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_json(value, out, depth + 1);
    }
    out.push(b']');
}

fn write_json(value: &Value, out: &mut Vec<u8>, depth: usize) {
    match value {
        _ if depth > DOCUMENT_DEPTH_MAX => out.extend_from_slice(b"null"),
        Value::Object(object) => write_members(object, out, depth),
        Value::List(list) => write_list_json(list, out, depth),
        scalar => with_scalar(scalar, |value| value.write_json(out)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{DocumentReader, write_document_json};

    fn json_of(event: &Event) -> (String, i64) {
        let mut bytes = Vec::new();
        let time_ns = pack_event(event, 7, &mut DocumentWriter::new(&mut bytes));
        assert!(DocumentReader::new(&bytes).is_well_formed());
        let mut out = Vec::new();
        write_document_json(DocumentReader::new(&bytes), time_ns, &mut out);
        (String::from_utf8(out).unwrap(), time_ns)
    }

    #[test]
    fn an_event_becomes_the_document_that_its_json_is() {
        let mut event = Event::of_message(1_700_000_000_123_000_000, "a \"b\"");
        let mut inner = Object::new();
        inner.push("n", Value::Integer(-3));
        inner.push("f", Value::Float(1.5));
        let list = vec![Value::Object(inner.clone()), Value::Null];
        event.fields.push("inner", Value::Object(inner));
        event.fields.push("list", Value::List(list));
        event.fields.push("words", Value::List(vec!["a".into(), true.into()]));
        let (packed, time_ns) = json_of(&event);
        assert_eq!(time_ns, 1_700_000_000_123_000_000);
        let mut direct = Vec::new();
        write_object_json(&event.fields, &mut direct);
        assert_eq!(packed, String::from_utf8(direct).unwrap());
        assert!(packed.starts_with("{\"@timestamp\":\"2023-11-14T22:13:20.123Z\""), "{packed}");
    }

    #[test]
    fn depth_is_bounded() {
        let mut value = Value::Integer(1);
        for _ in 0..500 {
            let mut object = Object::new();
            object.push("a", value);
            value = Value::Object(object);
        }
        let mut event = Event::default();
        event.fields.push("list", Value::List(vec![value.clone()]));
        event.fields.push("deep", value);
        assert_eq!(json_of(&event).1, 7);
    }

    #[test]
    fn numbers_are_json() {
        for (number, text) in [(1.0, "1.0"), (1e300, "1e300"), (0.1, "0.1"), (-2e-9, "-2e-9")] {
            assert_eq!(float_text(number).as_deref(), Some(text));
        }
        assert_eq!(float_text(f64::NAN), None);
    }
}
