//! A block's index: its series, their labels, and where their chunks are.

use vigie_model::{Labels, LabelsBuilder};

use super::{TsdbError, uvarint, varint};

const MAGIC: u32 = 0xBAAA_D700;
const TABLE_BYTES: usize = 52;
/// Labels of one series that are read.
const LABELS_MAX: u64 = 2_048;

/// Where a chunk is and which time it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkMeta {
    /// Its first point.
    pub min_ms: i64,
    /// Its last point.
    pub max_ms: i64,
    /// Number of its file, from 0; the file is called one more.
    pub file: u32,
    /// Where in the file.
    pub offset: u32,
}

/// A series of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSeries {
    /// Its number, by which tombstones know it.
    pub reference: u64,
    /// Its labels.
    pub labels: Labels,
    /// Its chunks, by time.
    pub chunks: Vec<ChunkMeta>,
}

/// An index file.
#[derive(Debug)]
pub struct Index {
    bytes: Vec<u8>,
    /// Where each symbol begins (at its length).
    symbols: Vec<u32>,
    series_start: usize,
    series_end: usize,
}

impl Index {
    /// Reads the tables of an index file.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, TsdbError> {
        let damaged = TsdbError::Damaged("the index");
        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(damaged.clone())?;
        if u32::from_be_bytes(*magic) != MAGIC {
            return Err(damaged);
        }
        match rest.first() {
            Some(2) => {}
            version => {
                let number = version.copied().map_or(0, u64::from);
                return Err(TsdbError::Unknown { what: "index version", number });
            }
        }
        let table_at = bytes.len().checked_sub(TABLE_BYTES).ok_or(damaged.clone())?;
        let table = bytes.get(table_at..).and_then(|t| t.split_last_chunk::<4>());
        let (table, sum) = table.ok_or(damaged.clone())?;
        if crc32c::crc32c(table) != u32::from_be_bytes(*sum) {
            return Err(TsdbError::Checksum("the index' table of contents"));
        }
        let (offsets, _) = table.as_chunks::<8>();
        let offsets: Vec<usize> = offsets
            .iter()
            .map(|bytes| usize::try_from(u64::from_be_bytes(*bytes)).unwrap_or(usize::MAX))
            .collect();
        let [symbols_at, series_start, ..] = offsets.as_slice() else { return Err(damaged) };
        let (symbols_at, series_start) = (*symbols_at, *series_start);
        // Sections that are not there have the offset 0.
        let after = offsets.iter().copied().filter(|offset| *offset > series_start);
        let series_end = after.min().unwrap_or(table_at).min(table_at);
        let symbols = read_symbols(&bytes, symbols_at)?;
        Ok(Self { bytes, symbols, series_start, series_end })
    }

    fn symbol(&self, number: u64) -> Option<&str> {
        let at = *self.symbols.get(usize::try_from(number).ok()?)?;
        let (length, rest) = uvarint(self.bytes.get(at as usize..)?)?;
        std::str::from_utf8(rest.get(..usize::try_from(length).ok()?)?).ok()
    }

    /// All series, in the order in which they are written, which is that of labels.
    pub fn series(&self) -> impl Iterator<Item = Result<IndexSeries, TsdbError>> + '_ {
        let mut at = self.series_start;
        std::iter::from_fn(move || {
            // Every series begins at a multiple of 16.
            at = at.div_ceil(16) * 16;
            if at >= self.series_end {
                return None;
            }
            match self.entry(at) {
                Ok(Some((series, end))) => {
                    at = end;
                    Some(Ok(series))
                }
                Ok(None) => {
                    at = self.series_end;
                    None
                }
                Err(error) => {
                    at = self.series_end;
                    Some(Err(error))
                }
            }
        })
    }

    /// The series at `at` and where it ends; `None` for the padding at the section's end.
    fn entry(&self, at: usize) -> Result<Option<(IndexSeries, usize)>, TsdbError> {
        let damaged = TsdbError::Damaged("a series of the index");
        let bytes = self.bytes.get(at..).unwrap_or_default();
        let (length, rest) = uvarint(bytes).ok_or(damaged.clone())?;
        if length == 0 {
            return Ok(None);
        }
        let length = usize::try_from(length).map_err(|_| damaged.clone())?;
        let (content, after) = rest.split_at_checked(length).ok_or(damaged.clone())?;
        let sum = after.first_chunk::<4>().ok_or(damaged.clone())?;
        if crc32c::crc32c(content) != u32::from_be_bytes(*sum) {
            return Err(TsdbError::Checksum("a series of the index"));
        }
        let (labels, chunks) = self.content(content).ok_or(damaged)?;
        let reference = (at / 16) as u64;
        let end = at + (bytes.len() - rest.len()) + length + 4;
        Ok(Some((IndexSeries { reference, labels, chunks }, end)))
    }

    fn content(&self, content: &[u8]) -> Option<(Labels, Vec<ChunkMeta>)> {
        let (count, mut rest) = uvarint(content)?;
        if count > LABELS_MAX {
            return None;
        }
        let mut labels = LabelsBuilder::new();
        for _ in 0..count {
            let (name, after) = uvarint(rest)?;
            let (value, after) = uvarint(after)?;
            rest = after;
            labels.set(self.symbol(name)?, self.symbol(value)?);
        }
        let (count, mut rest) = uvarint(rest)?;
        // A chunk takes at least three bytes.
        if count > content.len() as u64 {
            return None;
        }
        let mut chunks = Vec::new();
        let (mut reference, mut last_ms) = (0_u64, 0_i64);
        for at in 0..count {
            let min_ms = if at == 0 {
                let (min, after) = varint(rest)?;
                rest = after;
                min
            } else {
                let (delta, after) = uvarint(rest)?;
                rest = after;
                last_ms.checked_add_unsigned(delta)?
            };
            let (length, after) = uvarint(rest)?;
            last_ms = min_ms.checked_add_unsigned(length)?;
            if at == 0 {
                let (first, after) = uvarint(after)?;
                (reference, rest) = (first, after);
            } else {
                let (delta, after) = varint(after)?;
                (reference, rest) = (reference.wrapping_add_signed(delta), after);
            }
            let (file, offset) = ((reference >> 32) as u32, reference as u32);
            chunks.push(ChunkMeta { min_ms, max_ms: last_ms, file, offset });
        }
        Some((labels.build(), chunks))
    }
}

