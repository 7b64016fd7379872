//! The store's front: open, write, snapshot, flush, close.

mod age;
mod background;
mod compact;
mod delete;
mod documents;
mod open;
mod replay;
mod seal;
mod snapshots;
mod space;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;
use vigie_model::{
    Acknowledge, MetricBatch, MetricSink, MetricSource, RejectionReason, TenantId, WriteError,
    WriteErrorKind, WriteFuture, WriteReport,
};
use vigie_world::{FileLock, World};

use crate::catalog::{Catalog, Change, PartRow};
use crate::head::HeadStats;
use crate::logs::LogStore;
use crate::metrics::Counters;
use crate::parts::PartFolder;
use crate::replicas::ReplicaFilter;
use crate::view::Tenant;
use crate::wal::{Enqueued, Wal};
use crate::{Snapshot, StoreError, StoreOptions};
use age::Aging;
use replay::Replay;
use space::Space;
pub use usage::MetricUsage;

/// Keeps the data of all tenants.
#[derive(Debug)]
pub struct Store {
    options: StoreOptions,
    world: World,
    tenants: RwLock<HashMap<TenantId, Arc<Tenant>>>,
    /// Held for reading while a batch goes into a head and the log's queue, for writing while
    /// heads and the log move to the next generation together.
    generation: RwLock<()>,
    wal: Wal,
    catalog: Arc<dyn Catalog>,
    folder: Arc<PartFolder>,
    pub(crate) counters: Arc<Counters>,
    space: Space,
    next_id: AtomicU64,
    sealed_generation: AtomicU64,
    /// The generation whose heads are frozen, while some are. Up to the end of the replay, the
    /// last one that is replayed.
    sealing_generation: AtomicU64,
    replay: Replay,
    aging: Arc<Aging>,
    /// One at a time: sealing, compaction, deletion, snapshots.
    maintenance: tokio::sync::Mutex<()>,
    wake: Arc<tokio::sync::Notify>,
    closed: AtomicBool,
    /// Who else is asked for samples of one tenant.
    elsewhere: RwLock<Option<(TenantId, Arc<dyn MetricSource>)>>,
    pub(crate) logs: LogStore,
    pub(crate) spans: LogStore,
    _lock: Box<dyn FileLock>,
}

impl Store {
    /// A consistent view of `tenant`'s data. A tenant that never wrote has an empty one.
    pub fn snapshot(&self, id: &TenantId) -> Snapshot {
        let tenant = self.tenants.read().get(id).cloned();
        let view = tenant.map(|tenant| tenant.view.read().clone()).unwrap_or_default();
        let elsewhere = self.elsewhere.read();
        let elsewhere = elsewhere.as_ref().filter(|(of, _)| of == id);
        let elsewhere = elsewhere.map(|(_, source)| Arc::clone(source));
        Snapshot { view, taken_ms: self.world.clock.now_ms(), elsewhere }
    }

    /// From now on readers of `tenant` also ask `source`.
    pub fn read_also(&self, tenant: TenantId, source: Arc<dyn MetricSource>) {
        *self.elsewhere.write() = Some((tenant, source));
    }

    /// All tenants that ever wrote, ascending.
    pub fn tenants(&self) -> Vec<TenantId> {
        let mut all: Vec<_> = self.tenants.read().keys().cloned().collect();
        all.sort_unstable();
        all
    }

    /// How large the head of `tenant` is.
    pub fn head_stats(&self, tenant: &TenantId) -> HeadStats {
        let tenant = self.tenants.read().get(tenant).cloned();
        tenant.map(|tenant| tenant.view.read().active.stats()).unwrap_or_default()
    }

    /// The parts of `tenant`, in the order in which they were written.
    pub fn parts(&self, tenant: &TenantId) -> Vec<PartRow> {
        let tenant = self.tenants.read().get(tenant).cloned();
        let list = tenant.map(|tenant| Arc::clone(&tenant.view.read().parts));
        list.iter().flat_map(|list| &list.parts).map(|part| part.row.clone()).collect()
    }

    /// What the store counts of itself.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where receivers write: the store, or what lets one of several replicas through to it.
    pub fn sink(self: &Arc<Self>) -> Arc<dyn MetricSink> {
        let store = Arc::clone(self) as Arc<dyn MetricSink>;
        match &self.options.replicas {
            None => store,
            Some(options) => {
                let (world, counters) = (self.world.clone(), Arc::clone(&self.counters));
                Arc::new(ReplicaFilter::new(options.clone(), store, world, counters))
            }
        }
    }

    /// Bytes of the write-ahead log on disk.
    pub fn wal_disk_bytes(&self) -> u64 {
        self.wal.disk_bytes() + self.logs.wal.disk_bytes() + self.spans.wal.disk_bytes()
    }

