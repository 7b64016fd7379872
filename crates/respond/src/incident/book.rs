//! All incidents of a tenant.

use std::collections::{BTreeMap, HashMap};

use super::{Incident, IncidentState, Moment};
use crate::desk::Kept;

/// How alerts become incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// Alerts of one group of the routing tree are one incident.
    #[default]
    Route,
    /// Alerts of one name are one incident.
    Rule,
}

/// Times and limits of incidents.
#[derive(Debug, Clone)]
pub struct BookOptions {
    /// How alerts become incidents.
    pub group_by: GroupBy,
    /// How long no alert fires before an incident is over.
    pub resolve_after_ms: u64,
    /// How long after it was over an incident is opened again rather than another one.
    pub reopen_within_ms: u64,
    /// How long incidents that are over are kept.
    pub retention_ms: u64,
    /// Incidents that are open at once; further alerts join one for all of them.
    pub open_max: usize,
    /// Incidents that are kept at all; the oldest that are over make room.
    pub incidents_max: usize,
    /// Alerts of one incident; more are counted.
    pub alerts_max: usize,
    /// Moments of one timeline; the oldest make room.
    pub moments_max: usize,
    /// Bytes of the detail of a moment.
    pub detail_bytes_max: usize,
}

impl Default for BookOptions {
    fn default() -> Self {
        Self {
            group_by: GroupBy::Route,
            resolve_after_ms: 120_000,
            reopen_within_ms: 1_800_000,
            retention_ms: 90 * 86_400_000,
            open_max: 500,
            incidents_max: 5_000,
            alerts_max: 500,
            moments_max: 2_000,
            detail_bytes_max: 64 << 10,
        }
    }
}

/// All incidents of a tenant.
#[derive(Debug)]
pub struct Book {
    pub(super) options: BookOptions,
    pub(super) incidents: BTreeMap<u64, Incident>,
    /// The incident that takes alerts with this key.
    pub(super) by_key: HashMap<String, u64>,
    /// The open incident in which an alert is.
    pub(super) by_alert: HashMap<String, u64>,
    /// Deployments of the last hour, for incidents that open after them.
    pub(super) deployments: Vec<(String, Moment)>,
    next_id: u64,
    records: Vec<Kept>,
}

impl Book {
    /// No incidents yet.
    pub fn new(options: BookOptions) -> Self {
        Self {
            options,
            incidents: BTreeMap::new(),
            by_key: HashMap::new(),
            by_alert: HashMap::new(),
            deployments: Vec::new(),
            next_id: 1,
            records: Vec::new(),
        }
    }

    /// Reads again what was kept.
    pub(crate) fn restore(&mut self, record: Kept) {
        match record {
            Kept::Incident(incident) => {
                let mut incident = *incident;
                self.next_id = self.next_id.max(incident.id + 1);
                if let Some(old) = self.incidents.remove(&incident.id) {
                    incident.timeline = old.timeline;
                }
                self.incidents.insert(incident.id, incident);
            }
            Kept::Moment { incident, moment } => {
                let moments_max = self.options.moments_max;
                if let Some(incident) = self.incidents.get_mut(&incident) {
                    incident.moment_next = incident.moment_next.max(moment.number + 1);
                    // A record that was written twice is one moment.
                    if incident.timeline.back().is_none_or(|last| last.number < moment.number) {
                        incident.timeline.push_back(moment);
                    }
                    while incident.timeline.len() > moments_max {
                        incident.timeline.pop_front();
                    }
                }
            }
            Kept::IncidentGone { incident } => {
                self.incidents.remove(&incident);
            }
            Kept::Deployment { service, moment } => self.deployments.push((service, moment)),
            _ => {}
        }
    }

    /// After everything was read.
    pub(crate) fn restored(&mut self) {
        self.by_key.clear();
        self.by_alert.clear();
        for (id, incident) in &self.incidents {
            // Later incidents take the place of earlier ones with the same key.
            if incident.merged_into.is_none() {
                for key in &incident.keys {
                    self.by_key.insert(key.clone(), *id);
                }
            }
            if incident.is_open() {
                for fingerprint in incident.alerts.keys() {
                    self.by_alert.insert(fingerprint.clone(), *id);
                }
            }
        }
    }

    /// Everything that has to be kept.
    pub(crate) fn snapshot(&self) -> Vec<Kept> {
        let mut records = Vec::new();
        for incident in self.incidents.values() {
            records.push(Kept::Incident(Box::new(incident.clone())));
            let moments = incident.timeline.iter().cloned();
            records.extend(moments.map(|moment| Kept::Moment { incident: incident.id, moment }));
        }
        let deployments = self.deployments.iter().cloned();
        records.extend(deployments.map(|(service, moment)| Kept::Deployment { service, moment }));
        records
    }

