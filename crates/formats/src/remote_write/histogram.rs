//! Native histograms on the wire: the same message in both versions of remote write, and in
//! remote read.

use std::sync::Arc;

use vigie_model::{CounterResetHint, Histogram, HistogramPoint, Span};

use crate::protobuf::{Reader, WireError, Writer, zigzag};

/// Whether a message held integer or float counts: the two must not be mixed.
#[derive(Default)]
struct Deltas {
    positive: i64,
    negative: i64,
}

/// Reads a histogram; `custom_values` of the previous one are shared when they are the same.
pub(super) fn decode(
    mut message: Reader<'_>,
    previous_bounds: &mut Option<Arc<[f64]>>,
) -> Result<HistogramPoint, WireError> {
    let mut histogram = Histogram::default();
    let (mut timestamp_ms, mut start_timestamp_ms) = (0, 0);
    let mut deltas = Deltas::default();
    let mut bounds = Vec::new();
    while let Some(field) = message.field()? {
        match field.number {
            1 => histogram.count = field.uint64()? as f64,
            2 => histogram.count = field.double()?,
            3 => histogram.sum = field.double()?,
            4 => histogram.schema = field.sint32()?,
            5 => histogram.zero_threshold = field.double()?,
            6 => histogram.zero_count = field.uint64()? as f64,
            7 => histogram.zero_count = field.double()?,
            8 => histogram.negative_spans.push(decode_span(field.message()?)?),
            9 => {
                let (sum, buckets) = (&mut deltas.negative, &mut histogram.negative_buckets);
                field.each_varint(|delta| push_delta(sum, delta, buckets))?;
            }
            10 => field.each_double(|count| histogram.negative_buckets.push(count))?,
            11 => histogram.positive_spans.push(decode_span(field.message()?)?),
            12 => {
                let (sum, buckets) = (&mut deltas.positive, &mut histogram.positive_buckets);
                field.each_varint(|delta| push_delta(sum, delta, buckets))?;
            }
            13 => field.each_double(|count| histogram.positive_buckets.push(count))?,
            14 => histogram.counter_reset_hint = hint_of(field.uint64()?),
            15 => timestamp_ms = field.int64()?,
            16 => field.each_double(|bound| bounds.push(bound))?,
            17 => start_timestamp_ms = field.int64()?,
            _ => {}
        }
    }
    if !bounds.is_empty() || histogram.uses_custom_buckets() {
        histogram.custom_values = Some(share(bounds, previous_bounds));
    }
    Ok(HistogramPoint { timestamp_ms, start_timestamp_ms, histogram: Arc::new(histogram) })
}

fn push_delta(sum: &mut i64, delta: u64, buckets: &mut Vec<f64>) {
    *sum = sum.wrapping_add(zigzag(delta));
    buckets.push(*sum as f64);
}

fn share(bounds: Vec<f64>, previous: &mut Option<Arc<[f64]>>) -> Arc<[f64]> {
    match previous {
        Some(shared) if **shared == *bounds => Arc::clone(shared),
        _ => Arc::clone(previous.insert(Arc::from(bounds))),
    }
}

/// Reads a run of buckets. The message is the same in the exposition format.
pub(crate) fn decode_span(mut message: Reader<'_>) -> Result<Span, WireError> {
    let mut span = Span { offset: 0, length: 0 };
    while let Some(field) = message.field()? {
        match field.number {
            1 => span.offset = field.sint32()?,
            2 => span.length = field.uint64()? as u32,
            _ => {}
        }
    }
    Ok(span)
}

const fn hint_of(number: u64) -> CounterResetHint {
    match number {
        1 => CounterResetHint::CounterReset,
        2 => CounterResetHint::NotCounterReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    }
}

const fn number_of(hint: CounterResetHint) -> u64 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::CounterReset => 1,
        CounterResetHint::NotCounterReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

/// Writes the float form of the message, which holds whatever the model holds.
pub(crate) fn encode(out: &mut Vec<u8>, point: &HistogramPoint, with_start: bool) {
    let histogram = &point.histogram;
    out.put_double(2, histogram.count);
    out.put_double(3, histogram.sum);
    out.put_sint(4, i64::from(histogram.schema));
    out.put_double(5, histogram.zero_threshold);
    out.put_double(7, histogram.zero_count);
    encode_buckets(out, (8, 10), &histogram.negative_spans, &histogram.negative_buckets);
    encode_buckets(out, (11, 13), &histogram.positive_spans, &histogram.positive_buckets);
    out.put_uint_unless_default(14, number_of(histogram.counter_reset_hint));
    out.put_uint_unless_default(15, point.timestamp_ms as u64);
    if let Some(bounds) = &histogram.custom_values {
        encode_doubles(out, 16, bounds);
    }
    if with_start {
        out.put_uint_unless_default(17, point.start_timestamp_ms as u64);
    }
}

