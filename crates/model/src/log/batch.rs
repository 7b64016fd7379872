//! A batch of operations on documents.

use std::ops::Range;

use super::document::{DocumentReader, DocumentWriter};

/// What to do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogAction {
    /// Store it; it takes the place of a document of the same id.
    Index,
    /// Store it, unless there is a document of the same id.
    Create,
    /// Store it in the place of the document of the same id, which must be there.
    Replace,
    /// Remove the document of this id.
    Delete,
}

/// One operation: ranges into its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOperation {
    /// What to do.
    pub action: LogAction,
    /// Its place in [`LogBatch::indexes`].
    pub index: u32,
    /// When what the document tells happened, nanoseconds since the epoch.
    pub time_ns: i64,
    /// Only if the document of this id has this sequence number now.
    pub if_sequence: Option<u64>,
    id: Range<u32>,
    body: Range<u32>,
}

/// Operations on documents of one tenant, in order.
#[derive(Debug, Clone, Default)]
pub struct LogBatch {
    bytes: Vec<u8>,
    indexes: Vec<String>,
    operations: Vec<LogOperation>,
}

impl LogBatch {
    /// A batch without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names of the indices that operations refer to.
    pub fn indexes(&self) -> &[String] {
        &self.indexes
    }

    /// The operations.
    pub fn operations(&self) -> &[LogOperation] {
        &self.operations
    }

    /// Whether nothing is in the batch.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Number of operations.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Bytes that the batch holds.
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets everything, keeps the allocations.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.indexes.clear();
        self.operations.clear();
    }

    /// The id that the sender gave, if it gave one.
    pub fn id<'a>(&'a self, operation: &LogOperation) -> Option<&'a str> {
        let bytes = self.bytes.get(operation.id.start as usize..operation.id.end as usize)?;
        let text = std::str::from_utf8(bytes).ok()?;
        (!text.is_empty()).then_some(text)
    }

    /// The document of `operation`, packed.
    pub fn body(&self, operation: &LogOperation) -> &[u8] {
        let range = operation.body.start as usize..operation.body.end as usize;
        self.bytes.get(range).unwrap_or_default()
    }

    /// The document of `operation`.
    pub fn document(&self, operation: &LogOperation) -> DocumentReader<'_> {
        DocumentReader::new(self.body(operation))
    }

    /// The place of `name` among the indices; added when it is not there.
    pub fn index(&mut self, name: &str) -> u32 {
        // The last one is almost always it.
        let found = self.indexes.iter().rposition(|known| known == name);
        let at = found.unwrap_or_else(|| {
            self.indexes.push(name.to_owned());
            self.indexes.len() - 1
        });
        at as u32
    }

    /// Adds an operation. `write` packs the document and gives its time; when it fails, the batch
    /// is as it was before.
    pub fn push<E>(
        &mut self,
        action: LogAction,
        index: u32,
        id: Option<&str>,
        write: impl FnOnce(&mut DocumentWriter<'_>) -> Result<i64, E>,
    ) -> Result<(), E> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(id.unwrap_or_default().as_bytes());
        let body = self.bytes.len();
        let time_ns = match write(&mut DocumentWriter::new(&mut self.bytes)) {
            Ok(time_ns) => time_ns,
            Err(error) => {
                self.bytes.truncate(start);
                return Err(error);
            }
        };
        let end = self.bytes.len() as u32;
        self.operations.push(LogOperation {
            action,
            index,
            time_ns,
            if_sequence: None,
            id: start as u32..body as u32,
            body: body as u32..end,
        });
        Ok(())
    }

    /// Adds an operation on a document that is packed already.
    pub fn push_packed(
        &mut self,
        action: LogAction,
        index: u32,
        id: &str,
        time_ns: i64,
        body: &[u8],
    ) {
        let packed: Result<(), std::convert::Infallible> =
            self.push(action, index, Some(id), |writer| {
                writer.packed(body);
                Ok(time_ns)
            });
        match packed {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// Makes the last operation depend on the document's sequence number.
    pub fn expect_sequence(&mut self, sequence: Option<u64>) {
        if let Some(last) = self.operations.last_mut() {
            last.if_sequence = sequence;
        }
    }
}
