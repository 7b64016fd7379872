//! Documents in memory as columns: a piece of the head.
//!
//! A document is split into the values of its fields, which go to columns, and its shape (keys in
//! order, objects, types), of which there are few: each is kept once and rows refer to it. With
//! both, the document can be written again.

mod builder;
mod memory_column;
mod presence;
mod shape;

pub(crate) use builder::ChunkBuilder;
pub(crate) use memory_column::{MemoryColumn, Texts, Values, float_of, hash};
pub(crate) use presence::Presence;
pub(crate) use shape::{Shape, write_json, write_packed};

use super::column::{BLOCK_ROWS, ColumnKey, Columns, LogColumn, Memo};
use crate::StoreError;

/// Some documents in memory, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    pub(crate) times: Vec<i64>,
    pub(crate) sequences: Vec<u64>,
    pub(crate) indexes: Vec<String>,
    pub(crate) index_codes: Vec<u32>,
    pub(crate) shapes: Vec<std::sync::Arc<Shape>>,
    pub(crate) shape_codes: Vec<u32>,
    pub(crate) keys: Vec<ColumnKey>,
    pub(crate) columns: Vec<MemoryColumn>,
    pub(crate) ids: Option<MemoryColumn>,
    /// Of a piece that does not change any more.
    pub(crate) memo: Memo,
}

impl Chunk {
    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().chain(&self.ids).map(MemoryColumn::bytes).sum();
        columns + self.times.capacity() * 24
    }

    /// Gives back what was reserved for more rows.
    pub(crate) fn shrink(&mut self) {
        self.times.shrink_to_fit();
        self.sequences.shrink_to_fit();
        self.index_codes.shrink_to_fit();
        self.shape_codes.shrink_to_fit();
        self.columns.iter_mut().chain(&mut self.ids).for_each(MemoryColumn::shrink);
    }

    fn block<T: Copy>(values: &[T], block: usize, out: &mut [T; BLOCK_ROWS]) {
        let start = (block * BLOCK_ROWS).min(values.len());
        let end = (start + BLOCK_ROWS).min(values.len());
        if let (Some(out), Some(values)) = (out.get_mut(..end - start), values.get(start..end)) {
            out.copy_from_slice(values);
        }
    }

    fn shape(&self, row: u32) -> Option<&Shape> {
        let code = self.shape_codes.get(row as usize)?;
        self.shapes.get(*code as usize).map(|shape| &**shape)
    }
}

impl Columns for Chunk {
    fn memo(&self) -> Option<&Memo> {
        Some(&self.memo)
    }

    fn rows(&self) -> u32 {
        self.times.len() as u32
    }

    fn time_range(&self) -> (i64, i64) {
        let least = self.times.iter().min().copied().unwrap_or(i64::MAX);
        (least, self.times.iter().max().copied().unwrap_or(i64::MIN))
    }

    fn sequence_range(&self) -> (u64, u64) {
        let least = self.sequences.iter().min().copied().unwrap_or(u64::MAX);
        (least, self.sequences.iter().max().copied().unwrap_or(0))
    }

    fn is_sorted(&self) -> bool {
        false
    }

    fn times(&self, block: usize, times: &mut [i64; BLOCK_ROWS]) -> Result<(), StoreError> {
        Self::block(&self.times, block, times);
        Ok(())
    }

    fn sequences(&self, block: usize, sequences: &mut [u64; BLOCK_ROWS]) -> Result<(), StoreError> {
        Self::block(&self.sequences, block, sequences);
        Ok(())
    }

    fn indexes(&self) -> &[String] {
        &self.indexes
    }

    fn index_codes(&self, block: usize, codes: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError> {
        Self::block(&self.index_codes, block, codes);
        Ok(())
    }

    fn keys(&self) -> &[ColumnKey] {
        &self.keys
    }

    fn column(&self, at: usize) -> Result<&dyn LogColumn, StoreError> {
        let column = self.columns.get(at).map(|column| column as &dyn LogColumn);
        column.ok_or_else(|| StoreError::Invalid("no such column".to_owned()))
    }

    fn ids(&self) -> Result<Option<&dyn LogColumn>, StoreError> {
        Ok(self.ids.as_ref().map(|ids| ids as &dyn LogColumn))
    }

    fn rows_of_id(&self, id: &str) -> Result<Vec<u32>, StoreError> {
        Ok(self.ids.as_ref().map(|ids| ids.rows_with(id.as_bytes())).unwrap_or_default())
    }

    fn row_of_sequence(&self, sequence: u64) -> Result<Option<u32>, StoreError> {
        Ok(self.sequences.iter().position(|known| *known == sequence).map(|row| row as u32))
    }

    fn document_json(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let Some(shape) = self.shape(row) else { return Ok(()) };
        let time_ns = self.times.get(row as usize).copied().unwrap_or(0);
        write_json(shape, time_ns, out, |column, out| {
            self.column(column as usize)?.value(row, out).map(|_| ())
        })
    }

    fn document_packed(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let Some(shape) = self.shape(row) else { return Ok(()) };
        write_packed(shape, out, |column, out| {
            self.column(column as usize)?.value(row, out).map(|_| ())
        })
    }
}
