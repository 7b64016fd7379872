//! Alerts that wait for one Alertmanager: of each the newest state only.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use vigie_model::{Alert, Labels};

use super::metrics::Destination;

/// Most alerts that wait; those that have waited longest are dropped then.
pub(super) const QUEUE_MAX: usize = 10_000;

/// Most alerts of one request.
pub(super) const BATCH_MAX: usize = 256;

/// A queue of alerts.
#[derive(Debug)]
pub(super) struct AlertQueue {
    waiting: Mutex<IndexMap<Labels, Alert>>,
    destination: Arc<Destination>,
    pub(super) changed: Notify,
}

impl AlertQueue {
    pub(super) fn new(destination: Arc<Destination>) -> Self {
        Self { waiting: Mutex::default(), destination, changed: Notify::new() }
    }

    /// Adds alerts; each takes the place of an older state of the same.
    pub(super) fn push(&self, alerts: &[Alert]) {
        let mut waiting = self.waiting.lock();
        for alert in alerts {
            waiting.insert(alert.labels.clone(), alert.clone());
        }
        self.drop_oldest(&mut waiting);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Puts back what was not delivered, unless something newer waits already.
    pub(super) fn put_back(&self, alerts: Vec<Alert>) {
        let mut waiting = self.waiting.lock();
        let newer = std::mem::take(&mut *waiting);
        waiting.extend(alerts.into_iter().map(|alert| (alert.labels.clone(), alert)));
        waiting.extend(newer);
        self.drop_oldest(&mut waiting);
    }

    /// The alerts of the next request; empty when nothing waits.
    pub(super) fn take(&self) -> Vec<Alert> {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(BATCH_MAX);
        let batch = waiting.drain(..count).map(|(_, alert)| alert).collect();
        self.destination.queue_length.store(waiting.len() as u64, Ordering::Relaxed);
        batch
    }

    fn drop_oldest(&self, waiting: &mut IndexMap<Labels, Alert>) {
        let over = waiting.len().saturating_sub(QUEUE_MAX);
        if over > 0 {
            waiting.drain(..over);
            self.destination.dropped.fetch_add(over as u64, Ordering::Relaxed);
            tracing::warn!(dropped = over, "too many alerts wait for an Alertmanager");
        }
        self.destination.queue_length.store(waiting.len() as u64, Ordering::Relaxed);
    }
}
