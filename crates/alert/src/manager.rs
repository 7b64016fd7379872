//! All groups: which run, and what becomes of their state when the rules change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_model::{AlertSink, MetricSink, TenantId};
use vigie_world::World;

use crate::group::{Environment, Group, Surroundings};
use crate::{Expander, GroupDefinition, GroupStatus, RuleMetrics, RuleSource};

/// How rules are evaluated; the names are those of Prometheus' flags.
#[derive(Debug, Clone)]
pub struct ManagerOptions {
    /// `--web.external-url`, without a slash at the end.
    pub external_url: String,
    /// `--rules.alert.for-outage-tolerance`
    pub for_outage_tolerance_ms: i64,
    /// `--rules.alert.for-grace-period`
    pub for_grace_period_ms: i64,
    /// `--rules.alert.resend-delay`
    pub resend_delay_ms: i64,
    /// `--enable-feature=concurrent-rule-eval`
    pub is_concurrent: bool,
    /// `--rules.max-concurrent-evals`
    pub concurrent_evaluations_max: usize,
}

impl Default for ManagerOptions {
    fn default() -> Self {
        Self {
            external_url: String::new(),
            for_outage_tolerance_ms: 60 * 60 * 1000,
            for_grace_period_ms: 10 * 60 * 1000,
            resend_delay_ms: 60 * 1000,
            is_concurrent: false,
            concurrent_evaluations_max: 4,
        }
    }
}

/// What rules need of the rest.
#[derive(Debug)]
pub struct ManagerParts {
    /// Clock.
    pub world: World,
    /// Whose rules.
    pub tenant: TenantId,
    /// Where rules get their answers.
    pub source: Arc<dyn RuleSource>,
    /// Where recorded series go.
    pub sink: Arc<dyn MetricSink>,
    /// Where alerts go.
    pub alerts: Arc<dyn AlertSink>,
    /// What expands labels and annotations.
    pub expander: Arc<dyn Expander>,
}

/// A running group and how to stop it.
#[derive(Debug)]
struct Running {
    group: Arc<Group>,
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
}

/// Runs groups of rules.
#[derive(Debug)]
pub struct RuleManager {
    environment: Arc<Environment>,
    groups: RwLock<BTreeMap<String, Running>>,
    /// Groups that have gone and whose series are about to end.
    ending: tokio::sync::Mutex<JoinSet<()>>,
    stop: CancellationToken,
    /// Cancelled when groups may run.
    go: CancellationToken,
    has_loaded: AtomicBool,
}

impl RuleManager {
    /// Runs nothing yet.
    pub fn new(parts: ManagerParts, options: ManagerOptions) -> Self {
        let permits = options.concurrent_evaluations_max.clamp(1, Semaphore::MAX_PERMITS);
        let environment = Environment {
            world: parts.world,
            tenant: parts.tenant,
            source: parts.source,
            sink: parts.sink,
            alerts: parts.alerts,
            expander: parts.expander,
            options,
            metrics: RuleMetrics::default(),
            permits: Arc::new(Semaphore::new(permits)),
            surroundings: ArcSwap::default(),
        };
        Self {
            environment: Arc::new(environment),
            groups: RwLock::default(),
            ending: tokio::sync::Mutex::default(),
            stop: CancellationToken::new(),
            go: CancellationToken::new(),
            has_loaded: AtomicBool::new(false),
        }
    }

    pub(crate) const fn environment(&self) -> &Arc<Environment> {
        &self.environment
    }

    /// What the rules count.
    pub fn metrics(&self) -> &RuleMetrics {
        &self.environment.metrics
    }

    /// What templates see as `$externalLabels`, and how far back groups look that do not say.
    pub fn set_surroundings(
        &self,
        external_labels: BTreeMap<String, String>,
        query_offset_ms: i64,
    ) {
        let surroundings = Surroundings { external_labels, query_offset_ms };
        self.environment.surroundings.store(Arc::new(surroundings));
    }

    /// Lets groups run: when what is stored can be asked.
    pub fn start(&self) {
        self.go.cancel();
    }

    /// Runs these groups from now on, or from [`start`](Self::start) on. Groups that did not change go on undisturbed; those that
    /// did keep the state of rules with the same name and labels.
    pub async fn apply(&self, definitions: Vec<GroupDefinition>) {
        if self.stop.is_cancelled() {
            return;
        }
        let restore = !self.has_loaded.swap(true, Ordering::AcqRel);
        let mut old = std::mem::take(&mut *self.groups.write());
        let mut new = BTreeMap::new();
        for definition in definitions {
            let key = definition.key();
            let known = old.remove(&key);
            if let Some(running) = known.as_ref()
                && running.group.definition.is_same(&definition)
            {
                new.extend(known.map(|running| (key, running)));
                continue;
            }
            let environment = Arc::clone(&self.environment);
            let group = Arc::new(Group::new(Arc::new(definition), environment, restore));
            if let Some(mut running) = known {
                running.end().await;
                group.take_over(&running.group);
            }
            let stop = self.stop.child_token();
            let task = tokio::spawn(Arc::clone(&group).run_after(self.go.clone(), stop.clone()));
            new.insert(key, Running { group, stop, task: Some(task) });
        }
        *self.groups.write() = new;
        for (key, mut running) in old {
            running.end().await;
            self.environment.metrics.forget(&key);
            let mut ending = self.ending.lock().await;
            while ending.try_join_next().is_some() {}
            ending.spawn(running.group.end_series(self.stop.clone()));
        }
    }

    /// All groups, by file and name.
    pub fn groups(&self) -> Vec<GroupStatus> {
        let groups: Vec<Arc<Group>> =
            self.groups.read().values().map(|running| Arc::clone(&running.group)).collect();
        let mut all: Vec<GroupStatus> = groups.iter().map(|group| group.status()).collect();
        all.sort_by(|one, two| {
            let key = |status: &GroupStatus| {
                (status.definition.file.clone(), status.definition.name.clone())
            };
            key(one).cmp(&key(two))
        });
        all
    }

    /// Ends all groups after the evaluation that runs.
    pub async fn stop(&self) {
        self.stop.cancel();
        let running = std::mem::take(&mut *self.groups.write());
        for mut running in running.into_values() {
            running.end().await;
        }
        self.ending.lock().await.shutdown().await;
    }
}

impl Running {
    async fn end(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(group = self.group.key, %error, "a group of rules ended unexpectedly");
        }
    }
}
