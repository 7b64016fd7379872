//! The thread that writes the log.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigie_world::{AppendFile, Disk};

use super::frame;
use super::queue::{Chunk, Queue};
use super::segment::SegmentName;
use crate::metrics::Counters;

/// Appends what is queued and makes it durable.
#[derive(Debug)]
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    current: Option<Current>,
}

/// The segment being written.
#[derive(Debug)]
struct Current {
    segment: SegmentName,
    file: Box<dyn AppendFile>,
    /// Whether anything in it was ever made durable.
    holds_records: bool,
}

impl Writer {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        queue: Arc<Queue>,
        counters: Arc<Counters>,
    ) -> Self {
        Self { disk, folder, queue, counters, current: None }
    }

    pub(super) fn run(mut self) {
        while let Some(chunks) = self.queue.next() {
            let mut failed = None;
            for chunk in chunks {
                // What was queued behind a failure for the same segment relies on what was lost.
                let lost = failed.as_ref().filter(|(segment, _)| *segment == chunk.segment);
                match lost {
                    Some((_, error)) => tell(chunk, &Err(Arc::clone(error))),
                    None => failed = self.write(chunk).err(),
                }
            }
        }
        self.current = None;
    }

    fn write(&mut self, chunk: Chunk) -> Result<(), (SegmentName, Arc<str>)> {
        let segment = chunk.segment;
        match self.append(&chunk) {
            Ok(()) => {
                let Chunk { bytes, waiters, .. } = chunk;
                self.queue.give_back(bytes);
                for waiter in waiters {
                    // Whoever does not wait any more has lost interest, not the data.
                    waiter.send(Ok(())).ok();
                }
                Ok(())
            }
            Err(error) => Err((segment, self.abandon(chunk, &error))),
        }
    }

    fn append(&mut self, chunk: &Chunk) -> io::Result<()> {
        if self.current.as_ref().is_none_or(|current| current.segment != chunk.segment) {
            self.current = None;
            if chunk.bytes.is_empty() {
                return Ok(());
            }
            self.begin(chunk.segment)?;
        }
        let Some(current) = &mut self.current else {
            return Err(io::Error::other("no segment is open"));
        };
        current.file.append(&chunk.bytes)?;
        current.file.sync()?;
        current.holds_records = true;
        self.counters.wal_syncs.fetch_add(1, Ordering::Relaxed);
        self.counters.wal_bytes.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn begin(&mut self, segment: SegmentName) -> io::Result<()> {
        let file = self.disk.open_append(&self.folder.join(segment.file_name()))?;
        let is_new = file.length() == 0;
        let current = self.current.insert(Current { segment, file, holds_records: !is_new });
        if !is_new {
            return Err(io::Error::other("a segment of this name exists already"));
        }
        current.file.append(&frame::segment_header())?;
        self.disk.sync_folder(&self.folder)
    }

    fn abandon(&mut self, chunk: Chunk, error: &io::Error) -> Arc<str> {
        self.counters.wal_failures.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(segment = chunk.segment.file_name(), %error, "the log cannot be written");
        let reason: Arc<str> = format!("the write-ahead log cannot be written: {error}").into();
        // Records that were synced before are still good, so such a file stays with a torn tail.
        // One that never held any would only be litter on a full disk.
        if let Some(current) = self.current.take().filter(|current| !current.holds_records) {
            let path = self.folder.join(current.segment.file_name());
            if let Err(error) = self.disk.remove_file(&path) {
                tracing::debug!(%error, "cannot remove an empty segment");
            }
        }
        let lost = self.queue.abandon(chunk.segment);
        for chunk in std::iter::once(chunk).chain(lost) {
            tell(chunk, &Err(Arc::clone(&reason)));
        }
        reason
    }
}

fn tell(chunk: Chunk, outcome: &super::Durable) {
    for waiter in chunk.waiters {
        waiter.send(outcome.clone()).ok();
    }
}
