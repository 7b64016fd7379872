//! Parts of documents (logs and spans) in the catalog.

use crate::StoreError;
use crate::logs::RowSet;

/// A part of documents as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocumentPartRow {
    /// Its number; later parts have larger ones.
    pub(crate) id: u64,
    /// `logs` or `spans`.
    pub(crate) signal: String,
    /// Whose it is.
    pub(crate) tenant: String,
    /// Where it is, below the folder or bucket of parts.
    pub(crate) path: String,
    /// How often its documents were merged.
    pub(crate) level: u32,
    /// When it was written, milliseconds since the epoch.
    pub(crate) created_ms: i64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// After the last sequence number in it.
    pub(crate) sequence_end: u64,
    /// Its deleted rows, as [`pack_rows`] writes them.
    pub(crate) deleted: String,
}

/// What a change does to parts of documents.
#[derive(Debug, Clone, Default)]
pub(crate) struct DocumentsChange {
    pub(crate) add: Vec<DocumentPartRow>,
    pub(crate) remove: Vec<u64>,
    /// Deleted rows of parts.
    pub(crate) deleted: Vec<(u64, String)>,
    /// Signal, and the generation of its write-ahead log up to which all is in parts.
    pub(crate) sealed: Option<(String, u64)>,
}

/// A set of rows as text: gaps between runs and lengths of runs, in turn.
pub(crate) fn pack_rows(rows: &RowSet) -> String {
    let (mut numbers, mut end, mut run) = (Vec::new(), 0_u32, 0_u32);
    let mut start = 0;
    for row in rows.iter() {
        if run > 0 && row == start + run {
            run += 1;
            continue;
        }
        if run > 0 {
            numbers.extend([(start - end).to_string(), run.to_string()]);
            end = start + run;
        }
        (start, run) = (row, 1);
    }
    if run > 0 {
        numbers.extend([(start - end).to_string(), run.to_string()]);
    }
    numbers.join(" ")
}

/// Reads what [`pack_rows`] wrote, for a part of `count` rows.
pub(crate) fn unpack_rows(text: &str, count: u32) -> Result<Option<RowSet>, StoreError> {
    if text.is_empty() {
        return Ok(None);
    }
    let damaged = || super::corrupt(&"deleted rows are not well formed");
    let (mut rows, mut at) = (RowSet::empty(count), 0_u32);
    let mut numbers = text.split(' ').map(str::parse::<u32>);
    while let Some(gap) = numbers.next() {
        let gap = gap.map_err(|_| damaged())?;
        let run = numbers.next().and_then(Result::ok).ok_or_else(damaged)?;
        at = at.checked_add(gap).ok_or_else(damaged)?;
        let end = at.checked_add(run).filter(|end| *end <= count).ok_or_else(damaged)?;
        (at..end).for_each(|row| rows.insert(row));
        at = end;
    }
    Ok(Some(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let mut rows = RowSet::empty(5_000);
        for row in [0, 1, 2, 7, 1023, 1024, 4_999] {
            rows.insert(row);
        }
        let text = pack_rows(&rows);
        assert_eq!(text, "0 3 4 1 1015 2 3974 1");
        assert_eq!(unpack_rows(&text, 5_000).unwrap(), Some(rows));
        assert_eq!(unpack_rows("", 5).unwrap(), None);
        for damaged in ["1", "x 1", "0 6", "4294967295 2"] {
            assert!(unpack_rows(damaged, 5).is_err(), "{damaged}");
        }
    }
}