    /// What has to be kept since the last call, in order.
    pub(crate) fn take_records(&mut self) -> Vec<Kept> {
        std::mem::take(&mut self.records)
    }

    /// An incident.
    pub fn get(&self, id: u64) -> Option<&Incident> {
        self.incidents.get(&id)
    }

    /// All incidents, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Incident> {
        self.incidents.values()
    }

    /// The incident of a group of the routing tree, open ones first.
    pub fn of_group(&self, group_key: &str) -> Option<&Incident> {
        let of_group = |incident: &&Incident| incident.group_keys.contains(group_key);
        let mut found = self.incidents.values().rev().filter(of_group);
        let latest = found.clone().next();
        found.find(|incident| incident.is_open()).or(latest)
    }

    pub(super) fn id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Changes an incident; what changed is kept.
    pub(crate) fn change<T>(
        &mut self,
        id: u64,
        at_ms: i64,
        change: impl FnOnce(&mut Incident) -> T,
    ) -> Option<T> {
        let incident = self.incidents.get_mut(&id)?;
        let result = change(incident);
        incident.updated_ms = incident.updated_ms.max(at_ms);
        let mut kept = incident.clone();
        kept.timeline.clear();
        self.records.push(Kept::Incident(Box::new(kept)));
        Some(result)
    }

    /// Adds to the timeline of an incident.
    pub(crate) fn note(&mut self, id: u64, mut moment: Moment) {
        let (moments_max, bytes_max) = (self.options.moments_max, self.options.detail_bytes_max);
        let Some(incident) = self.incidents.get_mut(&id) else { return };
        moment.number = incident.moment_next;
        moment.detail = crate::desk::shortened(moment.detail, bytes_max);
        moment.text = crate::desk::shortened(moment.text, 4 << 10);
        incident.moment_next += 1;
        incident.updated_ms = incident.updated_ms.max(moment.at_ms);
        incident.timeline.push_back(moment.clone());
        while incident.timeline.len() > moments_max {
            incident.timeline.pop_front();
        }
        self.records.push(Kept::Moment { incident: id, moment });
    }

    pub(super) fn keep(&mut self, record: Kept) {
        self.records.push(record);
    }

    /// Forgets what is old, and resolves what has been quiet long enough.
    pub fn tick(&mut self, now_ms: i64) {
        let resolve_after = i64::try_from(self.options.resolve_after_ms).unwrap_or(i64::MAX);
        let quiet = self.incidents.values().filter(|incident| {
            incident.is_open()
                && incident
                    .quiet_ms
                    .is_some_and(|since| now_ms.saturating_sub(since) >= resolve_after)
        });
        let quiet: Vec<u64> = quiet.map(|incident| incident.id).collect();
        for id in quiet {
            self.close(id, now_ms, "vigie", "all alerts are over");
        }
        self.forget(now_ms);
    }

    pub(super) fn close(&mut self, id: u64, now_ms: i64, by: &str, text: &str) {
        let alerts = self.change(id, now_ms, |incident| {
            incident.state = IncidentState::Resolved;
            incident.resolved_ms = Some(now_ms);
            for timer in &mut incident.escalation {
                if timer.state == super::EscalationState::Waiting {
                    timer.state = super::EscalationState::Stopped;
                }
            }
            incident.alerts.keys().cloned().collect::<Vec<_>>()
        });
        for fingerprint in alerts.unwrap_or_default() {
            if self.by_alert.get(&fingerprint) == Some(&id) {
                self.by_alert.remove(&fingerprint);
            }
        }
        let moment = Moment::new(now_ms, super::MomentKind::State, by, format!("resolved: {text}"));
        self.note(id, moment);
    }

    fn forget(&mut self, now_ms: i64) {
        self.deployments.retain(|(_, moment)| now_ms.saturating_sub(moment.at_ms) < 3_600_000);
        let retention = i64::try_from(self.options.retention_ms).unwrap_or(i64::MAX);
        let too_many = self.incidents.len().saturating_sub(self.options.incidents_max);
        let over = self.incidents.values().filter(|incident| !incident.is_open());
        let is_old = |incident: &Incident| now_ms.saturating_sub(incident.updated_ms) > retention;
        let gone: Vec<u64> = over
            .enumerate()
            .filter(|(at, incident)| *at < too_many || is_old(incident))
            .map(|(_, incident)| incident.id)
            .collect();
        for id in gone {
            self.incidents.remove(&id);
            self.by_key.retain(|_, of| *of != id);
            self.records.push(Kept::IncidentGone { incident: id });
        }
    }
}
