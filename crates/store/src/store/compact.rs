//! Compaction and retention: many small parts become few, old ones go.

use std::sync::Arc;

use vigie_model::{Labels, Points, TimeRange};

use super::Store;
use super::age::Due;
use crate::StoreError;
use crate::catalog::Change;
use crate::metrics::Counters;
use crate::part::{FinishedPart, MetricPart, MetricPartBuilder, PartOptions, merge_edited};
use crate::parts::{PartList, StoredPart};
use crate::view::Tenant;

/// So many parts of one level become one of the next.
const PARTS_PER_MERGE: usize = 4;
/// A merged part is at most this large: it is built in memory.
const MERGED_BYTES_MAX: u64 = 64 << 20;
/// A part spans at most this time, or a tenth of the retention, so that retention can let it go.
const MERGED_SPAN_MS_MAX: u64 = 24 * 3600 * 1000;

impl Store {
    /// Applies retention, then merges what is due.
    pub(super) async fn tidy(&self) -> Result<(), StoreError> {
        let tenants: Vec<Arc<Tenant>> = self.tenants.read().values().cloned().collect();
        for tenant in &tenants {
            let _alone = self.maintenance.lock().await;
            self.retire_old(tenant).await?;
            while self.age(tenant).await? {}
            loop {
                let list = Arc::clone(&tenant.view.read().parts);
                let Some(due) = due(&list, self.span_ms_max()) else { break };
                self.merge(tenant, &due).await?;
            }
        }
        let _alone = self.maintenance.lock().await;
        self.retire_over_size(&tenants).await
    }

    fn span_ms_max(&self) -> u64 {
        let shortest = self.aging.shortest_ms().unwrap_or(i64::MAX) / 10;
        u64::try_from(shortest)
            .unwrap_or(u64::MAX)
            .clamp(MERGED_SPAN_MS_MAX, 30 * MERGED_SPAN_MS_MAX)
    }

    /// Removes parts whose points are all older than the retention, counted from the newest point
    /// (but not from one in the future), as Prometheus counts.
    async fn retire_old(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let Some(longest_ms) = self.aging.longest_ms() else { return Ok(()) };
        let list = Arc::clone(&tenant.view.read().parts);
        let Some(newest) = self.newest_ms(&list) else { return Ok(()) };
        let oldest = newest.saturating_sub(longest_ms);
        let old = list.parts.iter().filter(|part| part.row.meta.end_ms < oldest);
        let old: Vec<_> = old.cloned().collect();
        Counters::add(&self.counters.retention_parts, old.len() as u64);
        self.replace(tenant, &old, None).await
    }

    /// Removes the oldest parts of all tenants while all parts are larger than they may be.
    async fn retire_over_size(&self, tenants: &[Arc<Tenant>]) -> Result<(), StoreError> {
        let Some(bytes_max) = self.options.retention_bytes else { return Ok(()) };
        let mut all = Vec::new();
        for tenant in tenants {
            let list = Arc::clone(&tenant.view.read().parts);
            all.extend(list.parts.iter().map(|part| (Arc::clone(tenant), Arc::clone(part))));
        }
        let mut bytes: u64 = all.iter().map(|(_, part)| part.row.meta.bytes).sum();
        all.sort_by_key(|(_, part)| part.row.meta.end_ms);
        for (tenant, part) in all {
            if bytes <= bytes_max {
                break;
            }
            bytes -= part.row.meta.bytes;
            Counters::add(&self.counters.retention_parts, 1);
            self.replace(&tenant, &[part], None).await?;
        }
        Ok(())
    }

    /// Makes one part of `parts`, without what is deleted from them.
    pub(super) async fn merge(
        &self,
        tenant: &Tenant,
        parts: &[Arc<StoredPart>],
    ) -> Result<(), StoreError> {
        let list = Arc::clone(&tenant.view.read().parts);
        let inputs = parts.to_vec();
        let due = Due::new(&self.aging, 0);
        let merged = self.on_pool(move || merge_parts(&inputs, &list, &due)).await?;
        let level = parts.iter().map(|part| part.row.level).max().unwrap_or(0);
        let level = if parts.len() > 1 { level + 1 } else { level };
        let rank = parts.iter().map(|part| part.row.rank).min();
        let first = parts.first().map_or(0, |part| part.row.aged);
        // What all have been through, the merged part has been through.
        let aged = if parts.iter().all(|part| part.row.aged == first) { first } else { 0 };
        let merged = match merged {
            Some(finished) => Some(
                self.store_part(tenant, finished.bytes, finished.meta, (level, rank, aged)).await?,
            ),
            None => None,
        };
        Counters::add(&self.counters.compactions, 1);
        self.replace(tenant, parts, merged).await
    }

