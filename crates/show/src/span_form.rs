//! Spans in OTLP's form, as JSON and as protobuf, for the APIs that answer in it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vigie_formats::protobuf::Writer as _;
use vigie_query::traces::{SpanAttribute, TraceSpan};

/// How JSON writes ids and the names of enumerations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonForm {
    /// As OTLP says: hexadecimal digits and numbers.
    Otlp,
    /// As Go's generic printer writes protobuf, and Tempo with it: base64 and names.
    Tempo,
}

/// Spans that share a resource and a scope.
struct Group<'a> {
    first: &'a TraceSpan,
    spans: Vec<&'a TraceSpan>,
}

fn groups(spans: &[TraceSpan]) -> Vec<Group<'_>> {
    let mut places: BTreeMap<(&str, String, &str, &str), usize> = BTreeMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for span in spans {
        let resource = format!("{:?}", span.resource);
        let key = (span.service.as_str(), resource, &span.scope_name[..], &span.scope_version[..]);
        let at = *places.entry(key).or_insert_with(|| {
            groups.push(Group { first: span, spans: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.spans.push(span);
        }
    }
    groups
}

/// The list of `ResourceSpans`.
pub(crate) fn resource_spans_json(spans: &[TraceSpan], form: JsonForm) -> Value {
    let group = |group: Group<'_>| {
        let mut resource = vec![pair("service.name", &Value::from(group.first.service.as_str()))];
        resource.extend(group.first.resource.iter().map(|(key, value)| pair(key, value)));
        let spans: Vec<Value> = group.spans.iter().map(|span| span_json(span, form)).collect();
        json!({
            "resource": {"attributes": resource},
            "scopeSpans": [{
                "scope": {
                    "name": group.first.scope_name,
                    "version": group.first.scope_version,
                },
                "spans": spans,
            }],
        })
    };
    Value::Array(groups(spans).into_iter().map(group).collect())
}

fn id(bytes: &[u8], form: JsonForm) -> String {
    match form {
        JsonForm::Tempo => STANDARD.encode(bytes),
        JsonForm::Otlp => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn end_ns(span: &TraceSpan) -> u64 {
    span.start_ns.max(0).unsigned_abs().saturating_add(span.duration_ns)
}

fn span_json(span: &TraceSpan, form: JsonForm) -> Value {
    let attributes = |list: &[SpanAttribute]| -> Vec<Value> {
        list.iter().map(|(key, value)| pair(key, value)).collect()
    };
    let (kind, code) = match form {
        JsonForm::Otlp => (json!(span.kind as u8), json!(span.status as u8)),
        JsonForm::Tempo => {
            let kind = match span.kind.name() {
                "" => "UNSPECIFIED".to_owned(),
                name => name.to_ascii_uppercase(),
            };
            let code = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
            let code = code.get(span.status as usize).copied().unwrap_or_default();
            (json!(format!("SPAN_KIND_{kind}")), json!(code))
        }
    };
    let events = span.events.iter().map(|event| {
        json!({
            "timeUnixNano": event.time_ns.to_string(),
            "name": event.name,
            "attributes": attributes(&event.attributes),
        })
    });
    let links = span.links.iter().map(|link| {
        json!({
            "traceId": id(&link.trace_id.0, form),
            "spanId": id(&link.span_id.0, form),
            "traceState": link.trace_state,
            "attributes": attributes(&link.attributes),
        })
    });
    let mut out = json!({
        "traceId": id(&span.trace_id.0, form),
        "spanId": id(&span.span_id.0, form),
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": end_ns(span).to_string(),
        "attributes": attributes(&span.attributes),
        "status": {"code": code, "message": span.status_message},
        "events": events.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
    });
    if let Value::Object(fields) = &mut out {
        if !span.parent_span_id.is_none() {
            let parent = id(&span.parent_span_id.0, form);
            fields.insert("parentSpanId".to_owned(), json!(parent));
        }
        if !span.trace_state.is_empty() {
            fields.insert("traceState".to_owned(), json!(span.trace_state));
        }
        if span.flags != 0 {
            fields.insert("flags".to_owned(), json!(span.flags));
        }
    }
    out
}

fn pair(key: &str, value: &Value) -> Value {
    json!({"key": key, "value": any_value(value)})
}

/// OTLP's wrapped value.
pub(crate) fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(any_value).collect::<Vec<_>>()}})
        }
        Value::Object(fields) => {
            let pairs: Vec<Value> = fields.iter().map(|(key, value)| pair(key, value)).collect();
            json!({"kvlistValue": {"values": pairs}})
        }
    }
}

