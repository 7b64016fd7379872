//! Parts of documents: retention, deletion by query, and merging.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigie_model::{Acknowledge, TenantId, WriteError};

use super::Store;
use crate::StoreError;
use crate::catalog::{Change, DocumentsChange};
use crate::logs::{LogFilter, LogQuery, LogStore, LogTenant, MergeInput, merge_parts};
use crate::metrics::Counters;

/// So many neighbours become one part.
const PARTS_PER_MERGE: usize = 8;
/// Larger parts are left as they are.
const MERGED_ROWS_MAX: u64 = 1 << 16;

impl Store {
    /// Applies retention to documents, and merges small parts and parts of which much is deleted.
    pub(crate) async fn tidy_documents(&self) -> Result<(), StoreError> {
        for documents in [&self.logs, &self.spans] {
            for tenant in documents.all() {
                self.retire_old_documents(&tenant).await?;
                self.apply_rules(documents, &tenant).await?;
                let _alone = self.maintenance.lock().await;
                while let Some(inputs) = due(documents, &tenant) {
                    self.merge_documents(documents, &tenant, inputs).await?;
                }
            }
            self.retire_large(documents).await?;
        }
        Ok(())
    }

    /// Deletes all of `tenant`'s documents for which `query` holds now. Returns how many.
    pub async fn delete_logs(
        &self,
        tenant: &TenantId,
        query: &LogQuery,
    ) -> Result<u64, WriteError> {
        self.refuse_writes()?;
        let failed = |error: StoreError| self.refuse(error.to_string());
        let Some(tenant) = self.logs.tenant(tenant) else { return Ok(0) };
        self.delete_documents(&self.logs, &tenant, query, failed).await
    }

    async fn delete_documents(
        &self,
        documents: &LogStore,
        tenant: &Arc<LogTenant>,
        query: &LogQuery,
        failed: impl Fn(StoreError) -> WriteError,
    ) -> Result<u64, WriteError> {
        let snapshot = tenant.state.lock().snapshot();
        let mut deleted = 0;
        for part in snapshot.parts() {
            let rows = part.matching(query).map_err(&failed)?;
            let sequences: Result<Vec<u64>, _> =
                rows.iter().map(|row| part.sequence_of(row)).collect();
            for some in sequences.map_err(&failed)?.chunks(10_000) {
                let (count, enqueued) = documents.remove(tenant, some, Acknowledge::Durable)?;
                self.wait(enqueued).await?;
                deleted += count;
            }
        }
        Ok(deleted)
    }

    /// Deletes what rules for single indices let go.
    async fn apply_rules(
        &self,
        documents: &LogStore,
        tenant: &Arc<LogTenant>,
    ) -> Result<(), StoreError> {
        let now_ns = self.now_ms().saturating_mul(1_000_000);
        for rule in &self.options.log_rules {
            if rule.tenant.as_ref().is_some_and(|name| name != tenant.id.as_str()) {
                continue;
            }
            let snapshot = tenant.state.lock().snapshot();
            let names = snapshot.indexes()?.into_iter().map(|index| index.name);
            let names: Vec<String> = names.filter(|name| rule.matches(name)).collect();
            let keep_ns = i64::try_from(rule.keep.as_nanos()).unwrap_or(i64::MAX);
            let query = LogQuery {
                indexes: Some(names),
                end_ns: now_ns.saturating_sub(keep_ns),
                ..LogQuery::new(LogFilter::All)
            };
            let failed = |error: StoreError| self.refuse(error.to_string());
            self.delete_documents(documents, tenant, &query, failed)
                .await
                .map_err(|error| StoreError::Unavailable(error.message))?;
        }
        Ok(())
    }

