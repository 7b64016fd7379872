//! A group as it runs: its rules one after the other, at times that are the same every day.

mod dependencies;
mod evaluate;
mod restore;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use vigie_model::{AlertSink, Labels, MetricSink, TenantId};
use vigie_world::World;

use self::dependencies::Dependencies;
use crate::instance::ActiveAlerts;
use crate::metrics::{GroupNumbers, RuleMetrics, set};
use crate::{
    AlertState, Expander, GroupDefinition, GroupStatus, ManagerOptions, RuleHealth, RuleSource,
    RuleStatus,
};

/// What all groups share.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) world: World,
    pub(crate) tenant: TenantId,
    pub(crate) source: Arc<dyn RuleSource>,
    pub(crate) sink: Arc<dyn MetricSink>,
    pub(crate) alerts: Arc<dyn AlertSink>,
    pub(crate) expander: Arc<dyn Expander>,
    pub(crate) options: ManagerOptions,
    pub(crate) metrics: RuleMetrics,
    /// One for each rule that may be evaluated beside others.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) surroundings: ArcSwap<Surroundings>,
}

/// What a reload changes for all groups.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) external_labels: BTreeMap<String, String>,
    pub(crate) query_offset_ms: i64,
}

/// A rule's state.
#[derive(Debug)]
struct RuleState {
    health: RuleHealth,
    last_error: String,
    duration: Duration,
    last_evaluation_ms: Option<i64>,
    /// Series that the last evaluation wrote.
    series: HashSet<Labels>,
    alerts: ActiveAlerts,
    /// Whether state from before the start was looked for: before that, none is written.
    is_restored: bool,
}

/// How the last evaluation of the group went.
#[derive(Debug, Default)]
struct LastRun {
    duration: Duration,
    at_ms: Option<i64>,
}

/// Name and labels, by which the rules of an older version of a group are found.
type Identity<'a> = (&'a str, &'a BTreeMap<String, String>);

/// A running group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) definition: Arc<GroupDefinition>,
    pub(crate) key: String,
    environment: Arc<Environment>,
    numbers: Arc<GroupNumbers>,
    dependencies: Dependencies,
    rules: Vec<Mutex<RuleState>>,
    /// Series of rules that are no more, to be marked as ended.
    ended: Mutex<Vec<Labels>>,
    last: Mutex<LastRun>,
    should_restore: AtomicBool,
}

impl Group {
    /// A group that has not been evaluated. `restore`: whether state may be found in the store.
    pub(crate) fn new(
        definition: Arc<GroupDefinition>,
        environment: Arc<Environment>,
        restore: bool,
    ) -> Self {
        let key = definition.key();
        let numbers = environment.metrics.group(&key);
        set(&numbers.rules, definition.rules.len() as u64);
        set(&numbers.interval_ms, definition.interval_ms.unsigned_abs());
        let state = || RuleState {
            health: RuleHealth::Unknown,
            last_error: String::new(),
            duration: Duration::ZERO,
            last_evaluation_ms: None,
            series: HashSet::new(),
            alerts: ActiveAlerts::default(),
            is_restored: !restore,
        };
        Self {
            dependencies: Dependencies::of(&definition.rules),
            rules: definition.rules.iter().map(|_| Mutex::new(state())).collect(),
            definition,
            key,
            environment,
            numbers,
            ended: Mutex::default(),
            last: Mutex::default(),
            should_restore: AtomicBool::new(restore),
        }
    }

    /// Takes over the state of an older version: of rules with the same name and labels, the
    /// first of the first and so on.
    pub(crate) fn take_over(&self, older: &Self) {
        {
            let mut last = self.last.lock();
            let other = older.last.lock();
            (last.duration, last.at_ms) = (other.duration, other.at_ms);
        }
        let mut ended = std::mem::take(&mut *older.ended.lock());
        let mut by_identity: BTreeMap<Identity<'_>, Vec<usize>> = BTreeMap::new();
        for (at, rule) in older.definition.rules.iter().enumerate().rev() {
            by_identity.entry((&rule.name, &rule.labels)).or_default().push(at);
        }
        for (rule, state) in self.definition.rules.iter().zip(&self.rules) {
            let known = by_identity.get_mut(&(rule.name.as_str(), &rule.labels));
            let Some(from) = known.and_then(Vec::pop).and_then(|at| older.rules.get(at)) else {
                continue;
            };
            let (mut state, mut from) = (state.lock(), from.lock());
            state.series = std::mem::take(&mut from.series);
            state.is_restored |= from.is_restored;
            if rule.is_alerting() {
                state.alerts.take_over(&from.alerts);
            }
        }
        for at in by_identity.into_values().flatten() {
            if let Some(from) = older.rules.get(at) {
                ended.extend(from.lock().series.drain());
            }
        }
        *self.ended.lock() = ended;
        self.should_restore
            .fetch_and(older.should_restore.load(Ordering::Acquire), Ordering::AcqRel);
    }

    /// How far back this group looks.
    fn query_offset_ms(&self) -> i64 {
        let default = || self.environment.surroundings.load().query_offset_ms;
        self.definition.query_offset_ms.unwrap_or_else(default)
    }

    /// All of it, for the APIs.
    pub(crate) fn status(&self) -> GroupStatus {
        let last = self.last.lock();
        GroupStatus {
            definition: Arc::clone(&self.definition),
            evaluation_duration: last.duration,
            last_evaluation_ms: last.at_ms,
            rules: self.rules.iter().map(|state| state.lock().status()).collect(),
        }
    }

    /// Marks alerting rules as restored: for tests of rules, where there is nothing before.
    pub(crate) fn skip_restore(&self) {
        self.should_restore.store(false, Ordering::Release);
        self.rules.iter().for_each(|state| state.lock().is_restored = true);
    }
}

impl RuleState {
    fn status(&self) -> RuleStatus {
        let unknown = self.last_evaluation_ms.is_none();
        RuleStatus {
            health: self.health,
            last_error: self.last_error.clone(),
            evaluation_duration: self.duration,
            last_evaluation_ms: self.last_evaluation_ms,
            state: if unknown { AlertState::Unknown } else { self.alerts.state() },
            alerts: self.alerts.iter().filter(|a| a.resolved_at_ms.is_none()).cloned().collect(),
        }
    }
}