    /// How the store was opened.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// Seals the heads into parts, so that all data is at rest.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.replayed().await?;
        let _alone = self.maintenance.lock().await;
        self.seal_documents().await?;
        self.seal().await?;
        self.seal().await
    }

    /// Takes no more writes, makes everything durable, ends all tasks. When the heads cannot be
    /// sealed, or the log is still being replayed, their data stays in the log.
    pub async fn close(&self) -> Result<(), StoreError> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.wake.notify_one();
        let documents = self.logs.wal.sync().await.and(self.spans.wal.sync().await);
        let synced = self.wal.sync().await.and(documents);
        let sealed = if self.is_replayed() { self.flush().await } else { Ok(()) };
        self.replay.ended();
        self.wal.close();
        self.logs.wal.close();
        self.spans.wal.close();
        // What is sealed does not need the log any more.
        sealed.map_err(|error| match synced {
            Ok(()) => error,
            Err(reason) => StoreError::Unavailable(reason.to_string()),
        })
    }

    fn tenant(&self, id: &TenantId) -> Arc<Tenant> {
        if let Some(tenant) = self.tenants.read().get(id) {
            return Arc::clone(tenant);
        }
        let mut tenants = self.tenants.write();
        let tenant = tenants
            .entry(id.clone())
            .or_insert_with(|| Arc::new(Tenant::new(id.clone(), self.aging.dedup_ms())));
        Arc::clone(tenant)
    }

    /// Number and path of a new part.
    pub(crate) fn new_part(&self, tenant: &str) -> (u64, String) {
        let id = self.next_id();
        (id, self.folder.place().path_of(tenant, id, self.world.random.next_u64()))
    }

    /// Where the parts are.
    pub(crate) fn part_folder(&self) -> Arc<PartFolder> {
        Arc::clone(&self.folder)
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        self.world.clock.now_ms()
    }

    /// Makes a change in the catalog.
    pub(crate) async fn commit_documents(&self, change: &Change) -> Result<(), StoreError> {
        self.catalog.commit(change).await
    }

    /// Wakes the background work.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn count_limits(&self, report: &WriteReport) {
        for rejection in &report.rejections {
            let counter = match rejection.reason {
                RejectionReason::SeriesLimit => &self.counters.series_limit,
                RejectionReason::MetricLimit => &self.counters.metric_limit,
                RejectionReason::LabelLimit => &self.counters.label_limit,
                _ => continue,
            };
            Counters::add(counter, 1);
        }
    }

    fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn refuse(&self, message: impl Into<String>) -> WriteError {
        Counters::add(&self.counters.refused, 1);
        WriteError::new(WriteErrorKind::Unavailable, message)
    }

    /// Why nothing can be written now, as an error.
    pub(crate) fn refuse_writes(&self) -> Result<(), WriteError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(self.refuse("the store is closed"));
        }
        match self.space.refusal(&self.world, &self.options) {
            Some(reason) => Err(self.refuse(reason)),
            None => Ok(()),
        }
    }

    /// Returns when what was handed to the log is durable, if that was asked for.
    pub(crate) async fn wait(&self, enqueued: Enqueued) -> Result<(), WriteError> {
        match enqueued {
            Enqueued::Taken(None) => Ok(()),
            Enqueued::Taken(Some(durable)) => match durable.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(reason)) => Err(self.refuse(&*reason)),
                Err(_) => Err(self.refuse("the write-ahead log is closed")),
            },
            Enqueued::Refused(reason) => Err(self.refuse(reason)),
            Enqueued::SegmentChanged => Err(self.refuse("the write-ahead log moved on")),
        }
    }

    /// Puts a batch into its head and the log's queue.
    fn take(
        &self,
        tenant: &TenantId,
        batch: &MetricBatch,
        ack: Acknowledge,
    ) -> Result<(WriteReport, Enqueued), WriteError> {
        self.refuse_writes()?;
        let tenant = self.tenant(tenant);
        let _same_generation = self.generation.read();
        let (active, previous) = {
            let view = tenant.view.read();
            (Arc::clone(&view.active), view.frozen.clone())
        };
        let limits = self.options.limits.of(&tenant.id);
        let wait = ack == Acknowledge::Durable;
        let taken =
            active.append(&tenant.id, batch, limits, previous.as_deref(), (&self.wal, wait));
        if self.space.grew(&taken.0, &self.options) {
            self.wake.notify_one();
        }
        Ok(taken)
    }
}

impl MetricSink for Store {
    fn write(&self, tenant: &TenantId, batch: MetricBatch, ack: Acknowledge) -> WriteFuture<'_> {
        let taken = self.take(tenant, &batch, ack);
        Box::pin(async move {
            let (report, enqueued) = taken?;
            self.wait(enqueued).await?;
            Counters::add(&self.counters.samples, (report.samples + report.histograms) as u64);
            Counters::add(&self.counters.rejected, report.rejected as u64);
            self.count_limits(&report);
            Ok(report)
        })
    }
}

/// Runs `work` where it may take long and block.
async fn on_pool<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(StoreError::Unavailable(format!("background work ended early: {error}")))
    })
}
