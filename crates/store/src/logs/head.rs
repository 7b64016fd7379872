//! A tenant's documents: the head's pieces, and parts.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use vigie_model::{LogAction, LogBatch, LogOperation, LogOutcome, TenantId};

use super::chunk::{Chunk, ChunkBuilder};
use super::column::{BLOCK_ROWS, Columns};
use super::part_view::LogPart;
use super::rows::{RowSet, bits};
use super::snapshot::LogSnapshot;
use crate::StoreError;
use crate::wal::LogEntry;

/// A piece of the head is closed at so many rows; smaller ones are copied when a snapshot is taken.
const CHUNK_ROWS: u32 = 8 * BLOCK_ROWS as u32;
/// And at so many bytes.
const CHUNK_BYTES: usize = 8 << 20;

/// A tenant's logs.
#[derive(Debug)]
pub(crate) struct LogTenant {
    pub(crate) id: TenantId,
    pub(crate) state: Mutex<LogState>,
}

/// A closed piece of the head.
#[derive(Debug, Clone)]
pub(crate) struct HeadChunk {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) deleted: Option<Arc<RowSet>>,
    pub(crate) bytes: usize,
}

/// Everything of a tenant at this moment.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    pub(crate) next_sequence: u64,
    active: ChunkBuilder,
    active_deleted: Vec<u32>,
    /// The active piece as the last snapshot saw it.
    copied: Option<Arc<Chunk>>,
    pub(crate) chunks: Vec<HeadChunk>,
    /// Ids that senders gave, of documents in the head: index, zero, id.
    ids: HashMap<String, u64>,
}

impl LogTenant {
    pub(crate) fn new(id: TenantId) -> Self {
        Self { id, state: Mutex::default() }
    }
}

/// Where a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In this row of the active piece.
    Active(u32),
    /// In a closed piece, in this row.
    Chunk(usize, u32),
}

/// What to do, after everything is looked up.
#[derive(Debug)]
pub(crate) struct Planned<'a> {
    pub(crate) outcomes: Vec<LogOutcome>,
    pub(crate) entries: Vec<LogEntry<'a>>,
}

