//! Parts where they are stored.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::column::{BLOCK_ROWS, ColumnKey, Columns, LogColumn};
use super::part::PartReader;
use super::rows::RowSet;
use crate::StoreError;
use crate::catalog::{DocumentPartRow, unpack_rows};
use crate::parts::PartFolder;

/// A stored part, opened when it is first asked. Its file goes when it was
/// [retired](Self::retire) and nobody reads it any more.
#[derive(Debug)]
pub(crate) struct StoredDocuments {
    pub(crate) row: DocumentPartRow,
    folder: Arc<PartFolder>,
    opened: OnceLock<Arc<PartReader>>,
    retired: AtomicBool,
}

impl StoredDocuments {
    pub(crate) fn new(row: DocumentPartRow, folder: Arc<PartFolder>) -> Self {
        Self { row, folder, opened: OnceLock::new(), retired: AtomicBool::new(false) }
    }

    /// Its columns. A part that cannot be opened has columns that say so to whoever asks.
    pub(crate) fn columns(&self) -> Arc<dyn Columns> {
        match self.open() {
            Ok(reader) => reader,
            Err(error) => {
                tracing::error!(path = self.row.path, %error, "a part cannot be opened");
                Arc::new(Broken { row: self.row.clone(), reason: error.to_string() })
            }
        }
    }

    fn open(&self) -> Result<Arc<PartReader>, StoreError> {
        if let Some(reader) = self.opened.get() {
            return Ok(Arc::clone(reader));
        }
        let source = self.folder.place().open(&self.row.path, self.row.bytes)?;
        let reader = Arc::new(PartReader::open(source, self.folder.cache())?);
        Ok(Arc::clone(self.opened.get_or_init(|| reader)))
    }

    /// The rows that the catalog says are deleted.
    pub(crate) fn deleted(&self) -> Result<Option<Arc<RowSet>>, StoreError> {
        Ok(unpack_rows(&self.row.deleted, self.row.rows as u32)?.map(Arc::new))
    }

    /// The catalog does not have it any more.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
}

impl Drop for StoredDocuments {
    fn drop(&mut self) {
        if self.retired.load(Ordering::Acquire) {
            self.folder.place().remove(&self.row.path);
        }
    }
}

/// A part that cannot be opened: questions that need it fail, others do not.
#[derive(Debug)]
struct Broken {
    row: DocumentPartRow,
    reason: String,
}

impl Broken {
    fn fail<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Unavailable(format!("part {}: {}", self.row.path, self.reason)))
    }
}

impl Columns for Broken {
    fn rows(&self) -> u32 {
        self.row.rows as u32
    }

    fn time_range(&self) -> (i64, i64) {
        (self.row.start_ns, self.row.end_ns)
    }

    fn sequence_range(&self) -> (u64, u64) {
        (0, self.row.sequence_end)
    }

    fn is_sorted(&self) -> bool {
        true
    }

    fn times(&self, _block: usize, _times: &mut [i64; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.fail()
    }

    fn sequences(&self, _block: usize, _out: &mut [u64; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.fail()
    }

    fn indexes(&self) -> &[String] {
        &[]
    }

    fn check(&self) -> Result<(), StoreError> {
        self.fail()
    }

    fn index_codes(&self, _block: usize, _out: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.fail()
    }

    fn keys(&self) -> &[ColumnKey] {
        &[]
    }

    fn column(&self, _at: usize) -> Result<&dyn LogColumn, StoreError> {
        self.fail()
    }

    fn ids(&self) -> Result<Option<&dyn LogColumn>, StoreError> {
        self.fail()
    }

    fn rows_of_id(&self, _id: &str) -> Result<Vec<u32>, StoreError> {
        self.fail()
    }

    fn row_of_sequence(&self, _sequence: u64) -> Result<Option<u32>, StoreError> {
        self.fail()
    }

    fn document_json(&self, _row: u32, _out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.fail()
    }

    fn document_packed(&self, _row: u32, _out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.fail()
    }
}
