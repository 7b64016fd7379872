//! Alerts out, to Alertmanagers elsewhere: `alerting.alertmanagers` of `prometheus.yml`.
//!
//! Every Alertmanager that discovery finds has a queue and a task of its own, so that one that
//! hangs keeps nothing from the others. An alert that waits is replaced by its newer state; what
//! an Alertmanager does not take is tried again, so that the end of an alert is not lost.

mod addresses;
mod metrics;
mod queue;
mod sender;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::ToSocketAddrs as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vigie_dial::{CloudCredentials, HttpClient, HttpEnvironment};
use vigie_model::{Alert, AlertSink, LabelsBuilder, TenantId};
use vigie_world::World;

pub use metrics::{AlertmanagerMetrics, Destination};

use crate::config::{AlertingConfig, AlertmanagerConfig};
use crate::discovery::{self, RunningDiscovery};
use crate::scrape::Relabeler;
use queue::AlertQueue;
use sender::Sender;

/// Changes of discovery that come within this time are taken together.
const SETTLE: Duration = Duration::from_millis(50);

/// Alertmanagers of one entry of the configuration.
#[derive(Debug)]
struct Set {
    config: AlertmanagerConfig,
    relabel: Relabeler,
    alert_relabel: Relabeler,
    client: HttpClient,
    discoveries: Vec<RunningDiscovery>,
    shared: Arc<Shared>,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    running: BTreeMap<String, Running>,
    dropped: Vec<String>,
}

#[derive(Debug)]
struct Running {
    queue: Arc<AlertQueue>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    world: World,
    metrics: Arc<AlertmanagerMetrics>,
    /// Addresses (`host:port`) that are this very process, unless DNS knows them.
    own: BTreeSet<String>,
}

#[derive(Debug)]
struct RunningSet {
    set: Arc<Set>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

/// All Alertmanagers of a configuration.
#[derive(Debug)]
pub struct Alertmanagers {
    shared: Arc<Shared>,
    environment: HttpEnvironment,
    sets: RwLock<Vec<RunningSet>>,
}

impl Alertmanagers {
    /// None yet. Alerts for the addresses of `own` are not sent as long as DNS does not know
    /// them: they reach this process' own dispatcher without a socket.
    pub fn new(world: World, environment: HttpEnvironment, own: BTreeSet<String>) -> Self {
        let shared = Shared { world, metrics: Arc::default(), own };
        Self { shared: Arc::new(shared), environment, sets: RwLock::default() }
    }

    /// Own telemetry.
    pub fn metrics(&self) -> &Arc<AlertmanagerMetrics> {
        &self.shared.metrics
    }

    /// Brings what runs in step with `config`. Fails before anything changed.
    pub async fn apply(&self, config: &AlertingConfig) -> Result<(), String> {
        let mut wanted = Vec::new();
        for entry in &config.alertmanagers {
            let (environment, world) = (&self.environment, &self.shared.world);
            let client = match &entry.sigv4 {
                Some(config) => {
                    let credentials = CloudCredentials::Aws(config.clone(), "aps");
                    HttpClient::with_credentials(&entry.http, credentials, environment, world)
                }
                None => HttpClient::new(&entry.http, environment, world),
            };
            let client = client.map_err(|error| format!("alertmanagers: {error}"))?;
            let relabel = Relabeler::compile(&entry.relabel_configs)?;
            wanted.push((
                entry,
                client,
                relabel,
                Relabeler::compile(&entry.alert_relabel_configs)?,
            ));
        }
        let mut old = std::mem::take(&mut *self.sets.write());
        let mut new = Vec::new();
        for (entry, client, relabel, alert_relabel) in wanted {
            if let Some(at) = old.iter().position(|running| running.set.config == *entry) {
                new.push(old.swap_remove(at));
                continue;
            }
            let changed = Arc::new(Notify::new());
            let world = &self.shared.world;
            let discoveries =
                discovery::start(&entry.discovery, &self.environment, world, &changed);
            let set = Arc::new(Set {
                config: entry.clone(),
                relabel,
                alert_relabel,
                client,
                discoveries,
                shared: Arc::clone(&self.shared),
                found: Mutex::default(),
            });
            set.update().await;
            let cancel = CancellationToken::new();
            let task = tokio::spawn(Arc::clone(&set).follow(changed, cancel.clone()));
            new.push(RunningSet { set, cancel, task });
        }
        *self.sets.write() = new;
        for running in old {
            running.stop().await;
        }
        Ok(())
    }

