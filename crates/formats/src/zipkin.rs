//! Zipkin's spans: v2 in JSON and protobuf, and v1's JSON with its binary annotations.
//!
//! Shapes are those of zipkin-api's `zipkin2-api.yaml`, `zipkin.proto` and `zipkin-api.yaml`. A
//! client and a server may share one span's id in Zipkin; both halves are kept, as they come from
//! different services.

mod json;
mod proto;
#[cfg(test)]
mod tests;
mod v1;

pub use json::decode_v2_json;
pub use proto::decode_v2_proto;
pub use v1::decode_v1_json;

use vigie_model::span::{
    Attribute, AttributeValue, Resource, Span, SpanBatch, SpanEvent, SpanId, SpanKind, StatusCode,
    TraceId,
};

use crate::protobuf::WireError;

/// Why spans cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum ZipkinError {
    /// It is no JSON, or not Zipkin's.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is no protobuf message.
    #[error("{0}")]
    Wire(#[from] WireError),
    /// An id that is none.
    #[error("{what} {text:?} is not lower-hex of at most {digits} digits")]
    Id {
        /// Which id.
        what: &'static str,
        /// As it was written, shortened.
        text: String,
        /// How many digits it may have.
        digits: usize,
    },
    /// More than one request may hold.
    #[error("the request holds more than {0} spans")]
    TooManySpans(usize),
}

/// Spans of one request.
const SPANS_MAX: usize = 1_000_000;

/// An address in a span.
#[derive(Debug, Default, Clone)]
struct Endpoint<'a> {
    service: &'a str,
    address: String,
    port: u32,
}

/// A span as all of Zipkin's forms say it.
#[derive(Debug, Default)]
struct ZipkinSpan<'a> {
    trace_id: TraceId,
    span_id: SpanId,
    parent_span_id: SpanId,
    name: &'a str,
    kind: SpanKind,
    start_ns: u64,
    duration_ns: u64,
    is_debug: bool,
    local: Endpoint<'a>,
    remote: Endpoint<'a>,
    tags: Vec<(&'a str, AttributeValueText<'a>)>,
    annotations: Vec<(u64, &'a str)>,
}

/// A tag's value: v2 knows text only, v1 more.
#[derive(Debug, Clone)]
enum AttributeValueText<'a> {
    Text(&'a str),
    Bool(bool),
    Integer(i64),
    Float(f64),
}

fn trace_id(text: &str) -> Result<TraceId, ZipkinError> {
    TraceId::parse(text).ok_or_else(|| bad_id("trace id", text, 32))
}

fn span_id(what: &'static str, text: &str) -> Result<SpanId, ZipkinError> {
    SpanId::parse(text).ok_or_else(|| bad_id(what, text, 16))
}

fn bad_id(what: &'static str, text: &str, digits: usize) -> ZipkinError {
    ZipkinError::Id { what, text: text.chars().take(64).collect(), digits }
}

fn end<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn push_text(batch: &mut SpanBatch, key: &str, text: &str) {
    let (key, text) = (batch.keep(key), batch.keep(text));
    batch.attributes.push(Attribute { key, value: AttributeValue::Text(text) });
}

/// Adds `span`, with its local endpoint as the resource: the last one when that is the same.
fn push(batch: &mut SpanBatch, span: &ZipkinSpan<'_>) -> Result<(), ZipkinError> {
    if batch.spans.len() >= SPANS_MAX {
        return Err(ZipkinError::TooManySpans(SPANS_MAX));
    }
    let resource = resource(batch, &span.local);
    if batch.scopes.is_empty() {
        batch.scopes.push(vigie_model::span::Scope::default());
    }
    let mut out = Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        parent_span_id: span.parent_span_id,
        kind: span.kind,
        flags: u32::from(span.is_debug),
        start_ns: span.start_ns,
        duration_ns: span.duration_ns,
        name: batch.keep(span.name),
        resource,
        ..Span::default()
    };
    let start = end(&batch.attributes);
    for (key, value) in &span.tags {
        // Zipkin's convention: a tag `error`, whatever it says, is a failure.
        if *key == "error" {
            out.status = StatusCode::Error;
            if let AttributeValueText::Text(text) = value {
                out.status_message = batch.keep(text);
            }
        }
        match value {
            AttributeValueText::Text(text) => push_text(batch, key, text),
            AttributeValueText::Bool(flag) => push_value(batch, key, AttributeValue::Bool(*flag)),
            AttributeValueText::Integer(n) => push_value(batch, key, AttributeValue::Integer(*n)),
            AttributeValueText::Float(n) => push_value(batch, key, AttributeValue::Float(*n)),
        }
    }
    // OpenTelemetry's names for what Zipkin calls the remote endpoint.
    if !span.remote.service.is_empty() {
        push_text(batch, "peer.service", span.remote.service);
    }
    if !span.remote.address.is_empty() {
        push_text(batch, "network.peer.address", &span.remote.address);
    }
    if span.remote.port != 0 {
        let port = AttributeValue::Integer(span.remote.port.into());
        push_value(batch, "network.peer.port", port);
    }
    out.attributes = start..end(&batch.attributes);
    let events_start = end(&batch.events);
    for (time_ns, text) in &span.annotations {
        let name = batch.keep(text);
        batch.events.push(SpanEvent { time_ns: *time_ns, name, attributes: 0..0 });
    }
    out.events = events_start..end(&batch.events);
    batch.spans.push(out);
    Ok(())
}

fn push_value(batch: &mut SpanBatch, key: &str, value: AttributeValue) {
    let key = batch.keep(key);
    batch.attributes.push(Attribute { key, value });
}

fn resource(batch: &mut SpanBatch, local: &Endpoint<'_>) -> u32 {
    let is_same = batch.resources.last().is_some_and(|last| {
        let address = batch.attributes_of(&last.attributes).iter().find_map(|attribute| {
            match attribute.value {
                AttributeValue::Text(text) if batch.text(attribute.key) == "host.ip" => {
                    Some(batch.text(text))
                }
                _ => None,
            }
        });
        batch.text(last.service) == local.service && address.unwrap_or_default() == local.address
    });
    if !is_same {
        let start = end(&batch.attributes);
        let key = batch.keep("service.name");
        let service = batch.keep(local.service);
        batch.attributes.push(Attribute { key, value: AttributeValue::Text(service) });
        if !local.address.is_empty() {
            push_text(batch, "host.ip", &local.address);
        }
        let attributes = start..end(&batch.attributes);
        batch.resources.push(Resource { attributes, service });
    }
    end(&batch.resources).saturating_sub(1)
}
