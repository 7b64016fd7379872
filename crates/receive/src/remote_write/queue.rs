//! The queue of one remote, on disk: what is not delivered yet survives a restart.
//!
//! Segments `00000001.queue`, ... hold records one after the other; the file `cursor` says from
//! where on nothing is delivered. It is written about once a second, so that after a crash some
//! requests are sent again and none is left out. A segment is never appended to by another
//! process than the one that made it; bytes that are torn can only stand at its end.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use vigie_world::{AppendFile, EntryKind, ReadFile, World};

use super::metrics::RemoteWriteMetrics;
use super::record::{HEADER_BYTES, Header, Record};
use crate::scrape::add;

const CURSOR: &str = "cursor";
const SUFFIX: &str = ".queue";

/// How often the cursor and what was appended are made durable.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    segment: u64,
    offset: u64,
}

/// The oldest records, and where the rest begins.
#[derive(Debug)]
pub(super) struct Peeked {
    /// Records.
    pub records: Vec<Record>,
    /// Samples in them.
    pub samples: usize,
    end: Position,
}

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    world: World,
    folder: PathBuf,
    limit_bytes: u64,
    metrics: Arc<RemoteWriteMetrics>,
    state: Mutex<State>,
    /// Notified when something was appended.
    pub changed: Notify,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
    samples: u64,
}

#[derive(Debug, Default)]
struct State {
    segments: VecDeque<Segment>,
    writer: Option<Box<dyn AppendFile>>,
    next_number: u64,
    read: Position,
    saved_at: Duration,
    synced: bool,
}

impl Queue {
    /// The queue in `folder`, which is made when it is not there.
    pub(super) fn open(
        world: World,
        folder: PathBuf,
        limit_bytes: u64,
        metrics: Arc<RemoteWriteMetrics>,
    ) -> io::Result<Self> {
        world.disk.create_folder(&folder)?;
        let read = world.disk.read(&folder.join(CURSOR)).ok();
        let mut read = read.and_then(|bytes| parse_cursor(&bytes)).unwrap_or_default();
        let mut state = State { synced: true, ..State::default() };
        for entry in world.disk.list(&folder)? {
            let number = entry.name.strip_suffix(SUFFIX).and_then(|name| name.parse().ok());
            if let (Some(number), EntryKind::File(_)) = (number, entry.kind) {
                state.segments.push_back(Segment { number, bytes: 0, samples: 0 });
            }
        }
        state.segments.make_contiguous().sort_by_key(|segment| segment.number);
        let last = state.segments.back().map_or(0, |segment| segment.number);
        state.next_number = last.max(read.segment) + 1;
        let queue = Self {
            world,
            folder,
            limit_bytes,
            metrics,
            state: Mutex::default(),
            changed: Notify::new(),
        };
        for segment in &mut state.segments {
            queue.measure(segment, read)?;
            queue.metrics.queue_bytes.fetch_add(segment.bytes, Ordering::Relaxed);
        }
        if let Some(first) = state.segments.front() {
            read = read.max(Position { segment: first.number, offset: 0 });
        }
        state.read = read;
        queue.remove_read(&mut state);
        *queue.state.lock() = state;
        Ok(queue)
    }

