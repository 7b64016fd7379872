//! What a job that was changed leaves to the next: series that live on, or end.

use std::collections::HashMap;
use std::time::Duration;

use vigie_model::{Labels, MetricBatch, stale_nan};

use super::report::ReportSeries;
use crate::config::ScrapeConfig;

/// Living series by the labels of their target; a target that was down has none besides `up`
/// and its companions, and is there nevertheless.
pub(super) type Inheritance = HashMap<Labels, Vec<Labels>>;

/// How long heirs may take to be found by discoveries that have to ask or read.
const GRACE_MIN: Duration = Duration::from_secs(10);

/// For how long a job with `config` keeps what no target has taken yet. Targets that are written
/// down are there at once.
pub(super) fn grace(config: &ScrapeConfig) -> Duration {
    let discovery = &config.discovery;
    let only_static = discovery.file.is_empty()
        && discovery.http.is_empty()
        && discovery.dns.is_empty()
        && discovery.kubernetes.is_empty()
        && discovery.docker.is_empty()
        && discovery.consul.is_empty();
    if only_static {
        return Duration::ZERO;
    }
    Duration::from_millis(config.scrape_interval.0).max(GRACE_MIN)
}

/// The end of everything in `inheritance`.
pub(super) fn end(inheritance: &Inheritance, config: &ScrapeConfig, now_ms: i64) -> MetricBatch {
    let mut batch = MetricBatch::new();
    for (target, living) in inheritance {
        for labels in living {
            batch.push_series(labels).sample(now_ms, stale_nan());
        }
        ReportSeries::new(target, config, 0).push_stale(&mut batch, now_ms);
    }
    batch
}
