//! The sink that stands before the store.

use std::sync::Arc;

use vigie_model::{Acknowledge, MetricBatch, MetricSink, TenantId, WriteFuture};

use super::Lanes;

/// Writes to the store, and queues for each remote what the store took.
#[derive(Debug)]
pub struct TeeSink {
    store: Arc<dyn MetricSink>,
    remotes: Lanes,
}

impl TeeSink {
    pub(super) fn new(store: Arc<dyn MetricSink>, remotes: Lanes) -> Self {
        Self { store, remotes }
    }
}

impl MetricSink for TeeSink {
    fn write(&self, tenant: &TenantId, batch: MetricBatch, ack: Acknowledge) -> WriteFuture<'_> {
        let lanes = Arc::clone(&self.remotes.read());
        // The configuration file is the default tenant's; samples of others never leave by it.
        if lanes.is_empty() || *tenant != TenantId::default_tenant() {
            return self.store.write(tenant, batch, ack);
        }
        // Requests are made first, because the store keeps the batch.
        let prepared: Vec<_> =
            lanes.iter().map(|lane| (Arc::clone(lane), lane.outgoing.prepare(&batch))).collect();
        let written = self.store.write(tenant, batch, ack);
        Box::pin(async move {
            let report = written.await?;
            let queued = tokio::task::spawn_blocking(move || {
                for (lane, records) in prepared {
                    lane.queue.append(&records);
                }
            });
            if let Err(error) = queued.await {
                tracing::error!(%error, "samples could not be queued for remotes");
            }
            Ok(report)
        })
    }
}