    /// Stops; what waits is sent first where that takes a moment only.
    pub async fn stop(&self) {
        let sets = std::mem::take(&mut *self.sets.write());
        futures::future::join_all(sets.into_iter().map(RunningSet::stop)).await;
    }

    /// Addresses of those that are told, and of those that relabelling dropped.
    pub fn addresses(&self) -> (Vec<String>, Vec<String>) {
        let (mut active, mut dropped) = (Vec::new(), Vec::new());
        for running in self.sets.read().iter() {
            let found = running.set.found.lock();
            active.extend(found.running.keys().cloned());
            dropped.extend(found.dropped.iter().cloned());
        }
        (active, dropped)
    }
}

impl AlertSink for Alertmanagers {
    fn send(&self, _tenant: &TenantId, alerts: Vec<Alert>) {
        for running in self.sets.read().iter() {
            running.set.send(&alerts);
        }
    }
}

/// Whether the system knows the host of `address`.
async fn resolves(address: String) -> bool {
    let looked_up = tokio::task::spawn_blocking(move || address.to_socket_addrs().is_ok());
    looked_up.await.unwrap_or(false)
}

impl RunningSet {
    async fn stop(self) {
        self.cancel.cancel();
        self.task.abort();
        let running = std::mem::take(&mut self.set.found.lock().running);
        futures::future::join_all(running.into_values().map(Running::stop)).await;
    }
}

impl Running {
    async fn stop(self) {
        self.cancel.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a sender of alerts ended badly");
        }
    }
}

impl Set {
    fn send(&self, alerts: &[Alert]) {
        let mut alerts = alerts.to_vec();
        if !self.alert_relabel.is_empty() {
            alerts.retain_mut(|alert| {
                let mut labels = LabelsBuilder::from_labels(&alert.labels);
                let keep = self.alert_relabel.apply(&mut labels);
                alert.labels = labels.build();
                keep && !alert.labels.is_empty()
            });
        }
        let found = self.found.lock();
        for running in found.running.values() {
            running.queue.push(&alerts);
        }
    }

    async fn follow(self: Arc<Self>, changed: Arc<Notify>, cancel: CancellationToken) {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = changed.notified() => {}
            }
            self.shared.world.clock.sleep(SETTLE).await;
            self.update().await;
        }
    }

    /// Starts senders for Alertmanagers that are new, ends those of others.
    async fn update(&self) {
        let groups: Vec<_> = self.discoveries.iter().flat_map(|d| d.state.groups()).collect();
        let (mut wanted, dropped) = addresses::of(&groups, &self.config, &self.relabel);
        let own: Vec<String> =
            wanted.values().filter(|address| self.shared.own.contains(*address)).cloned().collect();
        for address in own {
            if !resolves(address.clone()).await {
                tracing::debug!(address, "alerts for this name stay in this process");
                wanted.retain(|_, other| *other != address);
            }
        }
        let gone: Vec<Running> = {
            let mut found = self.found.lock();
            found.dropped = dropped;
            let names: Vec<String> =
                found.running.keys().filter(|url| !wanted.contains_key(*url)).cloned().collect();
            let gone = names.iter().filter_map(|url| found.running.remove(url)).collect();
            for url in wanted.into_keys() {
                if !found.running.contains_key(&url) {
                    let running = self.start(url.clone());
                    found.running.insert(url, running);
                }
            }
            gone
        };
        futures::future::join_all(gone.into_iter().map(Running::stop)).await;
    }

    fn start(&self, url: String) -> Running {
        let destination = self.shared.metrics.destination(&url);
        let queue = Arc::new(AlertQueue::new(Arc::clone(&destination)));
        let cancel = CancellationToken::new();
        let sender = Sender {
            url,
            timeout: self.config.timeout.duration(),
            client: self.client.clone(),
            queue: Arc::clone(&queue),
            destination,
            world: self.shared.world.clone(),
        };
        let task = tokio::spawn(sender.run(cancel.clone()));
        Running { queue, cancel, task }
    }
}
