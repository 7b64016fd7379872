//! What waits to be written to the log.

use parking_lot::{Condvar, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

use super::segment::SegmentName;
use super::{Durable, Enqueued};

/// A segment is followed by another when it is longer than this.
const SEGMENT_BYTES_MAX: u64 = 128 << 20;
/// More than this is not queued: the disk does not keep up.
const QUEUED_BYTES_MAX: usize = 64 << 20;
/// How long records for which nobody waits may stay queued.
const UNWAITED_DELAY: Duration = Duration::from_millis(100);
/// Larger chunks are given back to the allocator after they were written.
const CHUNK_BYTES_KEPT: usize = 1 << 20;

/// Records of one segment, and who waits for them.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) segment: SegmentName,
    pub(super) bytes: Vec<u8>,
    pub(super) waiters: Vec<oneshot::Sender<Durable>>,
}

#[derive(Debug)]
struct State {
    chunks: Vec<Chunk>,
    queued_bytes: usize,
    waiting: bool,
    writing: bool,
    segment: SegmentName,
    segment_bytes: u64,
    spare: Vec<u8>,
    closed: bool,
}

/// The queue between writers and the log's thread.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    pub(super) fn new(segment: SegmentName) -> Self {
        let state = State {
            chunks: Vec::new(),
            queued_bytes: 0,
            waiting: false,
            writing: false,
            segment,
            segment_bytes: 0,
            spare: Vec::new(),
            closed: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn segment(&self) -> SegmentName {
        self.state.lock().segment
    }

    pub(super) fn push(&self, segment: SegmentName, records: &[u8], wait: bool) -> Enqueued {
        let mut state = self.state.lock();
        if state.closed {
            return Enqueued::Refused("the store is closed");
        }
        if state.segment != segment {
            return Enqueued::SegmentChanged;
        }
        if state.queued_bytes > QUEUED_BYTES_MAX {
            return Enqueued::Refused("the disk does not keep up with what is written");
        }
        let receiver = state.add(records, wait);
        state.segment_bytes += records.len() as u64;
        if state.segment_bytes > SEGMENT_BYTES_MAX {
            state.begin_segment(segment.next());
        }
        drop(state);
        self.changed.notify_one();
        Enqueued::Taken(receiver)
    }

    pub(super) fn next_generation(&self) -> u64 {
        let mut state = self.state.lock();
        let ended = state.segment.generation;
        state.begin_segment(SegmentName { generation: ended + 1, sequence: 0 });
        ended
    }

    /// A receiver for when all that is queued or being written is durable; `None` when nothing is.
    pub(super) fn barrier(&self) -> Option<oneshot::Receiver<Durable>> {
        let mut state = self.state.lock();
        if state.chunks.is_empty() && !state.writing {
            return None;
        }
        let receiver = state.add(&[], true);
        drop(state);
        self.changed.notify_one();
        receiver
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for something to write. `None` when the queue is closed and empty.
    pub(super) fn next(&self) -> Option<Vec<Chunk>> {
        let mut state = self.state.lock();
        state.writing = false;
        loop {
            if state.waiting || (state.closed && !state.chunks.is_empty()) {
                break;
            }
            if state.closed {
                return None;
            }
            if state.chunks.is_empty() {
                self.changed.wait(&mut state);
            } else if self.changed.wait_for(&mut state, UNWAITED_DELAY).timed_out() {
                break;
            }
        }
        state.waiting = false;
        state.writing = true;
        state.queued_bytes = 0;
        Some(std::mem::take(&mut state.chunks))
    }

    /// Takes back a written chunk's allocation.
    pub(super) fn give_back(&self, mut bytes: Vec<u8>) {
        if bytes.capacity() <= CHUNK_BYTES_KEPT {
            bytes.clear();
            self.state.lock().spare = bytes;
        }
    }

    /// `segment` failed: begins another and gives back what was queued for it meanwhile, since
    /// that relies on definitions which may be lost.
    pub(super) fn abandon(&self, segment: SegmentName) -> Vec<Chunk> {
        let mut state = self.state.lock();
        if state.segment == segment {
            state.begin_segment(segment.next());
        }
        let (lost, kept) = std::mem::take(&mut state.chunks)
            .into_iter()
            .partition(|chunk: &Chunk| chunk.segment == segment);
        state.chunks = kept;
        state.queued_bytes = state.chunks.iter().map(|chunk| chunk.bytes.len()).sum();
        lost
    }
}

impl State {
    fn begin_segment(&mut self, segment: SegmentName) {
        self.segment = segment;
        self.segment_bytes = 0;
    }

    fn add(&mut self, records: &[u8], wait: bool) -> Option<oneshot::Receiver<Durable>> {
        if self.chunks.last().is_none_or(|chunk| chunk.segment != self.segment) {
            let bytes = std::mem::take(&mut self.spare);
            self.chunks.push(Chunk { segment: self.segment, bytes, waiters: Vec::new() });
        }
        let chunk = self.chunks.last_mut()?;
        chunk.bytes.extend_from_slice(records);
        self.queued_bytes += records.len();
        if !wait {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        chunk.waiters.push(sender);
        self.waiting = true;
        Some(receiver)
    }
}
