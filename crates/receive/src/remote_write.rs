//! Remote write to others: what the store took is queued on disk and sent until it is taken.
//!
//! [`RemoteWriters::sink`] stands before the store. A batch that the store took becomes requests
//! in the queue of each remote (`remote_write/<name>` in the data folder); senders of each remote
//! deliver them, those of a target in order, at least once. The store never waits for a remote.

mod metrics;
mod outgoing;
mod queue;
mod record;
mod sender;
mod shard;
mod tee;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigie_model::MetricSink;
use vigie_world::{EntryKind, World};

pub use metrics::RemoteWriteMetrics;
use outgoing::Outgoing;
use queue::Queue;
use sender::Sender;
use shard::Shard;
pub use tee::TeeSink;

use crate::config::{Config, RemoteWriteConfig};
use vigie_dial::{CloudCredentials, HttpClient, HttpEnvironment};

/// Most bytes that wait for one remote; the oldest are dropped then.
pub const QUEUE_BYTES_MAX: u64 = 2 << 30;

/// What a batch meets on its way to one remote.
#[derive(Debug)]
struct Lane {
    outgoing: Outgoing,
    queue: Arc<Queue>,
}

/// Lanes of all remotes, replaced as a whole by a reload.
type Lanes = Arc<RwLock<Arc<Vec<Arc<Lane>>>>>;

#[derive(Debug)]
struct Remote {
    config: RemoteWriteConfig,
    external_labels: BTreeMap<String, String>,
    lane: Arc<Lane>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

/// All remotes of a configuration.
#[derive(Debug)]
pub struct RemoteWriters {
    world: World,
    folder: PathBuf,
    environment: HttpEnvironment,
    queue_bytes_max: u64,
    metrics: Arc<RemoteWriteMetrics>,
    lanes: Lanes,
    remotes: tokio::sync::Mutex<BTreeMap<String, Remote>>,
}

impl RemoteWriters {
    /// No remotes yet. Their queues are in `remote_write` of `data_folder`.
    pub fn new(
        world: World,
        data_folder: impl Into<PathBuf>,
        environment: HttpEnvironment,
    ) -> Self {
        Self {
            world,
            folder: data_folder.into().join("remote_write"),
            environment,
            queue_bytes_max: QUEUE_BYTES_MAX,
            metrics: Arc::default(),
            lanes: Arc::default(),
            remotes: tokio::sync::Mutex::default(),
        }
    }

    /// Limits each queue to `bytes`.
    pub fn with_queue_bytes_max(mut self, bytes: u64) -> Self {
        self.queue_bytes_max = bytes;
        self
    }

    /// A sink that writes to `store`, and sends on what the store took.
    pub fn sink(&self, store: Arc<dyn MetricSink>) -> Arc<dyn MetricSink> {
        Arc::new(TeeSink::new(store, Arc::clone(&self.lanes)))
    }

    /// Own telemetry.
    pub fn metrics(&self) -> &Arc<RemoteWriteMetrics> {
        &self.metrics
    }

