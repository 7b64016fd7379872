//! `ExportTraceServiceRequest`.

use std::ops::Range;

use vigie_model::span::{
    Resource, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId,
};

use super::value::{find_text, push_key_value};
use super::{LeftOut, OtlpError, SPANS_MAX, json};
use crate::protobuf::{Field, Reader, WireError};

/// What a service without a name is called, as the SDKs' specification says.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// Decodes a protobuf request and appends its spans to `batch`.
pub fn decode_traces(message: &[u8], batch: &mut SpanBatch) -> Result<LeftOut, OtlpError> {
    let mut left_out = LeftOut::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            resource_spans(field.bytes()?, batch, &mut left_out)?;
        }
    }
    Ok(left_out)
}

/// Decodes a JSON request and appends its spans to `batch`.
pub fn decode_traces_json(body: &[u8], batch: &mut SpanBatch) -> Result<LeftOut, OtlpError> {
    decode_traces(&json::to_protobuf(body, &json::TRACES_REQUEST)?, batch)
}

/// Length of a list, as the end of a range into it.
fn end<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn resource_spans(
    message: &[u8],
    batch: &mut SpanBatch,
    left_out: &mut LeftOut,
) -> Result<(), OtlpError> {
    let mut attributes = end(&batch.attributes)..end(&batch.attributes);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            attributes = attribute_list(field.message()?, 1, batch)?;
        }
    }
    push_resource(batch, attributes);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        // 1000 was `instrumentation_library_spans` before OTLP 1.0.
        if matches!(field.number, 2 | 1000) {
            scope_spans(field.bytes()?, batch, left_out)?;
        }
    }
    Ok(())
}

/// Adds the resource with these attributes; it is the one of the spans that follow.
fn push_resource(batch: &mut SpanBatch, attributes: Range<u32>) {
    let found = find_text(batch, batch.attributes_of(&attributes), "service.name");
    let service = found.unwrap_or_else(|| batch.keep(UNKNOWN_SERVICE));
    batch.resources.push(Resource { attributes, service });
}

/// All `KeyValue`s in field `number` of a message.
fn attribute_list(
    mut message: Reader<'_>,
    number: u32,
    batch: &mut SpanBatch,
) -> Result<Range<u32>, OtlpError> {
    let start = end(&batch.attributes);
    while let Some(field) = message.field()? {
        if field.number == number {
            push_key_value(batch, field.message()?)?;
        }
    }
    Ok(start..end(&batch.attributes))
}

fn scope_spans(
    message: &[u8],
    batch: &mut SpanBatch,
    left_out: &mut LeftOut,
) -> Result<(), OtlpError> {
    let mut scope = Scope::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number != 1 {
            continue;
        }
        let mut inner = field.message()?;
        while let Some(field) = inner.field()? {
            match field.number {
                1 => scope.name = batch.keep(field.text()?),
                2 => scope.version = batch.keep(field.text()?),
                _ => {}
            }
        }
        scope.attributes = attribute_list(field.message()?, 3, batch)?;
    }
    batch.scopes.push(scope);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 2 {
            span(field.bytes()?, batch, left_out)?;
        }
    }
    Ok(())
}

fn id<const N: usize>(field: Field<'_>) -> Result<Option<[u8; N]>, WireError> {
    let bytes = field.bytes()?;
    Ok(if bytes.is_empty() { Some([0; N]) } else { bytes.try_into().ok() })
}

fn fixed64(field: Field<'_>) -> Result<u64, WireError> {
    field.double().map(f64::to_bits)
}

fn span(message: &[u8], batch: &mut SpanBatch, left_out: &mut LeftOut) -> Result<(), OtlpError> {
    if batch.spans.len() >= SPANS_MAX {
        return Err(OtlpError::TooMany { what: "spans", limit: SPANS_MAX });
    }
    let mut span = Span {
        resource: end(&batch.resources).saturating_sub(1),
        scope: end(&batch.scopes).saturating_sub(1),
        ..Span::default()
    };
    let (mut end_ns, mut ids_are_sound) = (0, true);
    let attributes_start = end(&batch.attributes);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => id(field)?.map_or_else(|| ids_are_sound = false, |id| span.trace_id = TraceId(id)),
            2 => id(field)?.map_or_else(|| ids_are_sound = false, |id| span.span_id = SpanId(id)),
            3 => span.trace_state = batch.keep(field.text()?),
            4 => id(field)?
                .map_or_else(|| ids_are_sound = false, |id| span.parent_span_id = SpanId(id)),
            5 => span.name = batch.keep(field.text()?),
            6 => span.kind = SpanKind::from_number(field.uint64()?),
            7 => span.start_ns = fixed64(field)?,
            8 => end_ns = fixed64(field)?,
            9 => push_key_value(batch, field.message()?)?,
            15 => {
                let mut status = field.message()?;
                while let Some(field) = status.field()? {
                    match field.number {
                        2 => span.status_message = batch.keep(field.text()?),
                        3 => span.status = StatusCode::from_number(field.uint64()?),
                        _ => {}
                    }
                }
            }
            16 => {
                if let crate::protobuf::Value::Fixed32(flags) = field.value {
                    span.flags = flags;
                }
            }
            _ => {}
        }
    }
    span.attributes = attributes_start..end(&batch.attributes);
    span.duration_ns = end_ns.saturating_sub(span.start_ns);
    events_and_links(message, batch, &mut span)?;
    push_span(batch, span, ids_are_sound, left_out);
    Ok(())
}

/// Adds `span` unless its ids make it unusable.
fn push_span(batch: &mut SpanBatch, span: Span, ids_are_sound: bool, left_out: &mut LeftOut) {
    if !ids_are_sound {
        left_out.add("a trace id must have 16 bytes, a span id 8");
    } else if span.trace_id.is_none() || span.span_id.is_none() {
        left_out.add("a span without trace id or span id");
    } else {
        batch.spans.push(span);
    }
}

/// Second pass: their attributes would lie between those of the span otherwise.
fn events_and_links(
    message: &[u8],
    batch: &mut SpanBatch,
    span: &mut Span,
) -> Result<(), OtlpError> {
    let (events_start, links_start) = (end(&batch.events), end(&batch.links));
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            11 => {
                let mut event = SpanEvent::default();
                let attributes_start = end(&batch.attributes);
                let mut inner = field.message()?;
                while let Some(field) = inner.field()? {
                    match field.number {
                        1 => event.time_ns = fixed64(field)?,
                        2 => event.name = batch.keep(field.text()?),
                        3 => push_key_value(batch, field.message()?)?,
                        _ => {}
                    }
                }
                event.attributes = attributes_start..end(&batch.attributes);
                batch.events.push(event);
            }
            13 => {
                let mut link = SpanLink::default();
                let attributes_start = end(&batch.attributes);
                let mut inner = field.message()?;
                while let Some(field) = inner.field()? {
                    match field.number {
                        1 => link.trace_id = TraceId(id(field)?.unwrap_or_default()),
                        2 => link.span_id = SpanId(id(field)?.unwrap_or_default()),
                        3 => link.trace_state = batch.keep(field.text()?),
                        4 => push_key_value(batch, field.message()?)?,
                        _ => {}
                    }
                }
                link.attributes = attributes_start..end(&batch.attributes);
                batch.links.push(link);
            }
            _ => {}
        }
    }
    span.events = events_start..end(&batch.events);
    span.links = links_start..end(&batch.links);
    Ok(())
}
