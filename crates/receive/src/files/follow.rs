//! One file, from where it was left to wherever it ends.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use vigie_language::filebeat::Input;
use vigie_model::event::{Event, EventBatch, EventOrigin, EventSink};

use super::chain::{Chain, Line};
use super::event::Shipper;
use super::identity::{Head, Identity};
use super::lines::{Decoding, LineReader, RawLine};
use super::registry::Known;
use super::{FileStats, Files};
use crate::delivery::deliver;

/// What is read of a file at once.
const READ_BYTES: usize = 256 << 10;
/// Events that are handed on together, and their bytes.
const BATCH_EVENTS_MAX: usize = 2_048;
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Between looks at a file that does not grow, from and to.
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What the scan tells those who follow.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// Where the file is now; `None`: no pattern names it any more.
    pub(super) path: Mutex<Option<PathBuf>>,
}

/// What an input gives to all of its files.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) files: Files,
    pub(super) input: Arc<Input>,
    pub(super) name: Arc<str>,
    pub(super) shipper: Arc<Shipper>,
    pub(super) sink: Arc<dyn EventSink>,
    pub(super) stop: CancellationToken,
    pub(super) decoding: Decoding,
}

/// A file that is followed.
struct Followed {
    shared: Shared,
    place: Arc<Place>,
    /// Its name when it was opened.
    opened_as: PathBuf,
    identity: Identity,
    file: Arc<File>,
    reader: LineReader,
    chain: Chain,
    head: Head,
    /// What is handed on next.
    events: Vec<Event>,
    events_bytes: usize,
    /// What is durable.
    committed: u64,
}

/// Counts an open file.
struct Open(Arc<FileStats>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Follows the file at `path` until it is to be closed or everything stops.
pub(super) async fn run(shared: Shared, path: PathBuf, identity: Identity, place: Arc<Place>) {
    let stats = shared.files.stats();
    let opened = tokio::task::spawn_blocking({
        let path = path.clone();
        move || open(&path, identity)
    });
    let opened = opened.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    let (file, size) = match opened {
        Ok(Some(opened)) => opened,
        // Somebody renamed it meanwhile: the next scan finds it.
        Ok(None) => return,
        Err(error) => {
            stats.errors.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(file = %path.display(), %error, "a file cannot be read");
            return;
        }
    };
    stats.open.fetch_add(1, Ordering::Relaxed);
    let _open = Open(Arc::clone(&stats));
    let Ok(head) = Head::of(&file, size) else { return };
    let known = shared.files.registry.get(&shared.name, identity);
    let offset = match &known {
        Some(known) if known.offset <= size && known.head.is_of(&file) => known.offset,
        Some(_) => 0,
        None if shared.input.files.from_end => size,
        None => 0,
    };
    tracing::debug!(file = %path.display(), offset, "following a file");
    let mut followed = Followed {
        reader: LineReader::new(shared.decoding, shared.input.message_bytes_max, offset),
        chain: Chain::new(&shared.input),
        shared,
        place,
        opened_as: path,
        identity,
        file: Arc::new(file),
        head,
        events: Vec::new(),
        events_bytes: 0,
        committed: offset,
    };
    // A file that is read from its end is known from now on.
    followed.note();
    followed.run().await;
}

/// Opens `path`; `None` when it is another file by now.
fn open(path: &std::path::Path, identity: Identity) -> io::Result<Option<(File, u64)>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    Ok((Identity::of(&metadata) == identity).then_some((file, metadata.len())))
}

/// What a read gave.
enum Read {
    Bytes(Vec<u8>),
    End,
    /// The file is shorter than what was read of it, or begins otherwise.
    Truncated,
}

impl Followed {
    async fn run(&mut self) {
        let clock = Arc::clone(&self.shared.files.world.clock);
        let (mut wait, mut grown) = (WAIT_MIN, clock.monotonic());
        loop {
            if self.shared.stop.is_cancelled() {
                return;
            }
            let working = Arc::clone(&self.shared.files.working).acquire_owned().await;
            match self.read().await {
                Ok(Read::Bytes(bytes)) => {
                    (wait, grown) = (WAIT_MIN, clock.monotonic());
                    self.shared.files.stats.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    self.take(&bytes);
                    if self.is_full() && !self.hand_on().await {
                        return;
                    }
                    continue;
                }
                Ok(Read::End) => {}
                Ok(Read::Truncated) => {
                    if !self.begin_anew().await {
                        return;
                    }
                    continue;
                }
                Err(error) => {
                    self.shared.files.stats.errors.fetch_add(1, Ordering::Relaxed);
                    let path = self.path();
                    tracing::warn!(file = %path.display(), %error, "a file cannot be read on");
                    return;
                }
            }
            let mut whole = Vec::new();
            self.chain.expire(clock.monotonic(), &mut whole);
            self.events_of(whole);
            if !self.hand_on().await {
                return;
            }
            drop(working);
            if self.is_done(clock.monotonic().saturating_sub(grown)) {
                self.close().await;
                return;
            }
            tokio::select! {
                () = self.shared.stop.cancelled() => return,
                () = clock.sleep(wait) => wait = (wait * 2).min(WAIT_MAX),
            }
        }
    }

