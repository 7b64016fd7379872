//! Where a part's bytes come from.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use vigie_world::ReadFile;

use crate::StoreError;

/// Something that gives ranges of a part's bytes.
pub trait PartSource: Send + Sync + fmt::Debug {
    /// The part's length in bytes.
    fn length(&self) -> u64;
    /// Exactly `length` bytes from `offset` on, or an error.
    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError>;
}

impl PartSource for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        let range = usize::try_from(offset).ok().and_then(|start| {
            let end = start.checked_add(length)?;
            (end <= self.len()).then_some(start..end)
        });
        match range {
            Some(range) => Ok(self.slice(range)),
            None => Err(past_end(offset, length, self.length())),
        }
    }
}

/// A part in a file of the world's disk.
#[derive(Debug, Clone)]
pub struct FileSource {
    file: Arc<dyn ReadFile>,
}

impl FileSource {
    /// The part in `file`.
    pub fn new(file: Arc<dyn ReadFile>) -> Self {
        Self { file }
    }
}

impl PartSource for FileSource {
    fn length(&self) -> u64 {
        self.file.length()
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.length()) {
            return Err(past_end(offset, length, self.length()));
        }
        let mut buffer = vec![0; length];
        self.file
            .read_exact_at(&mut buffer, offset)
            .map_err(|source| StoreError::Io { what: "reading a part".to_owned(), source })?;
        Ok(Bytes::from(buffer))
    }
}

fn past_end(offset: u64, length: usize, end: u64) -> StoreError {
    StoreError::Corrupt {
        what: "part".to_owned(),
        detail: format!("{length} bytes at {offset} are past its end at {end}"),
    }
}
