//! Chunks: the values of one series over one column of timestamps.
//!
//! A chunk of plain floats is a float column and nothing else. One with native histograms or
//! start timestamps begins with a byte that no float column begins with.

use std::sync::Arc;

use vigie_model::{Histogram, Points};

use super::histograms;
use crate::StoreError;
use crate::codec::input::{put_prefixed, put_varint};
use crate::codec::{Input, floats, integers};

const EXTENDED: u8 = 0x80;
const HAS_HISTOGRAMS: u8 = 0x01;
const HAS_STARTS: u8 = 0x02;

/// Buffers that chunks reuse.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) floats: floats::Scratch,
    pub(super) column: Vec<u8>,
}

/// A part of a series' points, `from..to` of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) points: &'a Points,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl<'a> Piece<'a> {
    fn starts(&self) -> Option<&'a [i64]> {
        let starts = self.points.start_timestamps_ms.get(self.from..self.to)?;
        starts.iter().any(|start| *start != 0).then_some(starts)
    }

    fn histograms(&self) -> &'a [(u32, Arc<Histogram>)] {
        let all = &self.points.histograms;
        let place = |at: usize| all.partition_point(|(index, _)| (*index as usize) < at);
        &all[place(self.from)..place(self.to)]
    }
}

/// Appends a chunk.
pub(super) fn encode(
    piece: Piece<'_>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let values = &piece.points.values[piece.from..piece.to];
    let (starts, histograms) = (piece.starts(), piece.histograms());
    if starts.is_none() && histograms.is_empty() {
        floats::encode(values, &mut scratch.floats, out);
        return Ok(());
    }
    let has_histograms = if histograms.is_empty() { 0 } else { HAS_HISTOGRAMS };
    out.push(EXTENDED | has_histograms | if starts.is_some() { HAS_STARTS } else { 0 });
    if let Some(starts) = starts {
        put_integers(starts, scratch, out);
    }
    if histograms.is_empty() {
        floats::encode(values, &mut scratch.floats, out);
        return Ok(());
    }
    put_varint(out, histograms.len() as u64);
    if histograms.len() < values.len() {
        let place = |at: &u32| *at as usize - piece.from;
        let places: Vec<i64> = histograms.iter().map(|(at, _)| place(at) as i64).collect();
        put_integers(&places, scratch, out);
        let mut next = histograms.iter().map(|(at, _)| place(at)).peekable();
        let floats: Vec<f64> = (0..values.len())
            .filter(|at| next.next_if_eq(at).is_none())
            .map(|at| values[at])
            .collect();
        put_floats(&floats, scratch, out);
    }
    histograms::encode(histograms, scratch, out)
}

/// Appends a float column with its length before it.
pub(super) fn put_floats(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    scratch.column.clear();
    floats::encode(values, &mut scratch.floats, &mut scratch.column);
    put_prefixed(out, &scratch.column);
}

/// Appends an integer column with its length before it.
pub(super) fn put_integers(values: &[i64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    scratch.column.clear();
    integers::encode(values, scratch.floats.integers(), &mut scratch.column);
    put_prefixed(out, &scratch.column);
}

/// Reads a float column that has its length before it.
pub(super) fn take_floats(
    input: &mut Input<'_>,
    count: usize,
    scratch: &mut Scratch,
) -> Result<Vec<f64>, StoreError> {
    let mut values = vec![0.0; count];
    floats::decode(&mut Input::new(input.prefixed()?), &mut scratch.floats, &mut values)?;
    Ok(values)
}

/// Reads an integer column that has its length before it.
pub(super) fn take_integers(
    input: &mut Input<'_>,
    count: usize,
    scratch: &mut Scratch,
) -> Result<Vec<i64>, StoreError> {
    let mut values = vec![0; count];
    let column = &mut Input::new(input.prefixed()?);
    integers::decode(column, scratch.floats.integers(), &mut values)?;
    Ok(values)
}

/// Appends to `points` what points `from..to` of a chunk of `count` points have besides their
/// timestamps, which the caller appends before.
pub(super) fn decode(
    bytes: &[u8],
    count: usize,
    (from, to): (usize, usize),
    scratch: &mut Scratch,
    points: &mut Points,
) -> Result<(), StoreError> {
    let mut input = Input::new(bytes);
    let Some(flags) = bytes.first().filter(|first| **first & EXTENDED != 0).copied() else {
        decode_floats(&mut input, count, (from, to), scratch, points)?;
        if !points.start_timestamps_ms.is_empty() {
            points.start_timestamps_ms.resize(points.values.len(), 0);
        }
        return Ok(());
    };
    input.byte()?;
    if flags & HAS_STARTS != 0 {
        let starts = take_integers(&mut input, count, scratch)?;
        points.start_timestamps_ms.resize(points.values.len(), 0);
        points.start_timestamps_ms.extend_from_slice(&starts[from..to]);
    } else if !points.start_timestamps_ms.is_empty() {
        points.start_timestamps_ms.resize(points.values.len() + to - from, 0);
    }
    if flags & HAS_HISTOGRAMS == 0 {
        return decode_floats(&mut input, count, (from, to), scratch, points);
    }
    decode_mixed(&mut input, count, (from, to), scratch, points)
}

fn decode_floats(
    input: &mut Input<'_>,
    count: usize,
    (from, to): (usize, usize),
    scratch: &mut Scratch,
    points: &mut Points,
) -> Result<(), StoreError> {
    let start = points.values.len();
    points.values.resize(start + count, 0.0);
    let decoded = floats::decode(input, &mut scratch.floats, &mut points.values[start..]);
    if let Err(error) = decoded {
        points.values.truncate(start);
        return Err(error.into());
    }
    points.values.truncate(start + to);
    points.values.drain(start..start + from);
    Ok(())
}

fn decode_mixed(
    input: &mut Input<'_>,
    count: usize,
    (from, to): (usize, usize),
    scratch: &mut Scratch,
    points: &mut Points,
) -> Result<(), StoreError> {
    let histogram_count = input.count(count)?;
    let start = points.values.len();
    let mut places: Vec<i64> = (0..count as i64).collect();
    if histogram_count < count {
        places = take_integers(input, histogram_count, scratch)?;
        let mut floats = take_floats(input, count - histogram_count, scratch)?.into_iter();
        let mut next = places.iter().peekable();
        for at in 0..count {
            let value = match next.next_if(|place| **place == at as i64) {
                Some(_) => f64::NAN,
                None => floats.next().unwrap_or(f64::NAN),
            };
            if (from..to).contains(&at) {
                points.values.push(value);
            }
        }
        if next.next().is_some() {
            points.values.truncate(start);
            return Err(super::corrupt("the place of a histogram is out of bounds"));
        }
    } else {
        points.values.resize(start + to - from, f64::NAN);
    }
    let histograms = histograms::decode(input, histogram_count, scratch)?;
    for (place, histogram) in places.iter().zip(histograms) {
        let place = *place as usize;
        if (from..to).contains(&place) {
            points.histograms.push(((start + place - from) as u32, Arc::new(histogram)));
        }
    }
    Ok(())
}
