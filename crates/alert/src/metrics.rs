//! What the rules count of themselves, under the names that dashboards of Prometheus use.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// Durations that quantiles are taken from: the latest.
const DURATIONS_KEPT: usize = 1_000;

/// Upper bounds of the histograms, in seconds.
pub(crate) const BOUNDS_SECONDS: [f64; 4] = [0.01, 0.1, 1.0, 10.0];

/// Numbers of one group.
#[derive(Debug, Default)]
pub struct GroupNumbers {
    /// Evaluations that were due, whether they took place or not.
    pub scheduled: AtomicU64,
    /// Evaluations that did not take place because the one before took too long.
    pub missed: AtomicU64,
    /// Evaluations of rules.
    pub evaluations: AtomicU64,
    /// Evaluations of rules that failed.
    pub failures: AtomicU64,
    /// Rules.
    pub rules: AtomicU64,
    /// Milliseconds between evaluations.
    pub interval_ms: AtomicU64,
    /// When it was last evaluated, milliseconds since the epoch.
    pub last_evaluation_ms: AtomicU64,
    /// How long that took, in microseconds.
    pub last_duration_us: AtomicU64,
    /// The sum over its rules, in microseconds.
    pub last_rule_duration_sum_us: AtomicU64,
    /// How long state was restored, in microseconds.
    pub last_restore_duration_us: AtomicU64,
    /// Samples of the last evaluation.
    pub last_samples: AtomicU64,
}

/// A summary: how many, how long together, and the latest.
#[derive(Debug, Default)]
struct Durations {
    count: u64,
    sum: Duration,
    buckets: [u64; BOUNDS_SECONDS.len()],
    latest: VecDeque<Duration>,
}

/// A summary of durations at one moment.
#[derive(Debug, Clone, Default)]
pub struct DurationSummary {
    /// How many.
    pub count: u64,
    /// Together, in seconds.
    pub sum_seconds: f64,
    /// (upper bound in seconds, how many were not longer)
    pub buckets: Vec<(f64, u64)>,
    sorted: Vec<Duration>,
}

impl DurationSummary {
    /// The quantile `q` of the latest durations, in seconds; NaN when there is none.
    pub fn quantile(&self, q: f64) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let at = (q * last as f64).round() as usize;
        self.sorted.get(at).map_or(f64::NAN, Duration::as_secs_f64)
    }
}

impl Durations {
    fn observe(&mut self, duration: Duration) {
        self.count += 1;
        self.sum += duration;
        for (bound, bucket) in BOUNDS_SECONDS.iter().zip(&mut self.buckets) {
            *bucket += u64::from(duration.as_secs_f64() <= *bound);
        }
        if self.latest.len() == DURATIONS_KEPT {
            self.latest.pop_front();
        }
        self.latest.push_back(duration);
    }

    fn summary(&self) -> DurationSummary {
        let mut sorted: Vec<Duration> = self.latest.iter().copied().collect();
        sorted.sort_unstable();
        DurationSummary {
            count: self.count,
            sum_seconds: self.sum.as_secs_f64(),
            buckets: BOUNDS_SECONDS.into_iter().zip(self.buckets).collect(),
            sorted,
        }
    }
}

/// Numbers of all groups.
#[derive(Debug, Default)]
pub struct RuleMetrics {
    groups: Mutex<BTreeMap<String, Arc<GroupNumbers>>>,
    rule: Mutex<Durations>,
    iteration: Mutex<Durations>,
    /// Alerts that were handed on.
    pub alerts_sent: AtomicU64,
}

impl RuleMetrics {
    /// The numbers of group `key`, from 0 when it is new.
    pub(crate) fn group(&self, key: &str) -> Arc<GroupNumbers> {
        Arc::clone(self.groups.lock().entry(key.to_owned()).or_default())
    }

    /// Forgets group `key`.
    pub(crate) fn forget(&self, key: &str) {
        self.groups.lock().remove(key);
    }

    pub(crate) fn observe_rule(&self, duration: Duration) {
        self.rule.lock().observe(duration);
    }

    pub(crate) fn observe_iteration(&self, duration: Duration) {
        self.iteration.lock().observe(duration);
    }

    /// All groups by key.
    pub fn groups(&self) -> Vec<(String, Arc<GroupNumbers>)> {
        let groups = self.groups.lock();
        groups.iter().map(|(key, numbers)| (key.clone(), Arc::clone(numbers))).collect()
    }

    /// How long rules took.
    pub fn rule_durations(&self) -> DurationSummary {
        self.rule.lock().summary()
    }

    /// How long groups took.
    pub fn iteration_durations(&self) -> DurationSummary {
        self.iteration.lock().summary()
    }
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

pub(crate) fn set(gauge: &AtomicU64, to: u64) {
    gauge.store(to, Ordering::Relaxed);
}

pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
