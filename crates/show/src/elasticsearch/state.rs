//! What the API's handlers work with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use vigie_model::LogSink;
use vigie_store::Store;
use vigie_world::World;

use super::contexts::Contexts;
use super::metadata::Tenants;
use crate::{Counter, Telemetry};

/// Everything that the Elasticsearch API serves from.
#[derive(Debug, Clone)]
pub struct ElasticsearchState {
    /// Where documents are read.
    pub store: Arc<Store>,
    /// Where documents are written: the store, or the pipeline before it.
    pub sink: Arc<dyn LogSink>,
    /// Clock and disk.
    pub world: World,
    /// Own telemetry.
    pub telemetry: Arc<Telemetry>,
    /// What is told and how much is allowed.
    pub options: ElasticsearchOptions,
}

/// What is told and how much is allowed.
#[derive(Debug, Clone)]
pub struct ElasticsearchOptions {
    /// The version that clients compare.
    pub version: String,
    /// Where mappings, templates and the like are kept.
    pub folder: PathBuf,
    /// How long a search may take.
    pub search_timeout: Duration,
    /// Searches that run at once; more wait.
    pub search_concurrency_max: usize,
    /// Writes that run at once; more wait.
    pub write_concurrency_max: usize,
}

impl ElasticsearchOptions {
    /// The defaults, with mappings and templates kept in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            version: "8.5.3".to_owned(),
            folder: folder.into(),
            search_timeout: Duration::from_mins(2),
            search_concurrency_max: 8,
            write_concurrency_max: 32,
        }
    }
}

/// What handlers share.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) state: ElasticsearchState,
    pub(super) tenants: Tenants,
    pub(super) contexts: Contexts,
    pub(super) read_slots: Semaphore,
    pub(super) write_slots: Semaphore,
    pub(super) runtime: Handle,
    pub(super) documents: Counter,
    pub(super) refused: Counter,
}

impl Api {
    pub(super) fn new(state: ElasticsearchState) -> Self {
        let telemetry = &state.telemetry;
        let documents = telemetry.counter(
            "vigie_show_elasticsearch_documents_total",
            "Documents written, updated or deleted by the Elasticsearch API.",
            &[],
        );
        let refused = telemetry.counter(
            "vigie_show_elasticsearch_refused_documents_total",
            "Documents refused by the Elasticsearch API.",
            &[],
        );
        Self {
            tenants: Tenants::new(state.options.folder.clone(), state.world.clone()),
            contexts: Contexts::default(),
            read_slots: Semaphore::new(state.options.search_concurrency_max.max(1)),
            write_slots: Semaphore::new(state.options.write_concurrency_max.max(1)),
            runtime: Handle::current(),
            documents,
            refused,
            state,
        }
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.state.world.clock.now_ms()
    }
}