/// Where each symbol begins.
fn read_symbols(bytes: &[u8], at: usize) -> Result<Vec<u32>, TsdbError> {
    let damaged = TsdbError::Damaged("the index' symbols");
    let section = bytes.get(at..).and_then(|rest| rest.split_first_chunk::<4>());
    let (length, rest) = section.ok_or(damaged.clone())?;
    let length = u32::from_be_bytes(*length) as usize;
    let (content, after) = rest.split_at_checked(length).ok_or(damaged.clone())?;
    let sum = after.first_chunk::<4>().ok_or(damaged.clone())?;
    if crc32c::crc32c(content) != u32::from_be_bytes(*sum) {
        return Err(TsdbError::Checksum("the index' symbols"));
    }
    let (count, mut rest) = content.split_first_chunk::<4>().ok_or(damaged.clone())?;
    let count = u32::from_be_bytes(*count) as usize;
    if count > rest.len() {
        return Err(damaged);
    }
    let mut symbols = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = bytes.len() - after.len() - rest.len();
        symbols.push(u32::try_from(offset).map_err(|_| damaged.clone())?);
        let (length, text) = uvarint(rest).ok_or(damaged.clone())?;
        let length = usize::try_from(length).map_err(|_| damaged.clone())?;
        rest = text.get(length..).ok_or(damaged.clone())?;
    }
    Ok(symbols)
}