    /// Finds out how much of a segment is whole, and how many of its samples are to be sent.
    fn measure(&self, segment: &mut Segment, read: Position) -> io::Result<()> {
        let file = self.world.disk.open_read(&self.path(segment.number))?;
        while let Some((header, _)) = read_header(&*file, segment.bytes, file.length()) {
            let at = Position { segment: segment.number, offset: segment.bytes };
            segment.samples += if at < read { 0 } else { u64::from(header.samples) };
            segment.bytes += header.record_bytes();
        }
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:08}{SUFFIX}"))
    }

    /// Samples that wait, and whether nothing does (a record may hold metadata only).
    pub(super) fn waiting(&self) -> (u64, bool) {
        let state = self.state.lock();
        let samples = state.segments.iter().map(|segment| segment.samples).sum();
        let last = state.segments.back();
        let end = last.map(|segment| Position { segment: segment.number, offset: segment.bytes });
        (samples, end.is_none_or(|end| state.read >= end))
    }

    /// Appends `records`. What cannot be written is counted as dropped: the store has it, and a
    /// disk that is full must not fail the write that it belongs to.
    pub(super) fn append(&self, records: &[Record]) {
        let mut state = self.state.lock();
        for record in records {
            if let Err(error) = self.append_one(&mut state, record) {
                state.writer = None;
                add(&self.metrics.samples_dropped, record.samples as usize);
                let folder = self.folder.display();
                tracing::warn!(%folder, %error, "samples could not be queued for a remote");
            }
        }
        while state.segments.iter().map(|segment| segment.bytes).sum::<u64>() > self.limit_bytes
            && state.segments.len() > 1
        {
            self.drop_oldest(&mut state);
        }
        drop(state);
        self.changed.notify_one();
    }

    fn append_one(&self, state: &mut State, record: &Record) -> io::Result<()> {
        let bytes = record.encode();
        // An eighth of the limit, so that dropping the oldest segment drops little.
        let segment_bytes = (self.limit_bytes / 8).min(8 << 20);
        if state.writer.as_ref().is_some_and(|writer| writer.length() >= segment_bytes)
            && let Some(mut full) = state.writer.take()
        {
            full.sync()?;
        }
        if state.writer.is_none() {
            let number = state.next_number;
            state.writer = Some(self.world.disk.open_append(&self.path(number))?);
            state.next_number += 1;
            state.segments.push_back(Segment { number, bytes: 0, samples: 0 });
            if state.segments.len() == 1 {
                state.read = Position { segment: number, offset: 0 };
            }
            self.world.disk.sync_folder(&self.folder)?;
        }
        if let Some(writer) = &mut state.writer {
            writer.append(&bytes)?;
        }
        state.synced = false;
        if let Some(segment) = state.segments.back_mut() {
            segment.bytes += bytes.len() as u64;
            segment.samples += u64::from(record.samples);
        }
        self.metrics.queue_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn drop_oldest(&self, state: &mut State) {
        let Some(oldest) = state.segments.pop_front() else { return };
        add(&self.metrics.samples_dropped, usize::try_from(oldest.samples).unwrap_or(0));
        let (folder, samples) = (self.folder.display(), oldest.samples);
        tracing::warn!(%folder, samples, "the queue of a remote is full, its oldest part was dropped");
        self.remove_segment(&oldest);
        if let Some(first) = state.segments.front() {
            state.read = state.read.max(Position { segment: first.number, offset: 0 });
        }
    }

    fn remove_segment(&self, segment: &Segment) {
        self.metrics.queue_bytes.fetch_sub(segment.bytes, Ordering::Relaxed);
        if let Err(error) = self.world.disk.remove_file(&self.path(segment.number)) {
            tracing::warn!(%error, "a delivered part of a queue could not be removed");
        }
    }

    /// The oldest records, as many as hold `samples_max` samples together, at least one. `None`
    /// when nothing waits.
    pub(super) fn peek(&self, samples_max: usize) -> Option<Peeked> {
        let mut state = self.state.lock();
        let mut peeked = Peeked { records: Vec::new(), samples: 0, end: state.read };
        let mut file: Option<(u64, Arc<dyn ReadFile>)> = None;
        loop {
            let at = peeked.end;
            let index = state.segments.iter().position(|one| one.number >= at.segment)?;
            let (number, bytes) = state.segments.get(index).map(|s| (s.number, s.bytes))?;
            let offset = if number == at.segment { at.offset } else { 0 };
            if offset >= bytes {
                match state.segments.get(index + 1) {
                    Some(next) => peeked.end = Position { segment: next.number, offset: 0 },
                    None => break,
                }
                continue;
            }
            if file.as_ref().is_none_or(|(of, _)| *of != number) {
                file =
                    self.world.disk.open_read(&self.path(number)).ok().map(|file| (number, file));
            }
            let found = file.as_ref().and_then(|(_, file)| read_record(&**file, offset, bytes));
            let Some((record, record_bytes)) = found else {
                self.give_up(&mut state, index, &peeked);
                peeked.end = Position { segment: number, offset: bytes.min(offset) };
                continue;
            };
            let samples = record.samples as usize;
            if !peeked.records.is_empty() && peeked.samples + samples > samples_max {
                break;
            }
            peeked.samples += samples;
            peeked.records.push(record);
            peeked.end = Position { segment: number, offset: offset + record_bytes };
        }
        (!peeked.records.is_empty()).then_some(peeked)
    }

    /// What follows in a segment cannot be read: it ends where the unreadable begins.
    fn give_up(&self, state: &mut State, index: usize, peeked: &Peeked) {
        // Records before it in the same segment are still to be counted as sent.
        let counted: u64 = peeked.samples as u64;
        let Some(segment) = state.segments.get_mut(index) else { return };
        let lost = segment.samples.saturating_sub(counted);
        let end = if segment.number == peeked.end.segment { peeked.end.offset } else { 0 };
        self.metrics.queue_bytes.fetch_sub(segment.bytes.saturating_sub(end), Ordering::Relaxed);
        segment.samples -= lost;
        segment.bytes = end;
        if state.segments.len() == index + 1 {
            // Nothing is appended behind what cannot be read.
            state.writer = None;
        }
        add(&self.metrics.samples_dropped, usize::try_from(lost).unwrap_or(0));
        let folder = self.folder.display();
        tracing::error!(%folder, samples = lost, "a part of the queue of a remote is damaged and was left out");
    }

    /// Notes that everything in `peeked` is done with.
    pub(super) fn advance(&self, peeked: &Peeked) {
        let mut state = self.state.lock();
        let mut samples = peeked.samples as u64;
        for segment in &mut state.segments {
            if segment.number > peeked.end.segment {
                break;
            }
            let taken = segment.samples.min(samples);
            segment.samples -= taken;
            samples -= taken;
        }
        state.read = state.read.max(peeked.end);
        self.remove_read(&mut state);
        let now = self.world.clock.monotonic();
        if now.saturating_sub(state.saved_at) >= SAVE_EVERY {
            self.save_locked(&mut state, now);
        }
    }

    /// Removes segments that are read to their end, besides the one that is written.
    fn remove_read(&self, state: &mut State) {
        while let Some(first) = state.segments.front() {
            let done = first.number < state.read.segment
                || (first.number == state.read.segment && state.read.offset >= first.bytes);
            if !done || (state.segments.len() == 1 && state.writer.is_some()) {
                return;
            }
            if let Some(first) = state.segments.pop_front() {
                self.remove_segment(&first);
            }
        }
    }

    /// Makes durable what was appended and how far it is delivered.
    pub(super) fn save(&self) {
        let now = self.world.clock.monotonic();
        self.save_locked(&mut self.state.lock(), now);
    }

    fn save_locked(&self, state: &mut State, now: Duration) {
        state.saved_at = now;
        let Position { segment, offset } = state.read;
        let cursor = format!("{segment} {offset}\n");
        let written = self.world.disk.write_atomic(&self.folder.join(CURSOR), cursor.as_bytes());
        let synced = match &mut state.writer {
            Some(writer) if !state.synced => writer.sync(),
            _ => Ok(()),
        };
        state.synced = true;
        if let Err(error) = written.and(synced) {
            // After a failed sync nothing more may be written to the same file.
            state.writer = None;
            let folder = self.folder.display();
            tracing::warn!(%folder, %error, "the queue of a remote could not be saved");
        }
    }

    /// Removes everything.
    pub(super) fn remove(&self) {
        let mut state = self.state.lock();
        for segment in std::mem::take(&mut state.segments) {
            self.remove_segment(&segment);
        }
        state.writer = None;
        remove_folder(&self.world, &self.folder);
    }
}

