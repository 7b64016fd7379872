//! Which rows of a part have a value.

use super::file::{Data, PartFile};
use crate::StoreError;
use crate::codec::input::put_varint;
use crate::logs::column::{BLOCK_ROWS, Mask};
use crate::logs::rows::{Bits as WordBits, first_rows};
use crate::part::container::corrupt;

const WORDS: usize = BLOCK_ROWS / 64;

/// Where the bits are: all rows have a value, or a compressed block says which.
pub(super) fn write(
    rows: &[u32],
    row_count: usize,
    out: &mut Vec<u8>,
    data: &mut Data<'_>,
) -> Result<(), StoreError> {
    if rows.len() == row_count {
        put_varint(out, 0);
        return Ok(());
    }
    let mut bytes = vec![0_u8; row_count.div_ceil(8)];
    for row in rows {
        if let Some(byte) = bytes.get_mut(*row as usize / 8) {
            *byte |= 1 << (row % 8);
        }
    }
    let block = data.put_compressed(&bytes)?;
    put_varint(out, u64::from(block) + 1);
    Ok(())
}

/// Rows that have a value, with the number of those before each block.
#[derive(Debug)]
pub(super) enum Bits {
    All(usize),
    Some { words: Vec<u64>, before: Vec<u32>, count: usize },
}

impl Bits {
    /// Reads where the bits are, and then them.
    pub(super) fn read(place: u64, row_count: usize, file: &PartFile) -> Result<Self, StoreError> {
        let Some(block) = place.checked_sub(1) else { return Ok(Self::All(row_count)) };
        let block = u32::try_from(block).map_err(|_| corrupt("a block is missing"))?;
        let bytes = file.compressed(block)?;
        if bytes.len() != row_count.div_ceil(8) {
            return Err(corrupt("a column's rows are not as many as the part's"));
        }
        let blocks = row_count.div_ceil(BLOCK_ROWS);
        let mut words = vec![0_u64; blocks * WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks(8)) {
            for (at, byte) in bytes.iter().enumerate() {
                *word |= u64::from(*byte) << (at * 8);
            }
        }
        let (mut before, mut count) = (Vec::with_capacity(blocks + 1), 0);
        for words in words.chunks(WORDS) {
            before.push(count);
            count += words.iter().map(|word| word.count_ones()).sum::<u32>();
        }
        before.push(count);
        Ok(Self::Some { words, before, count: count as usize })
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Self::All(count) | Self::Some { count, .. } => *count,
        }
    }

    /// Places of the values of a block's rows.
    pub(super) fn places(&self, block: usize) -> (usize, usize) {
        match self {
            Self::All(count) => {
                ((block * BLOCK_ROWS).min(*count), ((block + 1) * BLOCK_ROWS).min(*count))
            }
            Self::Some { before, count, .. } => {
                let at = |block: usize| before.get(block).map_or(*count, |before| *before as usize);
                (at(block), at(block + 1))
            }
        }
    }

    /// The rows of a block.
    pub(super) fn mask(&self, block: usize) -> Mask {
        match self {
            Self::All(_) => {
                let (start, end) = self.places(block);
                first_rows(end - start)
            }
            Self::Some { words, .. } => {
                let words = words.get(block * WORDS..(block + 1) * WORDS);
                words.and_then(|words| words.try_into().ok()).unwrap_or_default()
            }
        }
    }

    /// The place of the value of a row.
    pub(super) fn find(&self, row: u32) -> Option<usize> {
        match self {
            Self::All(count) => ((row as usize) < *count).then_some(row as usize),
            Self::Some { words, before, .. } => {
                let (word, bit) = (row as usize / 64, row % 64);
                if words.get(word)? >> bit & 1 == 0 {
                    return None;
                }
                let block = row as usize / BLOCK_ROWS;
                let earlier = words.get(block * WORDS..word)?;
                let here = (words.get(word)? & ((1 << bit) - 1)).count_ones();
                let rank = earlier.iter().map(|word| word.count_ones()).sum::<u32>() + here;
                Some((before.get(block)? + rank) as usize)
            }
        }
    }

    /// The row of the value at a place.
    pub(super) fn row(&self, at: usize) -> Option<u32> {
        match self {
            Self::All(count) => (at < *count).then_some(at as u32),
            Self::Some { words, before, count } => {
                if at >= *count {
                    return None;
                }
                let block =
                    before.partition_point(|before| *before as usize <= at).checked_sub(1)?;
                let mut rest = at - *before.get(block)? as usize;
                for (number, word) in words.iter().enumerate().skip(block * WORDS) {
                    let ones = word.count_ones() as usize;
                    if rest < ones {
                        return WordBits(*word).nth(rest).map(|bit| number as u32 * 64 + bit);
                    }
                    rest -= ones;
                }
                None
            }
        }
    }

    /// The places in the block of its rows with a value, in order.
    pub(super) fn in_block(&self, block: usize) -> impl Iterator<Item = usize> {
        let mask = self.mask(block);
        (0..WORDS).flat_map(move |at| {
            WordBits(mask.get(at).copied().unwrap_or(0)).map(move |bit| at * 64 + bit as usize)
        })
    }
}
