//! The logs of all tenants: append, snapshot, close.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;
use vigie_model::{
    Acknowledge, LogBatch, LogFuture, LogReport, LogSink, TenantId, WriteError, WriteErrorKind,
};
use vigie_world::World;

use super::head::{LivePart, LogState, LogTenant, Rewritten};
use super::snapshot::LogSnapshot;
use super::stored::StoredDocuments;
use crate::catalog::CatalogState;
use crate::metrics::Counters;
use crate::parts::PartFolder;
use crate::wal::{
    Enqueued, LogEntry, LogRecordWriter, ReplayReport, SegmentName, Wal, list_segments,
    replay_log_segment,
};
use crate::{Store, StoreError, StoreOptions};

/// A head of so many bytes is sealed.
const HEAD_BYTES_SEALED: u64 = 48 << 20;

/// A larger document is refused.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// What documents are. Each signal has a log, heads and parts of its own, and the same code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentSignal {
    /// Log documents.
    Logs,
    /// Spans (see [`spans`](crate::spans)).
    Spans,
}

impl DocumentSignal {
    /// What the catalog calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Spans => "spans",
        }
    }

    /// The folder of its write-ahead log.
    const fn wal_folder(self) -> &'static str {
        match self {
            Self::Logs => "wal-logs",
            Self::Spans => "wal-spans",
        }
    }
}

/// The documents of one signal, of all tenants.
#[derive(Debug)]
pub(crate) struct LogStore {
    pub(crate) signal: DocumentSignal,
    /// Held for reading while a batch goes into the log's queue and a head, for writing while both
    /// move to the next generation together.
    pub(crate) generation: RwLock<()>,
    /// The generation whose pieces are frozen; 0 when none are.
    pub(crate) frozen_generation: AtomicU64,
    /// Some head is large enough to be sealed.
    due: AtomicBool,
    /// Heads may not take more; writes are refused until they are sealed.
    head_bytes_max: u64,
    tenants: RwLock<HashMap<TenantId, Arc<LogTenant>>>,
    pub(crate) wal: Wal,
}

