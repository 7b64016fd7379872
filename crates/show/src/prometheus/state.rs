//! What the API's handlers work with.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use vigie_model::{Labels, MetricSink};
use vigie_query::Engine;
use vigie_store::Store;
use vigie_world::World;

use super::{RuleBook, TargetSource};
use crate::Telemetry;

/// Everything that the Prometheus API serves from.
#[derive(Debug)]
pub struct PrometheusState {
    /// Where data is read.
    pub store: Arc<Store>,
    /// Where data is written: the store, or the pipeline before it.
    pub sink: Arc<dyn MetricSink>,
    /// What answers queries.
    pub engine: Arc<Engine>,
    /// What is scraped.
    pub targets: Arc<dyn TargetSource>,
    /// What rules there are and what they found.
    pub rules: Arc<dyn RuleBook>,
    /// Who runs the process: reload, quit, configuration.
    pub operator: Arc<dyn Operator>,
    /// Own telemetry, shown by `/metrics`.
    pub telemetry: Arc<Telemetry>,
    /// Clock and disk.
    pub world: World,
    /// What is allowed and how much.
    pub options: PrometheusOptions,
    /// Version and origin of the binary.
    pub build: BuildInformation,
    /// Command line flags, as `/api/v1/status/flags` shows them.
    pub flags: BTreeMap<String, String>,
}

/// How a reload went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadOutcome {
    /// Whether the configuration on disk is the one that runs.
    pub is_success: bool,
    /// When it was tried, milliseconds since the epoch.
    pub at_ms: i64,
}

/// What the binary does when somebody asks for it over HTTP.
pub trait Operator: Send + Sync + fmt::Debug {
    /// Whether everything is started.
    fn is_ready(&self) -> bool;
    /// Whether the end has begun.
    fn is_stopping(&self) -> bool;
    /// Reads the configuration again; all or nothing. The error says what is wrong with it.
    fn reload(&self) -> BoxFuture<'_, Result<(), String>>;
    /// Begins the end.
    fn quit(&self);
    /// The configuration that runs, as YAML.
    fn configuration(&self) -> Arc<str>;
    /// `global.external_labels`.
    fn external_labels(&self) -> Labels;
    /// How the last reload (or the start) went.
    fn last_reload(&self) -> ReloadOutcome;
}

/// What is allowed and how much; the names are Prometheus' flags'.
#[derive(Debug, Clone)]
pub struct PrometheusOptions {
    /// `--web.enable-admin-api`
    pub enable_admin_api: bool,
    /// `--web.enable-lifecycle`
    pub enable_lifecycle: bool,
    /// `--web.enable-remote-write-receiver`
    pub enable_remote_write_receiver: bool,
    /// `--query.lookback-delta`
    pub lookback: Duration,
    /// `--query.timeout`
    pub query_timeout: Duration,
    /// `--query.max-samples`
    pub query_samples_max: u64,
    /// `--query.max-concurrency`
    pub query_concurrency_max: usize,
    /// `--storage.remote.read-sample-limit`
    pub remote_read_samples_max: u64,
    /// `--storage.remote.read-max-bytes-in-frame`
    pub remote_read_frame_bytes_max: usize,
    /// Largest remote write request once decompressed.
    pub write_bytes_max: usize,
    /// Retention, as `/api/v1/status/runtimeinfo` shows it.
    pub retention_text: String,
}

impl Default for PrometheusOptions {
    fn default() -> Self {
        Self {
            enable_admin_api: false,
            enable_lifecycle: false,
            enable_remote_write_receiver: true,
            lookback: Duration::from_mins(5),
            query_timeout: Duration::from_mins(2),
            query_samples_max: 50_000_000,
            query_concurrency_max: 20,
            remote_read_samples_max: 50_000_000,
            remote_read_frame_bytes_max: 1 << 20,
            write_bytes_max: 64 << 20,
            retention_text: "15d".to_owned(),
        }
    }
}

/// Version and origin of the binary, under the names of Prometheus' `buildinfo`.
#[derive(Debug, Clone)]
pub struct BuildInformation {
    /// The version that clients compare: Prometheus' whose API is served.
    pub version: String,
    /// Commit.
    pub revision: String,
    /// Branch.
    pub branch: String,
    /// Who built it.
    pub build_user: String,
    /// When it was built.
    pub build_date: String,
    /// The compiler; the field is called `goVersion` in answers.
    pub compiler: String,
}

impl Default for BuildInformation {
    fn default() -> Self {
        Self {
            version: "3.14.0".to_owned(),
            revision: "unknown".to_owned(),
            branch: "main".to_owned(),
            build_user: String::new(),
            build_date: String::new(),
            compiler: "rust".to_owned(),
        }
    }
}
