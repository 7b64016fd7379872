//! Native histograms as columns: the distinct layouts (schema, thresholds, spans, custom bounds)
//! once, then count, sum and zero count over time, then each bucket of each layout over time.

use std::sync::Arc;

use hashbrown::HashMap;
use vigie_model::{CounterResetHint, Histogram, Span};

use super::chunk::{Scratch, put_floats, put_integers, take_floats, take_integers};
use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_signed, put_varint};

/// Buckets times histograms that a chunk has at most; its writer makes smaller chunks.
pub(super) const BUCKET_VALUES_MAX: usize = 1 << 24;

/// Appends histograms.
pub(super) fn encode(
    histograms: &[(u32, Arc<Histogram>)],
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let (mut layouts, mut order) = (Vec::new(), Vec::with_capacity(histograms.len()));
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    for (at, (_, histogram)) in histograms.iter().enumerate() {
        let mut layout = Vec::new();
        put_layout(histogram, &mut layout)?;
        let number = *known.entry(layout).or_insert_with_key(|layout| {
            layouts.push((layout.clone(), Vec::new()));
            layouts.len() - 1
        });
        order.push(number as i64);
        layouts[number].1.push(at);
    }
    put_varint(out, layouts.len() as u64);
    for (layout, _) in &layouts {
        out.extend_from_slice(layout);
    }
    put_integers(&order, scratch, out);
    let hints: Vec<i64> =
        histograms.iter().map(|(_, h)| hint_to_number(h.counter_reset_hint)).collect();
    put_integers(&hints, scratch, out);
    let fields: [fn(&Histogram) -> f64; 3] = [|h| h.count, |h| h.sum, |h| h.zero_count];
    for field in fields {
        let column: Vec<f64> = histograms.iter().map(|(_, h)| field(h)).collect();
        put_floats(&column, scratch, out);
    }
    for (_, members) in &layouts {
        let first = &histograms[members[0]].1;
        for bucket in 0..first.positive_buckets.len() {
            let column = members.iter().map(|at| histograms[*at].1.positive_buckets[bucket]);
            put_floats(&column.collect::<Vec<_>>(), scratch, out);
        }
        for bucket in 0..first.negative_buckets.len() {
            let column = members.iter().map(|at| histograms[*at].1.negative_buckets[bucket]);
            put_floats(&column.collect::<Vec<_>>(), scratch, out);
        }
    }
    Ok(())
}

fn put_layout(histogram: &Histogram, out: &mut Vec<u8>) -> Result<(), StoreError> {
    put_signed(out, i64::from(histogram.schema));
    out.extend_from_slice(&histogram.zero_threshold.to_bits().to_le_bytes());
    let sides = [
        (&histogram.positive_spans, &histogram.positive_buckets),
        (&histogram.negative_spans, &histogram.negative_buckets),
    ];
    for (spans, buckets) in sides {
        if bucket_count(spans) != Some(buckets.len()) {
            return Err(StoreError::Invalid("a histogram's spans do not fit its buckets".into()));
        }
        put_varint(out, spans.len() as u64);
        for span in spans {
            put_signed(out, i64::from(span.offset));
            put_varint(out, u64::from(span.length));
        }
    }
    match &histogram.custom_values {
        None => out.push(0),
        Some(bounds) => {
            put_varint(out, bounds.len() as u64 + 1);
            for bound in bounds.iter() {
                out.extend_from_slice(&bound.to_bits().to_le_bytes());
            }
        }
    }
    Ok(())
}

fn bucket_count(spans: &[Span]) -> Option<usize> {
    spans.iter().try_fold(0usize, |sum, span| sum.checked_add(span.length as usize))
}

/// Reads `count` histograms.
pub(super) fn decode(
    input: &mut Input<'_>,
    count: usize,
    scratch: &mut Scratch,
) -> Result<Vec<Histogram>, StoreError> {
    let layout_count = input.count(count)?;
    let layouts = (0..layout_count)
        .map(|_| take_layout(input))
        .collect::<Result<Vec<Histogram>, StoreError>>()?;
    let order = take_integers(input, count, scratch)?;
    let hints = take_integers(input, count, scratch)?;
    let counts = take_floats(input, count, scratch)?;
    let sums = take_floats(input, count, scratch)?;
    let zeros = take_floats(input, count, scratch)?;
    let mut members = vec![Vec::new(); layouts.len()];
    let mut histograms = Vec::with_capacity(count);
    for at in 0..count {
        let number = usize::try_from(order[at]).unwrap_or(usize::MAX);
        let (Some(layout), Some(members)) = (layouts.get(number), members.get_mut(number)) else {
            return Err(super::corrupt("a histogram has an unknown layout"));
        };
        members.push(at);
        histograms.push(Histogram {
            counter_reset_hint: hint_from_number(hints[at]),
            count: counts[at],
            sum: sums[at],
            zero_count: zeros[at],
            ..layout.clone()
        });
    }
    let mut values_left = BUCKET_VALUES_MAX;
    for (layout, members) in layouts.iter().zip(&members) {
        let sides = [bucket_count(&layout.positive_spans), bucket_count(&layout.negative_spans)];
        for (negative, buckets) in sides.into_iter().enumerate() {
            let buckets = buckets.unwrap_or(usize::MAX);
            values_left = buckets
                .checked_mul(members.len().max(1))
                .and_then(|values| values_left.checked_sub(values))
                .ok_or_else(|| super::corrupt("histograms have too many buckets"))?;
            for _ in 0..buckets {
                let column = take_floats(input, members.len(), scratch)?;
                for (at, value) in members.iter().zip(column) {
                    side(&mut histograms[*at], negative == 1).push(value);
                }
            }
        }
    }
    Ok(histograms)
}

fn side(histogram: &mut Histogram, negative: bool) -> &mut Vec<f64> {
    if negative { &mut histogram.negative_buckets } else { &mut histogram.positive_buckets }
}

/// A histogram that has only what its layout says.
fn take_layout(input: &mut Input<'_>) -> Result<Histogram, StoreError> {
    let schema = i32::try_from(input.signed()?)
        .map_err(|_| super::corrupt("a histogram's schema is out of bounds"))?;
    let zero_threshold = f64::from_bits(u64::from_le_bytes(input.array()?));
    let positive_spans = take_spans(input)?;
    let negative_spans = take_spans(input)?;
    let custom_values = match input.count(input.rest().len())? {
        0 => None,
        count => {
            let bounds = (1..count)
                .map(|_| Ok(f64::from_bits(u64::from_le_bytes(input.array()?))))
                .collect::<Result<Vec<f64>, StoreError>>()?;
            Some(Arc::from(bounds))
        }
    };
    Ok(Histogram {
        schema,
        zero_threshold,
        positive_spans,
        negative_spans,
        custom_values,
        ..Histogram::default()
    })
}

fn take_spans(input: &mut Input<'_>) -> Result<Vec<Span>, StoreError> {
    let count = input.count(input.rest().len())?;
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = i32::try_from(input.signed()?);
        let length = u32::try_from(input.varint()?);
        match (offset, length) {
            (Ok(offset), Ok(length)) => spans.push(Span { offset, length }),
            _ => return Err(super::corrupt("a histogram's span is out of bounds")),
        }
    }
    Ok(spans)
}

const fn hint_to_number(hint: CounterResetHint) -> i64 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::CounterReset => 1,
        CounterResetHint::NotCounterReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

const fn hint_from_number(number: i64) -> CounterResetHint {
    match number {
        1 => CounterResetHint::CounterReset,
        2 => CounterResetHint::NotCounterReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    }
}
