//! A trace in Jaeger's own JSON: spans by reference to their processes, times in microseconds.
//!
//! Written straight from the spans: a large trace has a hundred thousand of them, and a tree of
//! values of its own would be several times the text.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::ser::{SerializeMap as _, SerializeSeq as _, SerializeStruct as _};
use serde::{Serialize, Serializer};
use serde_json::Value;
use vigie_model::span::{SpanKind, StatusCode, TraceId};
use vigie_query::traces::{SpanAttribute, TraceEvent, TraceLink, TraceSpan};

/// Appends the trace of these spans.
pub(super) fn write_trace(id: TraceId, spans: &[TraceSpan], out: &mut Vec<u8>) {
    // Into memory nothing fails, and all keys are texts.
    serde_json::to_writer(out, &TraceOut { id, spans }).ok();
}

/// What tells processes apart.
type Process<'a> = (&'a str, &'a [SpanAttribute]);

struct TraceOut<'a> {
    id: TraceId,
    spans: &'a [TraceSpan],
}

impl Serialize for TraceOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut processes, mut numbers) = (Vec::new(), HashMap::<Process<'_>, usize>::new());
        let number = |span| -> usize {
            let process: Process<'_> = process_of(span);
            *numbers.entry(process).or_insert_with(|| {
                processes.push(process);
                processes.len()
            })
        };
        let of_spans: Vec<usize> = self.spans.iter().map(number).collect();
        let mut out = serializer.serialize_struct("trace", 4)?;
        out.serialize_field("traceID", &id_text(self.id))?;
        out.serialize_field("spans", &SpansOut { spans: self.spans, processes: &of_spans })?;
        out.serialize_field("processes", &ProcessesOut(&processes))?;
        out.serialize_field("warnings", &())?;
        out.end()
    }
}

fn process_of(span: &TraceSpan) -> Process<'_> {
    (&span.service, &span.resource)
}

struct ProcessesOut<'a>(&'a [Process<'a>]);

impl Serialize for ProcessesOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.0.len()))?;
        for (at, (service, attributes)) in self.0.iter().enumerate() {
            let process = ProcessOut { service_name: service, tags: TagsOut(attributes) };
            out.serialize_entry(&format!("p{}", at + 1), &process)?;
        }
        out.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessOut<'a> {
    service_name: &'a str,
    tags: TagsOut<'a>,
}

struct SpansOut<'a> {
    spans: &'a [TraceSpan],
    processes: &'a [usize],
}

impl Serialize for SpansOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_seq(Some(self.spans.len()))?;
        for (span, process) in self.spans.iter().zip(self.processes) {
            out.serialize_element(&SpanOut { span, process: *process })?;
        }
        out.end()
    }
}

struct SpanOut<'a> {
    span: &'a TraceSpan,
    process: usize,
}

impl Serialize for SpanOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let span = self.span;
        let tags: Vec<TagOut<'_>> =
            span_tags(span).into_iter().map(|(key, value)| TagOut { key, value }).collect();
        let mut out = serializer.serialize_struct("span", 10)?;
        out.serialize_field("traceID", &id_text(span.trace_id))?;
        out.serialize_field("spanID", &span.span_id.to_string())?;
        out.serialize_field("operationName", &span.name)?;
        out.serialize_field("references", &references(span))?;
        out.serialize_field("startTime", &(span.start_ns / 1_000))?;
        out.serialize_field("duration", &(span.duration_ns / 1_000))?;
        out.serialize_field("tags", &tags)?;
        let logs: Vec<LogOut<'_>> = span.events.iter().map(LogOut::new).collect();
        out.serialize_field("logs", &logs)?;
        out.serialize_field("processID", &format!("p{}", self.process))?;
        out.serialize_field("warnings", &())?;
        out.end()
    }
}

#[derive(Serialize)]
struct ReferenceOut {
    #[serde(rename = "refType")]
    kind: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

fn references(span: &TraceSpan) -> Vec<ReferenceOut> {
    let parent = (!span.parent_span_id.is_none()).then(|| ReferenceOut {
        kind: "CHILD_OF",
        trace_id: id_text(span.trace_id),
        span_id: span.parent_span_id.to_string(),
    });
    let link = |link: &TraceLink| ReferenceOut {
        kind: if is_child_of(link) { "CHILD_OF" } else { "FOLLOWS_FROM" },
        trace_id: id_text(link.trace_id),
        span_id: link.span_id.to_string(),
    };
    parent.into_iter().chain(span.links.iter().map(link)).collect()
}

#[derive(Serialize)]
struct LogOut<'a> {
    timestamp: u64,
    fields: Vec<TagOut<'a>>,
}

impl<'a> LogOut<'a> {
    fn new(event: &'a TraceEvent) -> Self {
        let name = (!event.name.is_empty())
            .then(|| TagOut { key: "event", value: Cow::Owned(Value::from(event.name.as_str())) });
        let fields = event.attributes.iter().map(TagOut::new);
        Self { timestamp: event.time_ns / 1_000, fields: name.into_iter().chain(fields).collect() }
    }
}

struct TagsOut<'a>(&'a [SpanAttribute]);

impl Serialize for TagsOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(TagOut::new))
    }
}

struct TagOut<'a> {
    key: &'a str,
    value: Cow<'a, Value>,
}

impl<'a> TagOut<'a> {
    fn new((key, value): &'a SpanAttribute) -> Self {
        Self { key, value: Cow::Borrowed(value) }
    }
}

impl Serialize for TagOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = match &*self.value {
            Value::Bool(_) => "bool",
            Value::Number(number) if number.is_f64() => "float64",
            Value::Number(_) => "int64",
            _ => "string",
        };
        let mut out = serializer.serialize_struct("tag", 3)?;
        out.serialize_field("key", self.key)?;
        out.serialize_field("type", kind)?;
        match &*self.value {
            value @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                out.serialize_field("value", value)?;
            }
            // A list or a map is its JSON, as text.
            other => out.serialize_field("value", &other.to_string())?,
        }
        out.end()
    }
}

/// Jaeger writes 64-bit ids with 16 digits.
fn id_text(id: TraceId) -> String {
    let text = id.to_string();
    match text.strip_prefix("0000000000000000") {
        Some(short) => short.to_owned(),
        None => text,
    }
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
