//! Sets of rows of one part.

use super::column::{BLOCK_ROWS, Mask};

/// A set of rows of one part, as bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowSet {
    words: Vec<u64>,
    rows: u32,
}

impl RowSet {
    /// No row of a part with `rows` rows.
    pub fn empty(rows: u32) -> Self {
        let blocks = (rows as usize).div_ceil(BLOCK_ROWS);
        Self { words: vec![0; blocks * (BLOCK_ROWS / 64)], rows }
    }

    /// Rows of the part, whether in the set or not.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Adds a row.
    #[inline]
    pub fn insert(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            *word |= 1 << (row % 64);
        }
    }

    /// Whether `row` is in the set.
    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Number of rows in the set.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// The rows of a block.
    pub fn block(&self, block: usize) -> Mask {
        let start = block * (BLOCK_ROWS / 64);
        let words = self.words.get(start..start + BLOCK_ROWS / 64);
        words.and_then(|words| words.try_into().ok()).unwrap_or_default()
    }

    /// Sets the rows of a block.
    pub fn set_block(&mut self, block: usize, mask: &Mask) {
        let start = block * (BLOCK_ROWS / 64);
        if let Some(words) = self.words.get_mut(start..start + BLOCK_ROWS / 64) {
            words.copy_from_slice(mask);
        }
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(at, word)| Bits(*word).map(move |bit| at as u32 * 64 + bit))
    }
}

/// The places of the bits of a word that are set, ascending.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits(pub(crate) u64);

impl Iterator for Bits {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

/// The rows of a mask, ascending, as places in the block.
pub(crate) fn bits(mask: &Mask) -> impl Iterator<Item = usize> + '_ {
    mask.iter()
        .enumerate()
        .flat_map(|(at, word)| Bits(*word).map(move |bit| at * 64 + bit as usize))
}

/// A mask with the first `count` rows.
pub(crate) fn first_rows(count: usize) -> Mask {
    let mut mask = [0; BLOCK_ROWS / 64];
    for (at, word) in mask.iter_mut().enumerate() {
        let here = count.saturating_sub(at * 64).min(64);
        *word = if here == 64 { u64::MAX } else { (1 << here) - 1 };
    }
    mask
}

/// Whether no row is in the mask.
#[inline]
pub(crate) fn is_empty(mask: &Mask) -> bool {
    mask.iter().all(|word| *word == 0)
}

/// Number of rows in the mask.
#[inline]
pub(crate) fn count(mask: &Mask) -> u64 {
    mask.iter().map(|word| u64::from(word.count_ones())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_in_and_come_out() {
        let mut set = RowSet::empty(3000);
        let rows = [0, 63, 64, 1023, 1024, 2999];
        for row in rows {
            set.insert(row);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), rows);
        assert_eq!(set.count(), 6);
        assert_eq!(bits(&set.block(1)).collect::<Vec<_>>(), [0]);
        assert!(set.contains(2999) && !set.contains(2998));
        assert_eq!(count(&first_rows(100)), 100);
        assert_eq!(count(&first_rows(1024)), 1024);
    }
}
