//! Points of a chunk.

use std::sync::Arc;

use vigie_model::{CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Histogram, Span, is_stale_nan};

use super::TsdbError;
use super::bits::{BitReader, Xor, signed};

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub enum ChunkPoint {
    /// A float.
    Float(i64, f64),
    /// A native histogram.
    Histogram(i64, Histogram),
}

/// Appends the points of a chunk to `into`.
pub fn decode_chunk(
    encoding: u8,
    data: &[u8],
    into: &mut Vec<ChunkPoint>,
) -> Result<(), TsdbError> {
    let (head, rest) = data.split_first_chunk::<2>().ok_or(TsdbError::Damaged("a chunk"))?;
    let count = usize::from(u16::from_be_bytes(*head));
    let read = match encoding {
        1 => read_floats(BitReader::new(rest), count, into),
        2 | 3 => read_histograms(rest, encoding == 3, count, into),
        number => {
            return Err(TsdbError::Unknown { what: "chunk encoding", number: u64::from(number) });
        }
    };
    read.ok_or(TsdbError::Damaged("a chunk"))
}

fn read_floats(mut bits: BitReader<'_>, count: usize, into: &mut Vec<ChunkPoint>) -> Option<()> {
    let (mut time, mut delta) = (0_i64, 0_u64);
    let mut value = Xor::default();
    for at in 0..count {
        match at {
            0 => {
                time = bits.varint()?;
                value = Xor::starting(bits.float()?);
            }
            1 => {
                delta = bits.uvarint()?;
                time = time.wrapping_add(delta as i64);
                bits.xor(&mut value)?;
            }
            _ => {
                let change = read_change_of_delta(&mut bits)?;
                delta = delta.wrapping_add_signed(change);
                time = time.wrapping_add(delta as i64);
                bits.xor(&mut value)?;
            }
        }
        into.push(ChunkPoint::Float(time, value.value));
    }
    Some(())
}

/// Prefixes of one to four bits tell the size of the number.
fn read_change_of_delta(bits: &mut BitReader<'_>) -> Option<i64> {
    let mut ones = 0;
    while ones < 4 && bits.bit()? {
        ones += 1;
    }
    let size = [0, 14, 17, 20, 64].get(ones).copied()?;
    let number = bits.bits(size)?;
    Some(signed(number, size))
}

/// What all histograms of a chunk have in common.
struct Layout {
    hint: CounterResetHint,
    zero_threshold: f64,
    schema: i32,
    positive_spans: Vec<Span>,
    negative_spans: Vec<Span>,
    custom_values: Option<Arc<[f64]>>,
}

impl Layout {
    fn read(hint: CounterResetHint, bits: &mut BitReader<'_>) -> Option<Self> {
        let zero_threshold = match bits.bits(8)? {
            0 => 0.0,
            255 => bits.float()?,
            power => 0.5 * 2_f64.powi(power as i32 - 243),
        };
        let schema = i32::try_from(bits.varbit_int()?).ok()?;
        let positive_spans = read_spans(bits)?;
        let negative_spans = read_spans(bits)?;
        let custom_values =
            if schema == CUSTOM_BUCKETS_SCHEMA { Some(read_bounds(bits)?) } else { None };
        Some(Self { hint, zero_threshold, schema, positive_spans, negative_spans, custom_values })
    }

    /// Counts of positive and of negative buckets; no more than the chunk has bits.
    fn counts(&self, bits: &BitReader<'_>) -> Option<(usize, usize)> {
        let sum = |spans: &[Span]| spans.iter().map(|span| u64::from(span.length)).sum::<u64>();
        let (positive, negative) = (sum(&self.positive_spans), sum(&self.negative_spans));
        let all = positive.checked_add(negative)?;
        (all <= bits.left() as u64).then_some((positive as usize, negative as usize))
    }

    fn histogram(&self, at: usize, numbers: [f64; 3], buckets: (Vec<f64>, Vec<f64>)) -> Histogram {
        let [count, zero_count, sum] = numbers;
        let later = match self.hint {
            CounterResetHint::Gauge => CounterResetHint::Gauge,
            _ => CounterResetHint::NotCounterReset,
        };
        let mut histogram = Histogram {
            // What the chunk says is about its first point; within a chunk nothing is reset.
            counter_reset_hint: if at == 0 { self.hint } else { later },
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count,
            count,
            sum,
            ..Histogram::default()
        };
        if is_stale_nan(sum) {
            return histogram;
        }
        histogram.positive_spans.clone_from(&self.positive_spans);
        histogram.negative_spans.clone_from(&self.negative_spans);
        (histogram.positive_buckets, histogram.negative_buckets) = buckets;
        histogram.custom_values.clone_from(&self.custom_values);
        histogram
    }
}

fn read_spans(bits: &mut BitReader<'_>) -> Option<Vec<Span>> {
    let count = bits.varbit_uint()?;
    // A span takes at least two bits.
    if count > bits.left() as u64 / 2 {
        return None;
    }
    let mut spans = Vec::new();
    for _ in 0..count {
        let length = u32::try_from(bits.varbit_uint()?).ok()?;
        let offset = i32::try_from(bits.varbit_int()?).ok()?;
        spans.push(Span { offset, length });
    }
    Some(spans)
}

