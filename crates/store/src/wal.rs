//! The write-ahead log: what is acknowledged is here until it is in a part.
//!
//! Writers put records into a queue; one thread appends all that is queued to the current segment
//! and makes it durable with one `fsync` for everyone who waits. Segments belong to a generation
//! of heads; when the heads of a generation are sealed into parts, its segments are removed.
//! After a failed write or `fsync` nothing may be assumed of the segment's tail: it is abandoned,
//! everyone who waits gets an error, and a new segment begins, in which series are defined anew.

mod frame;
mod histogram;
mod logs;
mod queue;
mod record;
mod replay;
mod segment;
mod thread;
mod varint;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use vigie_world::Disk;

use crate::StoreError;
use crate::metrics::Counters;
use queue::Queue;

pub(crate) use frame::segment_header;
pub(crate) use logs::{LogEntry, LogRecordWriter, fuzz_log_record, replay_log_segment};
pub(crate) use record::{Entry, RecordWriter};
pub(crate) use replay::{ReplayReport, count_entries, replay_segment};
pub(crate) use segment::{SegmentName, list_segments};

/// Why a write could not be made durable.
pub(crate) type Durable = Result<(), Arc<str>>;

/// The write-ahead log, open for writing.
#[derive(Debug)]
pub(crate) struct Wal {
    queue: Arc<Queue>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What became of records handed to [`Wal::enqueue`].
#[derive(Debug)]
pub(crate) enum Enqueued {
    /// In the queue; the receiver, if one was asked for, says when they are durable.
    Taken(Option<oneshot::Receiver<Durable>>),
    /// Another segment began meanwhile: define the series again for the new one.
    SegmentChanged,
    /// Too much is queued already, or the log is closed.
    Refused(&'static str),
}

impl Wal {
    /// Opens the log in `folder` and begins a segment of `generation`.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        first: SegmentName,
        counters: Arc<Counters>,
    ) -> Result<Self, StoreError> {
        disk.create_folder(&folder)
            .map_err(|source| StoreError::Io { what: "making the log's folder".into(), source })?;
        let queue = Arc::new(Queue::new(first));
        let writer =
            thread::Writer::new(Arc::clone(&disk), folder.clone(), Arc::clone(&queue), counters);
        let thread = std::thread::Builder::new()
            .name("store-wal".into())
            .spawn(move || writer.run())
            .map_err(|source| StoreError::Io {
                what: "starting the log's thread".into(),
                source,
            })?;
        Ok(Self { queue, disk, folder, thread: Mutex::new(Some(thread)) })
    }

    /// The segment into which the next records go.
    pub(crate) fn segment(&self) -> SegmentName {
        self.queue.segment()
    }

    /// Queues records that were written for `segment`.
    pub(crate) fn enqueue(&self, segment: SegmentName, records: &[u8], wait: bool) -> Enqueued {
        self.queue.push(segment, records, wait)
    }

    /// Begins the next generation: what is queued from now on belongs to it. Returns the one
    /// that ended.
    pub(crate) fn next_generation(&self) -> u64 {
        self.queue.next_generation()
    }

    /// Returns when all that is queued is durable.
    pub(crate) async fn sync(&self) -> Durable {
        let Some(receiver) = self.queue.barrier() else { return Ok(()) };
        receiver.await.unwrap_or_else(|_| Err("the log is closed".into()))
    }

    /// Removes the segments of all generations up to `generation`.
    pub(crate) fn remove_until(&self, generation: u64) {
        let Ok(segments) = list_segments(&*self.disk, &self.folder) else { return };
        for (name, _) in segments.iter().filter(|(name, _)| name.generation <= generation) {
            if let Err(error) = self.disk.remove_file(&self.folder.join(name.file_name())) {
                tracing::warn!(segment = name.file_name(), %error, "cannot remove a log segment");
            }
        }
    }

    /// Bytes of all segments on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let segments = list_segments(&*self.disk, &self.folder).unwrap_or_default();
        segments.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Writes what is queued, then ends the thread.
    pub(crate) fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the log's thread panicked");
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        self.close();
    }
}
