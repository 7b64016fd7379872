//! Groups: alerts of one route that are told of together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vigie_model::Labels;

use super::Engine;
use super::flush::Flush;
use crate::Fingerprint;
use crate::alert::{Now, StoredAlert};
use crate::route::Route;
use crate::why::Event;

/// A group, for as long as it lives.
pub(super) type GroupId = u64;

/// How long groups wait after a restart at most: senders send again every minute, and what they
/// say then is what people should be told.
const RESTORED_WAIT_MS: u64 = 60_000;

/// Alerts of one route that share the labels of `group_by`.
#[derive(Debug)]
pub(super) struct Group {
    /// The route's place in the tree.
    pub(super) route: usize,
    /// Key, as the notification log knows it.
    pub(super) key: Arc<str>,
    /// Who is told.
    pub(super) receiver: Arc<str>,
    /// The shared labels.
    pub(super) labels: Labels,
    /// The alerts.
    pub(super) alerts: BTreeMap<Fingerprint, Arc<StoredAlert>>,
    /// Alerts whose end the timeline knows.
    pub(super) known_over: BTreeSet<Fingerprint>,
    /// When the group is looked at next, by the monotonic clock.
    pub(super) next_flush_ms: u64,
    /// What is being told.
    pub(super) flush: Option<Flush>,
}

impl Group {
    /// When there is something to do for it.
    pub(super) fn due_ms(&self) -> u64 {
        // While one flush is under way, the next waits for it, as in Alertmanager.
        self.flush.as_ref().map_or(self.next_flush_ms, Flush::due_ms)
    }
}

/// How the timeline calls an alert.
pub(super) fn title(alert: &StoredAlert) -> String {
    title_of(alert.fingerprint, &alert.labels)
}

/// How the timeline calls an alert with these labels.
pub(super) fn title_of(fingerprint: Fingerprint, labels: &Labels) -> String {
    match labels.get("alertname") {
        Some(name) => format!("{fingerprint} {name}"),
        None => fingerprint.to_string(),
    }
}

impl Engine {
    /// Brings `alert` into its group of `route`.
    pub(super) fn group_alert(&mut self, alert: &Arc<StoredAlert>, route: &Route, now: Now) {
        let labels = route.grouping.labels_of(&alert.labels);
        let key = (route.index, labels);
        if let Some(id) = self.by_labels.get(&key).copied() {
            self.join(id, alert, now);
            return;
        }
        if alert.is_resolved(now) && !self.is_owed(route, &key.1) {
            // Nobody was told that it fires, and nobody will be: no group is needed.
            return;
        }
        if self.groups.len() >= self.limits.groups_max {
            self.stats.groups_limited += 1;
            tracing::error!(
                limit = self.limits.groups_max,
                "too many groups, an alert is not told of"
            );
            return;
        }
        self.open_group(alert, route, key, now);
    }

    /// Whether somebody was told of a group with these labels.
    fn is_owed(&self, route: &Route, labels: &Labels) -> bool {
        let group_key = route.group_key(labels);
        self.log_keys(&group_key, &route.receiver)
            .iter()
            .any(|key| self.log.get(key).is_some_and(|entry| !entry.firing.is_empty()))
    }

    fn open_group(
        &mut self,
        alert: &Arc<StoredAlert>,
        route: &Route,
        key: (usize, Labels),
        now: Now,
    ) {
        let id = self.id();
        let wait_ms = i64::try_from(route.group_wait_ms).unwrap_or(i64::MAX);
        // An alert that has waited elsewhere does not wait here again.
        let is_old = alert.starts_at_ms.saturating_add(wait_ms) < now.wall_ms;
        let wait_ms = match (self.is_restoring, is_old) {
            (true, _) => route.group_interval_ms.min(RESTORED_WAIT_MS),
            (false, true) => 0,
            (false, false) => route.group_wait_ms,
        };
        let next_flush_ms = now.mono_ms.saturating_add(wait_ms).max(self.not_before_ms);
        let group = Group {
            route: route.index,
            key: Arc::from(route.group_key(&key.1)),
            receiver: Arc::clone(&route.receiver),
            labels: key.1.clone(),
            alerts: BTreeMap::new(),
            known_over: BTreeSet::new(),
            next_flush_ms,
            flush: None,
        };
        self.by_labels.insert(key, id);
        self.groups.insert(id, group);
        self.due.insert((next_flush_ms, id));
        self.join(id, alert, now);
        if next_flush_ms > now.mono_ms {
            let until = i64::try_from(next_flush_ms - now.mono_ms).unwrap_or(i64::MAX);
            let until_ms = now.wall_ms.saturating_add(until);
            self.note(id, now, Event::Waiting { by: "group_wait".into(), until_ms });
        }
    }

    fn join(&mut self, id: GroupId, alert: &Arc<StoredAlert>, now: Now) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let is_over = alert.is_resolved(now);
        let was_known = group.alerts.insert(alert.fingerprint, Arc::clone(alert)).is_some();
        let was_over = group.known_over.contains(&alert.fingerprint);
        if is_over {
            group.known_over.insert(alert.fingerprint);
        } else {
            group.known_over.remove(&alert.fingerprint);
        }
        let name = title(alert);
        let event = match (was_known, was_over, is_over) {
            (false, _, false) => Event::Joined { alert: name },
            (true, true, false) => Event::Refired { alert: name },
            (_, false, true) => Event::Resolved { alert: name },
            _ => return,
        };
        self.note(id, now, event);
    }

    /// Puts a group back into the queue after something changed.
    pub(super) fn reschedule(&mut self, id: GroupId) {
        if let Some(group) = self.groups.get(&id) {
            self.due.insert((group.due_ms(), id));
        }
    }

    /// Forgets a group.
    pub(super) fn end_group(&mut self, id: GroupId, now: Now) {
        self.note(id, now, Event::Ended);
        if let Some(group) = self.groups.remove(&id) {
            self.forget_acknowledgement(&group.key);
            self.by_labels.remove(&(group.route, group.labels));
        }
    }
}
