//! What the engine shows: alerts, groups, silences, timelines, numbers. Nothing changes here.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use vigie_model::Labels;

use super::Engine;
use super::flush::muted_by;
use super::stats::EngineStats;
use crate::Fingerprint;
use crate::alert::{Now, StoredAlert};
use crate::log::{LogEntry, LogKey};
use crate::matcher::AlertMatcher;
use crate::silence::{Silence, SilenceState};
use crate::why::Timeline;

/// What keeps somebody from being told of an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertStatus {
    /// Ids of silences.
    pub silenced_by: Vec<String>,
    /// Fingerprints of alerts that inhibit it.
    pub inhibited_by: Vec<String>,
    /// Names of time intervals.
    pub muted_by: Vec<String>,
}

impl AlertStatus {
    /// Whether nothing does.
    pub const fn is_active(&self) -> bool {
        self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty()
    }

    /// As the API names it.
    pub const fn state(&self) -> &'static str {
        if self.is_active() { "active" } else { "suppressed" }
    }
}

/// An alert as the API shows it.
#[derive(Debug, Clone)]
pub struct AlertView {
    /// The alert.
    pub alert: Arc<StoredAlert>,
    /// What keeps somebody from being told.
    pub status: AlertStatus,
    /// Who would be told, by route.
    pub receivers: Vec<Arc<str>>,
}

/// A group as the API shows it.
#[derive(Debug, Clone)]
pub struct GroupView {
    /// Key.
    pub key: Arc<str>,
    /// The shared labels.
    pub labels: Labels,
    /// Labels of the route, as templates.
    pub route_labels: Arc<BTreeMap<String, String>>,
    /// Who is told.
    pub receiver: Arc<str>,
    /// The route.
    pub route: Arc<str>,
    /// Line of the route.
    pub route_line: u32,
    /// Milliseconds until the group is looked at next.
    pub next_flush_in_ms: u64,
    /// Integrations that are being told, or wait for another attempt.
    pub pending: Vec<String>,
    /// Its alerts.
    pub alerts: Vec<AlertView>,
}

/// Which alerts are asked for.
#[derive(Debug, Clone)]
pub struct AlertFilter {
    /// Conditions on labels.
    pub matchers: Vec<AlertMatcher>,
    /// Who is told, by an anchored expression.
    pub receiver: Option<Regex>,
    /// Conditions on the receivers' labels.
    pub receiver_matchers: Vec<AlertMatcher>,
    /// Whether those of which somebody is told.
    pub active: bool,
    /// Whether silenced ones.
    pub silenced: bool,
    /// Whether inhibited ones.
    pub inhibited: bool,
    /// Whether groups that are muted by their route's intervals.
    pub muted: bool,
}

impl Default for AlertFilter {
    fn default() -> Self {
        Self {
            matchers: Vec::new(),
            receiver: None,
            receiver_matchers: Vec::new(),
            active: true,
            silenced: true,
            inhibited: true,
            muted: true,
        }
    }
}

impl AlertFilter {
    fn takes(&self, alert: &StoredAlert, status: &AlertStatus) -> bool {
        let value = |matcher: &AlertMatcher| alert.labels.get(matcher.name());
        self.matchers.iter().all(|matcher| filter_matches(matcher, value(matcher)))
            && (self.active || !status.is_active())
            && (self.silenced || status.silenced_by.is_empty())
            && (self.inhibited || status.inhibited_by.is_empty())
    }
}

/// As Alertmanager's filters ask: an empty value asks whether the label is there.
fn filter_matches(matcher: &AlertMatcher, value: Option<&str>) -> bool {
    if matcher.value().is_empty() {
        return value.is_some() != matcher.is_equal();
    }
    matcher.matches_value(value.unwrap_or_default())
}

