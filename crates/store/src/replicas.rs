//! One of several identical senders: pairs of Prometheus servers that scrape the same targets.
//!
//! Of each cluster one replica is listened to, the first that sends; the others' samples are
//! dropped until it was silent for a while. The replica's label is removed, so that series go on
//! when another replica takes its place. Who is listened to is not kept on disk: after a start
//! the first that sends is.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use vigie_model::{
    Acknowledge, BatchSeries, Labels, MetricBatch, MetricSink, TenantId, WriteFuture,
};
use vigie_world::World;

use crate::metrics::Counters;
use crate::policy::ReplicaOptions;

/// Clusters that are told apart; samples of further ones are all taken.
const CLUSTERS_MAX: usize = 100_000;

/// Lets one replica of each cluster through to another sink.
#[derive(Debug)]
pub(crate) struct ReplicaFilter {
    options: ReplicaOptions,
    inner: Arc<dyn MetricSink>,
    world: World,
    counters: Arc<Counters>,
    elected: Mutex<HashMap<(TenantId, String), Elected>>,
}

#[derive(Debug)]
struct Elected {
    replica: String,
    last_ms: i64,
}

impl ReplicaFilter {
    /// In front of `inner`.
    pub(crate) fn new(
        options: ReplicaOptions,
        inner: Arc<dyn MetricSink>,
        world: World,
        counters: Arc<Counters>,
    ) -> Self {
        Self { options, inner, world, counters, elected: Mutex::default() }
    }

    fn filter(&self, tenant: &TenantId, batch: MetricBatch) -> MetricBatch {
        let has_replica =
            batch.series().iter().any(|series| self.place_of(&batch, series).is_some());
        if !has_replica {
            return batch;
        }
        let mut kept = MetricBatch::new();
        let mut dropped = 0;
        for series in batch.series() {
            let labels = batch.labels(series);
            let place = labels.get(&self.options.replica_label);
            let Some(replica) = place else {
                copy(&batch, series, &labels, &mut kept);
                continue;
            };
            let cluster = labels.get(&self.options.cluster_label).unwrap_or_default();
            if self.is_elected(tenant, cluster, replica) {
                let label = &self.options.replica_label;
                copy(&batch, series, &labels.filtered(|name| name != label), &mut kept);
            } else {
                dropped += (series.samples.len() + series.histograms.len()) as u64;
            }
        }
        kept.metadata = batch.metadata;
        Counters::add(&self.counters.replica_samples, dropped);
        kept
    }

    fn place_of(&self, batch: &MetricBatch, series: &BatchSeries) -> Option<()> {
        let packed = batch.packed_labels(series);
        let name = self.options.replica_label.as_bytes();
        // Cheap first: most batches of most senders have no such label.
        memchr::memmem::find(packed, name)?;
        batch.labels(series).get(&self.options.replica_label).map(|_| ())
    }

    fn is_elected(&self, tenant: &TenantId, cluster: &str, replica: &str) -> bool {
        let now_ms = self.world.clock.now_ms();
        let elected = &mut *self.elected.lock();
        let key = (tenant.clone(), cluster.to_owned());
        let failover_ms = i64::try_from(self.options.failover.as_millis()).unwrap_or(i64::MAX);
        match elected.get_mut(&key) {
            Some(there) if there.replica == replica => {
                there.last_ms = now_ms;
                true
            }
            Some(there) if now_ms.saturating_sub(there.last_ms) <= failover_ms => false,
            Some(there) => {
                tracing::info!(cluster, from = there.replica, to = replica, "another replica");
                *there = Elected { replica: replica.to_owned(), last_ms: now_ms };
                Counters::add(&self.counters.replica_changes, 1);
                true
            }
            None => {
                if elected.len() < CLUSTERS_MAX {
                    let first = Elected { replica: replica.to_owned(), last_ms: now_ms };
                    elected.insert(key, first);
                }
                true
            }
        }
    }
}

impl MetricSink for ReplicaFilter {
    fn write(&self, tenant: &TenantId, batch: MetricBatch, ack: Acknowledge) -> WriteFuture<'_> {
        let kept = self.filter(tenant, batch);
        self.inner.write(tenant, kept, ack)
    }
}

fn copy(from: &MetricBatch, series: &BatchSeries, labels: &Labels, to: &mut MetricBatch) {
    let mut builder = to.push_series(labels);
    for row in series.samples.start as usize..series.samples.end as usize {
        if let (Some(time), Some(value)) = (from.timestamps_ms.get(row), from.values.get(row)) {
            let start = from.start_timestamps_ms.get(row).copied().unwrap_or(0);
            builder.sample_started(*time, *value, start);
        }
    }
    let histograms = series.histograms.start as usize..series.histograms.end as usize;
    for point in from.histograms.get(histograms).unwrap_or(&[]) {
        builder.histogram(point.clone());
    }
    let exemplars = series.exemplars.start as usize..series.exemplars.end as usize;
    for exemplar in from.exemplars.get(exemplars).unwrap_or(&[]) {
        builder.exemplar(exemplar.clone());
    }
}