impl LogStore {
    /// Reads the log, and begins a new segment.
    pub(crate) fn open(
        signal: DocumentSignal,
        options: &StoreOptions,
        world: &World,
        counters: &Arc<Counters>,
        (state, parts): (&CatalogState, &Arc<PartFolder>),
    ) -> Result<Self, StoreError> {
        let sealed = state.documents_sealed.iter().find(|(known, _)| known == signal.name());
        let sealed_generation = sealed.map_or(0, |(_, generation)| *generation);
        let folder = options.data.join(signal.wal_folder());
        let mut tenants = tenants_of(signal, state, parts)?;
        let failed =
            |source| StoreError::Io { what: "reading the log of documents".into(), source };
        world.disk.create_folder(&folder).map_err(failed)?;
        let (mut report, mut last) = (ReplayReport::default(), sealed_generation);
        for (name, _) in list_segments(&*world.disk, &folder).map_err(failed)? {
            last = last.max(name.generation);
            if name.generation <= sealed_generation {
                world.disk.remove_file(&folder.join(name.file_name())).map_err(failed)?;
                continue;
            }
            let mut each = |tenant: &str, entry: LogEntry<'_>| {
                let Ok(id) = TenantId::new(tenant) else { return };
                let tenant =
                    tenants.entry(id.clone()).or_insert_with(|| Arc::new(LogTenant::new(id)));
                let mut state = tenant.state.lock();
                state.replay(&entry);
                state.settle();
            };
            report.add(&replay_log_segment(&*world.disk, &folder, name, &mut each)?);
        }
        Counters::add(&counters.wal_corrupt, report.corrupt);
        Counters::add(&counters.wal_torn_bytes, report.torn_bytes);
        if report.corrupt + report.unknown > 0 {
            let (corrupt, unknown) = (report.corrupt, report.unknown);
            tracing::error!(corrupt, unknown, "parts of the log of documents could not be read");
        }
        let first = SegmentName { generation: last + 1, sequence: 0 };
        let wal = Wal::open(Arc::clone(&world.disk), folder, first, Arc::clone(counters))?;
        Ok(Self {
            signal,
            generation: RwLock::new(()),
            frozen_generation: AtomicU64::new(0),
            due: AtomicBool::new(false),
            head_bytes_max: (options.memory_bytes_max / 3).max(HEAD_BYTES_SEALED * 2),
            tenants: RwLock::new(tenants),
            wal,
        })
    }

    pub(crate) fn tenant(&self, id: &TenantId) -> Option<Arc<LogTenant>> {
        self.tenants.read().get(id).cloned()
    }

    fn tenant_or_new(&self, id: &TenantId) -> Arc<LogTenant> {
        if let Some(tenant) = self.tenant(id) {
            return tenant;
        }
        let mut tenants = self.tenants.write();
        let tenant =
            tenants.entry(id.clone()).or_insert_with(|| Arc::new(LogTenant::new(id.clone())));
        Arc::clone(tenant)
    }

    /// All tenants.
    pub(crate) fn all(&self) -> Vec<Arc<LogTenant>> {
        self.tenants.read().values().cloned().collect()
    }

    /// Whether some head is large enough to be sealed; asked once.
    pub(crate) fn take_due(&self) -> bool {
        self.due.swap(false, Ordering::Relaxed)
    }

    /// Whether some head is large enough to be sealed.
    pub(crate) fn is_due(&self) -> bool {
        self.due.load(Ordering::Relaxed)
    }

    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        let mut all: Vec<_> = self.tenants.read().keys().cloned().collect();
        all.sort_unstable();
        all
    }

    /// Puts a batch into the log's queue, then into the head.
    pub(crate) fn take(
        &self,
        tenant: &TenantId,
        batch: &LogBatch,
        ack: Acknowledge,
    ) -> Result<(LogReport, Enqueued), WriteError> {
        let tenant = self.tenant_or_new(tenant);
        let _same_generation = self.generation.read();
        let mut state = tenant.state.lock();
        if state.head_bytes() as u64 > self.head_bytes_max {
            self.due.store(true, Ordering::Relaxed);
            let message = "what was written lately takes all the memory it may";
            return Err(WriteError::new(WriteErrorKind::Unavailable, message));
        }
        let planned = state
            .plan(batch, DOCUMENT_BYTES_MAX)
            .map_err(|error| WriteError::new(WriteErrorKind::Unavailable, error.to_string()))?;
        let mut records = Vec::with_capacity(batch.byte_count() + batch.len() * 32);
        let mut writer = LogRecordWriter::new(&mut records, &tenant.id);
        planned.entries.iter().for_each(|entry| writer.entry(entry));
        writer.finish();
        let enqueued = self.enqueue(&records, ack == Acknowledge::Durable);
        if let Enqueued::Taken(_) = enqueued {
            apply(&mut state, &planned.entries);
            if let Enqueued::Taken(Some(_)) = enqueued {
                state.await_durable(&planned.entries);
            }
        }
        if state.live_bytes() as u64 > HEAD_BYTES_SEALED {
            self.due.store(true, Ordering::Relaxed);
        }
        Ok((LogReport { outcomes: planned.outcomes }, enqueued))
    }

    /// Removes documents. Gives how many were there.
    pub(crate) fn remove(
        &self,
        tenant: &LogTenant,
        sequences: &[u64],
        ack: Acknowledge,
    ) -> Result<(u64, Enqueued), WriteError> {
        let _same_generation = self.generation.read();
        let mut state = tenant.state.lock();
        let planned = state
            .plan_removal(sequences)
            .map_err(|error| WriteError::new(WriteErrorKind::Unavailable, error.to_string()))?;
        let entries: Vec<LogEntry<'_>> = planned
            .iter()
            .map(|(sequence, index, id)| LogEntry::Remove {
                sequence: *sequence,
                index,
                id: id.as_deref(),
            })
            .collect();
        let mut records = Vec::new();
        let mut writer = LogRecordWriter::new(&mut records, &tenant.id);
        entries.iter().for_each(|entry| writer.entry(entry));
        writer.finish();
        let enqueued = self.enqueue(&records, ack == Acknowledge::Durable);
        if let Enqueued::Taken(_) = enqueued {
            apply(&mut state, &entries);
        }
        Ok((entries.len() as u64, enqueued))
    }

    /// Lets `rewrite` pack documents anew, each in its own place; those without ids of their own.
    /// Gives how many were there.
    pub(crate) fn rewrite(
        &self,
        tenant: &LogTenant,
        sequences: &[u64],
        rewrite: &dyn Fn(&[u8], &mut Vec<u8>),
    ) -> Result<(u64, Enqueued), WriteError> {
        let _same_generation = self.generation.read();
        let mut state = tenant.state.lock();
        let planned = state
            .plan_rewrite(sequences, rewrite)
            .map_err(|error| WriteError::new(WriteErrorKind::Unavailable, error.to_string()))?;
        let entries: Vec<LogEntry<'_>> = planned.iter().map(Rewritten::entry).collect();
        let mut records = Vec::new();
        let mut writer = LogRecordWriter::new(&mut records, &tenant.id);
        entries.iter().for_each(|entry| writer.entry(entry));
        writer.finish();
        let enqueued = self.enqueue(&records, false);
        if let Enqueued::Taken(_) = enqueued {
            apply(&mut state, &entries);
        }
        Ok((entries.len() as u64, enqueued))
    }

    fn enqueue(&self, records: &[u8], wait: bool) -> Enqueued {
        if records.is_empty() {
            return Enqueued::Taken(None);
        }
        // Records of logs define nothing, so any segment will do.
        loop {
            match self.wal.enqueue(self.wal.segment(), records, wait) {
                Enqueued::SegmentChanged => {}
                enqueued => return enqueued,
            }
        }
    }
}