impl LogState {
    /// Looks up what each operation of `batch` will do. Nothing is changed, but sequence numbers
    /// are given out.
    pub(crate) fn plan<'a>(
        &mut self,
        batch: &'a LogBatch,
        document_bytes_max: usize,
    ) -> Result<Planned<'a>, StoreError> {
        let count = batch.len();
        let mut planned =
            Planned { outcomes: Vec::with_capacity(count), entries: Vec::with_capacity(count) };
        // What earlier operations of the batch do to ids: the sequence number, or none.
        let mut changed: HashMap<String, Option<u64>> = HashMap::new();
        for operation in batch.operations() {
            let index = batch.indexes().get(operation.index as usize).map_or("", String::as_str);
            let body = batch.body(operation);
            if body.len() > document_bytes_max {
                let message = format!("the document is larger than {document_bytes_max} bytes");
                planned.outcomes.push(LogOutcome::Invalid(message));
                continue;
            }
            let Some(id) = batch.id(operation) else {
                let outcome = match operation.action {
                    LogAction::Index | LogAction::Create => {
                        let sequence = self.sequence();
                        planned.entries.push(put(operation, index, None, (sequence, None), body));
                        LogOutcome::Created(sequence)
                    }
                    LogAction::Replace | LogAction::Delete => {
                        LogOutcome::Invalid("an id is missing".to_owned())
                    }
                };
                planned.outcomes.push(outcome);
                continue;
            };
            let key = id_key(index, id);
            let known = match changed.get(&key) {
                Some(known) => *known,
                None => self.find(index, id)?,
            };
            let outcome = self.plan_known(operation, index, id, known, body, &mut planned.entries);
            match outcome {
                LogOutcome::Created(sequence) | LogOutcome::Updated(sequence) => {
                    changed.insert(key, Some(sequence));
                }
                LogOutcome::Deleted(_) => drop(changed.insert(key, None)),
                _ => {}
            }
            planned.outcomes.push(outcome);
        }
        Ok(planned)
    }

    /// One operation on a document whose id is given; `known` is the document of this id.
    fn plan_known<'a>(
        &mut self,
        operation: &LogOperation,
        index: &'a str,
        id: &'a str,
        known: Option<u64>,
        body: &'a [u8],
        entries: &mut Vec<LogEntry<'a>>,
    ) -> LogOutcome {
        if operation.if_sequence.is_some() && operation.if_sequence != known {
            return LogOutcome::Conflict(known.unwrap_or(0));
        }
        match (operation.action, known) {
            (LogAction::Create, Some(known)) => LogOutcome::Conflict(known),
            (LogAction::Replace | LogAction::Delete, None) => LogOutcome::Missing,
            (LogAction::Delete, Some(known)) => {
                entries.push(LogEntry::Remove(known));
                LogOutcome::Deleted(self.sequence())
            }
            (_, known) => {
                let sequence = self.sequence();
                // A document without an id of its own keeps the one it was given.
                entries.push(put(operation, index, Some(id), (sequence, known), body));
                match known {
                    Some(_) => LogOutcome::Updated(sequence),
                    None => LogOutcome::Created(sequence),
                }
            }
        }
    }

    fn sequence(&mut self) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        sequence
    }

    /// The sequence number of the document of this id.
    fn find(&self, index: &str, id: &str) -> Result<Option<u64>, StoreError> {
        if let Some(sequence) = self.ids.get(&id_key(index, id)) {
            return Ok(Some(*sequence));
        }
        // An id that the store made.
        let Some(sequence) = vigie_model::sequence_of_id(id) else { return Ok(None) };
        Ok(self
            .locate(sequence)
            .filter(|place| self.is_named(*place, index, None))
            .map(|_| sequence))
    }

    /// Where the document of a sequence number is, unless it is deleted.
    fn locate(&self, sequence: u64) -> Option<Place> {
        if let Ok(row) = self.active.chunk.sequences.binary_search(&sequence) {
            let row = row as u32;
            return (!self.active_deleted.contains(&row)).then_some(Place::Active(row));
        }
        for (at, chunk) in self.chunks.iter().enumerate() {
            if let Ok(row) = chunk.chunk.sequences.binary_search(&sequence) {
                let row = row as u32;
                let deleted = chunk.deleted.as_ref().is_some_and(|deleted| deleted.contains(row));
                return (!deleted).then_some(Place::Chunk(at, row));
            }
        }
        None
    }

    /// Whether the document in a place is of this index, and has this id of its sender.
    fn is_named(&self, place: Place, index: &str, id: Option<&str>) -> bool {
        self.name_of(place).is_some_and(|(known, own)| known == index && own.as_deref() == id)
    }

    /// The index and the sender's id of the document in a place.
    fn name_of(&self, place: Place) -> Option<(&str, Option<String>)> {
        let (chunk, row) = match place {
            Place::Active(row) => (&self.active.chunk, row),
            Place::Chunk(at, row) => (&*self.chunks.get(at)?.chunk, row),
        };
        let index = chunk.indexes.get(*chunk.index_codes.get(row as usize)? as usize)?;
        let own = chunk.ids.as_ref().and_then(|ids| {
            let at = ids.presence.find(row)?;
            Some(String::from_utf8_lossy(ids.bytes_at(at)).into_owned())
        });
        Some((index, own))
    }

    /// Does what a record says.
    pub(crate) fn apply(&mut self, entry: &LogEntry<'_>) {
        match *entry {
            LogEntry::Put { sequence, time_ns, replaces, index, id, body } => {
                if let Some(replaces) = replaces {
                    self.remove(replaces);
                }
                self.active.push(index, id, (sequence, time_ns), body);
                if let Some(id) = id {
                    self.ids.insert(id_key(index, id), sequence);
                }
                self.next_sequence = self.next_sequence.max(sequence + 1);
            }
            LogEntry::Remove(sequence) => self.remove(sequence),
        }
    }

    /// After a batch: forgets the copy for snapshots, and closes a piece that is large enough.
    pub(crate) fn settle(&mut self) {
        self.copied = None;
        if self.active.rows() >= CHUNK_ROWS || self.active.chunk.bytes() > CHUNK_BYTES {
            self.close_chunk();
        }
    }

    /// Closes the active piece.
    pub(crate) fn close_chunk(&mut self) {
        if self.active.rows() == 0 {
            return;
        }
        self.copied = None;
        let chunk = std::mem::take(&mut self.active).chunk;
        let deleted = deleted_set(chunk.rows(), &std::mem::take(&mut self.active_deleted));
        self.chunks.push(HeadChunk { bytes: chunk.bytes(), chunk: Arc::new(chunk), deleted });
    }

    fn remove(&mut self, sequence: u64) {
        let Some(place) = self.locate(sequence) else { return };
        if let Some((index, Some(id))) = self.name_of(place) {
            let key = id_key(index, &id);
            if self.ids.get(&key) == Some(&sequence) {
                self.ids.remove(&key);
            }
        }
        match place {
            Place::Active(row) => {
                self.active_deleted.push(row);
                self.copied = None;
            }
            Place::Chunk(at, row) => {
                if let Some(chunk) = self.chunks.get_mut(at) {
                    let rows = chunk.chunk.rows();
                    let deleted =
                        chunk.deleted.get_or_insert_with(|| Arc::new(RowSet::empty(rows)));
                    Arc::make_mut(deleted).insert(row);
                }
            }
        }
    }

    /// The parts of a snapshot, oldest first.
    fn parts(&self) -> Vec<LogPart> {
        let mut parts: Vec<_> = self
            .chunks
            .iter()
            .map(|chunk| LogPart {
                columns: Arc::clone(&chunk.chunk) as Arc<dyn Columns>,
                deleted: chunk.deleted.clone(),
                bytes: chunk.bytes as u64,
            })
            .collect();
        if let Some(copied) = &self.copied {
            parts.push(LogPart {
                columns: Arc::clone(copied) as Arc<dyn Columns>,
                deleted: deleted_set(copied.rows(), &self.active_deleted),
                bytes: copied.bytes() as u64,
            });
        }
        parts
    }

    /// Everything as it is now.
    pub(crate) fn snapshot(&mut self) -> LogSnapshot {
        if self.copied.is_none() && self.active.rows() > 0 {
            self.copied = Some(Arc::new(self.active.chunk.clone()));
        }
        LogSnapshot::new(self.parts())
    }
}

