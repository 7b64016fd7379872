//! Replaying the log while the store answers already.
//!
//! What the log has and no part has goes into heads of its own, which lie where heads lie that
//! are being sealed: readers find them between the parts and the live heads, so what was written
//! before the start keeps its place before what is written after it. The live heads and a new
//! generation of the log take writes from the first moment. Nothing is sealed, and so nothing of
//! the log removed, until everything is replayed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use vigie_model::TenantId;
use vigie_world::World;

use super::Store;
use crate::StoreError;
use crate::head::Head;
use crate::metrics::Counters;
use crate::wal::{Entry, ReplayReport, SegmentName, list_segments, replay_segment};

/// How long after a failure the log is read again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// What there is to replay, and how far that is.
#[derive(Debug)]
pub(super) struct Replay {
    folder: PathBuf,
    sealed_generation: u64,
    last_generation: u64,
    segments: Vec<SegmentName>,
    work: Mutex<Work>,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Done,
    /// The store was closed before the end.
    Ended,
}

/// Held by whoever replays.
#[derive(Debug, Default)]
struct Work {
    done: usize,
    report: ReplayReport,
}

impl Replay {
    /// What the log in `folder` has that no part has.
    pub(super) fn plan(
        world: &World,
        folder: &Path,
        sealed_generation: u64,
        counters: &Counters,
    ) -> Result<Self, StoreError> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |source| StoreError::Io { what, source }
        };
        world.disk.create_folder(folder).map_err(failed("making the log's folder"))?;
        let found = list_segments(&*world.disk, folder).map_err(failed("listing the log"))?;
        let segments: Vec<SegmentName> = found.into_iter().map(|(name, _)| name).collect();
        let last = segments.last().map_or(0, |last| last.generation).max(sealed_generation);
        counters.replay_segments.store(segments.len() as u64, Ordering::Relaxed);
        let state = if segments.is_empty() { State::Done } else { State::Running };
        Ok(Self {
            folder: folder.to_owned(),
            sealed_generation,
            last_generation: last,
            segments,
            work: Mutex::default(),
            state: watch::channel(state).0,
        })
    }

    /// The last generation that is in parts or replayed; new writes belong to later ones.
    pub(super) fn last_generation(&self) -> u64 {
        self.last_generation
    }

    /// Nobody needs the rest any more.
    pub(super) fn ended(&self) {
        self.state.send_if_modified(|state| {
            let runs = *state == State::Running;
            if runs {
                *state = State::Ended;
            }
            runs
        });
    }
}

impl Store {
    /// Numbers of the first and the last segment of the write-ahead log to replay, and how many
    /// are done; all zero when there was nothing to replay.
    pub fn wal_replay(&self) -> (u64, u64, u64) {
        let all = self.counters.replay_segments.load(Ordering::Relaxed);
        let done = self.counters.replay_segments_done.load(Ordering::Relaxed);
        (0, all, done)
    }

    /// Whether everything that was in the log when the store was opened can be found. Until
    /// then an answer may lack what was written shortly before the last end.
    pub fn is_replayed(&self) -> bool {
        *self.replay.state.borrow() == State::Done
    }

    /// Returns when everything that was in the log can be found; an error when the store is
    /// closed before that.
    pub async fn replayed(&self) -> Result<(), StoreError> {
        let mut state = self.replay.state.subscribe();
        let reached = state.wait_for(|state| *state != State::Running).await;
        match reached.as_deref() {
            Ok(State::Done) => Ok(()),
            _ => Err(StoreError::Unavailable("the store is closed".to_owned())),
        }
    }

    /// Replays in the background. A segment that cannot be read is tried again: what comes after
    /// it must not be taken for what was written first.
    pub(super) fn start_replay(store: &Arc<Self>) {
        if store.is_replayed() {
            return;
        }
        tokio::spawn(run(Arc::downgrade(store), store.world.clone()));
    }

    /// Replays what is left. A second call after an error goes on where the first one failed.
    pub(crate) fn replay_log(&self) -> Result<(), StoreError> {
        let work = &mut *self.replay.work.lock();
        while let Some(name) = self.replay.segments.get(work.done) {
            if *self.replay.state.borrow() != State::Running {
                return Ok(());
            }
            let found = self.replay_one(*name)?;
            work.report.add(&found);
            work.done += 1;
            Counters::add(&self.counters.wal_corrupt, found.corrupt);
            Counters::add(&self.counters.wal_torn_bytes, found.torn_bytes);
            Counters::add(&self.counters.replay_segments_done, 1);
        }
        self.adopt_replayed();
        if self.replay.state.send_replace(State::Done) == State::Running {
            tell(&work.report, work.done);
            self.wake.notify_one();
        }
        Ok(())
    }

    fn replay_one(&self, name: SegmentName) -> Result<ReplayReport, StoreError> {
        if name.generation <= self.replay.sealed_generation {
            let path = self.replay.folder.join(name.file_name());
            let what = || format!("removing log segment {}", name.file_name());
            let removed = self.world.disk.remove_file(&path);
            removed.map_err(|source| StoreError::Io { what: what(), source })?;
            return Ok(ReplayReport::default());
        }
        let mut heads: HashMap<String, (Arc<Head>, Vec<u32>)> = HashMap::new();
        let mut each = |tenant: &str, entry: Entry| {
            if !heads.contains_key(tenant) {
                let Ok(id) = TenantId::new(tenant) else { return };
                heads.insert(tenant.to_owned(), (self.replay_head(&id), Vec::new()));
            }
            if let Some((head, ids)) = heads.get_mut(tenant) {
                head.apply(entry, ids);
            }
        };
        replay_segment(&*self.world.disk, &self.replay.folder, name, &mut each)
    }

    /// The head for what `tenant` wrote before the start.
    fn replay_head(&self, tenant: &TenantId) -> Arc<Head> {
        let tenant = self.tenant(tenant);
        let mut view = tenant.view.write();
        Arc::clone(view.frozen.get_or_insert_default())
    }

    /// When nothing was written since the start, the replayed heads become the live ones: they
    /// need not be sealed yet, and what is written next is compared with what they hold.
    fn adopt_replayed(&self) {
        let _nobody_writes = self.generation.write();
        let tenants = self.tenants.read();
        // All or none: the log's replayed generations go with the next seal of what is frozen.
        if tenants.values().any(|tenant| !tenant.view.read().active.is_empty()) {
            return;
        }
        for tenant in tenants.values() {
            let mut view = tenant.view.write();
            if let Some(replayed) = view.frozen.take() {
                view.active = replayed;
            }
        }
    }
}

fn tell(report: &ReplayReport, segments: usize) {
    let ReplayReport { records, corrupt, unknown, torn_bytes } = *report;
    if corrupt + unknown > 0 {
        tracing::error!(corrupt, unknown, "parts of the write-ahead log could not be read");
    }
    if torn_bytes > 0 {
        tracing::info!(bytes = torn_bytes, "cut the torn tail of the write-ahead log");
    }
    tracing::info!(segments, records, "the write-ahead log is replayed");
}

async fn run(store: Weak<Store>, world: World) {
    loop {
        let Some(strong) = store.upgrade() else { return };
        let replayed = tokio::task::spawn_blocking(move || strong.replay_log()).await;
        match replayed {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(%error, "the log cannot be replayed now"),
            Err(error) => tracing::error!(%error, "replaying the log ended early"),
        }
        world.clock.sleep(RETRY_INTERVAL).await;
    }
}
