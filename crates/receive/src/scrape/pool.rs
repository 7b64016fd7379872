//! One job: its discoveries, and a loop for each of its targets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vigie_model::{Acknowledge, Labels};

use super::inheritance::{self, Inheritance};
use super::settings::JobSettings;
use super::status::{DiscoveryStatus, DroppedTarget, PoolStatus, TargetMetadata, TargetStatus};
use super::target::{self, Made, Target};
use super::target_loop::{End, RunningTarget, Shared};
use crate::config::ScrapeConfig;
use crate::discovery::{self, RunningDiscovery};
use vigie_dial::{HttpClient, HttpEnvironment, HttpError};

/// Changes that come within this time are taken together.
const SETTLE: Duration = Duration::from_millis(50);

/// A job that runs.
#[derive(Debug)]
pub(super) struct Pool {
    inner: Arc<Inner>,
    cancel: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    name: Arc<str>,
    settings: Arc<JobSettings>,
    client: Result<HttpClient, HttpError>,
    discoveries: Vec<RunningDiscovery>,
    shared: Shared,
    targets: tokio::sync::Mutex<()>,
    state: Mutex<PoolState>,
}

#[derive(Debug, Default)]
struct PoolState {
    running: BTreeMap<(Labels, String), RunningTarget>,
    dropped: Vec<Labels>,
    dropped_count: usize,
    last_error: String,
    inheritance: Inheritance,
}

impl PoolState {
    fn note_dropped(&mut self, labels: Labels, keep: u64) {
        self.dropped_count += 1;
        if keep == 0 || (self.dropped.len() as u64) < keep {
            self.dropped.push(labels);
        }
    }

    /// Takes out the loops that must end, and leaves in `wanted` the targets that need one.
    fn take_gone(
        &mut self,
        wanted: &mut BTreeMap<(Labels, String), Target>,
        client_works: bool,
    ) -> Vec<(RunningTarget, End)> {
        let mut gone = Vec::new();
        for (key, running) in std::mem::take(&mut self.running) {
            let same = wanted.get(&key).is_some_and(|target| *target == *running.target);
            if same && running.client_works() == client_works {
                wanted.remove(&key);
                self.running.insert(key, running);
                continue;
            }
            let again = wanted.keys().any(|(labels, _)| *labels == key.0);
            gone.push((running, if again { End::HandOver } else { End::Stale }));
        }
        gone
    }
}

impl Pool {
    /// Starts `config`'s discoveries and, as they find targets, their loops.
    pub(super) fn start(
        config: Arc<ScrapeConfig>,
        environment: &HttpEnvironment,
        shared: &Shared,
        inheritance: Inheritance,
    ) -> Result<Self, String> {
        let changed = Arc::new(Notify::new());
        let discoveries = discovery::start(&config.discovery, environment, &shared.world, &changed);
        let client = HttpClient::new(&config.http, environment, &shared.world);
        let inner = Arc::new(Inner {
            name: Arc::from(config.job_name.as_str()),
            settings: Arc::new(JobSettings::compile(
                config,
                shared.created_as_start,
                &shared.world,
            )?),
            client,
            discoveries,
            shared: shared.clone(),
            targets: tokio::sync::Mutex::new(()),
            state: Mutex::new(PoolState { inheritance, ..PoolState::default() }),
        });
        let cancel = CancellationToken::new();
        let task = tokio::spawn(follow(Arc::clone(&inner), changed, cancel.clone()));
        Ok(Self { inner, cancel, task })
    }

    /// The job's configuration.
    pub(super) fn config(&self) -> &Arc<ScrapeConfig> {
        &self.inner.settings.config
    }

    /// Stops all loops and discoveries. With [`End::HandOver`], living series are returned.
    pub(super) async fn stop(self, end: End) -> Inheritance {
        self.cancel.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task of a job ended badly");
        }
        let _no_sync_under_way = self.inner.targets.lock().await;
        let running = std::mem::take(&mut self.inner.state.lock().running);
        let mut inheritance = std::mem::take(&mut self.inner.state.lock().inheritance);
        let stops = running.into_values().map(|running| async move {
            let labels = running.target.labels.clone();
            (labels, running.stop(end).await)
        });
        for (labels, living) in futures::future::join_all(stops).await {
            inheritance.extend(living.map(|living| (labels, living)));
        }
        if end == End::Stale {
            self.inner.end_series(std::mem::take(&mut inheritance)).await;
        }
        inheritance
    }

    /// The job as it runs.
    pub(super) fn status(&self) -> PoolStatus {
        let state = self.inner.state.lock();
        PoolStatus {
            name: Arc::clone(&self.inner.name),
            config: Arc::clone(self.config()),
            active_count: state.running.len(),
            dropped_count: state.dropped_count,
            last_error: state.last_error.clone(),
        }
    }

    /// Its targets.
    pub(super) fn active(&self) -> Vec<TargetStatus> {
        let state = self.inner.state.lock();
        state.running.values().map(|running| self.target_status(running)).collect()
    }

    fn target_status(&self, running: &RunningTarget) -> TargetStatus {
        let (target, state) = (&running.target, running.state.lock());
        TargetStatus {
            scrape_pool: Arc::clone(&self.inner.name),
            discovered_labels: target.discovered_labels.clone(),
            labels: target.labels.clone(),
            scrape_url: target.url.clone(),
            global_url: global_url(&target.url),
            last_error: state.last_error.clone(),
            last_scrape_ms: state.last_scrape_ms,
            last_scrape_duration_seconds: state.last_duration_seconds,
            health: state.health,
            scrape_interval_ms: target.interval_ms,
            scrape_timeout_ms: target.timeout_ms,
        }
    }

    /// Targets that relabelling dropped, as many as are remembered.
    pub(super) fn dropped(&self) -> Vec<DroppedTarget> {
        let state = self.inner.state.lock();
        let dropped = state.dropped.iter().map(|labels| DroppedTarget {
            scrape_pool: Arc::clone(&self.inner.name),
            discovered_labels: labels.clone(),
        });
        dropped.collect()
    }

    /// Its discoveries.
    pub(super) fn discoveries(&self) -> Vec<DiscoveryStatus> {
        let discoveries = self.inner.discoveries.iter().map(|discovery| {
            let (last_error, last_update_ms) = discovery.state.last_error();
            DiscoveryStatus {
                scrape_pool: Arc::clone(&self.inner.name),
                mechanism: discovery.mechanism,
                index: discovery.index,
                target_count: discovery.state.target_count(),
                last_error,
                last_update_ms,
            }
        });
        discoveries.collect()
    }

    /// What the metrics of its targets say of themselves.
    pub(super) fn metadata(&self) -> Vec<TargetMetadata> {
        let state = self.inner.state.lock();
        let mut all = Vec::new();
        for running in state.running.values() {
            let target = &running.target.labels;
            all.extend(running.state.lock().metadata.iter().map(|(metric, metadata)| {
                let (metric, metadata) = (metric.clone(), metadata.clone());
                TargetMetadata { target: target.clone(), metric, metadata }
            }));
        }
        all
    }
}

