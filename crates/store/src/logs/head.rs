//! A tenant's documents: the head's pieces, and parts.

mod piece;
mod rewrite;

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use vigie_model::{LogAction, LogBatch, LogOperation, LogOutcome, TenantId};

pub(crate) use self::piece::{HeadChunk, LivePart};
use self::piece::{deleted_set, id_key, own_id};
pub(crate) use self::rewrite::Rewritten;
use super::chunk::{Chunk, ChunkBuilder};
use super::column::{BLOCK_ROWS, Columns};
use super::merge::MergeInput;
use super::part_view::LogPart;
use super::rows::RowSet;
use super::snapshot::LogSnapshot;
use super::stored::StoredDocuments;
use crate::StoreError;
use crate::catalog::pack_rows;
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

/// Everything of a tenant at this moment.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    pub(crate) next_sequence: u64,
    active: ChunkBuilder,
    active_deleted: Vec<u32>,
    /// The active piece as the last snapshot saw it.
    copied: Option<Arc<Chunk>>,
    pub(crate) chunks: Vec<HeadChunk>,
    /// Pieces that are being sealed.
    pub(crate) frozen: Vec<HeadChunk>,
    /// The same as they were when they were frozen.
    pub(crate) frozen_as: Vec<HeadChunk>,
    /// Deleted rows of parts as they were then, where the catalog does not know them.
    pub(crate) frozen_deleted: Vec<(u64, String)>,
    /// What is sealed, in the order in which it was written.
    pub(crate) parts: Vec<LivePart>,
    /// Ids that senders gave, of documents in the head: index, zero, id.
    ids: HashMap<String, u64>,
    /// Documents with such ids of which it is not known that they are durable: nobody may be told
    /// that one is there already, who would then not send it again.
    pending: HashSet<u64>,
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
    /// In a closed piece.
    Chunk { frozen: bool, at: usize, row: u32 },
    /// In a part, in this row.
    Part(usize, u32),
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
            (LogAction::Create, Some(known)) if !self.pending.contains(&known) => {
                LogOutcome::Conflict(known)
            }
            (LogAction::Create, Some(known)) => {
                let sequence = self.sequence();
                entries.push(put(operation, index, Some(id), (sequence, Some(known)), body));
                LogOutcome::Created(sequence)
            }
            (LogAction::Replace, None) => LogOutcome::Missing,
            (LogAction::Delete, None) => {
                // Its record may be lost that removed the document, and then the document is
                // there again after a start.
                entries.push(LogEntry::Remove { sequence: u64::MAX, index, id: Some(id) });
                LogOutcome::Missing
            }
            (LogAction::Delete, Some(known)) => {
                let id = Some(id).filter(|_| vigie_model::sequence_of_id(id) != Some(known));
                entries.push(LogEntry::Remove { sequence: known, index, id });
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
        for part in self.parts.iter().rev() {
            let view = part.view();
            view.columns.check()?;
            for row in view.columns.rows_of_id(id)? {
                let deleted = view.deleted.as_ref().is_some_and(|deleted| deleted.contains(row));
                if !deleted && view.index_of(row)? == index {
                    return view.sequence_of(row).map(Some);
                }
            }
        }
        // An id that the store made.
        let Some(sequence) = vigie_model::sequence_of_id(id) else { return Ok(None) };
        let Some(place) = self.locate(sequence)? else { return Ok(None) };
        let (known, own) = self.name_of(place)?;
        Ok((known == index && own.is_none()).then_some(sequence))
    }

    /// Where the document of a sequence number is, unless it is deleted.
    fn locate(&self, sequence: u64) -> Result<Option<Place>, StoreError> {
        if let Ok(row) = self.active.chunk.sequences.binary_search(&sequence) {
            let row = row as u32;
            return Ok((!self.active_deleted.contains(&row)).then_some(Place::Active(row)));
        }
        for (frozen, list) in [(false, &self.chunks), (true, &self.frozen)] {
            for (at, chunk) in list.iter().enumerate() {
                if let Ok(row) = chunk.chunk.sequences.binary_search(&sequence) {
                    let row = row as u32;
                    let deleted = chunk.deleted.as_ref().is_some_and(|rows| rows.contains(row));
                    return Ok((!deleted).then_some(Place::Chunk { frozen, at, row }));
                }
            }
        }
        for (at, part) in self.parts.iter().enumerate() {
            if sequence >= part.stored.row.sequence_end {
                continue;
            }
            let columns = part.stored.columns();
            let (least, most) = columns.sequence_range();
            if !(least..=most).contains(&sequence) {
                continue;
            }
            if let Some(row) = columns.row_of_sequence(sequence)? {
                let deleted = part.deleted.as_ref().is_some_and(|rows| rows.contains(row));
                return Ok((!deleted).then_some(Place::Part(at, row)));
            }
        }
        Ok(None)
    }

    /// The index and the sender's id of the document in a place.
    fn name_of(&self, place: Place) -> Result<(String, Option<String>), StoreError> {
        let part = match place {
            Place::Part(at, _) => self.parts.get(at).map(LivePart::view),
            Place::Active(_) => None,
            Place::Chunk { frozen, at, .. } => self.list(frozen).get(at).map(HeadChunk::view),
        };
        let (Place::Active(row) | Place::Chunk { row, .. } | Place::Part(_, row)) = place;
        let Some(part) = part else {
            let chunk = &self.active.chunk;
            let code = chunk.index_codes.get(row as usize).copied().unwrap_or(0);
            let index = chunk.indexes.get(code as usize).cloned().unwrap_or_default();
            return Ok((index, own_id(chunk, row)?));
        };
        Ok((part.index_of(row)?.to_owned(), own_id(&*part.columns, row)?))
    }

    fn list(&self, frozen: bool) -> &Vec<HeadChunk> {
        if frozen { &self.frozen } else { &self.chunks }
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
            LogEntry::Remove { sequence, .. } => self.remove(sequence),
        }
    }

    /// Does what a record says that is read back. What an earlier record did to a document of the
    /// same id may be lost.
    pub(crate) fn replay(&mut self, entry: &LogEntry<'_>) {
        let (LogEntry::Put { index, id, .. } | LogEntry::Remove { index, id, .. }) = *entry;
        if let Some(id) = id {
            match self.find(index, id) {
                Ok(Some(known)) => self.remove(known),
                Ok(None) => {}
                Err(error) => tracing::error!(id, %error, "a document cannot be looked up"),
            }
        }
        self.apply(entry);
    }

    /// Remembers that documents with ids are not durable yet.
    pub(crate) fn await_durable(&mut self, entries: &[LogEntry<'_>]) {
        for entry in entries {
            if let LogEntry::Put { sequence, id: Some(_), .. } = entry {
                self.pending.insert(*sequence);
            }
        }
    }

    /// What these operations stored is durable.
    pub(crate) fn durable(&mut self, outcomes: &[LogOutcome]) {
        if self.pending.is_empty() {
            return;
        }
        for outcome in outcomes {
            if let LogOutcome::Created(sequence) | LogOutcome::Updated(sequence) = outcome {
                self.pending.remove(sequence);
            }
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
        let mut chunk = std::mem::take(&mut self.active).chunk;
        chunk.shrink();
        let deleted = deleted_set(chunk.rows(), &std::mem::take(&mut self.active_deleted));
        self.chunks.push(HeadChunk { bytes: chunk.bytes(), chunk: Arc::new(chunk), deleted });
    }

    /// Deletes a document. What cannot be found is gone already.
    fn remove(&mut self, sequence: u64) {
        let place = match self.locate(sequence) {
            Ok(Some(place)) => place,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(sequence, %error, "a document cannot be deleted");
                return;
            }
        };
        if let Ok((index, Some(id))) = self.name_of(place) {
            let key = id_key(&index, &id);
            if self.ids.get(&key) == Some(&sequence) {
                self.ids.remove(&key);
            }
        }
        match place {
            Place::Active(row) => {
                self.active_deleted.push(row);
                self.copied = None;
            }
            Place::Chunk { frozen, at, row } => {
                let list = if frozen { &mut self.frozen } else { &mut self.chunks };
                if let Some(chunk) = list.get_mut(at) {
                    let rows = chunk.chunk.rows();
                    let deleted =
                        chunk.deleted.get_or_insert_with(|| Arc::new(RowSet::empty(rows)));
                    Arc::make_mut(deleted).insert(row);
                }
            }
            Place::Part(at, row) => {
                self.parts.get_mut(at).into_iter().for_each(|part| part.delete(row));
            }
        }
    }

    /// Lets one part, or none, take the place of those with these numbers. `inputs` are the latter
    /// as they were when the new part was written.
    pub(crate) fn replace(
        &mut self,
        ids: &[u64],
        new: Option<Arc<StoredDocuments>>,
        inputs: &[MergeInput],
    ) {
        let mut late = Vec::new();
        let at = self.parts.iter().position(|part| ids.contains(&part.stored.row.id));
        for part in self.parts.iter().filter(|part| ids.contains(&part.stored.row.id)) {
            part.stored.retire();
            let then = inputs.iter().find(|input| input.id() == part.stored.row.id);
            let (Some(then), Some(now)) = (then, &part.deleted) else { continue };
            let view = part.view();
            for row in now.iter() {
                if then.deleted().is_none_or(|then| !then.contains(row)) {
                    // A part that was read a moment ago can be read.
                    late.extend(view.sequence_of(row).ok());
                }
            }
        }
        self.parts.retain(|part| !ids.contains(&part.stored.row.id));
        if let (Some(stored), Some(at)) = (new, at) {
            let at = at.min(self.parts.len());
            self.parts.insert(at, LivePart { stored, deleted: None, dirty: false });
        }
        late.into_iter().for_each(|sequence| self.remove(sequence));
    }

    /// What to write so that these documents are gone; those that are there.
    pub(crate) fn plan_removal(
        &self,
        sequences: &[u64],
    ) -> Result<Vec<(u64, String, Option<String>)>, StoreError> {
        let mut found = Vec::with_capacity(sequences.len());
        for sequence in sequences {
            if let Some(place) = self.locate(*sequence)? {
                let (index, id) = self.name_of(place)?;
                found.push((*sequence, index, id));
            }
        }
        Ok(found)
    }

    /// The parts of a snapshot, oldest first.
    fn views(&self) -> Vec<LogPart> {
        let mut parts: Vec<_> = self.parts.iter().map(LivePart::view).collect();
        parts.extend(self.frozen.iter().chain(&self.chunks).map(HeadChunk::view));
        if let Some(copied) = &self.copied {
            parts.push(LogPart {
                columns: Arc::clone(copied) as Arc<dyn Columns>,
                deleted: deleted_set(copied.rows(), &self.active_deleted),
                bytes: copied.bytes() as u64,
                stored: None,
            });
        }
        parts
    }

    /// Bytes of the head.
    pub(crate) fn head_bytes(&self) -> usize {
        let closed: usize = self.frozen.iter().chain(&self.chunks).map(|chunk| chunk.bytes).sum();
        closed + self.active.chunk.bytes()
    }

    /// Bytes of what is not being sealed yet.
    pub(crate) fn live_bytes(&self) -> usize {
        let closed: usize = self.chunks.iter().map(|chunk| chunk.bytes).sum();
        closed + self.active.chunk.bytes()
    }

    /// Lets new pieces take over. Returns whether there is something to seal.
    pub(crate) fn freeze(&mut self) -> bool {
        self.close_chunk();
        self.frozen = std::mem::take(&mut self.chunks);
        // What is deleted from now on belongs to the next generation of the log: it may not be
        // sealed with this one.
        self.frozen_as.clone_from(&self.frozen);
        for part in self.parts.iter_mut().filter(|part| part.dirty) {
            part.dirty = false;
            let deleted = part.deleted.as_ref().map(|rows| pack_rows(rows)).unwrap_or_default();
            self.frozen_deleted.push((part.stored.row.id, deleted));
        }
        !self.frozen.is_empty() || !self.frozen_deleted.is_empty()
    }

    /// Puts sealed parts in the place of the frozen pieces; `sealed` are these as they were sealed.
    pub(crate) fn install(&mut self, parts: Vec<LivePart>, sealed: &[HeadChunk]) {
        let mut late = Vec::new();
        for (now, then) in std::mem::take(&mut self.frozen).iter().zip(sealed) {
            let Some(deleted) = &now.deleted else { continue };
            for row in deleted.iter() {
                if then.deleted.as_ref().is_none_or(|then| !then.contains(row)) {
                    late.extend(now.chunk.sequences.get(row as usize).copied());
                }
            }
        }
        self.frozen_as.clear();
        self.frozen_deleted.clear();
        self.parts.extend(parts);
        late.into_iter().for_each(|sequence| self.remove(sequence));
        let live = self.chunks.iter().filter_map(|chunk| chunk.chunk.sequences.first());
        let first = live.chain(self.active.chunk.sequences.first()).min().copied();
        self.ids.retain(|_, sequence| first.is_some_and(|first| *sequence >= first));
        // What is sealed is durable.
        self.pending.retain(|sequence| first.is_some_and(|first| *sequence >= first));
    }

    /// Everything as it is now.
    pub(crate) fn snapshot(&mut self) -> LogSnapshot {
        if self.copied.is_none() && self.active.rows() > 0 {
            self.copied = Some(Arc::new(self.active.chunk.clone()));
        }
        LogSnapshot::new(self.views())
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
