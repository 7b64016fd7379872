//! Columns of floats: as integers times a power of ten where that is exact to the bit (as most
//! measured values are: ALP, Afroozeh et al., SIGMOD 2024), else as the bits; either bit-packed or
//! by Pcodec, which has to save a fifth to make up for decoding slower.

use super::input::{put_signed, put_varint};
use super::integers::{self, Scratch as IntegerScratch};
use super::pcodec::{self, Hint};
use super::{CodecError, Input};

/// Powers of ten that are exact as floats and useful.
const POWERS: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
const MANTISSA_LIMIT: f64 = 9_007_199_254_740_992.0;
/// Below this, Pcodec's own metadata leaves nothing to save.
const PCODEC_BYTES_MIN: usize = 24;
/// Pcodec is tried when the estimate of its size is not larger than would save enough, by more
/// than one part in so many of the packed size: the estimate is rough.
const PROMISE_MARGIN: usize = 8;

/// Buffers that encoding and decoding reuse.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    integers: Vec<i64>,
    exceptions: Vec<(usize, u64)>,
    inner: IntegerScratch,
    other: Vec<u8>,
}

impl Scratch {
    /// The buffers of the integer codec.
    pub fn integers(&mut self) -> &mut IntegerScratch {
        &mut self.inner
    }
}

/// The first byte of an encoded column.
mod layout {
    pub(super) const CONSTANT_BITS: u8 = 0;
    pub(super) const CONSTANT_DECIMAL: u8 = 1;
    pub(super) const DECIMAL: u8 = 2;
    pub(super) const DECIMAL_PCODEC: u8 = 3;
    pub(super) const BITS: u8 = 4;
    pub(super) const BITS_PCODEC: u8 = 5;
}

/// The mantissa of `value` at `exponent`, if dividing gives back the same bits.
#[inline]
fn mantissa(value: f64, exponent: usize) -> Option<i64> {
    let power = POWERS[exponent];
    let scaled = (value * power).round_ties_even();
    if scaled.abs() < MANTISSA_LIMIT {
        let mantissa = scaled as i64;
        if (mantissa as f64 / power).to_bits() == value.to_bits() {
            return Some(mantissa);
        }
    }
    None
}

fn decimal(value: f64) -> Option<(usize, i64)> {
    if !value.is_finite() {
        return None;
    }
    (0..POWERS.len()).find_map(|exponent| Some((exponent, mantissa(value, exponent)?)))
}

/// Appends `values`.
pub fn encode(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Some(&first) = values.first() else { return };
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        encode_constant(first, out);
        return;
    }
    if let Some(exponent) = split(values, scratch) {
        encode_decimal(exponent, scratch, out);
    } else {
        encode_bits(values, scratch, out);
    }
}

fn encode_decimal(exponent: usize, scratch: &mut Scratch, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(layout::DECIMAL);
    put_decimal_header(exponent, &scratch.exceptions, out);
    let header = out.len();
    integers::encode(&scratch.integers, &mut scratch.inner, out);
    let packed = out.len() - header;
    if packed < PCODEC_BYTES_MIN {
        return;
    }
    let (hint, estimate) = hint(&scratch.integers);
    if !saves_enough(estimate, packed + packed / PROMISE_MARGIN) {
        return;
    }
    scratch.other.clear();
    let other = pcodec::encode_integers(&scratch.integers, hint, &mut scratch.other);
    if other.is_some() && saves_enough(scratch.other.len(), packed) {
        out[start] = layout::DECIMAL_PCODEC;
        out.truncate(header);
        out.extend_from_slice(&scratch.other);
    }
}

fn encode_bits(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(layout::BITS);
    scratch.integers.clear();
    scratch.integers.extend(values.iter().map(|value| value.to_bits() as i64));
    integers::encode(&scratch.integers, &mut scratch.inner, out);
    scratch.other.clear();
    let other = pcodec::encode_floats(values, &mut scratch.other);
    if other.is_some() && saves_enough(scratch.other.len(), out.len() - start - 1) {
        out[start] = layout::BITS_PCODEC;
        out.truncate(start + 1);
        out.extend_from_slice(&scratch.other);
    }
}

