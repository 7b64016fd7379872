//! Columns of a part, read in blocks.

use std::fmt;

use super::matching::CompiledTest;
use super::number::Decimal;
use super::part_view::IndexCount;
use super::rows::RowSet;
use crate::StoreError;

/// Rows of a block.
pub const BLOCK_ROWS: usize = 1024;

/// Rows of a block, as bits.
pub type Mask = [u64; BLOCK_ROWS / 64];

/// What a column holds. A field whose values are of several types has a column for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogColumnKind {
    /// Text.
    Text = 1,
    /// Numbers.
    Number = 2,
    /// Booleans: texts `true` and `false`.
    Boolean = 3,
    /// Lists of scalars: read as packed lists (`vigie_model::ListReader`).
    List = 4,
    /// JSON that is given back only.
    Raw = 5,
    /// The document's own time.
    Time = 6,
}

impl LogColumnKind {
    /// From the number that stands for it in parts.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Text,
            2 => Self::Number,
            3 => Self::Boolean,
            4 => Self::List,
            5 => Self::Raw,
            6 => Self::Time,
            _ => return None,
        })
    }
}

/// What a reader made of a part's rows and keeps beside them.
pub(crate) type Memo = std::sync::OnceLock<std::sync::Arc<dyn std::any::Any + Send + Sync>>;

/// A column: at most one value (a list is one) a row. Rows are asked in blocks of [`BLOCK_ROWS`].
pub trait LogColumn: Send + Sync + fmt::Debug {
    /// What it holds.
    fn kind(&self) -> LogColumnKind;
    /// Number of rows with a value.
    fn value_count(&self) -> u64;
    /// The rows of a block that have a value.
    fn present(&self, block: usize) -> Result<Mask, StoreError>;

    /// Number of different values, when rows hold codes of a dictionary (all but long texts
    /// that hardly repeat, and numbers); `None` when they do not.
    fn dictionary_len(&self) -> Option<usize>;
    /// The value of a code, below [`dictionary_len`](Self::dictionary_len).
    fn dictionary_value(&self, code: u32) -> Result<&[u8], StoreError>;
    /// The code of a value.
    fn find(&self, value: &[u8]) -> Result<Option<u32>, StoreError> {
        for code in 0..self.dictionary_len().unwrap_or(0) as u32 {
            if self.dictionary_value(code)? == value {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }
    /// Bounds of the codes of a block, when they are known without reading it.
    fn code_range(&self, _block: usize) -> Result<Option<(u32, u32)>, StoreError> {
        Ok(None)
    }
    /// The code of each row of a block that has a value.
    fn codes(&self, block: usize, codes: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError>;

    /// Appends the bytes of a row's value: text, packed list, or number as it was written. `false`
    /// when it has none.
    fn value(&self, row: u32, out: &mut Vec<u8>) -> Result<bool, StoreError>;

    /// The number of each row of a block that has one (kind [`Number`](LogColumnKind::Number)).
    fn numbers(&self, block: usize, numbers: &mut [f64; BLOCK_ROWS]) -> Result<(), StoreError>;
    /// Whether all its numbers are whole, and written so.
    fn is_whole(&self) -> Result<bool, StoreError>;
    /// The same, exactly; `None` for rows whose number is not a plain decimal.
    fn decimals(
        &self,
        block: usize,
        decimals: &mut [Option<Decimal>; BLOCK_ROWS],
    ) -> Result<(), StoreError>;
}

/// Which column of a part: the field's dotted path and the kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ColumnKey {
    pub(crate) path: String,
    pub(crate) kind: LogColumnKind,
}

/// Columns of one part or of one piece of the head.
pub(crate) trait Columns: Send + Sync + fmt::Debug {
    /// Number of rows.
    fn rows(&self) -> u32;
    /// Earliest and latest time.
    fn time_range(&self) -> (i64, i64);
    /// Smallest and largest sequence number.
    fn sequence_range(&self) -> (u64, u64);
    /// Whether rows are in the order of time.
    fn is_sorted(&self) -> bool;
    /// Times of a block's rows, nanoseconds since the epoch.
    fn times(&self, block: usize, times: &mut [i64; BLOCK_ROWS]) -> Result<(), StoreError>;
    /// Sequence numbers of a block's rows.
    fn sequences(&self, block: usize, sequences: &mut [u64; BLOCK_ROWS]) -> Result<(), StoreError>;
    /// Whether it can be read at all.
    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
    /// Names of the indices that rows belong to, by their codes.
    fn indexes(&self) -> &[String];
    /// The code of the index of each row of a block.
    fn index_codes(&self, block: usize, codes: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError>;
    /// The time of one row.
    fn time_of(&self, row: u32) -> Result<i64, StoreError> {
        let mut times = [0; BLOCK_ROWS];
        self.times(row as usize / BLOCK_ROWS, &mut times)?;
        Ok(times.get(row as usize % BLOCK_ROWS).copied().unwrap_or(0))
    }
    /// The code of the index of one row.
    fn index_code_of(&self, row: u32) -> Result<u32, StoreError> {
        let mut codes = [0; BLOCK_ROWS];
        self.index_codes(row as usize / BLOCK_ROWS, &mut codes)?;
        Ok(codes.get(row as usize % BLOCK_ROWS).copied().unwrap_or(0))
    }
    /// Where a reader keeps what it once made of all rows, for columns that do not change.
    fn memo(&self) -> Option<&Memo> {
        None
    }
    /// All fields' columns.
    fn keys(&self) -> &[ColumnKey];
    /// A column, by its place in [`keys`](Self::keys).
    fn column(&self, at: usize) -> Result<&dyn LogColumn, StoreError>;
    /// The ids that senders gave.
    fn ids(&self) -> Result<Option<&dyn LogColumn>, StoreError>;
    /// Rows of one document id that the sender gave, in any index.
    fn rows_of_id(&self, id: &str) -> Result<Vec<u32>, StoreError>;
    /// The row of a sequence number.
    fn row_of_sequence(&self, sequence: u64) -> Result<Option<u32>, StoreError>;
    /// Appends the document in `row` as JSON.
    fn document_json(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError>;
    /// Appends the document in `row`, packed.
    fn document_packed(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError>;
    /// Documents of each index, when that is known without looking.
    fn index_counts(&self) -> Option<&[IndexCount]> {
        None
    }
    /// What an index knows of a test of column `at`; `None` when there is none that knows.
    fn plan(&self, _at: usize, _test: &CompiledTest) -> Result<Option<Plan>, StoreError> {
        Ok(None)
    }
    /// The template of each row of a block that has a value in column `at`.
    fn templates(
        &self,
        _at: usize,
        _block: usize,
        _codes: &mut [u32; BLOCK_ROWS],
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What an index knows of a test of one column.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// Every row with a value.
    All,
    /// No row.
    None,
    /// Rows whose template's code is wanted.
    Templates(Vec<bool>),
    /// These rows.
    Rows(RowSet),
    /// Rows that pass the test when asked one by one.
    Ask,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
}

/// Finds the places of a field's columns.
pub(crate) fn columns_of(columns: &dyn Columns, path: &str) -> Vec<usize> {
    let keys = columns.keys().iter().enumerate();
    keys.filter(|(_, key)| key.path == path).map(|(at, _)| at).collect()
}
