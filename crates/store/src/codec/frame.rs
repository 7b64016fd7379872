//! Frame of reference: the distance to a base (or the zigzag form), bit-packed at the width that
//! costs least, with the few values that are wider kept beside as exceptions.

use super::input::{put_signed, put_varint, unzigzag, varint_length, zigzag};
use super::{CodecError, Input, bitpack};

const ZIGZAG: u8 = 0x80;

/// How a frame is packed, and what that costs.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Bytes, about.
    pub cost: usize,
    width: u32,
    base: Option<i64>,
}

impl Plan {
    /// The cheapest way to pack `values`; of nothing: nothing.
    pub fn of(values: &[i64]) -> Self {
        let minimum = values.iter().copied().min().unwrap_or(0);
        let based = Self::with_base(values, Some(minimum));
        if minimum >= 0 {
            return based;
        }
        let zigzagged = Self::with_base(values, None);
        if zigzagged.cost <= based.cost { zigzagged } else { based }
    }

    fn with_base(values: &[i64], base: Option<i64>) -> Self {
        let mut by_width = [0usize; 65];
        for value in values {
            by_width[64 - to_unsigned(*value, base).leading_zeros() as usize] += 1;
        }
        let header = 2 + base.map_or(0, |base| varint_length(zigzag(base)));
        let mut best = Self { cost: usize::MAX, width: 64, base };
        let mut exceptions_cost = 0;
        for width in (0..=64u32).rev() {
            let cost = header + bitpack::packed_length(values.len(), width) + exceptions_cost;
            if cost < best.cost {
                best = Self { cost, width, base };
            }
            // Values of exactly this width become exceptions at the next smaller one.
            exceptions_cost += by_width[width as usize] * (2 + (width as usize).div_ceil(7));
        }
        best
    }
}

#[inline]
fn to_unsigned(value: i64, base: Option<i64>) -> u64 {
    match base {
        Some(base) => value.wrapping_sub(base) as u64,
        None => zigzag(value),
    }
}

/// Appends `values` as `plan` says; `scratch` is overwritten.
pub fn encode(values: &[i64], plan: &Plan, scratch: &mut Vec<u64>, out: &mut Vec<u8>) {
    scratch.clear();
    scratch.extend(values.iter().map(|value| to_unsigned(*value, plan.base)));
    let limit = if plan.width == 64 { u64::MAX } else { (1 << plan.width) - 1 };
    out.push(plan.width as u8 | if plan.base.is_none() { ZIGZAG } else { 0 });
    put_varint(out, scratch.iter().filter(|value| **value > limit).count() as u64);
    if let Some(base) = plan.base {
        put_signed(out, base);
    }
    let mut next = 0;
    for (at, value) in scratch.iter_mut().enumerate() {
        if *value > limit {
            put_varint(out, (at - next) as u64);
            put_varint(out, *value);
            next = at + 1;
            *value = 0;
        }
    }
    bitpack::pack(scratch, plan.width, out);
}

/// Fills `values`; `scratch` is overwritten.
pub fn decode(
    input: &mut Input<'_>,
    scratch: &mut Vec<u64>,
    values: &mut [i64],
) -> Result<(), CodecError> {
    let header = input.byte()?;
    let exceptions = input.count(values.len())?;
    let base = if header & ZIGZAG == 0 { Some(input.signed()?) } else { None };
    let mut list = *input;
    for _ in 0..exceptions {
        input.varint()?;
        input.varint()?;
    }
    scratch.resize(values.len(), 0);
    bitpack::unpack(input, u32::from(header & !ZIGZAG), scratch)?;
    let mut at = 0usize;
    for _ in 0..exceptions {
        at = at.saturating_add(list.count(values.len())?);
        *scratch.get_mut(at).ok_or(CodecError("an exception is out of bounds"))? = list.varint()?;
        at += 1;
    }
    match base {
        Some(base) => {
            for (value, packed) in values.iter_mut().zip(scratch.iter()) {
                *value = base.wrapping_add(*packed as i64);
            }
        }
        None => {
            for (value, packed) in values.iter_mut().zip(scratch.iter()) {
                *value = unzigzag(*packed);
            }
        }
    }
    Ok(())
}
