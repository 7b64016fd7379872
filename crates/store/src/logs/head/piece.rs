//! What a tenant's documents are made of: closed pieces of the head, and parts.

use std::sync::Arc;

use super::super::chunk::Chunk;
use super::super::column::Columns;
use super::super::part_view::LogPart;
use super::super::rows::RowSet;
use super::super::stored::StoredDocuments;
use crate::StoreError;

/// A closed piece of the head.
#[derive(Debug, Clone)]
pub(crate) struct HeadChunk {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) deleted: Option<Arc<RowSet>>,
    pub(crate) bytes: usize,
}

/// A part, and what is deleted from it.
#[derive(Debug, Clone)]
pub(crate) struct LivePart {
    pub(crate) stored: Arc<StoredDocuments>,
    pub(crate) deleted: Option<Arc<RowSet>>,
    /// The catalog does not know all that is deleted.
    pub(crate) dirty: bool,
}

impl LivePart {
    pub(crate) fn view(&self) -> LogPart {
        LogPart {
            columns: self.stored.columns(),
            deleted: self.deleted.clone(),
            bytes: self.stored.row.bytes,
            stored: Some(Arc::clone(&self.stored)),
        }
    }

    /// Deletes a row.
    pub(crate) fn delete(&mut self, row: u32) {
        let rows = self.stored.row.rows as u32;
        let deleted = self.deleted.get_or_insert_with(|| Arc::new(RowSet::empty(rows)));
        Arc::make_mut(deleted).insert(row);
        self.dirty = true;
    }
}

impl HeadChunk {
    pub(super) fn view(&self) -> LogPart {
        LogPart {
            columns: Arc::clone(&self.chunk) as Arc<dyn Columns>,
            deleted: self.deleted.clone(),
            bytes: self.bytes as u64,
            stored: None,
        }
    }
}

pub(super) fn id_key(index: &str, id: &str) -> String {
    format!("{index}\0{id}")
}

pub(super) fn deleted_set(rows: u32, deleted: &[u32]) -> Option<Arc<RowSet>> {
    if deleted.is_empty() {
        return None;
    }
    let mut set = RowSet::empty(rows);
    deleted.iter().for_each(|row| set.insert(*row));
    Some(Arc::new(set))
}

/// The id that the sender of the document in `row` gave.
pub(super) fn own_id(columns: &dyn Columns, row: u32) -> Result<Option<String>, StoreError> {
    let Some(ids) = columns.ids()? else { return Ok(None) };
    let mut id = Vec::new();
    let found = ids.value(row, &mut id)?;
    Ok(found.then(|| String::from_utf8_lossy(&id).into_owned()))
}
