//! `jaeger.thrift`'s Batch, and the agent's one-way call that carries it.

use std::borrow::Cow;

use vigie_model::span::{SpanBatch, SpanId, TraceId};

use super::thrift::{Encoding, Kind, Reader};
use super::translate::{JaegerSpan, Reference, Tag, TagValue, push_process, push_span};
use super::{JaegerError, SPANS_MAX};

/// Decodes a Batch in Thrift's binary encoding, as it comes over HTTP, and appends its spans.
pub fn decode_batch(bytes: &[u8], batch: &mut SpanBatch) -> Result<(), JaegerError> {
    read_batch(&mut Reader::new(bytes, Encoding::Binary), batch)
}

/// Decodes a datagram to the agent: `emitBatch` in the compact or the binary encoding, whichever
/// its first byte tells. `emitZipkinBatch` is passed over, as Jaeger's own agent came to do.
pub fn decode_agent_packet(packet: &[u8], batch: &mut SpanBatch) -> Result<(), JaegerError> {
    let encoding = match packet.first() {
        Some(0x82) => Encoding::Compact,
        Some(0x80) => Encoding::Binary,
        Some(_) => return Err(JaegerError::UnknownCall),
        None => return Err(JaegerError::Truncated),
    };
    let mut reader = Reader::new(packet, encoding);
    match reader.message()? {
        b"emitBatch" => {}
        b"emitZipkinBatch" => return Ok(()),
        _ => return Err(JaegerError::UnknownCall),
    }
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, Kind::Struct) => reader.nested(|inner| read_batch(inner, batch))?,
            (_, kind) => reader.skip(kind)?,
        }
    }
    Ok(())
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<Cow<'a, str>, JaegerError> {
    // Old clients in languages with byte strings send what is no UTF-8; the rest is worth keeping.
    reader.bytes().map(String::from_utf8_lossy)
}

fn read_batch(reader: &mut Reader<'_>, batch: &mut SpanBatch) -> Result<(), JaegerError> {
    // The process may come after the spans: find it first.
    let mut ahead = *reader;
    let mut process = (Cow::Borrowed(""), Vec::new());
    while let Some((number, kind)) = ahead.field()? {
        match (number, kind) {
            (1, Kind::Struct) => process = ahead.nested(read_process)?,
            (_, kind) => ahead.skip(kind)?,
        }
    }
    push_process(batch, &process.0, &process.1);
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (2, Kind::List) => reader.each_struct(|inner| {
                if batch.spans.len() >= SPANS_MAX {
                    return Err(JaegerError::TooManySpans(SPANS_MAX));
                }
                let span = read_span(inner)?;
                push_span(batch, &span);
                Ok(())
            })?,
            (_, kind) => reader.skip(kind)?,
        }
    }
    Ok(())
}

fn read_process<'a>(reader: &mut Reader<'a>) -> Result<(Cow<'a, str>, Vec<Tag<'a>>), JaegerError> {
    let (mut service, mut tags) = (Cow::Borrowed(""), Vec::new());
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, Kind::Bytes) => service = text(reader)?,
            (2, Kind::List) => tags = read_tags(reader)?,
            (_, kind) => reader.skip(kind)?,
        }
    }
    Ok((service, tags))
}

fn trace_id(high: i64, low: i64) -> TraceId {
    TraceId((u128::from(high as u64) << 64 | u128::from(low as u64)).to_be_bytes())
}

fn span_id(id: i64) -> SpanId {
    SpanId(id.to_be_bytes())
}

/// Jaeger's microseconds as nanoseconds; times before the epoch are 0.
fn nanoseconds(microseconds: i64) -> u64 {
    u64::try_from(microseconds).unwrap_or(0).saturating_mul(1_000)
}

