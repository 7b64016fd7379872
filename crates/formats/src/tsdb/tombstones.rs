//! A block's tombstones: which times of which series are deleted.

use std::collections::HashMap;

use super::{TsdbError, uvarint, varint};

const MAGIC: u32 = 0x0130_BA30;

/// Deleted times by series, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tombstones(HashMap<u64, Vec<(i64, i64)>>);

impl Tombstones {
    /// Whether a point of a series is deleted.
    pub fn covers(&self, reference: u64, time_ms: i64) -> bool {
        let ranges = self.0.get(&reference);
        ranges.is_some_and(|ranges| {
            ranges.iter().any(|(start, end)| (*start..=*end).contains(&time_ms))
        })
    }
}

/// Reads a tombstones file.
pub fn read_tombstones(bytes: &[u8]) -> Result<Tombstones, TsdbError> {
    let damaged = TsdbError::Damaged("the tombstones file");
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(damaged.clone())?;
    if u32::from_be_bytes(*magic) != MAGIC {
        return Err(damaged);
    }
    let (version, rest) = rest.split_first().ok_or(damaged.clone())?;
    if *version != 1 {
        let number = u64::from(*version);
        return Err(TsdbError::Unknown { what: "tombstones version", number });
    }
    let (mut stones, sum) = rest.split_last_chunk::<4>().ok_or(damaged.clone())?;
    if crc32c::crc32c(stones) != u32::from_be_bytes(*sum) {
        return Err(TsdbError::Checksum("the tombstones file"));
    }
    let mut all = Tombstones::default();
    while !stones.is_empty() {
        let (stone, rest) = read_one(stones).ok_or(damaged.clone())?;
        stones = rest;
        all.0.entry(stone.0).or_default().push((stone.1, stone.2));
    }
    Ok(all)
}

/// A series, and the first and last time of what is deleted.
type Stone = (u64, i64, i64);

fn read_one(bytes: &[u8]) -> Option<(Stone, &[u8])> {
    let (reference, rest) = uvarint(bytes)?;
    let (start, rest) = varint(rest)?;
    let (end, rest) = varint(rest)?;
    Some(((reference, start, end), rest))
}
