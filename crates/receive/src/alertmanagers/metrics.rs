//! What the delivery of alerts says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;

/// Numbers of one Alertmanager.
#[derive(Debug, Default)]
pub struct Destination {
    /// Alerts that it took.
    pub sent: AtomicU64,
    /// Alerts that were in requests that failed.
    pub errors: AtomicU64,
    /// Alerts that were given up.
    pub dropped: AtomicU64,
    /// Alerts that wait.
    pub queue_length: AtomicU64,
    /// Requests.
    pub requests: AtomicU64,
    /// How long they took together, in microseconds.
    pub request_duration_us: AtomicU64,
}

/// Numbers of all Alertmanagers, by address.
#[derive(Debug, Default)]
pub struct AlertmanagerMetrics(Mutex<BTreeMap<String, Arc<Destination>>>);

impl AlertmanagerMetrics {
    /// The numbers of the one at `url`.
    pub(super) fn destination(&self, url: &str) -> Arc<Destination> {
        Arc::clone(self.0.lock().entry(url.to_owned()).or_default())
    }

    /// All, by address.
    pub fn destinations(&self) -> Vec<(String, Arc<Destination>)> {
        self.0.lock().iter().map(|(url, numbers)| (url.clone(), Arc::clone(numbers))).collect()
    }
}
