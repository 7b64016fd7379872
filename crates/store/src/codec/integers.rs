//! Columns of integers: constant, linear, as they are, as differences, as differences of
//! differences, or as sparse changes; scaled down by their common divisor.

use super::frame::{self, Plan};
use super::input::{put_signed, put_varint, varint_length};
use super::{CodecError, Input};

/// Buffers that encoding and decoding reuse.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    packed: Vec<u64>,
    first: Vec<i64>,
    second: Vec<i64>,
    changes: Vec<i64>,
    gaps: Vec<i64>,
}

/// The first byte of an encoded column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Layout {
    Constant = 0,
    Linear = 1,
    Frame = 2,
    Delta = 3,
    DeltaOfDelta = 4,
    Bitmap = 5,
    Gaps = 6,
    Scaled = 7,
}

impl Layout {
    fn from_byte(byte: u8) -> Result<Self, CodecError> {
        Ok(match byte {
            0 => Self::Constant,
            1 => Self::Linear,
            2 => Self::Frame,
            3 => Self::Delta,
            4 => Self::DeltaOfDelta,
            5 => Self::Bitmap,
            6 => Self::Gaps,
            7 => Self::Scaled,
            _ => return Err(CodecError("a column has an unknown layout")),
        })
    }
}

/// Appends `values`.
pub fn encode(values: &[i64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Some(&base) = values.first() else { return };
    if values.iter().all(|value| *value == base) {
        out.push(Layout::Constant as u8);
        put_signed(out, base);
        return;
    }
    let divisor = common_divisor(values);
    if divisor > 1 {
        out.push(Layout::Scaled as u8);
        put_signed(out, base);
        put_varint(out, divisor as u64);
        let scaled: Vec<i64> = values.iter().map(|v| (v - base) / divisor).collect();
        encode_scaled(&scaled, scratch, out);
    } else {
        encode_scaled(values, scratch, out);
    }
}

/// The greatest common divisor of all differences; 1 when a difference overflows.
fn common_divisor(values: &[i64]) -> i64 {
    let base = values.first().copied().unwrap_or(0);
    let mut divisor = 0u64;
    for value in values {
        let Some(difference) = value.checked_sub(base) else { return 1 };
        let mut rest = difference.unsigned_abs();
        if divisor != 0 && rest % divisor == 0 {
            continue;
        }
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        if divisor == 1 {
            return 1;
        }
    }
    i64::try_from(divisor).unwrap_or(1)
}

fn encode_scaled(values: &[i64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let count = values.len();
    differences(values, &mut scratch.first);
    differences(&scratch.first, &mut scratch.second);
    let step = scratch.first.get(1).copied().unwrap_or(0);
    if scratch.first[1..].iter().all(|difference| *difference == step) {
        out.push(Layout::Linear as u8);
        put_signed(out, values[0]);
        put_signed(out, step);
        return;
    }
    sparse(scratch);
    // The first differences are not used: give them a value that costs nothing.
    scratch.first[0] = step;
    scratch.second[0] = scratch.second[2];
    scratch.second[1] = scratch.second[2];
    let plans = [Plan::of(values), Plan::of(&scratch.first), Plan::of(&scratch.second)];
    let changes = Plan::of(&scratch.changes);
    let gaps = Plan::of(&scratch.gaps);
    let length = varint_length(count as u64);
    let costs = [
        (Layout::Frame, plans[0].cost),
        (Layout::Delta, plans[1].cost + 4),
        (Layout::DeltaOfDelta, plans[2].cost + 6),
        (Layout::Bitmap, count.div_ceil(8) + changes.cost + length + 4),
        (Layout::Gaps, gaps.cost + changes.cost + length + 4),
    ];
    let best = costs.iter().min_by_key(|(_, cost)| *cost).map_or(Layout::Frame, |(l, _)| *l);
    out.push(best as u8);
    if best != Layout::Frame {
        put_signed(out, values[0]);
    }
    let packed = &mut scratch.packed;
    match best {
        Layout::Delta => frame::encode(&scratch.first, &plans[1], packed, out),
        Layout::DeltaOfDelta => {
            put_signed(out, step);
            frame::encode(&scratch.second, &plans[2], packed, out);
        }
        Layout::Bitmap => {
            put_varint(out, scratch.changes.len() as u64);
            put_bitmap(values, out);
            frame::encode(&scratch.changes, &changes, packed, out);
        }
        Layout::Gaps => {
            put_varint(out, scratch.changes.len() as u64);
            frame::encode(&scratch.gaps, &gaps, packed, out);
            frame::encode(&scratch.changes, &changes, packed, out);
        }
        _ => frame::encode(values, &plans[0], packed, out),
    }
}

/// `differences[i] = values[i] - values[i - 1]`, the first one being 0.
fn differences(values: &[i64], differences: &mut Vec<i64>) {
    differences.clear();
    differences.push(0);
    differences.extend(values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])));
}