    /// Lets `new` take the place of `old`, and forgets deletions that concern no part any more.
    pub(super) async fn replace(
        &self,
        tenant: &Tenant,
        old: &[Arc<StoredPart>],
        new: Option<Arc<StoredPart>>,
    ) -> Result<(), StoreError> {
        if old.is_empty() && new.is_none() {
            return Ok(());
        }
        let mut list = PartList::clone(&tenant.view.read().parts);
        list.parts.retain(|part| !old.iter().any(|old| old.row.id == part.row.id));
        list.parts.extend(new.clone());
        list.parts.sort_by_key(|part| part.row.rank);
        let (kept, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut list.tombstones).into_iter().partition(|tombstone| {
                list.parts.iter().any(|part| part.row.id <= tombstone.row.part_id_max)
            });
        list.tombstones = kept;
        let change = Change {
            add: new.iter().map(|part| part.row.clone()).collect(),
            remove: old.iter().map(|part| part.row.id).collect(),
            remove_tombstones: gone.iter().map(|tombstone| tombstone.row.id).collect(),
            ..Change::default()
        };
        self.catalog.commit(&change).await?;
        tenant.view.write().parts = Arc::new(list);
        for part in old {
            part.retire();
        }
        Ok(())
    }
}

/// Neighbours of one level that should become one part.
fn due(list: &PartList, span_ms_max: u64) -> Option<Vec<Arc<StoredPart>>> {
    list.parts.windows(PARTS_PER_MERGE).rev().find_map(|parts| {
        let level = parts.first()?.row.level;
        let bytes: u64 = parts.iter().map(|part| part.row.meta.bytes).sum();
        let ranges = parts.iter().map(|part| part.row.meta.range());
        let span = ranges.clone().reduce(|a, b| a.union(&b))?;
        let span_ms = |range: TimeRange| range.end_ms.abs_diff(range.start_ms);
        let widest = ranges.map(span_ms).max()?;
        let fits = parts.iter().all(|part| part.row.level == level)
            && bytes <= MERGED_BYTES_MAX
            && span_ms(span) <= span_ms_max.max(widest)
            && same_deletions(parts, list);
        fits.then(|| parts.to_vec())
    })
}

/// Whether every deletion concerns all or none of `parts`.
fn same_deletions(parts: &[Arc<StoredPart>], list: &PartList) -> bool {
    list.tombstones.iter().all(|tombstone| {
        let concerned = parts.iter().filter(|part| part.row.id <= tombstone.row.part_id_max);
        let count = concerned.count();
        count == 0 || count == parts.len()
    })
}

fn merge_parts(
    parts: &[Arc<StoredPart>],
    list: &PartList,
    due: &Due,
) -> Result<Option<FinishedPart>, StoreError> {
    // Of points at one time the later part's counts there; here the first written stays.
    let opened: Result<Vec<_>, _> = parts.iter().rev().map(|part| part.open_whole()).collect();
    // `due` gives only parts that the same deletions concern.
    let newest = parts.iter().map(|part| part.row.id).max().unwrap_or(0);
    merge_opened(&opened?, newest, list, due)
}

/// One part of `parts`, the newest of which has the number `newest`, without what is deleted and
/// what age takes; `None` when nothing is left.
pub(super) fn merge_opened(
    parts: &[MetricPart],
    newest: u64,
    list: &PartList,
    age: &Due,
) -> Result<Option<FinishedPart>, StoreError> {
    let dropped = |labels: &Labels| {
        if age.drops(labels) { vec![TimeRange::ALL] } else { list.deleted(newest, labels) }
    };
    let thin =
        |labels: &Labels, points: &mut Points, spare: &mut Points| age.thin(labels, points, spare);
    let mut builder = MetricPartBuilder::new(&PartOptions::default());
    merge_edited(parts, (&dropped, &thin), TimeRange::ALL, &mut builder)?;
    if builder.is_empty() { Ok(None) } else { builder.finish().map(Some) }
}
