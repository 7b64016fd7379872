//! What the target page and the API show of scraping.

use std::sync::Arc;

use vigie_model::{Labels, Metadata};

use crate::config::ScrapeConfig;

/// How a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum TargetHealth {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// The last scrape succeeded.
    Up,
    /// The last scrape failed.
    Down,
}

impl TargetHealth {
    /// The word of Prometheus' API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetStatus {
    /// The job's name, which is its pool's.
    pub scrape_pool: Arc<str>,
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// Labels of all its series.
    pub labels: Labels,
    /// The address that is scraped.
    pub scrape_url: String,
    /// The same, as others reach it (`localhost` replaced by this host's name).
    pub global_url: String,
    /// Why the last scrape failed; empty when it did not.
    pub last_error: String,
    /// When the last scrape began, milliseconds since the epoch; 0 before the first.
    pub last_scrape_ms: i64,
    /// How long it took, seconds.
    pub last_scrape_duration_seconds: f64,
    /// How the target is.
    pub health: TargetHealth,
    /// How often it is scraped.
    pub scrape_interval_ms: u64,
    /// How long a scrape may take.
    pub scrape_timeout_ms: u64,
}

/// A target that relabelling dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct DroppedTarget {
    /// The job's name.
    pub scrape_pool: Arc<str>,
    /// Labels before relabelling.
    pub discovered_labels: Labels,
}

/// All targets.
#[derive(Debug, Clone, Default)]
pub struct TargetsStatus {
    /// Those that are scraped, by pool, then by labels.
    pub active: Vec<TargetStatus>,
    /// Those that were dropped, as many as `keep_dropped_targets` allows.
    pub dropped: Vec<DroppedTarget>,
    /// How many were dropped, by pool.
    pub dropped_counts: Vec<(Arc<str>, usize)>,
}

/// A job as it runs.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    /// The job's name.
    pub name: Arc<str>,
    /// Its configuration.
    pub config: Arc<ScrapeConfig>,
    /// Targets that are scraped.
    pub active_count: usize,
    /// Targets that relabelling dropped.
    pub dropped_count: usize,
    /// Why no target can be made (more than `target_limit`, labels that do not work), or empty.
    pub last_error: String,
}

/// A discovery as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryStatus {
    /// The job it works for.
    pub scrape_pool: Arc<str>,
    /// The mechanism: `static`, `file`, `kubernetes`, ...
    pub mechanism: &'static str,
    /// Its place among the job's discoveries of that mechanism.
    pub index: usize,
    /// Targets that it knows.
    pub target_count: usize,
    /// What is wrong for the moment; empty when nothing is.
    pub last_error: String,
    /// When it last changed or failed, milliseconds since the epoch.
    pub last_update_ms: i64,
}

/// Metadata of one metric of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetMetadata {
    /// The target's labels.
    pub target: Labels,
    /// The metric family's name.
    pub metric: String,
    /// Type, help and unit.
    pub metadata: Metadata,
}
