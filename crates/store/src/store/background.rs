//! What the store does without being asked: seal, compact, retire.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Store;
use crate::StoreError;
use crate::metrics::Counters;

/// How often the task looks around when nothing wakes it.
const INTERVAL: Duration = Duration::from_secs(10);
/// Heads are sealed at the latest after this time.
const HEAD_AGE_MAX: Duration = Duration::from_hours(2);
/// Points of heads take at least this much before they are sealed.
const POINT_BYTES_MIN: u64 = 24 << 20;
/// With many series a head may hold more, so that it is not sealed every few ticks.
const POINT_BYTES_PER_SERIES: u64 = 128;

impl Store {
    /// Starts the task. It ends with the store.
    pub(super) fn start_background(store: &Arc<Self>) {
        let weak = Arc::downgrade(store);
        tokio::spawn(run(weak));
    }

    /// Seals when heads are large or old enough. Returns whether it did.
    pub(super) async fn seal_when_due(&self, sealed_at: &mut Duration) -> Result<bool, StoreError> {
        let (point_bytes, bytes, series) = self.measure();
        self.space.measured(bytes, &self.options);
        let now = self.world.clock.monotonic();
        let limit = (series * POINT_BYTES_PER_SERIES)
            .max(POINT_BYTES_MIN)
            .min(self.options.memory_bytes_max / 3);
        let old = now.saturating_sub(*sealed_at) > HEAD_AGE_MAX;
        // Frozen heads are what an earlier attempt or the replay of the log left behind.
        if !self.is_replayed() || (point_bytes < limit && !old && !self.has_frozen()) {
            return Ok(false);
        }
        {
            let _alone = self.maintenance.lock().await;
            self.seal().await?;
        }
        *sealed_at = now;
        self.space.measured(self.measure().1, &self.options);
        Ok(true)
    }

    /// Seals documents when heads are large or old enough.
    async fn tend_documents(&self, sealed_at: &mut Duration) -> Result<(), StoreError> {
        let now = self.world.clock.monotonic();
        let old = now.saturating_sub(*sealed_at) > HEAD_AGE_MAX;
        let due = self.logs.take_due() | self.spans.take_due();
        if due || old {
            let _alone = self.maintenance.lock().await;
            self.seal_documents().await?;
            *sealed_at = now;
        }
        Ok(())
    }

    /// Bytes of points in live heads, bytes of all heads, and series in live heads.
    fn measure(&self) -> (u64, u64, u64) {
        let (mut point_bytes, mut bytes, mut series) = (0, 0, 0);
        for tenant in self.tenants.read().values() {
            let view = tenant.view.read().clone();
            let stats = view.active.stats();
            point_bytes += stats.point_bytes;
            series += stats.series;
            bytes += stats.bytes + view.frozen.map_or(0, |frozen| frozen.stats().bytes);
        }
        (point_bytes, bytes, series)
    }

    fn has_frozen(&self) -> bool {
        self.tenants.read().values().any(|tenant| tenant.view.read().frozen.is_some())
    }

    async fn look_around(&self, (metrics, documents): &mut (Duration, Duration)) {
        match self.seal_when_due(metrics).await {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "heads cannot be sealed now"),
        }
        if let Err(error) = self.tend_documents(documents).await {
            tracing::warn!(%error, "documents cannot be sealed now");
        }
        if let Err(error) = self.tidy_documents().await {
            Counters::add(&self.counters.compaction_failures, 1);
            tracing::warn!(%error, "parts of documents cannot be tidied now");
        }
        if let Err(error) = self.tidy().await {
            Counters::add(&self.counters.compaction_failures, 1);
            tracing::warn!(%error, "parts cannot be compacted now");
        }
    }
}

async fn run(store: Weak<Store>) {
    let mut sealed_at = (Duration::ZERO, Duration::ZERO);
    loop {
        let Some(strong) = store.upgrade() else { return };
        if strong.closed.load(Ordering::Acquire) {
            return;
        }
        strong.look_around(&mut sealed_at).await;
        let (sleep, wake) = (strong.world.clock.sleep(INTERVAL), Arc::clone(&strong.wake));
        // Held while asleep, a forgotten store would stay open.
        drop(strong);
        tokio::select! {
            () = sleep => {}
            () = wake.notified() => {}
        }
    }
}
