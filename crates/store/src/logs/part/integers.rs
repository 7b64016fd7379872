//! Columns of whole numbers: blocks of 1,024 values, 64 of them a page.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use super::file::{Data, PartFile};
use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_signed, put_varint};
use crate::codec::integers::{self, Scratch};
use crate::logs::column::BLOCK_ROWS;
use crate::part::container::corrupt;

const PAGE_BLOCKS: usize = 64;
const PAGE_VALUES: usize = PAGE_BLOCKS * BLOCK_ROWS;

/// Where a column of whole numbers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) first: u32,
    pub(super) count: u32,
    pub(super) zones: u32,
}

impl Place {
    pub(super) fn put(self, out: &mut Vec<u8>) {
        for number in [self.first, self.count, self.zones] {
            put_varint(out, u64::from(number));
        }
    }

    pub(super) fn take(input: &mut Input<'_>) -> Result<Self, StoreError> {
        let mut number = || input.count(u32::MAX as usize).map(|number| number as u32);
        Ok(Self { first: number()?, count: number()?, zones: number()? })
    }
}

/// Writes a column.
pub(super) fn write(
    values: &[i64],
    scratch: &mut Scratch,
    data: &mut Data<'_>,
) -> Result<Place, StoreError> {
    let (mut zones, mut first, mut page) = (Vec::new(), None, Vec::new());
    for values in values.chunks(PAGE_VALUES) {
        page.clear();
        let blocks = values.len().div_ceil(BLOCK_ROWS);
        page.resize(blocks * 4, 0);
        for (at, block) in values.chunks(BLOCK_ROWS).enumerate() {
            let least = block.iter().min().copied().unwrap_or(0);
            let most = block.iter().max().copied().unwrap_or(0);
            put_signed(&mut zones, least);
            put_varint(&mut zones, most.wrapping_sub(least) as u64);
            integers::encode(block, scratch, &mut page);
            let end = (page.len() as u32).to_le_bytes();
            page[at * 4..at * 4 + 4].copy_from_slice(&end);
        }
        let number = data.put(&page)?;
        first.get_or_insert(number);
    }
    let zones = data.put(&zones)?;
    Ok(Place { first: first.unwrap_or(zones), count: values.len() as u32, zones })
}

/// Decoded blocks that a thread keeps: 2 MiB at most, less than 100 columns of one block of rows.
const DECODED_SLOTS: usize = 256;

/// The part, the column's first page, and the block.
type DecodedKey = (u64, u32, u32);

struct Decoded {
    key: DecodedKey,
    count: usize,
    values: Box<[i64; BLOCK_ROWS]>,
}

/// Where a block is kept: columns of the same block of rows are to be in different places.
const fn slot_of((part, first, block): DecodedKey) -> usize {
    let mixed = part
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add((first as u64) << 32 | block as u64)
        .wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 56) as usize % DECODED_SLOTS
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
    static DECODED: RefCell<Vec<Option<Decoded>>> = const { RefCell::new(Vec::new()) };
}

/// Reads a column.
#[derive(Debug)]
pub(super) struct Integers {
    file: Arc<PartFile>,
    place: Place,
    zones: OnceLock<Vec<(i64, i64)>>,
}

