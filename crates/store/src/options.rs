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
            free_bytes_min: 64 << 20,
            memory_bytes_max: 1 << 30,
        }
    }
}