const fn saves_enough(pcodec: usize, packed: usize) -> bool {
    pcodec * 5 < packed * 4
}

fn encode_constant(value: f64, out: &mut Vec<u8>) {
    if let Some((exponent, mantissa)) = decimal(value) {
        out.extend_from_slice(&[layout::CONSTANT_DECIMAL, exponent as u8]);
        put_signed(out, mantissa);
    } else {
        out.push(layout::CONSTANT_BITS);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// Splits into mantissas and one exponent, with the values that are not decimal (NaNs, stale
/// markers, -0.0, infinities among them) as exceptions. `None` when these are too many.
fn split(values: &[f64], scratch: &mut Scratch) -> Option<usize> {
    let exceptions_max = 2 + values.len() / 24;
    let mut exponent = 0;
    let mut exceptions = 0;
    let mut filler = None;
    let mut last = !values.first()?.to_bits();
    for value in values {
        if value.to_bits() == last {
            continue;
        }
        last = value.to_bits();
        if mantissa(*value, exponent).is_some() {
            filler = filler.or(Some(*value));
        } else if let Some((larger, _)) = decimal(*value).filter(|(larger, _)| *larger > exponent) {
            exponent = larger;
            filler = filler.or(Some(*value));
        } else {
            exceptions += 1;
            if exceptions > exceptions_max {
                return None;
            }
        }
    }
    // A value that was decimal may not be at the larger exponent; it is an exception then.
    let mut previous = filler.and_then(|value| mantissa(value, exponent)).unwrap_or(0);
    scratch.integers.clear();
    scratch.exceptions.clear();
    for (at, value) in values.iter().enumerate() {
        if let Some(mantissa) = mantissa(*value, exponent) {
            previous = mantissa;
        } else {
            scratch.exceptions.push((at, value.to_bits()));
        }
        scratch.integers.push(previous);
    }
    (scratch.exceptions.len() <= exceptions_max).then_some(exponent)
}

fn put_decimal_header(exponent: usize, exceptions: &[(usize, u64)], out: &mut Vec<u8>) {
    out.push(exponent as u8);
    put_varint(out, exceptions.len() as u64);
    let mut next = 0;
    for (at, bits) in exceptions {
        put_varint(out, (at - next) as u64);
        out.extend_from_slice(&bits.to_le_bytes());
        next = at + 1;
    }
}

/// The order of differences with the least entropy (estimated from bit lengths, which is much
/// cheaper than Pcodec's own sampling and as good here), and the common divisor; and about how
/// many bytes Pcodec would take.
fn hint(values: &[i64]) -> (Hint, usize) {
    let mut sample: Vec<i64> = values.iter().step_by(values.len() / 32 + 1).copied().collect();
    sample.sort_unstable();
    let median = sample.get(sample.len() / 2).copied().unwrap_or(0);
    let mut orders = [[0u32; 65]; 3];
    let mut divisor = 0;
    let mut rising = true;
    let mut note = |order: usize, value: i64| {
        orders[order][64 - value.unsigned_abs().leading_zeros() as usize] += 1;
    };
    for triple in values.windows(3) {
        let before = triple[1].wrapping_sub(triple[0]);
        let difference = triple[2].wrapping_sub(triple[1]);
        note(0, triple[2].wrapping_sub(median));
        note(1, difference);
        note(2, difference.wrapping_sub(before));
        rising &= before >= 0 && difference >= 0;
        if divisor != 1 {
            let both = greatest_common_divisor(divisor, before.unsigned_abs());
            divisor = greatest_common_divisor(both, difference.unsigned_abs());
        }
    }
    let cost = |order: usize, signed: bool| entropy(&orders[order], signed) + 64.0 * order as f64;
    let costs = [cost(0, true), cost(1, !rising), cost(2, true)];
    let order = if costs[0] <= costs[1] && costs[0] <= costs[2] {
        0
    } else if costs[1] <= costs[2] {
        1
    } else {
        2
    };
    let divisor = divisor.max(1);
    let spared = (divisor as f64).log2() * values.len() as f64;
    let estimate = ((costs[order] - spared).max(0.0) / 8.0) as usize;
    (Hint { order, divisor }, estimate)
}

/// Bits that values with these bit lengths take, about.
fn entropy(lengths: &[u32; 65], signed: bool) -> f64 {
    let total: f64 = lengths.iter().copied().map(f64::from).sum();
    let mut bits = if signed { total - f64::from(lengths[0]) } else { 0.0 };
    for (length, count) in lengths.iter().enumerate().filter(|(_, count)| **count > 0) {
        let count = f64::from(*count);
        bits += count * (total / count).log2() + count * (length as f64 - 1.0).max(0.0) + 12.0;
    }
    bits
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Fills `values`, of which there are as many as were encoded. A column by Pcodec reaches to the
/// end of `input`.
pub fn decode(
    input: &mut Input<'_>,
    scratch: &mut Scratch,
    values: &mut [f64],
) -> Result<(), CodecError> {
    if values.is_empty() {
        return Ok(());
    }
    match input.byte()? {
        layout::CONSTANT_BITS => values.fill(f64::from_bits(u64::from_le_bytes(input.array()?))),
        layout::CONSTANT_DECIMAL => {
            let power = power(input)?;
            values.fill(input.signed()? as f64 / power);
        }
        layout @ (layout::DECIMAL | layout::DECIMAL_PCODEC) => {
            decode_decimal(layout == layout::DECIMAL_PCODEC, input, scratch, values)?;
        }
        layout::BITS => {
            scratch.integers.resize(values.len(), 0);
            integers::decode(input, &mut scratch.inner, &mut scratch.integers)?;
            for (value, bits) in values.iter_mut().zip(&scratch.integers) {
                *value = f64::from_bits(*bits as u64);
            }
        }
        layout::BITS_PCODEC => pcodec::decode(input, values)?,
        _ => return Err(CodecError("a float column has an unknown layout")),
    }
    Ok(())
}

fn power(input: &mut Input<'_>) -> Result<f64, CodecError> {
    let exponent = usize::from(input.byte()?);
    POWERS.get(exponent).copied().ok_or(CodecError("an exponent is out of bounds"))
}

fn decode_decimal(
    by_pcodec: bool,
    input: &mut Input<'_>,
    scratch: &mut Scratch,
    values: &mut [f64],
) -> Result<(), CodecError> {
    let power = power(input)?;
    let count = input.count(values.len())?;
    scratch.exceptions.clear();
    let mut at = 0usize;
    for _ in 0..count {
        at = at.saturating_add(input.count(values.len())?);
        scratch.exceptions.push((at, u64::from_le_bytes(input.array()?)));
        at += 1;
    }
    scratch.integers.resize(values.len(), 0);
    if by_pcodec {
        pcodec::decode(input, &mut scratch.integers)?;
    } else {
        integers::decode(input, &mut scratch.inner, &mut scratch.integers)?;
    }
    if power == 1.0 {
        for (value, mantissa) in values.iter_mut().zip(&scratch.integers) {
            *value = *mantissa as f64;
        }
    } else {
        for (value, mantissa) in values.iter_mut().zip(&scratch.integers) {
            *value = *mantissa as f64 / power;
        }
    }
    for (at, bits) in &scratch.exceptions {
        let value = values.get_mut(*at).ok_or(CodecError("an exception is out of bounds"))?;
        *value = f64::from_bits(*bits);
    }
    Ok(())
}