/// The tenants that have parts.
fn tenants_of(
    signal: DocumentSignal,
    state: &CatalogState,
    folder: &Arc<PartFolder>,
) -> Result<HashMap<TenantId, Arc<LogTenant>>, StoreError> {
    let mut tenants: HashMap<TenantId, Arc<LogTenant>> = HashMap::new();
    for row in state.documents.iter().filter(|row| row.signal == signal.name()) {
        let id = TenantId::new(&row.tenant).map_err(|error| StoreError::Corrupt {
            what: "catalog".to_owned(),
            detail: error.to_string(),
        })?;
        let stored = Arc::new(StoredDocuments::new(row.clone(), Arc::clone(folder)));
        let deleted = stored.deleted()?;
        let tenant = tenants.entry(id.clone()).or_insert_with(|| Arc::new(LogTenant::new(id)));
        let mut state = tenant.state.lock();
        state.next_sequence = state.next_sequence.max(row.sequence_end);
        state.parts.push(LivePart { stored, deleted, dirty: false });
    }
    Ok(tenants)
}

fn apply(state: &mut LogState, entries: &[LogEntry<'_>]) {
    entries.iter().for_each(|entry| state.apply(entry));
    state.settle();
}

impl Store {
    /// A consistent view of `tenant`'s documents. A tenant that never wrote has an empty one.
    pub fn log_snapshot(&self, tenant: &TenantId) -> LogSnapshot {
        let tenant = self.logs.tenant(tenant);
        tenant.map(|tenant| tenant.state.lock().snapshot()).unwrap_or_default()
    }

    /// All tenants that have documents, ascending.
    pub fn log_tenants(&self) -> Vec<TenantId> {
        self.logs.tenants()
    }

    /// Takes operations on documents, as [`LogSink`] says.
    pub async fn append_logs(
        &self,
        tenant: &TenantId,
        batch: LogBatch,
        ack: Acknowledge,
    ) -> Result<LogReport, WriteError> {
        self.write_logs(tenant, batch, ack).await
    }
}

impl LogSink for Store {
    fn write_logs(&self, tenant: &TenantId, batch: LogBatch, ack: Acknowledge) -> LogFuture<'_> {
        let taken = self.refuse_writes().and_then(|()| self.logs.take(tenant, &batch, ack));
        let tenant = tenant.clone();
        Box::pin(async move {
            if self.logs.is_due() {
                self.wake();
            }
            let (report, enqueued) = taken?;
            self.wait(enqueued).await?;
            if let Some(tenant) = self.logs.tenant(&tenant) {
                tenant.state.lock().durable(&report.outcomes);
            }
            Ok(report)
        })
    }
}
