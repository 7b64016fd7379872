//! How a store is opened.

use std::path::PathBuf;
use std::time::Duration;

use crate::policy::{CardinalityLimits, Downsampling, ReplicaOptions, RetentionRule};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Folder of the log, the local parts and the default catalog.
    pub data: PathBuf,
    /// Where parts live: `None` for the data folder, otherwise `s3://`, `gs://` or `az://`.
    pub parts_url: Option<String>,
    /// Settings of the object store, by the keys of the crate `object_store`.
    pub parts_options: Vec<(String, String)>,
    /// The environment, of which the object store takes what it knows (`AWS_*`, `GOOGLE_*`,
    /// `AZURE_*`).
    pub parts_environment: Vec<(String, String)>,
    /// Where the catalog of parts lives: `None` for SQLite in the data folder, otherwise
    /// `postgres://`.
    pub catalog_url: Option<String>,
    /// Points older than this are removed; `None` keeps all.
    pub retention: Option<Duration>,
    /// Oldest parts are removed while all parts are larger; `None` for no limit.
    pub retention_bytes: Option<u64>,
    /// Retention of series with certain labels.
    pub retention_rules: Vec<RetentionRule>,
    /// What stays of old data.
    pub downsampling: Vec<Downsampling>,
    /// One sample of a series stays for each such interval, whatever its age.
    pub dedup_interval: Option<Duration>,
    /// Identical senders, of which one is listened to.
    pub replicas: Option<ReplicaOptions>,
    /// How much tenants may have at once.
    pub limits: CardinalityLimits,
    /// Documents (logs, spans) older than this are removed part by part; `None` keeps all.
    pub log_retention: Option<Duration>,
    /// Oldest parts of documents of a signal are removed while all are larger; `None` for no limit.
    pub log_retention_bytes: Option<u64>,
    /// Documents of some indices that are kept for a shorter time.
    pub log_rules: Vec<LogRule>,
    /// Writes are refused while less than this is free on the data folder's disk.
    pub free_bytes_min: u64,
    /// Memory that heads and caches may take.
    pub memory_bytes_max: u64,
}

impl StoreOptions {
    /// The defaults, in the folder `data`: 15 days as Prometheus, no limit by size.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            parts_url: None,
            parts_options: Vec::new(),
            parts_environment: Vec::new(),
            catalog_url: None,
            retention: Some(Duration::from_hours(15 * 24)),
            retention_bytes: None,
            retention_rules: Vec::new(),
            downsampling: Vec::new(),
            dedup_interval: None,
            replicas: None,
            limits: CardinalityLimits::default(),
            log_retention: None,
            log_retention_bytes: None,
            log_rules: Vec::new(),
            free_bytes_min: 64 << 20,
            memory_bytes_max: 1 << 30,
        }
    }
}

/// How long documents of some indices are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRule {
    /// Whose; `None` for every tenant's.
    pub tenant: Option<String>,
    /// Name of the index; `*` stands for any characters.
    pub index: String,
    /// How long.
    pub keep: Duration,
}

impl LogRule {
    /// Whether the rule is about the index of this name.
    pub fn matches(&self, name: &str) -> bool {
        let mut pieces = self.index.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        for piece in pieces {
            let Some(at) = rest.find(piece) else { return false };
            rest = rest.get(at + piece.len()..).unwrap_or_default();
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, matches) in [
            ("logs", "logs", true),
            ("logs", "logs-1", false),
            ("logs-*", "logs-1", true),
            ("*-2025.*", "app-2025.11", true),
            ("*-2025.*", "app-2024.11", false),
            ("a*b", "ab", true),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            let index = pattern.to_owned();
            let rule = LogRule { tenant: None, index, keep: Duration::ZERO };
            assert_eq!(rule.matches(name), matches, "{pattern} {name}");
        }
    }
}