fn encode_buckets(out: &mut Vec<u8>, fields: (u32, u32), spans: &[Span], buckets: &[f64]) {
    for span in spans {
        out.put_message(fields.0, |out| {
            out.put_sint(1, i64::from(span.offset));
            out.put_uint(2, u64::from(span.length));
        });
    }
    encode_doubles(out, fields.1, buckets);
}

fn encode_doubles(out: &mut Vec<u8>, field: u32, values: &[f64]) {
    if values.is_empty() {
        return;
    }
    out.put_message(field, |out| {
        for value in values {
            out.extend_from_slice(&value.to_le_bytes());
        }
    });
}

/// What `check_histogram` of the parent module says.
pub(crate) fn check(histogram: &Histogram) -> Result<(), String> {
    let custom = histogram.uses_custom_buckets();
    if !custom && !(-9..=52).contains(&histogram.schema) {
        return Err(format!("histogram has an invalid schema: {}", histogram.schema));
    }
    check_side("positive", &histogram.positive_spans, &histogram.positive_buckets)?;
    check_side("negative", &histogram.negative_spans, &histogram.negative_buckets)?;
    if custom {
        return check_custom(histogram);
    }
    if histogram.custom_values.is_some() {
        return Err("histogram with exponential schema must not have custom bounds".to_owned());
    }
    if histogram.zero_count < 0.0 || histogram.count < 0.0 {
        return Err("histogram has a negative count".to_owned());
    }
    Ok(())
}

fn check_side(side: &str, spans: &[Span], buckets: &[f64]) -> Result<(), String> {
    let mut slots = 0_u64;
    let mut index = 0_i64;
    for (at, span) in spans.iter().enumerate() {
        if at > 0 && span.offset < 0 {
            return Err(format!(
                "{side} side: span number {} with offset {}: histogram has a span whose offset is negative",
                at + 1,
                span.offset
            ));
        }
        slots += u64::from(span.length);
        index += i64::from(span.offset) + i64::from(span.length);
    }
    if slots != buckets.len() as u64 {
        return Err(format!(
            "{side} side: spans need {slots} buckets, have {} buckets: histogram spans specify different number of buckets than provided",
            buckets.len()
        ));
    }
    if i32::try_from(index).is_err() {
        return Err(format!("{side} side: bucket index {index} is out of range"));
    }
    match buckets.iter().position(|&count| count < 0.0) {
        Some(at) => Err(format!(
            "{side} side: bucket number {} has observation count of {}: histogram has a bucket whose observation count is negative",
            at + 1,
            buckets.get(at).copied().unwrap_or_default()
        )),
        None => Ok(()),
    }
}

fn check_custom(histogram: &Histogram) -> Result<(), String> {
    let bounds = histogram.custom_values.as_deref().unwrap_or_default();
    let ascending = bounds.windows(2).all(|two| matches!(two, [a, b] if a < b));
    if !ascending || bounds.iter().any(|bound| bound.is_nan() || *bound == f64::INFINITY) {
        return Err(
            "histogram custom bounds must be in strictly increasing order and finite".into()
        );
    }
    let mut end = 0_i64;
    for span in &histogram.positive_spans {
        if span.offset < 0 {
            return Err("custom buckets: histogram has a span whose offset is negative".to_owned());
        }
        end += i64::from(span.offset) + i64::from(span.length);
    }
    if end > bounds.len() as i64 + 1 {
        return Err(format!(
            "custom buckets: only {} custom bounds defined which is insufficient to cover total span length of {end}",
            bounds.len()
        ));
    }
    if !histogram.negative_spans.is_empty() || !histogram.negative_buckets.is_empty() {
        return Err("custom buckets: must not have negative buckets".to_owned());
    }
    if histogram.zero_count != 0.0 || histogram.zero_threshold != 0.0 {
        return Err("custom buckets: must have zero count and zero threshold of 0".to_owned());
    }
    Ok(())
}
