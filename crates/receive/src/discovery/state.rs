//! What a discovery knows, shared between the task that finds targets and whoever uses them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use vigie_model::Labels;
use vigie_world::World;

/// Targets with what they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetGroup {
    /// Names the group among those of its discovery: a group of the same name replaces it.
    pub source: String,
    /// Labels of each target; `__address__` says where it is.
    pub targets: Vec<Labels>,
    /// Labels of all of them.
    pub labels: Labels,
}

/// What a discovery has found, and what is wrong with it.
#[derive(Debug, Default)]
struct Found {
    groups: BTreeMap<String, Arc<TargetGroup>>,
    last_error: String,
    last_update_ms: i64,
}

impl Found {
    /// Keeps what is wrong; logs it once, however often it is said.
    fn note(&mut self, error: &str) {
        if !error.is_empty() && self.last_error != error {
            tracing::warn!(error, "discovery failed, it will be tried again");
        }
        error.clone_into(&mut self.last_error);
    }
}

/// Where a discovery puts what it finds, and where a pool takes it from.
#[derive(Clone)]
pub struct DiscoveryState {
    found: Arc<Mutex<Found>>,
    changed: Arc<Notify>,
    world: World,
}

impl fmt::Debug for DiscoveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscoveryState").field("found", &self.found).finish_non_exhaustive()
    }
}

impl DiscoveryState {
    /// Nothing found yet. `changed` is notified whenever groups change.
    pub fn new(world: &World, changed: Arc<Notify>) -> Self {
        Self { found: Arc::default(), changed, world: world.clone() }
    }

    /// Puts groups in the place of those of the same source. A group without targets goes away.
    pub fn update(&self, groups: impl IntoIterator<Item = TargetGroup>) {
        self.update_with_error(groups, "");
    }

    /// As [`Self::update`], while `error` is wrong with another part of the discovery.
    pub fn update_with_error(&self, groups: impl IntoIterator<Item = TargetGroup>, error: &str) {
        self.change(error, |known| put_all(known, groups));
    }

    /// Puts groups in the place of all that were known.
    pub fn replace(&self, groups: impl IntoIterator<Item = TargetGroup>) {
        self.change("", |known| {
            let mut next: BTreeMap<String, Arc<TargetGroup>> = BTreeMap::new();
            for group in groups {
                put(&mut next, group);
            }
            let changed = *known != next;
            *known = next;
            changed
        });
    }

    /// Removes the groups whose source `gone` accepts.
    pub fn remove(&self, mut gone: impl FnMut(&str) -> bool) {
        self.change("", |known| {
            let before = known.len();
            known.retain(|source, _| !gone(source));
            known.len() != before
        });
    }

    /// Says what is wrong. What was found stays.
    pub fn fail(&self, error: impl fmt::Display) {
        let mut found = self.found.lock();
        found.note(&error.to_string());
        found.last_update_ms = self.world.clock.now_ms();
    }

    /// What was found.
    pub fn groups(&self) -> Vec<Arc<TargetGroup>> {
        self.found.lock().groups.values().cloned().collect()
    }

    /// What is wrong, and when that or the groups last changed.
    pub fn last_error(&self) -> (String, i64) {
        let found = self.found.lock();
        (found.last_error.clone(), found.last_update_ms)
    }

    /// How many targets are known.
    pub fn target_count(&self) -> usize {
        self.found.lock().groups.values().map(|group| group.targets.len()).sum()
    }

    fn change(
        &self,
        error: &str,
        edit: impl FnOnce(&mut BTreeMap<String, Arc<TargetGroup>>) -> bool,
    ) {
        let mut found = self.found.lock();
        let changed = edit(&mut found.groups);
        found.note(error);
        found.last_update_ms = self.world.clock.now_ms();
        drop(found);
        if changed {
            self.changed.notify_one();
        }
    }
}

fn put_all(
    known: &mut BTreeMap<String, Arc<TargetGroup>>,
    groups: impl IntoIterator<Item = TargetGroup>,
) -> bool {
    let mut changed = false;
    for group in groups {
        changed |= put(known, group);
    }
    changed
}

fn put(known: &mut BTreeMap<String, Arc<TargetGroup>>, group: TargetGroup) -> bool {
    if group.targets.is_empty() {
        return known.remove(&group.source).is_some();
    }
    if known.get(&group.source).is_some_and(|old| **old == group) {
        return false;
    }
    known.insert(group.source.clone(), Arc::new(group));
    true
}