    /// Removes parts whose documents are all older than the retention, counted from the newest
    /// document (but not from one in the future).
    async fn retire_old_documents(&self, tenant: &LogTenant) -> Result<(), StoreError> {
        let Some(retention) = self.options.log_retention else { return Ok(()) };
        let _alone = self.maintenance.lock().await;
        let now_ns = self.now_ms().saturating_mul(1_000_000);
        let old: Vec<u64> = {
            let state = tenant.state.lock();
            let newest = state.parts.iter().map(|part| part.stored.row.end_ns).max();
            let Some(newest) = newest.map(|newest| newest.min(now_ns)) else { return Ok(()) };
            let keep_ns = i64::try_from(retention.as_nanos()).unwrap_or(i64::MAX);
            let oldest = newest.saturating_sub(keep_ns);
            let old = state.parts.iter().filter(|part| part.stored.row.end_ns < oldest);
            old.map(|part| part.stored.row.id).collect()
        };
        self.remove_documents(tenant, &old).await
    }

    /// Removes the oldest parts of all tenants while all parts are larger than they may be.
    async fn retire_large(&self, documents: &LogStore) -> Result<(), StoreError> {
        let Some(bytes_max) = self.options.log_retention_bytes else { return Ok(()) };
        let _alone = self.maintenance.lock().await;
        let mut all = Vec::new();
        for tenant in documents.all() {
            for part in &tenant.state.lock().parts {
                let row = &part.stored.row;
                all.push((row.end_ns, row.bytes, row.id, Arc::clone(&tenant)));
            }
        }
        all.sort_by_key(|(end_ns, _, id, _)| (*end_ns, *id));
        let mut bytes: u64 = all.iter().map(|(_, bytes, ..)| bytes).sum();
        for (_, part_bytes, id, tenant) in all {
            if bytes <= bytes_max {
                break;
            }
            bytes -= part_bytes;
            self.remove_documents(&tenant, &[id]).await?;
        }
        Ok(())
    }

    /// Takes parts out of the catalog and lets their files go.
    async fn remove_documents(&self, tenant: &LogTenant, ids: &[u64]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let documents = DocumentsChange { remove: ids.to_vec(), ..DocumentsChange::default() };
        self.catalog.commit(&Change { documents, ..Change::default() }).await?;
        Counters::add(&self.counters.retention_parts, ids.len() as u64);
        tenant.state.lock().replace(ids, None, &[]);
        Ok(())
    }

    /// Makes one part of some.
    async fn merge_documents(
        &self,
        documents: &LogStore,
        tenant: &LogTenant,
        inputs: Vec<MergeInput>,
    ) -> Result<(), StoreError> {
        let ids: Vec<u64> = inputs.iter().map(MergeInput::id).collect();
        let level = inputs.iter().map(MergeInput::level).max().unwrap_or(0) + 1;
        let merged = inputs.clone();
        let written = self.on_pool(move || merge_parts(&merged)).await?;
        let (signal, name) = (documents.signal.name(), tenant.id.as_str());
        let new = match written {
            Some((bytes, meta)) => {
                Some(self.store_documents(signal, name, bytes, meta, level).await?)
            }
            None => None,
        };
        let change = DocumentsChange {
            add: new.iter().map(|part| part.row.clone()).collect(),
            remove: ids.clone(),
            ..DocumentsChange::default()
        };
        self.catalog.commit(&Change { documents: change, ..Change::default() }).await?;
        Counters::add(&self.counters.compactions, 1);
        tenant.state.lock().replace(&ids, new, &inputs);
        Ok(())
    }
}

/// Parts that should become one: small neighbours, or one of which much is deleted. None while
/// the catalog does not know all that is deleted.
fn due(documents: &LogStore, tenant: &LogTenant) -> Option<Vec<MergeInput>> {
    if documents.frozen_generation.load(Ordering::Acquire) != 0 {
        return None;
    }
    let state = tenant.state.lock();
    let mostly_deleted = state.parts.iter().find(|part| {
        let deleted = part.deleted.as_ref().map_or(0, |rows| rows.count());
        !part.dirty && deleted * 2 > part.stored.row.rows
    });
    if let Some(part) = mostly_deleted {
        return Some(vec![MergeInput::new(part)]);
    }
    let small = state.parts.windows(PARTS_PER_MERGE).find(|parts| {
        parts.iter().all(|part| !part.dirty && part.stored.row.rows < MERGED_ROWS_MAX)
    });
    small.map(|parts| parts.iter().map(MergeInput::new).collect())
}
