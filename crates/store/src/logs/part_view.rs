//! A part of a snapshot: some documents as columns.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use vigie_model::{ListReader, Scalar};

use super::column::{BLOCK_ROWS, Columns, LogColumn, LogColumnKind, Mask, columns_of};
use super::evaluate::Matcher;
use super::filter::LogQuery;
use super::rows::{RowSet, bits, first_rows};
use super::stored::StoredDocuments;
use crate::StoreError;

/// Some documents as columns: a sealed part, or a piece of the head. All rows have a time, a
/// sequence number and an index.
#[derive(Debug, Clone)]
pub struct LogPart {
    pub(crate) columns: Arc<dyn Columns>,
    pub(crate) deleted: Option<Arc<RowSet>>,
    /// Bytes on disk or in memory.
    pub(crate) bytes: u64,
    #[expect(dead_code, reason = "keeps a part's file while somebody reads it")]
    pub(crate) stored: Option<Arc<StoredDocuments>>,
}

/// How many documents of an index are in a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexCount {
    pub(crate) documents: u64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
}

impl LogPart {
    /// Number of rows, deleted ones included.
    pub fn rows(&self) -> u32 {
        self.columns.rows()
    }

    /// Number of blocks of [`BLOCK_ROWS`] rows, the last one shorter.
    pub fn blocks(&self) -> usize {
        (self.rows() as usize).div_ceil(BLOCK_ROWS)
    }

    /// Earliest and latest time, nanoseconds since the epoch.
    pub fn time_range_ns(&self) -> (i64, i64) {
        self.columns.time_range()
    }

    /// Whether rows are in the order of time.
    pub fn is_sorted(&self) -> bool {
        self.columns.is_sorted()
    }

