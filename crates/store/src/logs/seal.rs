//! Sealing: pieces of the head become parts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::column::Columns as _;
use super::head::{HeadChunk, LivePart, LogTenant};
use super::part::{LogPartMeta, PART_ROWS_MAX, PartInput, write_part};
use super::store::LogStore;
use super::stored::StoredDocuments;
use crate::catalog::{Change, DocumentPartRow, DocumentsChange};
use crate::metrics::Counters;
use crate::{Store, StoreError};

/// What becomes of one tenant.
struct Sealing {
    tenant: Arc<LogTenant>,
    /// The frozen pieces as they are sealed.
    chunks: Vec<HeadChunk>,
    /// Deleted rows of parts that the catalog does not know.
    deleted: Vec<(u64, String)>,
}

impl Store {
    /// Seals the heads of logs and spans. The caller holds `maintenance`.
    pub(crate) async fn seal_documents(&self) -> Result<(), StoreError> {
        for documents in [&self.logs, &self.spans] {
            // Once more when an earlier attempt had left frozen pieces behind.
            while self.seal_signal(documents).await? {}
        }
        Ok(())
    }

    /// Seals one signal. Returns whether more is left to seal.
    async fn seal_signal(&self, documents: &LogStore) -> Result<bool, StoreError> {
        let Some((sealing, generation, again)) = freeze(documents) else { return Ok(false) };
        let done = self.seal_frozen_documents(documents, sealing, generation).await;
        let counter =
            if done.is_ok() { &self.counters.seals } else { &self.counters.seal_failures };
        Counters::add(counter, 1);
        done.map(|()| again)
    }

    async fn seal_frozen_documents(
        &self,
        documents: &LogStore,
        sealing: Vec<Sealing>,
        generation: u64,
    ) -> Result<(), StoreError> {
        let signal = documents.signal.name();
        let mut change = DocumentsChange::default();
        let mut sealed = Vec::new();
        for one in sealing {
            let tenant = one.tenant.id.as_str().to_owned();
            let mut parts = Vec::new();
            for inputs in groups(&one.chunks) {
                let written = self.on_pool(move || write_part(&inputs)).await?;
                if let Some((bytes, meta)) = written {
                    parts.push(self.store_documents(signal, &tenant, bytes, meta, 0).await?);
                }
            }
            change.add.extend(parts.iter().map(|part| part.row.clone()));
            change.deleted.extend(one.deleted.iter().cloned());
            sealed.push((one, parts));
        }
        change.sealed = Some((signal.to_owned(), generation));
        let change = Change { documents: change, ..Change::default() };
        self.commit_documents(&change).await?;
        for (one, parts) in sealed {
            let live = |stored| LivePart { stored, deleted: None, dirty: false };
            let mut state = one.tenant.state.lock();
            state.install(parts.into_iter().map(live).collect(), &one.chunks);
        }
        documents.frozen_generation.store(0, Ordering::Release);
        documents.wal.remove_until(generation);
        Ok(())
    }

    /// Writes a part to its place. It counts when the catalog has it.
    pub(crate) async fn store_documents(
        &self,
        signal: &str,
        tenant: &str,
        bytes: bytes::Bytes,
        meta: LogPartMeta,
        level: u32,
    ) -> Result<Arc<StoredDocuments>, StoreError> {
        Counters::add(&self.counters.parts_written, 1);
        Counters::add(&self.counters.part_bytes_written, bytes.len() as u64);
        let (id, path) = self.new_part(tenant);
        let (folder, stored) = (self.part_folder(), path.clone());
        self.on_pool(move || folder.place().store(&stored, &bytes)).await?;
        let row = DocumentPartRow {
            id,
            signal: signal.to_owned(),
            tenant: tenant.to_owned(),
            path,
            level,
            created_ms: self.now_ms(),
            start_ns: meta.start_ns,
            end_ns: meta.end_ns,
            rows: meta.rows,
            bytes: meta.bytes,
            sequence_end: meta.sequence_end,
            deleted: String::new(),
        };
        Ok(Arc::new(StoredDocuments::new(row, self.part_folder())))
    }
}

/// Lets new pieces take over, and says what is to be sealed; `None` when there is nothing.
fn freeze(documents: &LogStore) -> Option<(Vec<Sealing>, u64, bool)> {
    let _nobody_writes = documents.generation.write();
    let tenants = documents.all();
    let earlier = documents.frozen_generation.load(Ordering::Acquire);
    if earlier == 0 {
        // No tenant may be left out: the generation that ends is sealed as a whole.
        let mut any = false;
        for tenant in &tenants {
            any |= tenant.state.lock().freeze();
        }
        if !any {
            return None;
        }
        let generation = documents.wal.next_generation();
        documents.frozen_generation.store(generation, Ordering::Release);
    }
    let generation = documents.frozen_generation.load(Ordering::Acquire);
    let sealing = tenants.into_iter().map(|tenant| {
        let state = tenant.state.lock();
        let (chunks, deleted) = (state.frozen_as.clone(), state.frozen_deleted.clone());
        drop(state);
        Sealing { tenant, chunks, deleted }
    });
    Some((sealing.collect(), generation, earlier != 0))
}

/// Pieces that become one part each.
fn groups(chunks: &[HeadChunk]) -> Vec<Vec<PartInput>> {
    let mut groups: Vec<Vec<PartInput>> = Vec::new();
    let mut rows = usize::MAX;
    for chunk in chunks {
        let more = chunk.chunk.rows() as usize;
        if rows.saturating_add(more) > PART_ROWS_MAX {
            groups.push(Vec::new());
            rows = 0;
        }
        rows += more;
        let input = PartInput { chunk: Arc::clone(&chunk.chunk), deleted: chunk.deleted.clone() };
        groups.last_mut().into_iter().for_each(|group| group.push(input.clone()));
    }
    groups
}