    async fn read(&self) -> io::Result<Read> {
        let (file, position) = (Arc::clone(&self.file), self.reader.position());
        let head = self.head;
        let reading = tokio::task::spawn_blocking(move || {
            let size = file.metadata()?.len();
            if size < position {
                return Ok(Read::Truncated);
            }
            let mut bytes = vec![0; if size == position { 0 } else { READ_BYTES }];
            let count = file.read_at(&mut bytes, position)?;
            // Cut and grown again to where we were, or past it: what follows is of another content.
            if !head.is_of(&file) {
                return Ok(Read::Truncated);
            }
            bytes.truncate(count);
            Ok(if count == 0 { Read::End } else { Read::Bytes(bytes) })
        });
        reading.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// Makes events of the lines that are whole.
    fn take(&mut self, bytes: &[u8]) {
        let now = self.shared.files.world.clock.monotonic();
        let mut lines = Vec::new();
        self.reader.push(bytes);
        self.reader.drain(|line| lines.push(line));
        let mut whole = Vec::new();
        for RawLine { bytes, start, end, is_cut } in lines {
            let text = self.shared.decoding.decode(&bytes);
            let text = text.strip_suffix('\r').unwrap_or(&text).to_owned();
            let line = Line { text, start, end, is_cut, ..Line::default() };
            self.chain.push(line, now, &mut whole);
        }
        self.events_of(whole);
    }

    fn events_of(&mut self, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        let now_ns = self.shared.files.world.clock.now_ms().saturating_mul(1_000_000);
        let path = self.path().display().to_string();
        let input = Arc::clone(&self.shared.input);
        for line in lines {
            let text = line.text.as_bytes();
            let includes = &input.include_lines;
            if (!includes.is_empty() && !includes.iter().any(|pattern| pattern.is_match(text)))
                || input.exclude_lines.iter().any(|pattern| pattern.is_match(text))
                // An empty line is nothing, unless it was JSON.
                || (line.text.is_empty() && !line.is_json)
            {
                continue;
            }
            self.events_bytes += line.text.len() + 64;
            self.events.push(self.shared.shipper.event_of_line(&input, line, &path, now_ns));
        }
    }

    const fn is_full(&self) -> bool {
        self.events.len() >= BATCH_EVENTS_MAX || self.events_bytes >= BATCH_BYTES_MAX
    }

    /// Hands on what there is, and notes how far the file is read. False: everything stops.
    async fn hand_on(&mut self) -> bool {
        if !self.events.is_empty() {
            let batch = EventBatch {
                origin: EventOrigin {
                    kind: self.shared.input.kind.as_str().into(),
                    input: Arc::clone(&self.shared.name),
                    peer: None,
                    index: self.shared.input.index.as_deref().map(Arc::from),
                },
                events: std::mem::take(&mut self.events),
            };
            self.events_bytes = 0;
            let (world, stop) = (&self.shared.files.world, &self.shared.stop);
            let Some(kept) = deliver(&*self.shared.sink, world, batch, stop).await else {
                return false;
            };
            self.shared.files.stats.events.fetch_add(kept, Ordering::Relaxed);
        }
        let read = self.reader.line_start();
        let durable = self.chain.pending_from().unwrap_or(read);
        if durable != self.committed {
            self.committed = durable;
            self.note();
        }
        true
    }

    fn note(&mut self) {
        if self.head.is_short()
            && let Ok(size) = self.file.metadata().map(|metadata| metadata.len())
            && let Ok(head) = Head::of(&self.file, size)
        {
            self.head = head;
        }
        let known = Known {
            path: self.path().display().to_string(),
            offset: self.committed,
            head: self.head,
            at_ms: self.shared.files.world.clock.now_ms(),
        };
        self.shared.files.registry.set(&self.shared.name, self.identity, Some(known));
    }

    /// The file was cut: what was begun is whole, and all of it is new. False: everything stops.
    async fn begin_anew(&mut self) -> bool {
        self.shared.files.stats.truncated.fetch_add(1, Ordering::Relaxed);
        tracing::info!(file = %self.path().display(), "a file was truncated, reading it anew");
        self.close().await;
        if self.shared.stop.is_cancelled() {
            return false;
        }
        let size = self.file.metadata().map_or(0, |metadata| metadata.len());
        self.head = Head::of(&self.file, size).unwrap_or_default();
        let bytes_max = self.shared.input.message_bytes_max;
        self.reader = LineReader::new(self.shared.decoding, bytes_max, 0);
        self.committed = 0;
        self.note();
        true
    }

    /// Hands on messages that were waiting for more.
    async fn close(&mut self) {
        let mut whole = Vec::new();
        let now = self.shared.files.world.clock.monotonic();
        self.chain.finish(now, &mut whole);
        self.events_of(whole);
        self.hand_on().await;
    }

    fn path(&self) -> PathBuf {
        self.place.path.lock().clone().unwrap_or_else(|| self.opened_as.clone())
    }

    /// Whether a file that does not grow since `idle` is closed.
    fn is_done(&self, idle: Duration) -> bool {
        let rules = &self.shared.input.files;
        if rules.close_at_end || idle >= rules.close_inactive {
            return true;
        }
        let is_gone = self.file.metadata().is_ok_and(|metadata| {
            use std::os::unix::fs::MetadataExt as _;
            metadata.nlink() == 0
        });
        let now = self.place.path.lock();
        let is_renamed = !is_gone && now.as_deref() != Some(self.opened_as.as_path());
        // Lines may still come between the last read and the removal: one more look is enough.
        (is_gone && rules.close_removed && idle >= WAIT_MAX) || (is_renamed && rules.close_renamed)
    }
}
