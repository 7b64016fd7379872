//! Another configuration: groups that go on keep their pace and what they are telling.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::group::Group;
use super::inhibitor::Inhibitor;
use super::{Engine, Running};
use crate::Fingerprint;
use crate::alert::{Now, StoredAlert};

impl Engine {
    /// Runs `running` from now on.
    pub fn reload(&mut self, running: Running, now: Now) {
        let old = std::mem::take(&mut self.groups);
        self.by_labels.clear();
        self.due.clear();
        self.inhibitor = Inhibitor::new(Arc::clone(&running.config.inhibit_rules));
        self.running = running;
        let mut alerts: BTreeMap<Fingerprint, Arc<StoredAlert>> = BTreeMap::new();
        // Groups may hold resolved alerts that the list has forgotten and somebody is owed.
        for group in old.values() {
            alerts.extend(group.alerts.iter().map(|(f, alert)| (*f, Arc::clone(alert))));
        }
        alerts.extend(self.alerts.iter().map(|(f, alert)| (*f, Arc::clone(alert))));
        let known: Vec<Fingerprint> = self.alerts.keys().copied().collect();
        for alert in alerts.into_values() {
            self.place(&alert, now);
        }
        self.alerts.retain(|fingerprint, _| known.binary_search(fingerprint).is_ok());
        self.carry_on(old, now);
    }

    /// Gives groups that existed before their timers and what they are telling.
    fn carry_on(&mut self, old: BTreeMap<u64, Group>, now: Now) {
        let mut before: HashMap<(Arc<str>, Arc<str>), (u64, Group)> = HashMap::new();
        for (id, group) in old {
            before.insert((Arc::clone(&group.key), Arc::clone(&group.receiver)), (id, group));
        }
        let ids: Vec<u64> = self.groups.keys().copied().collect();
        for id in ids {
            let Some(mut group) = self.groups.remove(&id) else { continue };
            let key = (Arc::clone(&group.key), Arc::clone(&group.receiver));
            let Some((old_id, old)) = before.remove(&key) else {
                self.groups.insert(id, group);
                continue;
            };
            self.due.remove(&(group.due_ms(), id));
            let interval_ms = self.running.config.routes.get(group.route);
            let interval_ms = interval_ms.map_or(0, |route| route.group_interval_ms);
            // A shorter interval holds from now on.
            group.next_flush_ms = old.next_flush_ms.min(now.mono_ms.saturating_add(interval_ms));
            group.flush = old.flush;
            group.known_over = old.known_over;
            // The group keeps its id, by which attempts under way find it.
            self.due.insert((group.due_ms(), old_id));
            self.by_labels.insert((group.route, group.labels.clone()), old_id);
            self.groups.insert(old_id, group);
        }
    }
}