/// Removes the folder of a queue that nobody uses.
pub(super) fn remove_folder(world: &World, folder: &Path) {
    if let Err(error) = world.disk.remove_folder(folder) {
        tracing::warn!(folder = %folder.display(), %error, "a queue that nobody uses stays");
    }
}

fn parse_cursor(bytes: &[u8]) -> Option<Position> {
    let (segment, offset) = std::str::from_utf8(bytes).ok()?.trim().split_once(' ')?;
    Some(Position { segment: segment.parse().ok()?, offset: offset.parse().ok()? })
}

fn read_header(file: &dyn ReadFile, offset: u64, end: u64) -> Option<(Header, [u8; HEADER_BYTES])> {
    if offset.checked_add(HEADER_BYTES as u64)? > end {
        return None;
    }
    let mut bytes = [0; HEADER_BYTES];
    file.read_exact_at(&mut bytes, offset).ok()?;
    let header = Header::decode(&bytes)?;
    (offset.checked_add(header.record_bytes())? <= end).then_some((header, bytes))
}

fn read_record(file: &dyn ReadFile, offset: u64, end: u64) -> Option<(Record, u64)> {
    let (header, bytes) = read_header(file, offset, end)?;
    let mut payload = vec![0; header.payload_bytes];
    file.read_exact_at(&mut payload, offset + HEADER_BYTES as u64).ok()?;
    Some((Record::decode(&header, &bytes, &payload)?, header.record_bytes()))
}