/// Keeps a pool's loops in step with what its discoveries find.
async fn follow(inner: Arc<Inner>, changed: Arc<Notify>, cancel: CancellationToken) {
    let clock = Arc::clone(&inner.shared.world.clock);
    let grace_ends = clock.monotonic() + inheritance::grace(&inner.settings.config);
    loop {
        let wanted = inner.wanted_targets();
        inner.sync(wanted).await;
        let grace_left = grace_ends.saturating_sub(clock.monotonic());
        if grace_left.is_zero() {
            let heirless = std::mem::take(&mut inner.state.lock().inheritance);
            inner.end_series(heirless).await;
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            () = changed.notified() => {}
            () = clock.sleep(grace_left), if !grace_left.is_zero() => {}
        }
        tokio::time::sleep(SETTLE).await;
    }
}

impl Inner {
    /// The targets that there should be now.
    fn wanted_targets(&self) -> BTreeMap<(Labels, String), Target> {
        let config = &self.settings.config;
        let mut wanted = BTreeMap::new();
        let mut state = self.state.lock();
        state.dropped.clear();
        state.dropped_count = 0;
        state.last_error.clear();
        let groups = self.discoveries.iter().flat_map(|discovery| discovery.state.groups());
        for group in groups {
            for made in target::make(&group, config, &self.settings.relabel) {
                match made {
                    Ok(Made::Target(target)) => {
                        wanted.insert((target.labels.clone(), target.url.clone()), *target);
                    }
                    Ok(Made::Dropped(labels)) => {
                        state.note_dropped(labels, config.keep_dropped_targets);
                    }
                    Err(error) => state.last_error = error,
                }
            }
        }
        if config.target_limit > 0 && wanted.len() as u64 > config.target_limit {
            state.last_error = format!(
                "target_limit exceeded (number of targets: {}, limit: {})",
                wanted.len(),
                config.target_limit
            );
        }
        wanted
    }

    /// Starts loops of targets that are new, stops those of targets that are gone.
    async fn sync(&self, mut wanted: BTreeMap<(Labels, String), Target>) {
        let _one_at_a_time = self.targets.lock().await;
        let limit = self.settings.config.target_limit;
        let client = if limit > 0 && wanted.len() as u64 > limit {
            // Prometheus fails every scrape of the job then, so that nobody misses it.
            Err(HttpError::Setup(self.state.lock().last_error.clone()))
        } else {
            self.client.clone()
        };
        let gone = self.state.lock().take_gone(&mut wanted, client.is_ok());
        let stops = gone.into_iter().map(|(running, end)| async move {
            (running.target.labels.clone(), running.stop(end).await)
        });
        let stopped = futures::future::join_all(stops).await;
        let mut state = self.state.lock();
        let handed_on = stopped.into_iter().filter_map(|(labels, living)| Some((labels, living?)));
        state.inheritance.extend(handed_on);
        for (key, target) in wanted {
            let inherited = state.inheritance.remove(&target.labels);
            let running = RunningTarget::start(
                target,
                &self.settings,
                client.clone(),
                &self.shared,
                inherited,
            );
            state.running.insert(key, running);
        }
    }
}

impl Inner {
    /// Writes the end of series that nobody goes on with.
    async fn end_series(&self, heirless: Inheritance) {
        if heirless.is_empty() {
            return;
        }
        // A scrape may have written at this very millisecond.
        let now_ms = self.shared.world.clock.now_ms() + 1;
        let batch = inheritance::end(&heirless, &self.settings.config, now_ms);
        let (sink, tenant) = (&self.shared.sink, &self.shared.tenant);
        if let Err(error) = sink.write(tenant, batch, Acknowledge::Logged).await {
            tracing::warn!(%error, "the end of series was not kept");
        }
    }
}

/// The address with this host's own name in the place of names that only mean this host.
fn global_url(url: &str) -> String {
    let Ok(mut parsed) = url::Url::parse(url) else { return url.to_owned() };
    if !matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        return url.to_owned();
    }
    let uname = rustix::system::uname();
    match uname.nodename().to_str() {
        Ok(name) if parsed.set_host(Some(name)).is_ok() => parsed.to_string(),
        _ => url.to_owned(),
    }
}
