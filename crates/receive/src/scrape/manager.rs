//! All jobs: brought in step with the configuration, asked for their state.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use vigie_model::{MetricSink, TenantId};
use vigie_world::World;

use super::inheritance::Inheritance;
use super::local::LocalTargets;
use super::metrics::ReceiveMetrics;
use super::pool::Pool;
use super::resolve::Resolver;
use super::status::{DiscoveryStatus, PoolStatus, TargetMetadata, TargetsStatus};
use super::target_loop::{End, Shared};
use crate::config::ScrapeConfig;
use vigie_dial::HttpEnvironment;

/// Runs the jobs of a configuration.
#[derive(Debug)]
pub struct ScrapeManager {
    shared: Shared,
    environment: HttpEnvironment,
    pools: Mutex<BTreeMap<Arc<str>, Pool>>,
    /// Held while jobs are started and stopped.
    applying: tokio::sync::Mutex<()>,
}

impl ScrapeManager {
    /// A manager without jobs. Samples go to `sink`; addresses of `local` are answered in process.
    pub fn new(
        world: World,
        sink: Arc<dyn MetricSink>,
        environment: HttpEnvironment,
        local: LocalTargets,
    ) -> Self {
        let uname = rustix::system::uname();
        let offset_seed = crate::fingerprint(uname.nodename().to_bytes());
        let shared = Shared {
            world,
            sink,
            tenant: TenantId::default_tenant(),
            local: Arc::new(local),
            resolver: Resolver::default(),
            metrics: Arc::default(),
            offset_seed,
            created_as_start: false,
        };
        Self {
            shared,
            environment,
            pools: Mutex::default(),
            applying: tokio::sync::Mutex::default(),
        }
    }

    /// Takes `_created` series of OpenMetrics as start timestamps of their family's series instead
    /// of keeping them as series.
    #[must_use]
    pub fn with_created_as_start(mut self, created_as_start: bool) -> Self {
        self.shared.created_as_start = created_as_start;
        self
    }

    /// Brings the running jobs in step with `jobs`: unchanged ones keep running, changed ones
    /// hand their living series on. Fails before anything changed when a job cannot run.
    pub async fn apply(&self, jobs: &[ScrapeConfig]) -> Result<(), String> {
        let _one_at_a_time = self.applying.lock().await;
        for job in jobs {
            let (created, world) = (self.shared.created_as_start, &self.shared.world);
            super::settings::JobSettings::compile(Arc::new(job.clone()), created, world)
                .map_err(|error| format!("job {:?}: {error}", job.job_name))?;
        }
        let mut ending = Vec::new();
        {
            let mut pools = self.pools.lock();
            let names: Vec<Arc<str>> = pools.keys().cloned().collect();
            for name in names {
                let next = jobs.iter().find(|job| *job.job_name == *name);
                let running = pools.get(&name).map(Pool::config);
                if next.is_some() && running.map(|config| &**config) == next {
                    continue;
                }
                let end = if next.is_some() { End::HandOver } else { End::Stale };
                ending.extend(pools.remove(&name).map(|pool| (name, pool, end)));
            }
        }
        let mut inheritances: BTreeMap<Arc<str>, Inheritance> = BTreeMap::new();
        for (name, pool, end) in ending {
            inheritances.insert(name, pool.stop(end).await);
        }
        for job in jobs {
            if self.pools.lock().contains_key(job.job_name.as_str()) {
                continue;
            }
            let inheritance = inheritances.remove(job.job_name.as_str()).unwrap_or_default();
            let config = Arc::new(job.clone());
            let pool = Pool::start(config, &self.environment, &self.shared, inheritance)
                .map_err(|error| format!("job {:?}: {error}", job.job_name))?;
            self.pools.lock().insert(Arc::from(job.job_name.as_str()), pool);
        }
        Ok(())
    }

    /// Stops all jobs; what they scraped last is written, and their series end.
    pub async fn stop(&self) {
        let _one_at_a_time = self.applying.lock().await;
        let pools = std::mem::take(&mut *self.pools.lock());
        futures::future::join_all(pools.into_values().map(|pool| pool.stop(End::Stale))).await;
    }

    /// All targets.
    pub fn targets(&self) -> TargetsStatus {
        let pools = self.pools.lock();
        let mut targets = TargetsStatus::default();
        for (name, pool) in &*pools {
            targets.active.extend(pool.active());
            targets.dropped.extend(pool.dropped());
            targets.dropped_counts.push((Arc::clone(name), pool.status().dropped_count));
        }
        targets
    }

    /// All jobs, by name.
    pub fn pools(&self) -> Vec<PoolStatus> {
        self.pools.lock().values().map(Pool::status).collect()
    }

    /// All discoveries.
    pub fn discovery_status(&self) -> Vec<DiscoveryStatus> {
        self.pools.lock().values().flat_map(Pool::discoveries).collect()
    }

    /// What the metrics of all targets say of themselves.
    pub fn target_metadata(&self) -> Vec<TargetMetadata> {
        self.pools.lock().values().flat_map(Pool::metadata).collect()
    }

    /// Own telemetry.
    pub fn metrics(&self) -> &Arc<ReceiveMetrics> {
        &self.shared.metrics
    }
}