impl Integers {
    pub(super) fn new(file: Arc<PartFile>, place: Place) -> Self {
        Self { file, place, zones: OnceLock::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.place.count as usize
    }

    /// Least and greatest value of a block.
    pub(super) fn zone(&self, block: usize) -> Result<(i64, i64), StoreError> {
        if self.zones.get().is_none() {
            let bytes = self.file.block_uncached(self.place.zones)?;
            let (mut input, mut zones) = (Input::new(&bytes), Vec::new());
            while !input.is_empty() {
                let least = input.signed()?;
                zones.push((least, least.wrapping_add(input.varint()? as i64)));
            }
            // Another thread may have been faster.
            self.zones.get_or_init(|| zones);
        }
        let zone = self.zones.get().and_then(|zones| zones.get(block));
        zone.copied().ok_or_else(|| corrupt("a block has no zone"))
    }

    /// Fills `out` with a block's values and gives their number.
    pub(super) fn block(
        &self,
        block: usize,
        out: &mut [i64; BLOCK_ROWS],
    ) -> Result<usize, StoreError> {
        let count = self.len().saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS);
        let Some(values) = out.get_mut(..count).filter(|_| count > 0) else { return Ok(0) };
        let (page_number, in_page) = (block / PAGE_BLOCKS, block % PAGE_BLOCKS);
        let page = self.file.block(self.place.first + page_number as u32)?;
        let blocks = (self.len() - page_number * PAGE_VALUES).div_ceil(BLOCK_ROWS).min(PAGE_BLOCKS);
        let end_of = |at: usize| {
            let bytes = page.get(at * 4..at * 4 + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(|bytes| u32::from_le_bytes(bytes) as usize)
        };
        let start = if in_page == 0 { Some(blocks * 4) } else { end_of(in_page - 1) };
        let bytes = start.zip(end_of(in_page)).and_then(|(start, end)| page.get(start..end));
        let bytes = bytes.ok_or_else(|| corrupt("a page's blocks are not well formed"))?;
        SCRATCH
            .with_borrow_mut(|scratch| integers::decode(&mut Input::new(bytes), scratch, values))?;
        Ok(count)
    }

    /// Hands the values at places `start..end`, at most a block's length, to `each`, with their
    /// distance from `start`.
    pub(super) fn range(
        &self,
        start: usize,
        end: usize,
        mut each: impl FnMut(usize, i64),
    ) -> Result<(), StoreError> {
        let mut values = [0; BLOCK_ROWS];
        let mut at = start;
        while at < end {
            let block = at / BLOCK_ROWS;
            let count = self.block(block, &mut values)?;
            let from = at - block * BLOCK_ROWS;
            let to = (end - block * BLOCK_ROWS).min(count);
            let Some(some) = values.get(from..to).filter(|some| !some.is_empty()) else {
                return Err(corrupt("a column is too short"));
            };
            some.iter().enumerate().for_each(|(more, value)| each(at - start + more, *value));
            at += some.len();
        }
        Ok(())
    }

    /// One value. The blocks that a thread asked last stay decoded: whoever reads one row mostly
    /// reads more of the same block, from every column.
    pub(super) fn get(&self, at: usize) -> Result<i64, StoreError> {
        let block = at / BLOCK_ROWS;
        let key = (self.file.number, self.place.first, block as u32);
        DECODED.with_borrow_mut(|slots| {
            if slots.is_empty() {
                slots.resize_with(DECODED_SLOTS, || None);
            }
            let slot = slots.get_mut(slot_of(key)).ok_or_else(|| corrupt("no slot"))?;
            let decoded = match slot {
                Some(decoded) if decoded.key == key => decoded,
                _ => {
                    let mut values = match slot.take() {
                        Some(decoded) => decoded.values,
                        None => Box::new([0; BLOCK_ROWS]),
                    };
                    let count = self.block(block, &mut values)?;
                    slot.insert(Decoded { key, count, values })
                }
            };
            let value =
                decoded.values.get(at % BLOCK_ROWS).filter(|_| at % BLOCK_ROWS < decoded.count);
            value.copied().ok_or_else(|| corrupt("a column is too short"))
        })
    }

    /// All values.
    pub(super) fn all(&self) -> Result<Vec<i64>, StoreError> {
        let mut all = Vec::with_capacity(self.len().min(super::PART_ROWS_MAX));
        let mut values = [0; BLOCK_ROWS];
        for block in 0..self.len().div_ceil(BLOCK_ROWS) {
            let count = self.block(block, &mut values)?;
            all.extend_from_slice(values.get(..count).unwrap_or_default());
        }
        Ok(all)
    }
}