fn read_span<'a>(reader: &mut Reader<'a>) -> Result<JaegerSpan<'a>, JaegerError> {
    let mut span = JaegerSpan::default();
    let (mut low, mut high) = (0, 0);
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, Kind::I64) => low = reader.i64()?,
            (2, Kind::I64) => high = reader.i64()?,
            (3, Kind::I64) => span.span_id = span_id(reader.i64()?),
            (4, Kind::I64) => span.parent_span_id = span_id(reader.i64()?),
            (5, Kind::Bytes) => span.operation = text(reader)?,
            (6, Kind::List) => {
                let references = &mut span.references;
                reader.each_struct(|inner| {
                    references.push(read_reference(inner)?);
                    Ok(())
                })?;
            }
            (7, Kind::I32) => span.flags = reader.i32()? as u32,
            (8, Kind::I64) => span.start_ns = nanoseconds(reader.i64()?),
            (9, Kind::I64) => span.duration_ns = nanoseconds(reader.i64()?),
            (10, Kind::List) => span.tags = read_tags(reader)?,
            (11, Kind::List) => {
                let logs = &mut span.logs;
                reader.each_struct(|inner| {
                    logs.push(read_log(inner)?);
                    Ok(())
                })?;
            }
            (_, kind) => reader.skip(kind)?,
        }
    }
    span.trace_id = trace_id(high, low);
    Ok(span)
}

fn read_reference(reader: &mut Reader<'_>) -> Result<Reference, JaegerError> {
    let (mut reference, mut low, mut high) = (Reference::default(), 0, 0);
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, Kind::I32) => reference.follows_from = reader.i32()? == 1,
            (2, Kind::I64) => low = reader.i64()?,
            (3, Kind::I64) => high = reader.i64()?,
            (4, Kind::I64) => reference.span_id = span_id(reader.i64()?),
            (_, kind) => reader.skip(kind)?,
        }
    }
    reference.trace_id = trace_id(high, low);
    Ok(reference)
}

fn read_log<'a>(reader: &mut Reader<'a>) -> Result<(u64, Vec<Tag<'a>>), JaegerError> {
    let (mut time_ns, mut fields) = (0, Vec::new());
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, Kind::I64) => time_ns = nanoseconds(reader.i64()?),
            (2, Kind::List) => fields = read_tags(reader)?,
            (_, kind) => reader.skip(kind)?,
        }
    }
    Ok((time_ns, fields))
}

fn read_tags<'a>(reader: &mut Reader<'a>) -> Result<Vec<Tag<'a>>, JaegerError> {
    let mut tags = Vec::new();
    reader.each_struct(|inner| {
        tags.push(read_tag(inner)?);
        Ok(())
    })?;
    Ok(tags)
}

fn read_tag<'a>(reader: &mut Reader<'a>) -> Result<Tag<'a>, JaegerError> {
    let (mut key, mut wanted) = (Cow::Borrowed(""), None);
    let mut value = TagValue::Text(Cow::Borrowed(""));
    // Jaeger's client for Node writes all fields whatever the type, those that are not meant with
    // zeros, so that the type decides. Others leave the type's field out when it is text.
    let is_meant = |wanted: Option<i32>, kind: i32| wanted.is_none_or(|wanted| wanted == kind);
    while let Some((number, kind)) = reader.field()? {
        match (number, kind) {
            (1, Kind::Bytes) => key = text(reader)?,
            (2, Kind::I32) => wanted = Some(reader.i32()?),
            (3, Kind::Bytes) if is_meant(wanted, 0) => value = TagValue::Text(text(reader)?),
            (4, Kind::Double) if is_meant(wanted, 1) => value = TagValue::Float(reader.double()?),
            (5, kind @ (Kind::Bool | Kind::BoolIs(_))) if is_meant(wanted, 2) => {
                value = TagValue::Bool(reader.bool(kind)?);
            }
            (6, Kind::I64) if is_meant(wanted, 3) => value = TagValue::Integer(reader.i64()?),
            (7, Kind::Bytes) if is_meant(wanted, 4) => value = TagValue::Bytes(reader.bytes()?),
            (_, kind) => reader.skip(kind)?,
        }
    }
    Ok(Tag { key, value })
}
