//! Columns of timestamps, shared by all chunks that have the same times: what a scrape brings has
//! one time for thousands of series.

use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::StoreError;
use crate::codec::input::{put_signed, put_varint};
use crate::codec::integers::{self, Scratch};
use crate::codec::{Input, VALUES_MAX};
use bytes::Bytes;

/// Columns of a block.
pub(super) const COLUMNS: usize = 16;

/// Collects columns, each content once.
#[derive(Debug, Default)]
pub(super) struct TimesBuilder {
    known: HashMap<u128, u32, foldhash::fast::RandomState>,
    hashed: Vec<u8>,
    last: Option<(u128, u32)>,
    blocks: Vec<Vec<u8>>,
    header: Vec<u8>,
    payload: Vec<u8>,
    columns: u32,
}

impl TimesBuilder {
    /// The number of the column with these times.
    pub(super) fn column(&mut self, times: &[i64], scratch: &mut Scratch) -> u32 {
        self.hashed.clear();
        self.hashed.extend(times.iter().flat_map(|time| time.to_le_bytes()));
        let hash = xxh3_128(&self.hashed);
        if let Some((last, number)) = self.last
            && last == hash
        {
            return number;
        }
        let number = if let Some(number) = self.known.get(&hash) {
            *number
        } else {
            self.known.insert(hash, self.columns);
            self.add(times, scratch)
        };
        self.last = Some((hash, number));
        number
    }

    fn add(&mut self, times: &[i64], scratch: &mut Scratch) -> u32 {
        let (first, last) = (times[0], times[times.len() - 1]);
        let start = self.payload.len();
        integers::encode(times, scratch, &mut self.payload);
        put_varint(&mut self.header, times.len() as u64);
        put_signed(&mut self.header, first);
        put_varint(&mut self.header, last.wrapping_sub(first) as u64);
        put_varint(&mut self.header, (self.payload.len() - start) as u64);
        self.columns += 1;
        if (self.columns as usize).is_multiple_of(COLUMNS) {
            self.end_block();
        }
        self.columns - 1
    }

    fn end_block(&mut self) {
        if !self.header.is_empty() {
            self.header.append(&mut self.payload);
            self.blocks.push(std::mem::take(&mut self.header));
        }
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> usize {
        self.blocks.iter().map(Vec::len).sum::<usize>() + self.header.len() + self.payload.len()
    }

    /// All columns in blocks of [`COLUMNS`], and their number.
    pub(super) fn finish(mut self) -> (Vec<Vec<u8>>, u32) {
        self.end_block();
        (self.blocks, self.columns)
    }
}

/// A block of columns, not decoded.
#[derive(Debug)]
pub(super) struct TimesBlock {
    columns: Vec<Column>,
    bytes: Bytes,
}

/// What is known of a column without decoding it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Number of times.
    pub(super) count: usize,
    /// The first time.
    pub(super) first: i64,
    /// The last time.
    pub(super) last: i64,
    start: usize,
    length: usize,
}

impl TimesBlock {
    /// Reads the headers of the `count` columns in a block.
    pub(super) fn read(bytes: Bytes, count: usize) -> Result<Self, StoreError> {
        let mut input = Input::new(&bytes);
        let mut columns = Vec::with_capacity(count);
        let mut start = 0usize;
        for _ in 0..count {
            let count = input.count(VALUES_MAX)?;
            let first = input.signed()?;
            let last = first.checked_add_unsigned(input.varint()?);
            let length = input.count(bytes.len())?;
            let last = last.ok_or_else(|| super::corrupt("a time is out of bounds"))?;
            columns.push(Column { count, first, last, start, length });
            start += length;
        }
        if input.rest().len() != start {
            return Err(super::corrupt("columns of times do not fill their block"));
        }
        let payload = bytes.len() - start;
        for column in &mut columns {
            column.start += payload;
        }
        Ok(Self { columns, bytes })
    }

    /// Column `at` of the block.
    pub(super) fn column(&self, at: usize) -> Result<Column, StoreError> {
        self.columns.get(at).copied().ok_or_else(|| super::corrupt("a column of times is missing"))
    }

    /// The times of a column; strictly ascending.
    pub(super) fn decode(
        &self,
        column: Column,
        scratch: &mut Scratch,
    ) -> Result<Vec<i64>, StoreError> {
        let mut times = vec![0; column.count];
        let bytes = self.bytes.get(column.start..column.start + column.length);
        integers::decode(&mut Input::new(bytes.unwrap_or_default()), scratch, &mut times)?;
        if times.windows(2).any(|pair| pair[0] >= pair[1])
            || times.first() != Some(&column.first)
            || times.last() != Some(&column.last)
        {
            return Err(super::corrupt("times are not ascending"));
        }
        Ok(times)
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.columns.len() * size_of::<Column>()
    }
}