    /// Times of a block's rows, nanoseconds since the epoch.
    pub fn times(&self, block: usize, times: &mut [i64; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.columns.times(block, times)
    }

    /// Sequence numbers of a block's rows: later writes have larger ones.
    pub fn sequences(&self, block: usize, out: &mut [u64; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.columns.sequences(block, out)
    }

    /// Names of the indices in the part, by code.
    pub fn indexes(&self) -> &[String] {
        self.columns.indexes()
    }

    /// The index of each row of a block, as code.
    pub fn index_codes(&self, block: usize, out: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.columns.index_codes(block, out)
    }

    /// The fields of the part: path, kind, number of values. A field with values of several types
    /// is there several times; one that found no column counts as text.
    pub fn fields(&self) -> Result<Vec<(String, LogColumnKind, u64)>, StoreError> {
        self.columns.check()?;
        let mut fields = Vec::new();
        for (at, key) in self.columns.keys().iter().enumerate() {
            let column = self.columns.column(at)?;
            match key.kind {
                LogColumnKind::Raw => {}
                LogColumnKind::List if key.path.is_empty() => {
                    let overflow = self.overflow(column)?;
                    fields.extend(
                        overflow.into_iter().map(|(path, n)| (path, LogColumnKind::Text, n)),
                    );
                }
                kind => fields.push((key.path.clone(), kind, column.value_count())),
            }
        }
        Ok(fields)
    }

    /// The fields in the overflow column, and how many values each has.
    fn overflow(&self, column: &dyn LogColumn) -> Result<BTreeMap<String, u64>, StoreError> {
        let (mut found, mut bytes) = (BTreeMap::new(), Vec::new());
        for block in 0..self.blocks() {
            for row in bits(&column.present(block)?) {
                bytes.clear();
                column.value((block * BLOCK_ROWS + row) as u32, &mut bytes)?;
                for path in ListReader::new(&bytes).filter_map(overflow_path) {
                    *found.entry(path.to_owned()).or_default() += 1;
                }
            }
        }
        Ok(found)
    }

    /// The columns of a field, one for each type of its values.
    pub fn columns(&self, path: &str) -> Result<Vec<&dyn LogColumn>, StoreError> {
        columns_of(&*self.columns, path).into_iter().map(|at| self.columns.column(at)).collect()
    }

    /// The column of a field with values of one type.
    pub fn column(
        &self,
        path: &str,
        kind: LogColumnKind,
    ) -> Result<Option<&dyn LogColumn>, StoreError> {
        let key = |key: &super::column::ColumnKey| key.path == path && key.kind == kind;
        let at = self.columns.keys().iter().position(key);
        at.map(|at| self.columns.column(at)).transpose()
    }

    /// What `make` makes of all rows; kept beside them where they do not change, so that it is made
    /// once. A part has room for one: everybody who asks must want the same.
    pub fn kept<T: Send + Sync + 'static>(
        &self,
        make: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<Arc<T>, StoreError> {
        let memo = self.columns.memo();
        let known = memo.and_then(OnceLock::get).map(Arc::clone);
        if let Some(Ok(known)) = known.map(Arc::downcast) {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        if let Some(memo) = memo {
            memo.set(Arc::clone(&made) as _).ok();
        }
        Ok(made)
    }

    /// Makes `query` ready to be asked of this part, block by block.
    pub fn matcher(&self, query: &LogQuery) -> Result<Matcher<'_>, StoreError> {
        Matcher::new(self, query)
    }

    /// The rows for which `query` holds.
    pub fn matching(&self, query: &LogQuery) -> Result<RowSet, StoreError> {
        self.matcher(query)?.rows()
    }

    /// Appends the document in `row` as JSON.
    pub fn source(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.columns.document_json(row, out)
    }

    /// Appends the document in `row`, packed.
    pub fn packed(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.columns.document_packed(row, out)
    }

    /// The name of the index of `row`.
    pub fn index_of(&self, row: u32) -> Result<&str, StoreError> {
        let code = self.columns.index_code_of(row)?;
        Ok(self.indexes().get(code as usize).map_or("", String::as_str))
    }

    /// The sequence number of `row`.
    pub fn sequence_of(&self, row: u32) -> Result<u64, StoreError> {
        let mut sequences = [0; BLOCK_ROWS];
        self.sequences(row as usize / BLOCK_ROWS, &mut sequences)?;
        Ok(sequences.get(row as usize % BLOCK_ROWS).copied().unwrap_or(0))
    }

    /// The time of `row`.
    pub fn time_of(&self, row: u32) -> Result<i64, StoreError> {
        self.columns.time_of(row)
    }

    /// The id of the document in `row`: the sender's, or the one made of its sequence number.
    pub fn id_of(&self, row: u32) -> Result<String, StoreError> {
        if let Some(ids) = self.columns.ids()? {
            let mut id = Vec::new();
            if ids.value(row, &mut id)? {
                return Ok(String::from_utf8_lossy(&id).into_owned());
            }
        }
        Ok(vigie_model::id_of_sequence(self.sequence_of(row)?))
    }

    /// Rows of a block that are there and not deleted.
    pub(crate) fn live(&self, block: usize) -> Mask {
        let rows = (self.rows() as usize).saturating_sub(block * BLOCK_ROWS).min(BLOCK_ROWS);
        let mut mask = first_rows(rows);
        if let Some(deleted) = &self.deleted {
            for (word, deleted) in mask.iter_mut().zip(deleted.block(block)) {
                *word &= !deleted;
            }
        }
        mask
    }

    /// Documents of each index, by its code.
    pub(crate) fn index_counts(&self) -> Result<Vec<IndexCount>, StoreError> {
        self.columns.check()?;
        if let Some(counts) = self.columns.index_counts().filter(|_| self.deleted.is_none()) {
            return Ok(counts.to_vec());
        }
        let none = IndexCount { documents: 0, start_ns: i64::MAX, end_ns: i64::MIN };
        let mut counts = vec![none; self.indexes().len()];
        let (mut codes, mut times) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
        for block in 0..self.blocks() {
            self.index_codes(block, &mut codes)?;
            self.times(block, &mut times)?;
            for row in bits(&self.live(block)) {
                let (Some(code), Some(time)) = (codes.get(row), times.get(row)) else { continue };
                if let Some(count) = counts.get_mut(*code as usize) {
                    count.documents += 1;
                    count.start_ns = count.start_ns.min(*time);
                    count.end_ns = count.end_ns.max(*time);
                }
            }
        }
        Ok(counts)
    }
}

/// The path of a value in the overflow column, which is written before it.
fn overflow_path(item: Scalar<'_>) -> Option<&str> {
    match item {
        Scalar::String(text) => Some(text.split_once('\0')?.0),
        _ => None,
    }
}
