//! The series that tell how a scrape went: `up` and its companions.

use vigie_model::{Labels, MetricBatch, stale_nan};

use super::ingest::{IngestCounts, report_labels};
use crate::config::ScrapeConfig;

/// How a scrape went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    /// Whether it succeeded.
    pub up: bool,
    /// How long it took.
    pub duration_seconds: f64,
    /// What it brought.
    pub counts: IngestCounts,
    /// Size of the body, -1 when it was over the limit.
    pub body_bytes: i64,
}

/// Labels of the report series of one target, made once.
#[derive(Debug)]
pub(super) struct ReportSeries {
    labels: Vec<Labels>,
    timeout_seconds: f64,
    sample_limit: f64,
}

const NAMES: [&str; 8] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
    // Only with `extra_scrape_metrics`.
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];

impl ReportSeries {
    /// The report series of a target with these labels.
    pub(super) fn new(target: &Labels, config: &ScrapeConfig, timeout_ms: u64) -> Self {
        let extra = config.extra_scrape_metrics == Some(true);
        let count = if extra { NAMES.len() } else { 5 };
        Self {
            labels: NAMES.iter().take(count).map(|name| report_labels(name, target)).collect(),
            timeout_seconds: timeout_ms as f64 / 1_000.0,
            sample_limit: config.sample_limit as f64,
        }
    }

    /// Appends the report to a scrape's batch.
    pub(super) fn push(&self, batch: &mut MetricBatch, timestamp_ms: i64, report: &Report) {
        let values = [
            f64::from(u8::from(report.up)),
            report.duration_seconds,
            report.counts.scraped as f64,
            report.counts.kept as f64,
            report.counts.added as f64,
            self.timeout_seconds,
            self.sample_limit,
            report.body_bytes as f64,
        ];
        for (labels, value) in self.labels.iter().zip(values) {
            batch.push_series(labels).sample(timestamp_ms, value);
        }
    }

    /// Appends the end of all report series.
    pub(super) fn push_stale(&self, batch: &mut MetricBatch, timestamp_ms: i64) {
        for labels in &self.labels {
            batch.push_series(labels).sample(timestamp_ms, stale_nan());
        }
    }
}