/// `TracesData`, which Tempo's `Trace` equals on the wire.
pub(crate) fn traces_data(spans: &[TraceSpan]) -> Vec<u8> {
    let mut out = Vec::new();
    for group in groups(spans) {
        out.put_message(1, |of_resource: &mut Vec<u8>| {
            of_resource.put_message(1, |resource: &mut Vec<u8>| {
                put_pair(resource, 1, "service.name", &Value::from(group.first.service.as_str()));
                put_pairs(resource, 1, &group.first.resource);
            });
            of_resource.put_message(2, |of_scope: &mut Vec<u8>| {
                of_scope.put_message(1, |scope: &mut Vec<u8>| {
                    scope.put_text_unless_default(1, &group.first.scope_name);
                    scope.put_text_unless_default(2, &group.first.scope_version);
                });
                for span in &group.spans {
                    of_scope.put_message(2, |message: &mut Vec<u8>| put_span(message, span));
                }
            });
        });
    }
    out
}

fn put_fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    out.put_varint(u64::from(field << 3 | 1));
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    out.put_varint(u64::from(field << 3 | 5));
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_span(out: &mut Vec<u8>, span: &TraceSpan) {
    out.put_bytes(1, &span.trace_id.0);
    out.put_bytes(2, &span.span_id.0);
    out.put_text_unless_default(3, &span.trace_state);
    if !span.parent_span_id.is_none() {
        out.put_bytes(4, &span.parent_span_id.0);
    }
    out.put_text_unless_default(5, &span.name);
    out.put_uint_unless_default(6, span.kind as u64);
    put_fixed64(out, 7, span.start_ns.max(0).unsigned_abs());
    put_fixed64(out, 8, end_ns(span));
    put_pairs(out, 9, &span.attributes);
    for event in &span.events {
        out.put_message(11, |message: &mut Vec<u8>| {
            put_fixed64(message, 1, event.time_ns);
            message.put_text_unless_default(2, &event.name);
            put_pairs(message, 3, &event.attributes);
        });
    }
    for link in &span.links {
        out.put_message(13, |message: &mut Vec<u8>| {
            message.put_bytes(1, &link.trace_id.0);
            message.put_bytes(2, &link.span_id.0);
            message.put_text_unless_default(3, &link.trace_state);
            put_pairs(message, 4, &link.attributes);
        });
    }
    out.put_message(15, |message: &mut Vec<u8>| {
        message.put_text_unless_default(2, &span.status_message);
        message.put_uint_unless_default(3, span.status as u64);
    });
    if span.flags != 0 {
        put_fixed32(out, 16, span.flags);
    }
}

fn put_pairs(out: &mut Vec<u8>, field: u32, attributes: &[SpanAttribute]) {
    for (key, value) in attributes {
        put_pair(out, field, key, value);
    }
}

fn put_pair(out: &mut Vec<u8>, field: u32, key: &str, value: &Value) {
    out.put_message(field, |pair: &mut Vec<u8>| {
        pair.put_bytes(1, key.as_bytes());
        pair.put_message(2, |any: &mut Vec<u8>| put_value(any, value));
    });
}

/// Values come from the store, which bounds how deep they are.
fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.put_uint(2, u64::from(*flag)),
        Value::Number(number) => match number.as_i64().filter(|_| !number.is_f64()) {
            Some(integer) => out.put_uint(3, integer.cast_unsigned()),
            None => out.put_double(4, number.as_f64().unwrap_or(0.0)),
        },
        Value::String(text) => out.put_bytes(1, text.as_bytes()),
        Value::Array(items) => out.put_message(5, |list: &mut Vec<u8>| {
            for item in items {
                list.put_message(1, |any: &mut Vec<u8>| put_value(any, item));
            }
        }),
        Value::Object(fields) => out.put_message(6, |list: &mut Vec<u8>| {
            for (key, value) in fields {
                put_pair(list, 1, key, value);
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use vigie_formats::otlp::decode_traces;
    use vigie_model::span::{SpanBatch, SpanId, SpanKind, StatusCode, TraceId};

    use super::*;

    #[test]
    fn what_is_written_is_what_otlp_reads() {
        let span = TraceSpan {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            parent_span_id: SpanId([3; 8]),
            service: "web".to_owned(),
            name: "GET /".to_owned(),
            kind: SpanKind::Server,
            status: StatusCode::Error,
            status_message: "why".to_owned(),
            start_ns: 1_000,
            duration_ns: 50,
            scope_name: "lib".to_owned(),
            attributes: vec![
                ("n".to_owned(), json!(-5)),
                ("f".to_owned(), json!(5.0)),
                ("list".to_owned(), json!(["a", 1])),
            ],
            ..TraceSpan::default()
        };
        let mut batch = SpanBatch::new();
        let message = traces_data(&[span.clone(), span]);
        decode_traces(&message, &mut batch).unwrap();
        assert_eq!((batch.spans.len(), batch.resources.len()), (2, 1));
        let read = &batch.spans[1];
        assert_eq!(batch.service_of(read), "web");
        assert_eq!(batch.text(read.name), "GET /");
        assert_eq!((read.start_ns, read.duration_ns), (1_000, 50));
        assert_eq!((read.kind, read.status), (SpanKind::Server, StatusCode::Error));
        assert_eq!(batch.text(read.status_message), "why");
        assert_eq!(batch.attributes_of(&read.attributes).len(), 3);
    }
}
