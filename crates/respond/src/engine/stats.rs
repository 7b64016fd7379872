//! Numbers: what came in, what went out, how long it took and what went wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::log::LogKey;
use crate::notify::{NotifyError, NotifyFailure};

/// Upper bounds of the latency histogram, as Alertmanager has them.
pub const LATENCY_BOUNDS_SECONDS: [f64; 6] = [1.0, 5.0, 10.0, 15.0, 20.0, 60.0];

/// How one integration of a receiver does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeliveryStats {
    /// Notifications that were begun.
    pub notifications: u64,
    /// Notifications that were given up, by what kind of failure.
    pub failed: BTreeMap<NotifyFailure, u64>,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that failed.
    pub attempts_failed: u64,
    /// Attempts by how long they took: counts per bound of [`LATENCY_BOUNDS_SECONDS`], then more.
    pub latency: [u64; LATENCY_BOUNDS_SECONDS.len() + 1],
    /// How long all attempts took together.
    pub latency_sum_seconds: f64,
    /// The last error and when, in milliseconds since the epoch.
    pub last_error: Option<(i64, String)>,
    /// When somebody was told last.
    pub last_success_ms: Option<i64>,
}

impl DeliveryStats {
    pub(super) fn attempted(&mut self, took_ms: u64, error: Option<&NotifyError>, now_ms: i64) {
        let seconds = took_ms as f64 / 1_000.0;
        self.attempts += 1;
        self.latency_sum_seconds += seconds;
        let bucket = LATENCY_BOUNDS_SECONDS.iter().position(|bound| seconds <= *bound);
        let bucket = bucket.unwrap_or(LATENCY_BOUNDS_SECONDS.len());
        if let Some(count) = self.latency.get_mut(bucket) {
            *count += 1;
        }
        match error {
            Some(error) => {
                self.attempts_failed += 1;
                self.last_error = Some((now_ms, error.reason.clone()));
            }
            None => self.last_success_ms = Some(now_ms),
        }
    }
}

/// Numbers of an engine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EngineStats {
    /// Alerts that came firing.
    pub received_firing: u64,
    /// Alerts that came resolved.
    pub received_resolved: u64,
    /// Alerts that were refused.
    pub alerts_invalid: u64,
    /// Alerts that found no group because there are too many.
    pub groups_limited: u64,
    /// Flushes.
    pub flushes: u64,
    /// Notifications that were not sent, by what held them back.
    pub suppressed: BTreeMap<&'static str, u64>,
    /// How each integration does, by receiver, kind and place.
    pub deliveries: BTreeMap<(Arc<str>, Arc<str>, u32), DeliveryStats>,
}

impl EngineStats {
    pub(super) fn suppressed(&mut self, reason: &'static str, alerts: usize) {
        if alerts > 0 {
            *self.suppressed.entry(reason).or_default() += alerts as u64;
        }
    }

    pub(super) fn of(&mut self, key: &LogKey) -> &mut DeliveryStats {
        let key = (Arc::clone(&key.receiver), Arc::clone(&key.integration), key.index);
        self.deliveries.entry(key).or_default()
    }
}
