//! Deletion of series: hidden at once, off the disk when parts are rewritten.

use std::sync::Arc;

use vigie_model::{Matcher, Points, TenantId, TimeRange};

use super::Store;
use crate::catalog::{Change, TombstoneRow};
use crate::parts::{PartList, Tombstone};
use crate::series_set::SeriesSet;
use crate::snapshot::Budget;
use crate::{CompiledMatcher, StoreError};

impl Store {
    /// Removes the points within `range` of the series that satisfy any of `matcher_sets`.
    /// Returns how many series were touched. What is written later is not concerned, whatever
    /// its time.
    pub async fn delete_series(
        &self,
        tenant: &TenantId,
        matcher_sets: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<u64, StoreError> {
        self.replayed().await?;
        let Some(tenant) = self.tenants.read().get(tenant).cloned() else { return Ok(0) };
        let _alone = self.maintenance.lock().await;
        // Once more when an earlier attempt had left frozen heads behind.
        self.seal().await?;
        self.seal().await?;
        let mut touched = 0;
        for matchers in matcher_sets {
            let compiled: Result<Vec<_>, _> = matchers.iter().map(CompiledMatcher::new).collect();
            let view = tenant.view.read().clone();
            let set = SeriesSet::collect(&view, &compiled?, range, Vec::new())?;
            let found = count_with_points(&set, range)?;
            if found == 0 {
                continue;
            }
            touched += found;
            let mut list = PartList::clone(&view.parts);
            let row = TombstoneRow {
                id: self.next_id(),
                tenant: tenant.id.as_str().to_owned(),
                part_id_max: list.parts.iter().map(|part| part.row.id).max().unwrap_or(0),
                range,
                matchers: matchers.clone(),
            };
            let change = Change { add_tombstones: vec![row.clone()], ..Change::default() };
            list.tombstones.push(Arc::new(Tombstone::new(row)?));
            self.catalog.commit(&change).await?;
            tenant.view.write().parts = Arc::new(list);
        }
        Ok(touched)
    }

    /// Rewrites parts that hold deleted points, so that these are on no disk any more.
    pub async fn clean_tombstones(&self) -> Result<(), StoreError> {
        let tenants: Vec<_> = self.tenants.read().values().cloned().collect();
        let _alone = self.maintenance.lock().await;
        for tenant in tenants {
            let list = Arc::clone(&tenant.view.read().parts);
            let concerned = list.parts.iter().filter(|part| {
                list.tombstones.iter().any(|tombstone| part.row.id <= tombstone.row.part_id_max)
            });
            for part in concerned {
                self.merge(&tenant, std::slice::from_ref(part)).await?;
            }
        }
        Ok(())
    }
}

fn count_with_points(set: &SeriesSet, range: TimeRange) -> Result<u64, StoreError> {
    let (mut points, budget) = (Points::default(), Budget::new(u64::MAX));
    let mut count = 0;
    for at in 0..set.len() {
        set.read(at, range, &mut points, &budget)?;
        count += u64::from(!points.is_empty());
    }
    Ok(count)
}
