//! Counters, gauges and histograms: handles that many parts may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vigie_formats::float::float_to_api_string;

use super::ExpositionText;

/// Bounds for durations of requests, in seconds: from a query answered from memory to a timeout.
pub const DURATION_BOUNDS_SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Counts one more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Counts `count` more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Goes up and down.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Gauge {
    /// Is `value` from now on.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Changes by `difference`.
    pub fn add(&self, difference: f64) {
        let change = |bits| Some((f64::from_bits(bits) + difference).to_bits());
        // The closure always gives a value, so that the update cannot fail.
        let _changed = self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    /// What it is.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// How often values fell below each bound.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<HistogramCells>);

#[derive(Debug)]
struct HistogramCells {
    bounds: &'static [f64],
    // One more than bounds: the last is +Inf. Not cumulative.
    counts: Vec<AtomicU64>,
    sum: Gauge,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(HistogramCells { bounds, counts, sum: Gauge::default() }))
    }

    /// Counts `value`.
    pub fn observe(&self, value: f64) {
        let at = self.0.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.0.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.0.sum.add(value);
    }
}

#[derive(Debug, Clone)]
pub(super) enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl Instrument {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    pub(super) fn write(&self, text: &mut ExpositionText, name: &str, labels: &[(&str, &str)]) {
        match self {
            Self::Counter(counter) => text.sample(name, labels, counter.value() as f64),
            Self::Gauge(gauge) => text.sample(name, labels, gauge.value()),
            Self::Histogram(histogram) => write_histogram(&histogram.0, text, name, labels),
        }
    }
}

fn write_histogram(
    cells: &HistogramCells,
    text: &mut ExpositionText,
    name: &str,
    labels: &[(&str, &str)],
) {
    let bucket = format!("{name}_bucket");
    let bounds = cells.bounds.iter().copied().chain([f64::INFINITY]);
    let mut total = 0;
    for (bound, count) in bounds.zip(&cells.counts) {
        total += count.load(Ordering::Relaxed);
        let bound = float_to_api_string(bound);
        let mut labels = labels.to_vec();
        labels.push(("le", &bound));
        text.sample(&bucket, &labels, total as f64);
    }
    text.sample(&format!("{name}_sum"), labels, cells.sum.value());
    text.sample(&format!("{name}_count"), labels, total as f64);
}
