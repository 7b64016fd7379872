//! Ids that tie lines of logs to traces and requests, in whatever field they come.

use vigie_model::event::{Event, Object, Value};

/// Objects are searched no deeper.
const DEPTH_MAX: usize = 4;
/// An id is no longer.
const ID_BYTES_MAX: usize = 256;

/// What an id is called at the root of the event.
const TRACE: &str = "trace_id";
const SPAN: &str = "span_id";
const CORRELATION: &str = "correlation_id";
const REQUEST: &str = "request_id";

/// Names of fields, in small letters and without marks, and what they hold.
const NAMES: [(&str, &str); 18] = [
    ("traceid", TRACE),
    ("xtraceid", TRACE),
    ("xb3traceid", TRACE),
    ("ddtraceid", TRACE),
    ("oteltraceid", TRACE),
    ("ubertraceid", TRACE),
    ("spanid", SPAN),
    ("xspanid", SPAN),
    ("xb3spanid", SPAN),
    ("ddspanid", SPAN),
    ("otelspanid", SPAN),
    ("correlationid", CORRELATION),
    ("xcorrelationid", CORRELATION),
    ("requestid", REQUEST),
    ("xrequestid", REQUEST),
    ("reqid", REQUEST),
    ("xamznrequestid", REQUEST),
    ("httprequestid", REQUEST),
];

/// Puts the ids that are found into `trace_id`, `span_id`, `correlation_id` and `request_id` at the
/// root, where there are none yet. The fields that they came in stay.
pub fn correlate(event: &mut Event) {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    search(&event.fields, "", 0, &mut found);
    for (name, id) in found {
        if event.fields.get(name).is_none() {
            event.fields.push(name, Value::String(id));
        }
    }
}

fn search(object: &Object, parent: &str, depth: usize, found: &mut Vec<(&'static str, String)>) {
    for (key, value) in object.iter() {
        let plain = normal(key);
        match value {
            Value::Object(inner) if depth < DEPTH_MAX => search(inner, &plain, depth + 1, found),
            Value::String(id) => {
                if plain == "traceparent" {
                    parent_of(id, found);
                } else if !id.is_empty() && id.len() <= ID_BYTES_MAX {
                    note(&plain, parent, id, found);
                }
            }
            Value::Integer(id) => note(&plain, parent, &id.to_string(), found),
            _ => {}
        }
    }
}

/// `{"trace": {"id": ...}}` is `trace_id` too.
fn note(key: &str, parent: &str, id: &str, found: &mut Vec<(&'static str, String)>) {
    let known = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map(|(_, is)| *is);
    let joined = format!("{parent}{key}");
    if let Some(name) = known(key).or_else(|| known(&joined))
        && !found.iter().any(|(known, _)| *known == name)
    {
        // Jaeger's header holds the trace, the span and more.
        let id = if key == "ubertraceid" { id.split(':').next().unwrap_or(id) } else { id };
        found.push((name, id.to_owned()));
    }
}

/// W3C's header: `00-TRACE-SPAN-01`.
fn parent_of(header: &str, found: &mut Vec<(&'static str, String)>) {
    let parts: Vec<&str> = header.split('-').collect();
    let [_, trace, span, _] = parts.as_slice() else { return };
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if is_hex(trace, 32) && is_hex(span, 16) {
        note("traceid", "", trace, found);
        note("spanid", "", span, found);
    }
}

fn normal(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{event_of_json, json};

    #[test]
    fn ids_are_found_wherever_they_are() {
        for (document, expected) in [
            (r#"{"X-Trace-Id":"a"}"#, r#""trace_id":"a""#),
            (r#"{"trace":{"id":"a"},"span":{"id":"b"}}"#, r#""trace_id":"a","span_id":"b""#),
            (r#"{"http":{"headers":{"x-request-id":"r"}}}"#, r#""request_id":"r""#),
            (r#"{"dd.trace_id":123}"#, r#""trace_id":"123""#),
            (r#"{"correlationId":"c"}"#, r#""correlation_id":"c""#),
            (
                r#"{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#,
                r#""trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331""#,
            ),
            (r#"{"trace_id":"kept","X-Trace-Id":"other"}"#, r#""trace_id":"kept""#),
        ] {
            let mut event = event_of_json(document, 0);
            correlate(&mut event);
            let out = json(&event);
            assert!(out.contains(expected), "{out}");
            assert!(out.matches("\"trace_id\"").count() <= 1, "{out}");
        }
        let mut event = event_of_json(r#"{"id":"x","identity":"y","n":{"id":"z"}}"#, 0);
        let before = event.clone();
        correlate(&mut event);
        assert_eq!(event, before);
    }
}