    /// Brings the remotes in step with `config`. Unchanged ones go on; a changed one keeps its
    /// queue; what waits for one that is gone is dropped. Fails before anything changed.
    pub async fn apply(&self, config: &Config) -> Result<(), String> {
        let mut remotes = self.remotes.lock().await;
        let external = &config.global.external_labels;
        let mut wanted = BTreeMap::new();
        for entry in &config.remote_write {
            let failed = |error: String| format!("remote_write {:?}: {error}", entry.url);
            if entry.google_iam.is_some() {
                let why = "google_iam is reserved: Google Cloud takes no remote write";
                return Err(failed(why.to_owned()));
            }
            let outgoing = Outgoing::compile(entry, external).map_err(failed)?;
            let credentials = match (&entry.sigv4, &entry.azuread) {
                (Some(config), _) => Some(CloudCredentials::Aws(config.clone(), "aps")),
                (_, Some(config)) => Some(CloudCredentials::Azure(config.clone())),
                (None, None) => None,
            };
            let (http, environment, world) = (&entry.http, &self.environment, &self.world);
            let client = match credentials {
                Some(credentials) => {
                    HttpClient::with_credentials(http, credentials, environment, world)
                }
                None => HttpClient::new(http, environment, world),
            };
            let client = client.map_err(|error| failed(error.to_string()))?;
            wanted.insert(folder_name(entry, &wanted), (entry, outgoing, client));
        }
        let mut ended = BTreeMap::new();
        for (name, remote) in std::mem::take(&mut *remotes) {
            let same = wanted.get(&name).is_some_and(|(entry, ..)| {
                **entry == remote.config && *external == remote.external_labels
            });
            if same {
                wanted.remove(&name);
                remotes.insert(name, remote);
            } else {
                ended.insert(name, remote.stop().await);
            }
        }
        for (name, (entry, outgoing, client)) in wanted {
            let queue = match ended.remove(&name) {
                Some(queue) => queue,
                None => self.open(&name).await?,
            };
            let remote = self.start(entry, external, Lane { outgoing, queue }, client);
            remotes.insert(name, remote);
        }
        let lanes = remotes.values().map(|remote| Arc::clone(&remote.lane)).collect();
        *self.lanes.write() = Arc::new(lanes);
        for queue in ended.into_values() {
            queue.remove();
        }
        self.remove_unused(&remotes);
        Ok(())
    }

    async fn open(&self, name: &str) -> Result<Arc<Queue>, String> {
        let (world, folder) = (self.world.clone(), self.folder.join(name));
        let (limit, metrics) = (self.queue_bytes_max, Arc::clone(&self.metrics));
        let shown = folder.display().to_string();
        let opened =
            tokio::task::spawn_blocking(move || Queue::open(world, folder, limit, metrics)).await;
        let opened = opened.map_err(|error| error.to_string())?;
        opened.map(Arc::new).map_err(|error| format!("remote write queue {shown}: {error}"))
    }

    fn start(
        &self,
        config: &RemoteWriteConfig,
        external_labels: &BTreeMap<String, String>,
        lane: Lane,
        client: HttpClient,
    ) -> Remote {
        let cancel = CancellationToken::new();
        let shared = Shard {
            config: config.clone(),
            version: lane.outgoing.version,
            client,
            metrics: Arc::clone(&self.metrics),
            world: self.world.clone(),
            stopping: CancellationToken::new(),
        };
        let sender = Sender::new(shared, Arc::clone(&lane.queue));
        let task = tokio::spawn(sender.run(cancel.clone()));
        Remote {
            config: config.clone(),
            external_labels: external_labels.clone(),
            lane: Arc::new(lane),
            cancel,
            task,
        }
    }

    /// Removes queues of remotes that an earlier run had.
    fn remove_unused(&self, remotes: &BTreeMap<String, Remote>) {
        for entry in self.world.disk.list(&self.folder).unwrap_or_default() {
            if entry.kind == EntryKind::Folder && !remotes.contains_key(&entry.name) {
                queue::remove_folder(&self.world, &self.folder.join(&entry.name));
            }
        }
    }

    /// Stops sending. What a remote does not take within five seconds waits on disk.
    pub async fn stop(&self) {
        let remotes = std::mem::take(&mut *self.remotes.lock().await);
        futures::future::join_all(remotes.into_values().map(Remote::stop)).await;
    }
}

impl Remote {
    async fn stop(self) -> Arc<Queue> {
        self.cancel.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task of a remote ended badly");
        }
        Arc::clone(&self.lane.queue)
    }
}

/// A folder's name for a remote: stays the same while its name, or without one its address, does.
fn folder_name<T>(config: &RemoteWriteConfig, taken: &BTreeMap<String, T>) -> String {
    let key = if config.name.is_empty() { &config.url } else { &config.name };
    let hash = crate::fingerprint(key.as_bytes());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let readable: String =
        config.name.chars().map(|c| if allowed(c) { c } else { '_' }).take(60).collect();
    let base = if readable.is_empty() {
        format!("{hash:016x}")
    } else {
        format!("{readable}-{hash:016x}")
    };
    let more = (2..).map(|number| format!("{base}-{number}"));
    let free: HashSet<&String> = taken.keys().collect();
    std::iter::once(base.clone())
        .chain(more)
        .find(|name| !free.contains(name))
        .unwrap_or(base.clone())
}
