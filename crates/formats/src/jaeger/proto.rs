//! `api_v2.PostSpansRequest`, as it comes over gRPC on 14250.

use std::borrow::Cow;

use vigie_model::span::{SpanBatch, SpanId, TraceId};

use super::translate::{JaegerSpan, Reference, Tag, TagValue, push_process, push_span};
use super::{JaegerError, SPANS_MAX};
use crate::protobuf::{Field, Reader, WireError};

/// Decodes the request and appends its spans to `batch`.
pub fn decode_post_spans(message: &[u8], batch: &mut SpanBatch) -> Result<(), JaegerError> {
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            read_batch(field.bytes()?, batch)?;
        }
    }
    Ok(())
}

/// A process: its service and tags.
type Process<'a> = (Cow<'a, str>, Vec<Tag<'a>>);

fn read_batch(message: &[u8], batch: &mut SpanBatch) -> Result<(), JaegerError> {
    let mut process: Process<'_> = (Cow::Borrowed(""), Vec::new());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 2 {
            process = read_process(field.message()?)?;
        }
    }
    push_process(batch, &process.0, &process.1);
    // Whether the last process pushed is the batch's own.
    let mut is_shared = true;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number != 1 {
            continue;
        }
        if batch.spans.len() >= SPANS_MAX {
            return Err(JaegerError::TooManySpans(SPANS_MAX));
        }
        let (span, own) = read_span(field.message()?)?;
        match own {
            Some((service, tags)) => {
                push_process(batch, &service, &tags);
                is_shared = false;
            }
            None if !is_shared => {
                push_process(batch, &process.0, &process.1);
                is_shared = true;
            }
            None => {}
        }
        push_span(batch, &span);
    }
    Ok(())
}

fn read_process(mut reader: Reader<'_>) -> Result<Process<'_>, WireError> {
    let (mut service, mut tags) = (Cow::Borrowed(""), Vec::new());
    while let Some(field) = reader.field()? {
        match field.number {
            1 => service = lossy(field)?,
            2 => tags.push(read_tag(field.message()?)?),
            _ => {}
        }
    }
    Ok((service, tags))
}

fn lossy(field: Field<'_>) -> Result<Cow<'_, str>, WireError> {
    field.bytes().map(String::from_utf8_lossy)
}

fn trace_id(field: Field<'_>) -> Result<TraceId, WireError> {
    padded(field.bytes()?, field.number).map(TraceId)
}

fn span_id(field: Field<'_>) -> Result<SpanId, WireError> {
    padded(field.bytes()?, field.number).map(SpanId)
}

/// An id with zeros on the left.
fn padded<const N: usize>(bytes: &[u8], field: u32) -> Result<[u8; N], WireError> {
    let mut id = [0; N];
    let from = N.checked_sub(bytes.len()).ok_or(WireError::WrongType { field })?;
    if let Some(slot) = id.get_mut(from..) {
        slot.copy_from_slice(bytes);
    }
    Ok(id)
}

/// `google.protobuf.Timestamp` and `Duration` in nanoseconds.
fn nanoseconds(mut reader: Reader<'_>) -> Result<u64, WireError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => seconds = field.int64()?,
            2 => nanos = field.int64()?,
            _ => {}
        }
    }
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Ok(u64::try_from(total.max(0)).unwrap_or(u64::MAX))
}

fn read_span(mut reader: Reader<'_>) -> Result<(JaegerSpan<'_>, Option<Process<'_>>), WireError> {
    let (mut span, mut process) = (JaegerSpan::default(), None);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span.trace_id = trace_id(field)?,
            2 => span.span_id = span_id(field)?,
            3 => span.operation = lossy(field)?,
            4 => span.references.push(read_reference(field.message()?)?),
            5 => span.flags = field.uint64()? as u32,
            6 => span.start_ns = nanoseconds(field.message()?)?,
            7 => span.duration_ns = nanoseconds(field.message()?)?,
            8 => span.tags.push(read_tag(field.message()?)?),
            9 => {
                let (mut time_ns, mut fields) = (0, Vec::new());
                let mut log = field.message()?;
                while let Some(field) = log.field()? {
                    match field.number {
                        1 => time_ns = nanoseconds(field.message()?)?,
                        2 => fields.push(read_tag(field.message()?)?),
                        _ => {}
                    }
                }
                span.logs.push((time_ns, fields));
            }
            10 => process = Some(read_process(field.message()?)?),
            _ => {}
        }
    }
    Ok((span, process))
}

fn read_reference(mut reader: Reader<'_>) -> Result<Reference, WireError> {
    let mut reference = Reference::default();
    while let Some(field) = reader.field()? {
        match field.number {
            1 => reference.trace_id = trace_id(field)?,
            2 => reference.span_id = span_id(field)?,
            3 => reference.follows_from = field.uint64()? == 1,
            _ => {}
        }
    }
    Ok(reference)
}

fn read_tag(mut reader: Reader<'_>) -> Result<Tag<'_>, WireError> {
    let (mut key, mut kind) = (Cow::Borrowed(""), 0);
    let (mut text, mut flag, mut integer, mut float) = (Cow::Borrowed(""), false, 0, 0.0);
    let mut bytes: &[u8] = &[];
    while let Some(field) = reader.field()? {
        match field.number {
            1 => key = lossy(field)?,
            2 => kind = field.uint64()?,
            3 => text = lossy(field)?,
            4 => flag = field.uint64()? != 0,
            5 => integer = field.int64()?,
            6 => float = field.double()?,
            7 => bytes = field.bytes()?,
            _ => {}
        }
    }
    // proto3 leaves out fields with default values, so that only the type tells which is meant.
    let value = match kind {
        1 => TagValue::Bool(flag),
        2 => TagValue::Integer(integer),
        3 => TagValue::Float(float),
        4 => TagValue::Bytes(bytes),
        _ => TagValue::Text(text),
    };
    Ok(Tag { key, value })
}