impl Engine {
    /// Numbers.
    pub const fn stats(&self) -> &EngineStats {
        &self.stats
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// How many notifications are under way or wait for another attempt.
    pub fn queue_length(&self) -> usize {
        let jobs = |flush: &super::flush::Flush| flush.jobs.len();
        self.groups.values().filter_map(|group| group.flush.as_ref()).map(jobs).sum()
    }

    /// What keeps somebody from being told of an alert with `labels`; intervals are the route's.
    pub fn status_of(&self, labels: &Labels, now: Now) -> AlertStatus {
        let silences = self.silences.muting(labels, now.wall_ms);
        let inhibiting = self.inhibitor.inhibiting(labels, &self.alerts, now);
        AlertStatus {
            silenced_by: silences.iter().map(|silence| silence.id.clone()).collect(),
            inhibited_by: inhibiting
                .iter()
                .map(|(_, alert)| alert.fingerprint.to_string())
                .collect(),
            muted_by: Vec::new(),
        }
    }

    /// The rule and the alert by which an alert with `labels` is inhibited.
    pub fn inhibition_of(&self, labels: &Labels, now: Now) -> Option<(String, Fingerprint)> {
        let (rule, alert) = self.inhibitor.inhibiting(labels, &self.alerts, now)?;
        Some((rule.title(), alert.fingerprint))
    }

    /// Alerts that fire, by fingerprint.
    pub fn alerts(&self, filter: &AlertFilter, now: Now) -> Vec<AlertView> {
        let config = &self.running.config;
        let firing = self.alerts.values().filter(|alert| !alert.is_resolved(now));
        let views = firing.filter_map(|alert| {
            let routes = config.routes.matching(&alert.labels);
            let receivers: Vec<Arc<str>> =
                routes.iter().map(|route| Arc::clone(&route.receiver)).collect();
            let is_for = receivers.iter().any(|receiver| self.takes_receiver(filter, receiver));
            if !is_for {
                return None;
            }
            let status = self.status_of(&alert.labels, now);
            let alert = Arc::clone(alert);
            filter.takes(&alert, &status).then_some(AlertView { alert, status, receivers })
        });
        views.collect()
    }

    fn takes_receiver(&self, filter: &AlertFilter, receiver: &str) -> bool {
        if filter.receiver.as_ref().is_some_and(|regex| !regex.is_match(receiver)) {
            return false;
        }
        if filter.receiver_matchers.is_empty() {
            return true;
        }
        self.running.config.receiver(receiver).is_some_and(|receiver| {
            let value = |m: &AlertMatcher| receiver.labels.get(m.name()).map(String::as_str);
            filter.receiver_matchers.iter().all(|m| filter_matches(m, value(m)))
        })
    }

    /// Groups with alerts that fire, by labels and receiver.
    pub fn groups(&self, filter: &AlertFilter, now: Now) -> Vec<GroupView> {
        // Which receivers an alert has, over all groups.
        let mut receivers: BTreeMap<Fingerprint, Vec<Arc<str>>> = BTreeMap::new();
        for group in self.groups.values() {
            for fingerprint in group.alerts.keys() {
                receivers.entry(*fingerprint).or_default().push(Arc::clone(&group.receiver));
            }
        }
        for names in receivers.values_mut() {
            names.sort();
        }
        let mut views: Vec<GroupView> = self
            .groups
            .values()
            .filter(|group| self.takes_receiver(filter, &group.receiver))
            .filter_map(|group| self.group_view(group, filter, &receivers, now))
            .collect();
        views.sort_by(|one, other| {
            (&one.labels, &one.receiver).cmp(&(&other.labels, &other.receiver))
        });
        views
    }

    fn group_view(
        &self,
        group: &super::group::Group,
        filter: &AlertFilter,
        receivers: &BTreeMap<Fingerprint, Vec<Arc<str>>>,
        now: Now,
    ) -> Option<GroupView> {
        let route = self.running.config.routes.get(group.route)?;
        let muted_by = muted_by(route, now.wall_ms).map(|(names, _)| names).unwrap_or_default();
        if !filter.muted && !muted_by.is_empty() {
            return None;
        }
        let firing = group.alerts.values().filter(|alert| !alert.is_resolved(now));
        let alerts: Vec<AlertView> = firing
            .filter_map(|alert| {
                let status = self.status_of(&alert.labels, now);
                let is_taken = filter.takes(alert, &status);
                is_taken.then(|| AlertView {
                    alert: Arc::clone(alert),
                    status: AlertStatus { muted_by: muted_by.clone(), ..status },
                    receivers: receivers.get(&alert.fingerprint).cloned().unwrap_or_default(),
                })
            })
            .collect();
        (!alerts.is_empty()).then(|| GroupView {
            key: Arc::clone(&group.key),
            labels: group.labels.clone(),
            route_labels: Arc::clone(&route.labels),
            receiver: Arc::clone(&group.receiver),
            route: Arc::clone(&route.id),
            route_line: route.line,
            next_flush_in_ms: group.next_flush_ms.saturating_sub(now.mono_ms),
            pending: group
                .flush
                .iter()
                .flat_map(|flush| &flush.jobs)
                .map(|job| super::flush::name_of(&job.integration))
                .collect(),
            alerts,
        })
    }

    /// Silences: active, pending, expired; within these by what happens next.
    pub fn silences(&self, now_ms: i64) -> Vec<Silence> {
        let mut all: Vec<Silence> = self.silences.iter().cloned().collect();
        all.sort_by_key(|silence| {
            let state = silence.state(now_ms);
            let time = match state {
                SilenceState::Active => silence.ends_at_ms,
                SilenceState::Pending => silence.starts_at_ms,
                SilenceState::Expired => -silence.ends_at_ms,
            };
            (state, time)
        });
        all
    }

    /// The silence of that id.
    pub fn silence(&self, id: &str) -> Option<&Silence> {
        self.silences.get(id)
    }

    /// Alerts that fire and that a silence with `matchers` would silence.
    pub fn silenced_by(&self, matchers: &[AlertMatcher], now: Now) -> Vec<Arc<StoredAlert>> {
        let firing = self.alerts.values().filter(|alert| !alert.is_resolved(now));
        let matching = firing.filter(|a| matchers.iter().all(|m| m.matches(&a.labels)));
        matching.map(Arc::clone).collect()
    }

    /// All timelines.
    pub fn timelines(&self) -> impl Iterator<Item = &Timeline> {
        self.timelines.iter()
    }

    /// What each receiver of a group was told last.
    pub fn told(&self, group_key: &str) -> Vec<(&LogKey, &LogEntry)> {
        self.log.iter().filter(|(key, _)| &*key.group_key == group_key).collect()
    }

    /// All alerts that fire.
    pub fn firing(&self, now: Now) -> impl Iterator<Item = &StoredAlert> {
        self.alerts.values().map(|alert| &**alert).filter(move |alert| !alert.is_resolved(now))
    }

    /// Whether an alert fires.
    pub fn is_firing(&self, fingerprint: Fingerprint, now: Now) -> bool {
        self.alerts.get(&fingerprint).is_some_and(|alert| !alert.is_resolved(now))
    }

    /// Keys and labels of the groups that an alert with `labels` belongs to, in the order of the
    /// routing tree.
    pub fn group_keys_of(&self, labels: &Labels) -> Vec<(String, Labels)> {
        let routes = self.running.config.routes.matching(labels);
        let keyed = routes.into_iter().map(|route| {
            let group_labels = route.grouping.labels_of(labels);
            (route.group_key(&group_labels), group_labels)
        });
        keyed.collect()
    }

    /// How many entries the notification log has.
    pub fn log_length(&self) -> usize {
        self.log.iter().count()
    }
}