/// The differences that are not zero, and how many zeros are before each.
fn sparse(scratch: &mut Scratch) {
    scratch.changes.clear();
    scratch.gaps.clear();
    let mut gap = 0;
    for difference in &scratch.first[1..] {
        if *difference == 0 {
            gap += 1;
        } else {
            scratch.changes.push(*difference);
            scratch.gaps.push(gap);
            gap = 0;
        }
    }
}

fn put_bitmap(values: &[i64], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + values.len().div_ceil(8), 0);
    for (at, pair) in values.windows(2).enumerate() {
        if pair[0] != pair[1] {
            out[start + (at + 1) / 8] |= 1 << ((at + 1) % 8);
        }
    }
}

/// Fills `values`, of which there are as many as were encoded.
pub fn decode(
    input: &mut Input<'_>,
    scratch: &mut Scratch,
    values: &mut [i64],
) -> Result<(), CodecError> {
    if values.is_empty() {
        return Ok(());
    }
    let layout = Layout::from_byte(input.byte()?)?;
    if layout != Layout::Scaled {
        return decode_layout(layout, input, scratch, values);
    }
    let base = input.signed()?;
    let divisor = input.varint()? as i64;
    let layout = Layout::from_byte(input.byte()?)?;
    decode_layout(layout, input, scratch, values)?;
    for value in values {
        *value = value.wrapping_mul(divisor).wrapping_add(base);
    }
    Ok(())
}

fn decode_layout(
    layout: Layout,
    input: &mut Input<'_>,
    scratch: &mut Scratch,
    values: &mut [i64],
) -> Result<(), CodecError> {
    if layout == Layout::Frame {
        return frame::decode(input, &mut scratch.packed, values);
    }
    if layout == Layout::Scaled {
        return Err(CodecError("a scaled column is scaled again"));
    }
    let mut value = input.signed()?;
    match layout {
        Layout::Linear | Layout::DeltaOfDelta => {
            let mut step = input.signed()?;
            if layout == Layout::Linear {
                for out in values {
                    *out = value;
                    value = value.wrapping_add(step);
                }
                return Ok(());
            }
            frame::decode(input, &mut scratch.packed, values)?;
            for (at, out) in values.iter_mut().enumerate() {
                if at > 0 {
                    step = step.wrapping_add(if at > 1 { *out } else { 0 });
                    value = value.wrapping_add(step);
                }
                *out = value;
            }
        }
        Layout::Delta => {
            frame::decode(input, &mut scratch.packed, values)?;
            values[0] = value;
            for out in &mut values[1..] {
                value = value.wrapping_add(*out);
                *out = value;
            }
        }
        Layout::Bitmap => decode_bitmap(value, input, scratch, values)?,
        Layout::Gaps => decode_gaps(value, input, scratch, values)?,
        Layout::Constant | Layout::Frame | Layout::Scaled => values.fill(value),
    }
    Ok(())
}

fn decode_bitmap(
    mut value: i64,
    input: &mut Input<'_>,
    scratch: &mut Scratch,
    values: &mut [i64],
) -> Result<(), CodecError> {
    let count = input.count(values.len())?;
    let bitmap = input.take(values.len().div_ceil(8))?;
    scratch.changes.resize(count, 0);
    frame::decode(input, &mut scratch.packed, &mut scratch.changes)?;
    // One more, so that looking at the next change needs no end.
    scratch.changes.push(0);
    let mut next = 0;
    for (bits, outs) in bitmap.iter().zip(values.chunks_mut(8)) {
        let mut bits = *bits;
        if bits == 0 {
            outs.fill(value);
            continue;
        }
        for out in outs {
            let changed = usize::from(bits & 1);
            let change = *scratch.changes.get(next).unwrap_or(&0);
            value = value.wrapping_add(change & -(changed as i64));
            next += changed;
            bits >>= 1;
            *out = value;
        }
    }
    if next == count { Ok(()) } else { Err(CodecError("a bitmap does not fit its changes")) }
}

fn decode_gaps(
    mut value: i64,
    input: &mut Input<'_>,
    scratch: &mut Scratch,
    values: &mut [i64],
) -> Result<(), CodecError> {
    let count = input.count(values.len())?;
    scratch.gaps.resize(count, 0);
    scratch.changes.resize(count, 0);
    frame::decode(input, &mut scratch.packed, &mut scratch.gaps)?;
    frame::decode(input, &mut scratch.packed, &mut scratch.changes)?;
    let mut rest = values;
    let mut run = 1;
    for (gap, change) in scratch.gaps.iter().zip(&scratch.changes) {
        let same = usize::try_from(*gap).ok().and_then(|gap| gap.checked_add(run));
        let split = same.and_then(|same| rest.split_at_mut_checked(same));
        let (same, tail) = split.ok_or(CodecError("a change is out of bounds"))?;
        same.fill(value);
        value = value.wrapping_add(*change);
        rest = tail;
        run = 1;
    }
    rest.fill(value);
    Ok(())
}
