//! Which rows have a value in a column.

use std::ops::Range;

use crate::logs::column::{BLOCK_ROWS, Mask};
use crate::logs::rows::first_rows;

/// Rows with a value, ascending; values are stored for them only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presence {
    count: u32,
    /// `None`: the first `count` rows.
    rows: Option<Vec<u32>>,
}

impl Presence {
    /// Number of rows with a value.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Whether `row` is the last with a value.
    pub(crate) fn ends_with(&self, row: u32) -> bool {
        match &self.rows {
            None => self.count > 0 && self.count - 1 == row,
            Some(rows) => rows.last() == Some(&row),
        }
    }

    /// Adds `row`, which is after all others.
    #[inline]
    pub(crate) fn push(&mut self, row: u32) {
        match &mut self.rows {
            None if row == self.count => {}
            None => {
                let mut rows: Vec<u32> = (0..self.count).collect();
                rows.push(row);
                self.rows = Some(rows);
            }
            Some(rows) => rows.push(row),
        }
        self.count += 1;
    }

    /// Takes the last row back.
    pub(crate) fn pop(&mut self) {
        if let Some(rows) = &mut self.rows {
            rows.pop();
        }
        self.count = self.count.saturating_sub(1);
    }

    /// The place of the value of `row`.
    #[inline]
    pub(crate) fn find(&self, row: u32) -> Option<usize> {
        match &self.rows {
            None => (row < self.count).then_some(row as usize),
            Some(rows) => rows.binary_search(&row).ok(),
        }
    }

    /// The row of the value at a place.
    pub(crate) fn row(&self, at: usize) -> Option<u32> {
        match &self.rows {
            None => (at < self.count as usize).then_some(at as u32),
            Some(rows) => rows.get(at).copied(),
        }
    }

    /// Places of the values of a block's rows.
    pub(crate) fn places(&self, block: usize) -> Range<usize> {
        let (start, end) = (block * BLOCK_ROWS, (block + 1) * BLOCK_ROWS);
        match &self.rows {
            None => start.min(self.count as usize)..end.min(self.count as usize),
            Some(rows) => {
                let at = |row: usize| rows.partition_point(|known| (*known as usize) < row);
                at(start)..at(end)
            }
        }
    }

    /// Hands each value's place in the block and its place among the values to `each`.
    #[inline]
    pub(crate) fn each(&self, block: usize, mut each: impl FnMut(usize, usize)) {
        let places = self.places(block);
        match &self.rows {
            None => places.enumerate().for_each(|(in_block, at)| each(in_block, at)),
            Some(rows) => {
                let start = block * BLOCK_ROWS;
                for (at, row) in places.clone().zip(rows.get(places).unwrap_or_default()) {
                    each(*row as usize - start, at);
                }
            }
        }
    }

    /// The rows of a block as a mask.
    pub(crate) fn mask(&self, block: usize) -> Mask {
        if self.rows.is_none() {
            return first_rows(self.places(block).len());
        }
        let mut mask = Mask::default();
        self.each(block, |in_block, _| {
            if let Some(word) = mask.get_mut(in_block / 64) {
                *word |= 1 << (in_block % 64);
            }
        });
        mask
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.len() * 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_whether_all_have_a_value_or_some() {
        let mut presence = Presence::default();
        for row in [0, 1, 2] {
            presence.push(row);
        }
        assert_eq!((presence.find(2), presence.find(3)), (Some(2), None));
        for row in [5, 1024, 1030] {
            presence.push(row);
        }
        assert_eq!(
            (presence.find(3), presence.find(5), presence.find(1030)),
            (None, Some(3), Some(5))
        );
        assert_eq!(presence.places(1), 4..6);
        assert_eq!(presence.mask(1)[0], 0b100_0001);
        presence.pop();
        assert!(presence.ends_with(1024) && presence.count() == 5);
    }
}