fn put<'a>(
    operation: &LogOperation,
    index: &'a str,
    id: Option<&'a str>,
    (sequence, replaces): (u64, Option<u64>),
    body: &'a [u8],
) -> LogEntry<'a> {
    LogEntry::Put { sequence, time_ns: operation.time_ns, replaces, index, id, body }
}

fn id_key(index: &str, id: &str) -> String {
    format!("{index}\0{id}")
}

fn deleted_set(rows: u32, deleted: &[u32]) -> Option<Arc<RowSet>> {
    if deleted.is_empty() {
        return None;
    }
    let mut set = RowSet::empty(rows);
    deleted.iter().for_each(|row| set.insert(*row));
    Some(Arc::new(set))
}

/// The row of a sequence number in a part.
pub(crate) fn row_of_sequence(part: &LogPart, sequence: u64) -> Result<Option<u32>, StoreError> {
    let (least, most) = part.columns.sequence_range();
    if !(least..=most).contains(&sequence) {
        return Ok(None);
    }
    let mut sequences = [0; BLOCK_ROWS];
    for block in 0..part.blocks() {
        part.sequences(block, &mut sequences)?;
        let live = part.live(block);
        if let Some(row) = bits(&live).find(|row| sequences.get(*row) == Some(&sequence)) {
            return Ok(Some((block * BLOCK_ROWS + row) as u32));
        }
    }
    Ok(None)
}