fn read_bounds(bits: &mut BitReader<'_>) -> Option<Arc<[f64]>> {
    let count = bits.varbit_uint()?;
    if count > bits.left() as u64 {
        return None;
    }
    let mut bounds = Vec::new();
    for _ in 0..count {
        bounds.push(match bits.varbit_uint()? {
            0 => bits.float()?,
            thousandths => (thousandths - 1) as f64 / 1000.0,
        });
    }
    Some(bounds.into())
}

fn read_histograms(
    data: &[u8],
    is_float: bool,
    count: usize,
    into: &mut Vec<ChunkPoint>,
) -> Option<()> {
    let (flags, rest) = data.split_first()?;
    let hint = match flags >> 6 {
        0b10 => CounterResetHint::CounterReset,
        0b01 => CounterResetHint::NotCounterReset,
        0b11 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    };
    if count == 0 {
        return Some(());
    }
    let mut bits = BitReader::new(rest);
    let layout = Layout::read(hint, &mut bits)?;
    if is_float {
        read_float_histograms(&layout, &mut bits, count, into)
    } else {
        read_integer_histograms(&layout, &mut bits, count, into)
    }
}

/// A number of which changes of changes are written.
#[derive(Debug, Clone, Copy, Default)]
struct Twice {
    value: i64,
    delta: i64,
}

impl Twice {
    fn read(&mut self, at: usize, bits: &mut BitReader<'_>) -> Option<i64> {
        let number = bits.varbit_int()?;
        if at == 0 {
            self.value = number;
        } else {
            self.delta = self.delta.wrapping_add(number);
            self.value = self.value.wrapping_add(self.delta);
        }
        Some(self.value)
    }

    /// A count, which is written without a sign at first.
    fn read_count(&mut self, at: usize, bits: &mut BitReader<'_>) -> Option<f64> {
        if at == 0 {
            self.value = bits.varbit_uint()? as i64;
            return Some(self.value as u64 as f64);
        }
        self.read(at, bits).map(|value| value as u64 as f64)
    }
}

fn read_integer_histograms(
    layout: &Layout,
    bits: &mut BitReader<'_>,
    count: usize,
    into: &mut Vec<ChunkPoint>,
) -> Option<()> {
    let (positive, negative) = layout.counts(bits)?;
    let mut buckets = [vec![Twice::default(); positive], vec![Twice::default(); negative]];
    let (mut time, mut all, mut zero) = (Twice::default(), Twice::default(), Twice::default());
    let mut sum = Xor::default();
    for at in 0..count {
        let time_ms = time.read(at, bits)?;
        let numbers = [all.read_count(at, bits)?, zero.read_count(at, bits)?];
        if at == 0 {
            sum = Xor::starting(bits.float()?);
        } else {
            bits.xor(&mut sum)?;
        }
        let mut sides = [Vec::new(), Vec::new()];
        if at == 0 || !is_stale_nan(sum.value) {
            for (side, out) in buckets.iter_mut().zip(&mut sides) {
                // Each bucket is the difference to the one before it.
                let mut current = 0_i64;
                for bucket in side {
                    current = current.wrapping_add(bucket.read(at, bits)?);
                    out.push(current as f64);
                }
            }
        }
        let [positive, negative] = sides;
        let numbers = [numbers[0], numbers[1], sum.value];
        let histogram = layout.histogram(at, numbers, (positive, negative));
        into.push(ChunkPoint::Histogram(time_ms, histogram));
    }
    Some(())
}

fn read_float_histograms(
    layout: &Layout,
    bits: &mut BitReader<'_>,
    count: usize,
    into: &mut Vec<ChunkPoint>,
) -> Option<()> {
    let (positive, negative) = layout.counts(bits)?;
    let mut buckets = vec![Xor::default(); positive + negative];
    let mut time = Twice::default();
    let mut numbers = [Xor::default(); 3];
    for at in 0..count {
        let time_ms = time.read(at, bits)?;
        for number in &mut numbers {
            read_float(at, number, bits)?;
        }
        let [all, zero, sum] = numbers.map(|number| number.value);
        let mut counts = Vec::new();
        if at == 0 || !is_stale_nan(sum) {
            for bucket in &mut buckets {
                counts.push(read_float(at, bucket, bits)?);
            }
        }
        let negative = counts.split_off(positive.min(counts.len()));
        let histogram = layout.histogram(at, [all, zero, sum], (counts, negative));
        into.push(ChunkPoint::Histogram(time_ms, histogram));
    }
    Some(())
}

fn read_float(at: usize, state: &mut Xor, bits: &mut BitReader<'_>) -> Option<f64> {
    if at == 0 {
        *state = Xor::starting(bits.float()?);
        return Some(state.value);
    }
    bits.xor(state)
}
