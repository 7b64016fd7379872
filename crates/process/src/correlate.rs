//! Ids that tie lines of logs to traces and requests, in whatever field they come.

use vigie_model::event::{Event, Object, Value};
use vigie_model::span::{SpanId, TraceId};

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
    // Istio's tag of spans.
    ("guidxrequestid", REQUEST),
];

/// Names of fields that hold a trace and more.
const CONTEXTS: [&str; 4] = ["traceparent", "ubertraceid", "b3", "xamzntraceid"];

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
                if CONTEXTS.contains(&plain.as_str()) {
                    if let Some(context) = trace_context(id) {
                        note("traceid", "", &context.trace, found);
                        context.span.iter().for_each(|span| note("spanid", "", span, found));
                    }
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
        // Ids of 64 bits are those of the same trace that the store has with 128.
        let id = if name == TRACE && is_hex(id, 16) { format!("{id:0>32}") } else { id.to_owned() };
        found.push((name, id));
    }
}

/// A trace and perhaps a span, in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// 32 digits.
    pub trace: String,
    /// 16 digits.
    pub span: Option<String>,
}

/// Reads whatever names a trace: an id of 1 to 32 digits, with the marks of a UUID or without;
/// W3C's `traceparent`; B3's single header; Jaeger's `uber-trace-id`; Amazon's `X-Amzn-Trace-Id`.
pub fn trace_context(text: &str) -> Option<TraceContext> {
    let text = text.trim();
    if text.len() > ID_BYTES_MAX {
        return None;
    }
    if let Some(root) = text.split(';').find_map(|part| part.trim().strip_prefix("Root=1-")) {
        return context(&root.replace('-', ""), None);
    }
    let colons: Vec<&str> = text.split(':').collect();
    if let [trace, span, _, _] = colons.as_slice() {
        return context(trace, Some(span));
    }
    let dashes: Vec<&str> = text.split('-').collect();
    match dashes.as_slice() {
        [trace] => context(trace, None),
        [version, trace, span, _, ..] if version.len() == 2 && trace.len() == 32 => {
            context(trace, Some(span))
        }
        // A UUID.
        [a, _, _, _, e] if a.len() == 8 && e.len() == 12 => context(&dashes.concat(), None),
        [trace, span, ..] if matches!(trace.len(), 16 | 32) => context(trace, Some(span)),
        _ => None,
    }
}

fn context(trace: &str, span: Option<&str>) -> Option<TraceContext> {
    let trace = TraceId::parse(trace).filter(|id| !id.is_none())?;
    let span = match span {
        Some(span) => Some(SpanId::parse(span)?.to_string()),
        None => None,
    };
    Some(TraceContext { trace: trace.to_string(), span })
}

/// Which id a field holds by its dotted path: `trace_id`, `span_id`, `correlation_id`,
/// `request_id`, or none of these.
pub fn id_of_field(path: &str) -> Option<&'static str> {
    let mut parts = path.rsplit('.');
    let last = normal(parts.next()?);
    let joined = parts.next().map(|parent| format!("{}{last}", normal(parent)));
    if CONTEXTS.contains(&last.as_str()) {
        return Some(TRACE);
    }
    let known = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map(|(_, is)| *is);
    known(&last).or_else(|| joined.as_deref().and_then(known))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
            (
                r#"{"b3":"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90"}"#,
                r#""trace_id":"80f198ee56343ba864fe8b2a57d3eff7","span_id":"e457b5a2e4d86bd1""#,
            ),
            (
                r#"{"uber-trace-id":"5abc2f1d:7b:0:1"}"#,
                r#""trace_id":"0000000000000000000000005abc2f1d","span_id":"000000000000007b""#,
            ),
            (
                r#"{"X-Amzn-Trace-Id":"Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793"}"#,
                r#""trace_id":"5759e988bd862e3fe1be46a994272793""#,
            ),
            (
                r#"{"X-B3-TraceId":"463ac35c9f6413ad"}"#,
                r#""trace_id":"0000000000000000463ac35c9f6413ad""#,
            ),
            (r#"{"guid:x-request-id":"q"}"#, r#""request_id":"q""#),
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

    #[test]
    fn traces_are_named_in_many_ways() {
        let read = |text| trace_context(text).map(|found| (found.trace, found.span));
        let id = "0af7651916cd43dd8448eb211c80319c".to_owned();
        let span = Some("b7ad6b7169203331".to_owned());
        for (text, expected) in [
            ("0AF7651916CD43DD8448EB211C80319C", Some((id.clone(), None))),
            ("0af76519-16cd-43dd-8448-eb211c80319c", Some((id.clone(), None))),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                Some((id.clone(), span.clone())),
            ),
            ("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-d", Some((id.clone(), span))),
            ("7b", Some((format!("{:0>32}", "7b"), None))),
            ("", None),
            ("0", None),
            ("hello", None),
            ("1-2-3", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        for (path, expected) in [
            ("trace.id", Some(TRACE)),
            ("http.headers.x-b3-traceid", Some(TRACE)),
            ("labels.traceparent", Some(TRACE)),
            ("span_id", Some(SPAN)),
            ("x_request_id", Some(REQUEST)),
            ("id", None),
            ("backtrace.ids", None),
        ] {
            assert_eq!(id_of_field(path), expected, "{path}");
        }
    }
}
