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

/// A record that waits, and where the next begins.
#[derive(Debug)]
pub(super) struct Peeked {
    /// The record.
    pub record: Record,
    /// Where it ends.
    pub end: Position,
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

/// The file that was read last.
#[derive(Debug, Default)]
pub(super) struct OpenSegment(Option<(u64, Arc<dyn ReadFile>)>);

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

    /// Samples that wait or are on their way.
    pub(super) fn waiting(&self) -> u64 {
        self.state.lock().segments.iter().map(|segment| segment.samples).sum()
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

    /// The first record at or behind `from`, or the oldest when that is further on. `None` when
    /// nothing waits there.
    pub(super) fn next(&self, from: Position, open: &mut OpenSegment) -> Option<Peeked> {
        let mut state = self.state.lock();
        let mut at = from.max(state.read);
        loop {
            let index = state.segments.iter().position(|one| one.number >= at.segment)?;
            let (number, bytes) = state.segments.get(index).map(|s| (s.number, s.bytes))?;
            let offset = if number == at.segment { at.offset } else { 0 };
            if offset >= bytes {
                let next = state.segments.get(index + 1)?;
                at = Position { segment: next.number, offset: 0 };
                continue;
            }
            let opened = open.0.as_ref().filter(|(of, _)| *of == number);
            let mut found = opened.and_then(|(_, file)| read_record(&**file, offset, bytes));
            if found.is_none() {
                let file = self.world.disk.open_read(&self.path(number)).ok();
                open.0 = file.map(|file| (number, file));
                let opened = open.0.as_ref();
                found = opened.and_then(|(_, file)| read_record(&**file, offset, bytes));
            }
            if let Some((record, record_bytes)) = found {
                let end = Position { segment: number, offset: offset + record_bytes };
                return Some(Peeked { record, end });
            }
            at = Position { segment: number, offset };
            self.give_up(&mut state, index, at);
        }
    }

    /// What follows `at` in a segment cannot be read: it ends there.
    fn give_up(&self, state: &mut State, index: usize, at: Position) {
        let last = state.segments.len() == index + 1;
        let Some(segment) = state.segments.get_mut(index) else { return };
        let (whole, samples) = (segment.bytes, segment.samples);
        self.metrics.queue_bytes.fetch_sub(whole.saturating_sub(at.offset), Ordering::Relaxed);
        segment.bytes = at.offset;
        // Records before it in the same segment may still be on their way.
        segment.samples = 0;
        let read = if state.read.segment == segment.number { state.read.offset } else { 0 };
        if let Ok(file) = self.world.disk.open_read(&self.path(segment.number)) {
            let mut offset = 0;
            while let Some((header, _)) = read_header(&*file, offset, at.offset) {
                segment.samples += if offset < read { 0 } else { u64::from(header.samples) };
                offset += header.record_bytes();
            }
        }
        let lost = samples.saturating_sub(segment.samples);
        if last {
            // Nothing is appended behind what cannot be read.
            state.writer = None;
        }
        add(&self.metrics.samples_dropped, usize::try_from(lost).unwrap_or(0));
        let folder = self.folder.display();
        tracing::error!(%folder, samples = lost, "a part of the queue of a remote is damaged and was left out");
    }

    /// Notes that everything before `end` is done with, and that one record of `samples` ends
    /// there.
    pub(super) fn advance(&self, end: Position, samples: u64) {
        let mut state = self.state.lock();
        if let Some(segment) = state.segments.iter_mut().find(|one| one.number == end.segment) {
            segment.samples = segment.samples.saturating_sub(samples);
        }
        state.read = state.read.max(end);
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

    /// [`Queue::save`] when something was appended since.
    pub(super) fn save_appended(&self) {
        let mut state = self.state.lock();
        if !state.synced {
            let now = self.world.clock.monotonic();
            self.save_locked(&mut state, now);
        }
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
