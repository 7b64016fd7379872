//! A trace in Jaeger's own JSON: spans by reference to their processes, times in microseconds.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value, json};
use vigie_model::span::{SpanKind, StatusCode, TraceId};
use vigie_query::traces::{SpanAttribute, TraceLink, TraceSpan};

/// The trace of these spans.
pub(super) fn trace(id: TraceId, spans: &[TraceSpan]) -> Value {
    let mut processes = Map::new();
    let mut keys: HashMap<(&str, String), String> = HashMap::new();
    let mut out = Vec::with_capacity(spans.len());
    for span in spans {
        let tags = tags_of(&span.resource);
        let known = keys.len();
        let key = keys.entry((&span.service, tags.to_string())).or_insert_with(|| {
            let key = format!("p{}", known + 1);
            processes.insert(key.clone(), json!({"serviceName": span.service, "tags": tags}));
            key
        });
        out.push(span_json(span, key));
    }
    json!({"traceID": id_text(id), "spans": out, "processes": processes, "warnings": null})
}

/// Jaeger writes 64-bit ids with 16 digits.
fn id_text(id: TraceId) -> String {
    let text = id.to_string();
    match text.strip_prefix("0000000000000000") {
        Some(short) => short.to_owned(),
        None => text,
    }
}

fn span_json(span: &TraceSpan, process: &str) -> Value {
    let mut references = Vec::new();
    if !span.parent_span_id.is_none() {
        references.push(json!({
            "refType": "CHILD_OF",
            "traceID": id_text(span.trace_id),
            "spanID": span.parent_span_id.to_string(),
        }));
    }
    for link in &span.links {
        references.push(json!({
            "refType": if is_child_of(link) { "CHILD_OF" } else { "FOLLOWS_FROM" },
            "traceID": id_text(link.trace_id),
            "spanID": link.span_id.to_string(),
        }));
    }
    let logs: Vec<Value> = span
        .events
        .iter()
        .map(|event| {
            let mut fields = Vec::new();
            if !event.name.is_empty() {
                fields.push(tag("event", &Value::from(event.name.as_str())));
            }
            fields.extend(event.attributes.iter().map(|(key, value)| tag(key, value)));
            json!({"timestamp": event.time_ns / 1_000, "fields": fields})
        })
        .collect();
    json!({
        "traceID": id_text(span.trace_id),
        "spanID": span.span_id.to_string(),
        "operationName": span.name,
        "references": references,
        "startTime": span.start_ns / 1_000,
        "duration": span.duration_ns / 1_000,
        "tags": span_tags(span).iter().map(|(key, value)| tag(key, value)).collect::<Vec<_>>(),
        "logs": logs,
        "processID": process,
        "warnings": null,
    })
}

/// Whether Jaeger's client meant a further parent by this link.
pub(super) fn is_child_of(link: &TraceLink) -> bool {
    let kind = link.attributes.iter().find(|(key, _)| key == "opentracing.ref_type");
    kind.is_some_and(|(_, value)| value == "child_of")
}

/// Attributes, and what OpenTelemetry keeps as fields under the names that Jaeger has for it.
pub(super) fn span_tags(span: &TraceSpan) -> Vec<(&str, Cow<'_, Value>)> {
    let mut tags: Vec<(&str, Cow<'_, Value>)> =
        span.attributes.iter().map(|(key, value)| (key.as_str(), Cow::Borrowed(value))).collect();
    let has = |name: &str| span.attributes.iter().any(|(key, _)| key == name);
    let mut text = |key, value: &str| tags.push((key, Cow::Owned(Value::from(value))));
    if !span.scope_name.is_empty() {
        text("otel.scope.name", &span.scope_name);
    }
    if !span.scope_version.is_empty() {
        text("otel.scope.version", &span.scope_version);
    }
    if span.kind != SpanKind::Unspecified && !has("span.kind") {
        text("span.kind", span.kind.name());
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => text("otel.status_code", "OK"),
        StatusCode::Error => text("otel.status_code", "ERROR"),
    }
    if !span.status_message.is_empty() {
        text("otel.status_description", &span.status_message);
    }
    if !span.trace_state.is_empty() {
        text("w3c.tracestate", &span.trace_state);
    }
    if span.status == StatusCode::Error && !has("error") {
        tags.push(("error", Cow::Owned(Value::from(true))));
    }
    tags
}

fn tags_of(attributes: &[SpanAttribute]) -> Value {
    Value::Array(attributes.iter().map(|(key, value)| tag(key, value)).collect())
}

fn tag(key: &str, value: &Value) -> Value {
    let (kind, value) = match value {
        Value::Bool(_) => ("bool", value.clone()),
        Value::Number(number) if number.is_f64() => ("float64", value.clone()),
        Value::Number(_) => ("int64", value.clone()),
        Value::String(_) => ("string", value.clone()),
        other => ("string", Value::from(other.to_string())),
    };
    json!({"key": key, "type": kind, "value": value})
}
