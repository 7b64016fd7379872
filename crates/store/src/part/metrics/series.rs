//! The table of series: labels, and where the chunks are, in blocks of [`SERIES`] series.

use vigie_model::Labels;

use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_prefixed, put_signed, put_varint};

/// Series of a block.
pub(super) const SERIES: usize = 64;

/// A chunk as the builder knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkReference {
    /// The column with its times.
    pub(super) times: u32,
    /// Its length in bytes.
    pub(super) length: u32,
}

/// Writes the labels of the series of one block.
pub(super) fn encode_labels<'a>(series: impl Iterator<Item = &'a Labels>) -> Vec<u8> {
    let mut out = Vec::new();
    for labels in series {
        put_prefixed(&mut out, labels.as_packed());
    }
    out
}

/// Reads the labels of the `count` series of one block.
pub(super) fn decode_labels(bytes: &[u8], count: usize) -> Result<Vec<Labels>, StoreError> {
    let mut input = Input::new(bytes);
    let mut series = Vec::with_capacity(count);
    for _ in 0..count {
        let labels = Labels::from_packed(input.prefixed()?);
        series.push(labels.ok_or_else(|| super::corrupt("labels are not well formed"))?);
    }
    if input.is_empty() { Ok(series) } else { Err(super::corrupt("a block of labels is too long")) }
}

/// Writes where the chunks of the series of one block are, the first one at `start` of the data.
pub(super) fn encode_chunks(start: u64, series: &[&[ChunkReference]]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, start);
    for chunks in series {
        put_varint(&mut out, chunks.len() as u64);
    }
    let mut last = 0;
    for chunk in series.iter().copied().flatten() {
        put_signed(&mut out, i64::from(chunk.times) - last);
        last = i64::from(chunk.times);
    }
    for chunk in series.iter().copied().flatten() {
        put_varint(&mut out, u64::from(chunk.length));
    }
    out
}

/// Where one chunk is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkEntry {
    /// The column with its times.
    pub(super) times: u32,
    /// Its length in bytes.
    pub(super) length: u32,
    /// Its place in the data.
    pub(super) offset: u64,
}

/// Where the chunks of the series of one block are.
#[derive(Debug)]
pub(super) struct ChunksBlock {
    starts: Vec<u32>,
    chunks: Vec<ChunkEntry>,
}

impl ChunksBlock {
    /// Reads the block of `count` series.
    pub(super) fn read(bytes: &[u8], count: usize) -> Result<Self, StoreError> {
        let mut input = Input::new(bytes);
        let mut offset = input.varint()?;
        let mut starts = Vec::with_capacity(count + 1);
        let mut total = 0usize;
        starts.push(0);
        for _ in 0..count {
            total += input.count(bytes.len())?;
            starts.push(total as u32);
        }
        // Each chunk takes two bytes at least.
        if total > bytes.len() {
            return Err(super::corrupt("a block has too many chunks"));
        }
        let mut chunks = Vec::with_capacity(total);
        let mut last = 0i64;
        for _ in 0..total {
            last = last.wrapping_add(input.signed()?);
            let times = u32::try_from(last);
            let times = times.map_err(|_| super::corrupt("a column of times is missing"))?;
            chunks.push(ChunkEntry { times, length: 0, offset: 0 });
        }
        for chunk in &mut chunks {
            chunk.length = input.count(u32::MAX as usize)? as u32;
            chunk.offset = offset;
            offset = offset.saturating_add(u64::from(chunk.length));
        }
        Ok(Self { starts, chunks })
    }

    /// The chunks of series `at` of the block, ascending by time.
    pub(super) fn chunks(&self, at: usize) -> &[ChunkEntry] {
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(from), Some(to)) => {
                self.chunks.get(*from as usize..*to as usize).unwrap_or_default()
            }
            _ => &[],
        }
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<ChunkEntry>() + self.starts.len() * 4
    }
}
