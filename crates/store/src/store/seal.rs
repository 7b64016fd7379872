//! Sealing: heads become parts.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use vigie_model::{Points, TimeRange};

use super::Store;
use super::age::{Aging, Due};
use crate::StoreError;
use crate::catalog::{Change, PartRow};
use crate::head::Head;
use crate::metrics::Counters;
use crate::part::{MetricPartBuilder, PartMeta, PartOptions};
use crate::parts::StoredPart;
use crate::view::Tenant;

impl Store {
    /// Seals the frozen heads, after freezing the live ones when none is frozen yet. The caller
    /// holds `maintenance`.
    pub(super) async fn seal(&self) -> Result<(), StoreError> {
        if !self.is_replayed() {
            return Err(StoreError::Unavailable("the log is still being replayed".to_owned()));
        }
        let tenants: Vec<Arc<Tenant>> = self.tenants.read().values().cloned().collect();
        let Some(generation) = self.freeze(&tenants) else { return Ok(()) };
        let done = self.seal_frozen(&tenants, generation).await;
        let counter = match done {
            Ok(()) => &self.counters.seals,
            Err(_) => &self.counters.seal_failures,
        };
        Counters::add(counter, 1);
        done
    }

    /// Lets new heads take over, and gives the generation that is frozen; `None` when there is
    /// nothing to seal.
    fn freeze(&self, tenants: &[Arc<Tenant>]) -> Option<u64> {
        let _nobody_writes = self.generation.write();
        if tenants.iter().any(|tenant| tenant.view.read().frozen.is_some()) {
            // An earlier attempt failed; the live heads' turn comes after it.
            return Some(self.sealing_generation.load(Ordering::Acquire));
        }
        if tenants.iter().all(|tenant| tenant.view.read().active.is_empty()) {
            return None;
        }
        for tenant in tenants {
            let mut view = tenant.view.write();
            if !view.active.is_empty() {
                view.frozen = Some(std::mem::take(&mut view.active));
            }
        }
        let generation = self.wal.next_generation();
        self.sealing_generation.store(generation, Ordering::Release);
        Some(generation)
    }

    async fn seal_frozen(
        &self,
        tenants: &[Arc<Tenant>],
        generation: u64,
    ) -> Result<(), StoreError> {
        let mut sealed = Vec::new();
        for tenant in tenants {
            let Some(head) = tenant.view.read().frozen.clone() else { continue };
            let aging = Arc::clone(&self.aging);
            let part = self.on_pool(move || build(&head, &aging)).await?;
            let part = match part {
                Some((bytes, meta)) => {
                    Some(self.store_part(tenant, bytes, meta, (0, None, 0)).await?)
                }
                None => None,
            };
            sealed.push((Arc::clone(tenant), part));
        }
        let rows = sealed.iter().filter_map(|(_, part)| part.as_ref().map(|p| p.row.clone()));
        let change = Change {
            add: rows.collect(),
            sealed_generation: Some(generation),
            ..Change::default()
        };
        self.catalog.commit(&change).await?;
        for (tenant, part) in sealed {
            let mut view = tenant.view.write();
            if let Some(part) = part {
                Arc::make_mut(&mut view.parts).parts.push(part);
            }
            view.frozen = None;
        }
        self.sealed_generation.store(generation, Ordering::Release);
        self.wal.remove_until(generation);
        Ok(())
    }

    /// Writes a part to its place. It counts when the catalog has it.
    pub(super) async fn store_part(
        &self,
        tenant: &Tenant,
        bytes: Bytes,
        meta: PartMeta,
        (level, rank, aged): (u32, Option<u64>, u64),
    ) -> Result<Arc<StoredPart>, StoreError> {
        Counters::add(&self.counters.parts_written, 1);
        Counters::add(&self.counters.part_bytes_written, bytes.len() as u64);
        let (folder, name) = (Arc::clone(&self.folder), tenant.id.as_str().to_owned());
        let id = self.next_id();
        let path = folder.place().path_of(&name, id, self.world.random.next_u64());
        let stored = path.clone();
        self.on_pool(move || folder.place().store(&stored, &bytes)).await?;
        let row = PartRow {
            id,
            tenant: tenant.id.as_str().to_owned(),
            path,
            level,
            rank: rank.unwrap_or(id),
            aged,
            created_ms: self.world.clock.now_ms(),
            meta,
        };
        Ok(Arc::new(StoredPart::new(row, Arc::clone(&self.folder))))
    }

    /// Runs `work` where it may take long and block.
    pub(crate) async fn on_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        super::on_pool(work).await
    }
}

/// The content of `head` as a part; `None` when it has none.
fn build(head: &Head, aging: &Arc<Aging>) -> Result<Option<(Bytes, PartMeta)>, StoreError> {
    let mut builder = MetricPartBuilder::new(&PartOptions::default());
    let (mut points, mut spare) = (Points::default(), Points::default());
    // Whatever the head holds is new; only what holds for every age is done here.
    let due = Due::new(aging, 0);
    for (id, labels) in head.sorted() {
        points.clear();
        head.read(id, TimeRange::ALL, &mut points);
        due.thin(&labels, &mut points, &mut spare);
        builder.add_series(&labels, &points)?;
        let exemplars = head.exemplars(id);
        if !exemplars.is_empty() {
            builder.add_exemplars(&labels, &exemplars);
        }
    }
    for (name, metadata) in head.metadata() {
        builder.add_metadata(&name, &metadata);
    }
    if builder.is_empty() {
        return Ok(None);
    }
    let finished = builder.finish()?;
    Ok(Some((finished.bytes, finished.meta)))
}
