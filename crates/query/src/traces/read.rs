//! From a row of the store to a span.

use serde_json::Value;
use vigie_model::span::{SpanId, SpanKind, StatusCode, TraceId};
use vigie_model::{DocumentEvent, DocumentReader, Scalar};
use vigie_store::StoreError;
use vigie_store::logs::LogPart;
use vigie_store::spans;

use super::span::{SpanAttribute, TraceEvent, TraceLink, TraceSpan};

/// Reads the span in `row`.
pub(crate) fn read_span(
    part: &LogPart,
    row: u32,
    buffer: &mut Vec<u8>,
) -> Result<TraceSpan, StoreError> {
    buffer.clear();
    part.packed(row, buffer)?;
    let mut span = TraceSpan {
        start_ns: part.time_of(row)?,
        service: part.index_of(row)?.to_owned(),
        ..TraceSpan::default()
    };
    let mut reader = DocumentReader::new(buffer);
    while let Some(event) = reader.next() {
        match event {
            DocumentEvent::Field(key, value) => field(&mut span, key, value),
            DocumentEvent::Object(spans::RESOURCE) => object(&mut reader, &mut span.resource),
            DocumentEvent::Object(spans::ATTRIBUTES) => object(&mut reader, &mut span.attributes),
            DocumentEvent::Raw(spans::EVENTS, json) => span.events = events(json),
            DocumentEvent::Raw(spans::LINKS, json) => span.links = links(json),
            _ => {}
        }
    }
    Ok(span)
}

fn field(span: &mut TraceSpan, key: &str, value: Scalar<'_>) {
    let (Scalar::String(text) | Scalar::Number(text)) = value else { return };
    match key {
        spans::TRACE_ID => span.trace_id = TraceId::parse(text).unwrap_or_default(),
        spans::SPAN_ID => span.span_id = SpanId::parse(text).unwrap_or_default(),
        spans::PARENT_SPAN_ID => span.parent_span_id = SpanId::parse(text).unwrap_or_default(),
        spans::NAME => text.clone_into(&mut span.name),
        spans::KIND => span.kind = kind(text),
        spans::STATUS if text == "ok" => span.status = StatusCode::Ok,
        spans::STATUS => span.status = StatusCode::Error,
        spans::STATUS_MESSAGE => text.clone_into(&mut span.status_message),
        spans::DURATION_NS => span.duration_ns = text.parse().unwrap_or(0),
        spans::TRACE_STATE => text.clone_into(&mut span.trace_state),
        spans::FLAGS => span.flags = text.parse().unwrap_or(0),
        spans::SCOPE_NAME => text.clone_into(&mut span.scope_name),
        spans::SCOPE_VERSION => text.clone_into(&mut span.scope_version),
        _ => {}
    }
}

/// The kind of this name.
pub(crate) fn kind(name: &str) -> SpanKind {
    let all = [
        SpanKind::Internal,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Producer,
        SpanKind::Consumer,
    ];
    all.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
}

/// The attributes up to the end of the open object.
fn object(reader: &mut DocumentReader<'_>, into: &mut Vec<SpanAttribute>) {
    for event in reader {
        let (key, value) = match event {
            DocumentEvent::ObjectEnd => return,
            DocumentEvent::Field(key, value) => (key, scalar(value)),
            DocumentEvent::Raw(key, json) => {
                (key, serde_json::from_str(json).unwrap_or(Value::Null))
            }
            DocumentEvent::List(key, list) => (key, Value::Array(list.map(scalar).collect())),
            _ => continue,
        };
        into.push((key.to_owned(), value));
    }
}

fn scalar(value: Scalar<'_>) -> Value {
    match value {
        Scalar::String(text) => Value::from(text),
        Scalar::Number(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        Scalar::Boolean(flag) => Value::from(flag),
        Scalar::Null => Value::Null,
    }
}

fn list(json: &str) -> Vec<Value> {
    match serde_json::from_str(json) {
        Ok(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn attributes(item: &mut Value) -> Vec<SpanAttribute> {
    match item.get_mut("attributes").map(Value::take) {
        Some(Value::Object(fields)) => fields.into_iter().collect(),
        _ => Vec::new(),
    }
}

fn text<'a>(item: &'a Value, key: &str) -> &'a str {
    item.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn events(json: &str) -> Vec<TraceEvent> {
    let event = |mut item: Value| TraceEvent {
        time_ns: item.get("time_ns").and_then(Value::as_u64).unwrap_or(0),
        name: text(&item, "name").to_owned(),
        attributes: attributes(&mut item),
    };
    list(json).into_iter().map(event).collect()
}

fn links(json: &str) -> Vec<TraceLink> {
    let link = |mut item: Value| TraceLink {
        trace_id: TraceId::parse(text(&item, "trace_id")).unwrap_or_default(),
        span_id: SpanId::parse(text(&item, "span_id")).unwrap_or_default(),
        trace_state: text(&item, "trace_state").to_owned(),
        attributes: attributes(&mut item),
    };
    list(json).into_iter().map(link).collect()
}
