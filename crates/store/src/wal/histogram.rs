//! Native histograms in the log's records.

use std::sync::Arc;

use vigie_model::{CounterResetHint, Histogram, Span};

use super::varint::{Reader, put, put_signed};

const fn hint_code(hint: CounterResetHint) -> u8 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::CounterReset => 1,
        CounterResetHint::NotCounterReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

/// Appends `histogram`.
pub(super) fn put_histogram(buffer: &mut Vec<u8>, histogram: &Histogram) {
    buffer.push(hint_code(histogram.counter_reset_hint));
    put_signed(buffer, i64::from(histogram.schema));
    for value in [histogram.zero_threshold, histogram.zero_count, histogram.count, histogram.sum] {
        put_value(buffer, value);
    }
    for spans in [&histogram.positive_spans, &histogram.negative_spans] {
        put(buffer, spans.len() as u64);
        for span in spans {
            put_signed(buffer, i64::from(span.offset));
            put(buffer, u64::from(span.length));
        }
    }
    for buckets in [&histogram.positive_buckets, &histogram.negative_buckets] {
        put_values(buffer, buckets);
    }
    match &histogram.custom_values {
        Some(values) => {
            buffer.push(1);
            put_values(buffer, values);
        }
        None => buffer.push(0),
    }
}

/// Reads a histogram.
pub(super) fn take_histogram(reader: &mut Reader<'_>) -> Option<Histogram> {
    let counter_reset_hint = match reader.byte()? {
        0 => CounterResetHint::Unknown,
        1 => CounterResetHint::CounterReset,
        2 => CounterResetHint::NotCounterReset,
        3 => CounterResetHint::Gauge,
        _ => return None,
    };
    let schema = i32::try_from(reader.signed()?).ok()?;
    let mut numbers = [0.0; 4];
    for number in &mut numbers {
        *number = take_value(reader)?;
    }
    let [zero_threshold, zero_count, count, sum] = numbers;
    Some(Histogram {
        counter_reset_hint,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans: take_spans(reader)?,
        negative_spans: take_spans(reader)?,
        positive_buckets: take_values(reader)?,
        negative_buckets: take_values(reader)?,
        custom_values: match reader.byte()? {
            0 => None,
            1 => Some(Arc::from(take_values(reader)?)),
            _ => return None,
        },
    })
}

fn put_values(buffer: &mut Vec<u8>, values: &[f64]) {
    put(buffer, values.len() as u64);
    for value in values {
        put_value(buffer, *value);
    }
}

/// Whole numbers short, with a zero low bit; everything else as a one and eight bytes.
fn put_value(buffer: &mut Vec<u8>, value: f64) {
    let whole = value as u64;
    if whole < 1 << 48 && (whole as f64).to_bits() == value.to_bits() {
        put(buffer, whole << 1);
    } else {
        buffer.push(1);
        buffer.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

fn take_value(reader: &mut Reader<'_>) -> Option<f64> {
    let tagged = reader.unsigned()?;
    if tagged & 1 == 0 { Some((tagged >> 1) as f64) } else { reader.float() }
}

fn take_values(reader: &mut Reader<'_>) -> Option<Vec<f64>> {
    let count = take_count(reader)?;
    (0..count).map(|_| take_value(reader)).collect()
}

fn take_spans(reader: &mut Reader<'_>) -> Option<Vec<Span>> {
    let count = take_count(reader)?;
    let span = |reader: &mut Reader<'_>| {
        let offset = i32::try_from(reader.signed()?).ok()?;
        Some(Span { offset, length: u32::try_from(reader.unsigned()?).ok()? })
    };
    (0..count).map(|_| span(reader)).collect()
}

/// A count that the remaining bytes can hold: each element takes at least one.
fn take_count(reader: &mut Reader<'_>) -> Option<usize> {
    let count = usize::try_from(reader.unsigned()?).ok()?;
    (count <= reader.remaining()).then_some(count)
}
