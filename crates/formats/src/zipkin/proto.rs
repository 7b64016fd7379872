//! Version 2 in protobuf: `zipkin.proto3.ListOfSpans`.

use std::net::{Ipv4Addr, Ipv6Addr};

use vigie_model::span::{SpanBatch, SpanId, SpanKind, TraceId};

use super::{AttributeValueText, Endpoint, ZipkinError, ZipkinSpan, push};
use crate::protobuf::{Field, Reader, WireError};

/// Decodes a list of spans and appends them to `batch`.
pub fn decode_v2_proto(message: &[u8], batch: &mut SpanBatch) -> Result<(), ZipkinError> {
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            let span = read_span(field.message()?)?;
            push(batch, &span)?;
        }
    }
    Ok(())
}

fn id<const N: usize>(field: Field<'_>) -> Result<[u8; N], WireError> {
    let bytes = field.bytes()?;
    let from = N.checked_sub(bytes.len()).ok_or(WireError::WrongType { field: field.number })?;
    let mut id = [0; N];
    if let Some(slot) = id.get_mut(from..) {
        slot.copy_from_slice(bytes);
    }
    Ok(id)
}

/// A fixed64 of microseconds.
fn microseconds(field: Field<'_>) -> Result<u64, WireError> {
    field.double().map(|bits| bits.to_bits().saturating_mul(1_000))
}

fn read_span(mut reader: Reader<'_>) -> Result<ZipkinSpan<'_>, WireError> {
    let mut span = ZipkinSpan::default();
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span.trace_id = TraceId(id(field)?),
            2 => span.parent_span_id = SpanId(id(field)?),
            3 => span.span_id = SpanId(id(field)?),
            4 => {
                span.kind = match field.uint64()? {
                    1 => SpanKind::Client,
                    2 => SpanKind::Server,
                    3 => SpanKind::Producer,
                    4 => SpanKind::Consumer,
                    _ => SpanKind::Unspecified,
                }
            }
            5 => span.name = field.text()?,
            6 => span.start_ns = microseconds(field)?,
            7 => span.duration_ns = field.uint64()?.saturating_mul(1_000),
            8 => span.local = read_endpoint(field.message()?)?,
            9 => span.remote = read_endpoint(field.message()?)?,
            10 => {
                let (mut time_ns, mut text) = (0, "");
                let mut annotation = field.message()?;
                while let Some(field) = annotation.field()? {
                    match field.number {
                        1 => time_ns = microseconds(field)?,
                        2 => text = field.text()?,
                        _ => {}
                    }
                }
                span.annotations.push((time_ns, text));
            }
            11 => {
                let (mut key, mut text) = ("", "");
                let mut tag = field.message()?;
                while let Some(field) = tag.field()? {
                    match field.number {
                        1 => key = field.text()?,
                        2 => text = field.text()?,
                        _ => {}
                    }
                }
                span.tags.push((key, AttributeValueText::Text(text)));
            }
            12 => span.is_debug = field.uint64()? != 0,
            _ => {}
        }
    }
    Ok(span)
}

fn read_endpoint(mut reader: Reader<'_>) -> Result<Endpoint<'_>, WireError> {
    let mut endpoint = Endpoint::default();
    while let Some(field) = reader.field()? {
        match field.number {
            1 => endpoint.service = field.text()?,
            2 => {
                if let Ok(bytes) = <[u8; 4]>::try_from(field.bytes()?) {
                    endpoint.address = Ipv4Addr::from(bytes).to_string();
                }
            }
            3 => {
                if let Ok(bytes) = <[u8; 16]>::try_from(field.bytes()?) {
                    endpoint.address = Ipv6Addr::from(bytes).to_string();
                }
            }
            4 => endpoint.port = field.uint64()? as u32,
            _ => {}
        }
    }
    Ok(endpoint)
}
