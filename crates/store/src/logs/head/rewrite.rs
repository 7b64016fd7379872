//! Documents that are packed anew and keep their places.

use super::{HeadChunk, LivePart, LogState, Place};
use crate::StoreError;
use crate::logs::column::Columns;
use crate::wal::LogEntry;

/// A document that takes the place of one.
#[derive(Debug)]
pub(crate) struct Rewritten {
    sequence: u64,
    replaces: u64,
    time_ns: i64,
    index: String,
    body: Vec<u8>,
}

impl Rewritten {
    /// What the log is told.
    pub(crate) fn entry(&self) -> LogEntry<'_> {
        LogEntry::Put {
            sequence: self.sequence,
            time_ns: self.time_ns,
            replaces: Some(self.replaces),
            index: &self.index,
            id: None,
            body: &self.body,
        }
    }
}

impl LogState {
    /// What to write so that `rewrite` was applied to these documents; those that are there and
    /// have no id of their own. Nothing is changed, but sequence numbers are given out.
    pub(crate) fn plan_rewrite(
        &mut self,
        sequences: &[u64],
        rewrite: &dyn Fn(&[u8], &mut Vec<u8>),
    ) -> Result<Vec<Rewritten>, StoreError> {
        let mut planned = Vec::with_capacity(sequences.len());
        let mut packed = Vec::new();
        for replaces in sequences {
            let Some(place) = self.locate(*replaces)? else { continue };
            let (index, None) = self.name_of(place)? else { continue };
            packed.clear();
            let time_ns = self.read(place, &mut packed)?;
            let mut body = Vec::with_capacity(packed.len() + 64);
            rewrite(&packed, &mut body);
            let sequence = self.sequence();
            planned.push(Rewritten { sequence, replaces: *replaces, time_ns, index, body });
        }
        Ok(planned)
    }

    /// Appends the document in a place, packed. Gives its time.
    fn read(&self, place: Place, out: &mut Vec<u8>) -> Result<i64, StoreError> {
        let view = match place {
            Place::Active(row) => {
                let chunk = &self.active.chunk;
                chunk.document_packed(row, out)?;
                return chunk.time_of(row);
            }
            Place::Part(at, row) => self.parts.get(at).map(|part| (LivePart::view(part), row)),
            Place::Chunk { frozen, at, row } => {
                self.list(frozen).get(at).map(|chunk| (HeadChunk::view(chunk), row))
            }
        };
        let Some((view, row)) = view else { return Ok(0) };
        view.columns.check()?;
        view.packed(row, out)?;
        view.time_of(row)
    }
}
