//! What the line protocols say of themselves.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all doors together.
#[derive(Debug, Default)]
pub struct LineMetrics {
    samples: AtomicU64,
    lines_wrong: AtomicU64,
    samples_rejected: AtomicU64,
}

impl LineMetrics {
    pub(super) fn count(&self, taken: usize, rejected: usize) {
        self.samples.fetch_add(taken as u64, Ordering::Relaxed);
        self.samples_rejected.fetch_add(rejected as u64, Ordering::Relaxed);
    }

    pub(super) fn count_wrong(&self) {
        self.lines_wrong.fetch_add(1, Ordering::Relaxed);
    }

    /// Name, help and value of each.
    pub fn snapshot(&self) -> Vec<(&'static str, &'static str, u64)> {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        vec![
            (
                "vigie_receive_line_samples_total",
                "Samples that came over Graphite, OpenTSDB and InfluxDB ports.",
                load(&self.samples),
            ),
            (
                "vigie_receive_lines_wrong_total",
                "Lines that could not be read.",
                load(&self.lines_wrong),
            ),
            (
                "vigie_receive_line_samples_rejected_total",
                "Samples of lines that were not kept.",
                load(&self.samples_rejected),
            ),
        ]
    }
}
