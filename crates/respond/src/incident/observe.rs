//! From the alerts that fire now to incidents.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, GroupBy, Incident, IncidentAlert, IncidentState, Moment, MomentKind};

/// Alerts that are told of one by one on a timeline in one pass; more are one line.
const LINES_MAX: usize = 20;
/// The key of the incident for alerts that there is no room for.
const OVERFLOW: &str = "overflow";

/// An alert that fires and that somebody would be told of.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its identity.
    pub fingerprint: String,
    /// The alert.
    pub alert: IncidentAlert,
    /// Keys of its groups in the routing tree, in the order of the tree.
    pub group_keys: Vec<String>,
    /// Labels of the first group.
    pub group_labels: BTreeMap<String, String>,
}

impl Book {
    /// Whether an alert is in an open incident, as one that fires.
    pub fn knows_firing(&self, fingerprint: &str) -> bool {
        let incident = self.by_alert.get(fingerprint).and_then(|id| self.incidents.get(id));
        let alert = incident.and_then(|incident| incident.alerts.get(fingerprint));
        alert.is_some_and(|alert| alert.ends_ms.is_none())
    }

    /// Takes alerts that fire and were not known to. Gives the incidents that were opened.
    pub fn take_firing(&mut self, observed: Vec<Observed>, now_ms: i64) -> Vec<u64> {
        let mut opened = Vec::new();
        let mut joined: BTreeMap<u64, Vec<Observed>> = BTreeMap::new();
        for alert in observed {
            let (id, is_new) = self.place(&alert, now_ms);
            if is_new {
                opened.push(id);
            }
            joined.entry(id).or_default().push(alert);
        }
        for (id, alerts) in joined {
            self.join(id, alerts, now_ms);
        }
        opened
    }

    /// The incident of an alert, and whether it was opened (again) for it.
    fn place(&mut self, observed: &Observed, now_ms: i64) -> (u64, bool) {
        if let Some(id) = self.by_alert.get(&observed.fingerprint) {
            return (*id, false);
        }
        let key = self.key_of(observed);
        if let Some(id) = self.taking(&key, now_ms) {
            return id;
        }
        let open = self.incidents.values().filter(|incident| incident.is_open()).count();
        if open < self.options.open_max {
            return (self.open(key, title(observed), now_ms), true);
        }
        if let Some(found) = self.taking(OVERFLOW, now_ms) {
            return found;
        }
        tracing::error!(open, "too many incidents are open; further alerts join one for all");
        let title = format!("More alerts than {open} incidents");
        (self.open(OVERFLOW.to_owned(), title, now_ms), true)
    }

    fn key_of(&self, observed: &Observed) -> String {
        match (self.options.group_by, observed.group_keys.first()) {
            (GroupBy::Route, Some(key)) => format!("route {key}"),
            _ => {
                let name = observed.alert.labels.get("alertname");
                format!("rule {}", name.map_or("", String::as_str))
            }
        }
    }

    /// The incident that takes alerts with `key`: an open one, or one that was over recently.
    fn taking(&mut self, key: &str, now_ms: i64) -> Option<(u64, bool)> {
        let id = *self.by_key.get(key)?;
        let incident = self.incidents.get(&id)?;
        if incident.is_open() {
            return Some((id, false));
        }
        let within = i64::try_from(self.options.reopen_within_ms).unwrap_or(i64::MAX);
        let over_ms = incident.resolved_ms.filter(|_| incident.merged_into.is_none())?;
        if now_ms.saturating_sub(over_ms) > within {
            return None;
        }
        self.change(id, now_ms, |incident| {
            incident.state = IncidentState::Triggered;
            incident.resolved_ms = None;
            incident.mitigated_ms = None;
            incident.acknowledged_ms = None;
            incident.acknowledged_by.clear();
            incident.quiet_ms = None;
            incident.escalation.clear();
            incident.runbooks_seen.clear();
        });
        let text = "triggered: an alert fires again";
        self.note(id, Moment::new(now_ms, MomentKind::State, "vigie", text));
        Some((id, true))
    }

    pub(super) fn open(&mut self, key: String, title: String, now_ms: i64) -> u64 {
        let id = self.id();
        let incident = Incident {
            id,
            keys: BTreeSet::from([key.clone()]),
            group_keys: BTreeSet::new(),
            title,
            state: IncidentState::Triggered,
            severity: String::new(),
            is_severity_set: false,
            owner: String::new(),
            labels: BTreeMap::new(),
            opened_ms: now_ms,
            updated_ms: now_ms,
            acknowledged_ms: None,
            acknowledged_by: String::new(),
            mitigated_ms: None,
            resolved_ms: None,
            quiet_ms: None,
            merged_into: None,
            alerts: BTreeMap::new(),
            alerts_left_out: 0,
            escalation: Vec::new(),
            runs: Vec::new(),
            runbooks_seen: BTreeSet::new(),
            moment_next: 1,
            timeline: std::collections::VecDeque::new(),
        };
        self.incidents.insert(id, incident);
        self.by_key.insert(key, id);
        id
    }

    fn join(&mut self, id: u64, alerts: Vec<Observed>, now_ms: i64) {
        let alerts_max = self.options.alerts_max;
        let mut lines = Vec::new();
        let mut taken = Vec::new();
        self.change(id, now_ms, |incident| {
            incident.quiet_ms = None;
            for observed in alerts {
                let fingerprint = observed.fingerprint;
                let known = incident.alerts.contains_key(&fingerprint);
                if !known && incident.alerts.len() >= alerts_max {
                    incident.alerts_left_out += 1;
                } else {
                    incident.alerts.insert(fingerprint.clone(), observed.alert.clone());
                    incident.group_keys.extend(observed.group_keys);
                }
                lines.push((fingerprint.clone(), line(&observed.alert)));
                taken.push(fingerprint);
            }
            describe(incident);
        });
        for fingerprint in taken {
            self.by_alert.insert(fingerprint, id);
        }
        self.note_alerts(id, lines, "fires", now_ms);
        self.note_deployments(id);
    }

    fn note_alerts(&mut self, id: u64, mut lines: Vec<(String, String)>, what: &str, now_ms: i64) {
        let more = lines.split_off(lines.len().min(LINES_MAX)).len();
        for (fingerprint, line) in lines {
            let text = format!("{line} {what}");
            let mut moment = Moment::new(now_ms, MomentKind::Alert, "", text);
            moment.alert = Some(fingerprint);
            self.note(id, moment);
        }
        if more > 0 {
            let text = format!("and {more} more alerts: each {what}");
            self.note(id, Moment::new(now_ms, MomentKind::Alert, "", text));
        }
    }

    /// Deployments of the same service shortly before.
    fn note_deployments(&mut self, id: u64) {
        let Some(incident) = self.incidents.get(&id) else { return };
        let service = incident.labels.get("service").cloned().unwrap_or_default();
        let is_there = |moment: &Moment| {
            incident.timeline.iter().any(|m| m.kind == moment.kind && m.text == moment.text)
        };
        let recent: Vec<Moment> = self
            .deployments
            .iter()
            .filter(|(of, moment)| *of == service && !service.is_empty() && !is_there(moment))
            .map(|(_, moment)| moment.clone())
            .collect();
        for moment in recent {
            self.note(id, moment);
        }
    }

    /// Looks which of the alerts of open incidents are over: those that `firing` does not know.
    pub fn take_over(&mut self, firing: &dyn Fn(&str) -> bool, now_ms: i64) {
        let mut over: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for incident in self.incidents.values().filter(|incident| incident.is_open()) {
            for (fingerprint, alert) in &incident.alerts {
                if alert.ends_ms.is_none() && !firing(fingerprint) {
                    over.entry(incident.id).or_default().push(fingerprint.clone());
                }
            }
        }
        for (id, fingerprints) in over {
            let lines = self.change(id, now_ms, |incident| {
                let mut lines = Vec::new();
                for fingerprint in fingerprints {
                    if let Some(alert) = incident.alerts.get_mut(&fingerprint) {
                        alert.ends_ms = Some(now_ms);
                        lines.push((fingerprint, line(alert)));
                    }
                }
                if incident.firing() == 0 {
                    incident.quiet_ms = Some(now_ms);
                }
                lines
            });
            self.note_alerts(id, lines.unwrap_or_default(), "is over", now_ms);
        }
        self.take_left_out(firing);
    }

    /// Alerts without room: only their identity is known.
    fn take_left_out(&mut self, firing: &dyn Fn(&str) -> bool) {
        let incidents = &self.incidents;
        self.by_alert.retain(|fingerprint, id| {
            incidents.get(id).is_some_and(|incident| incident.alerts.contains_key(fingerprint))
                || firing(fingerprint)
        });
    }

    /// Whether an alert was taken by an open incident that has no room for it.
    pub fn is_left_out(&self, fingerprint: &str) -> bool {
        let incident = self.by_alert.get(fingerprint).and_then(|id| self.incidents.get(id));
        incident.is_some_and(|incident| !incident.alerts.contains_key(fingerprint))
    }
}

fn title(observed: &Observed) -> String {
    let labels = &observed.alert.labels;
    let name = labels.get("alertname").map_or("alert", String::as_str);
    let what = ["service", "job", "instance"].iter().find_map(|label| labels.get(*label));
    match what {
        Some(what) => crate::desk::shortened(format!("{name} {what}"), 300),
        None => crate::desk::shortened(name.to_owned(), 300),
    }
}

/// An alert in one line.
fn line(alert: &IncidentAlert) -> String {
    let name = alert.labels.get("alertname").map_or("an alert", String::as_str);
    let others = alert.labels.iter().filter(|(label, _)| *label != "alertname");
    let others: Vec<String> = others.map(|(label, value)| format!("{label}={value:?}")).collect();
    crate::desk::shortened(format!("{name} {{{}}}", others.join(", ")), 1_000)
}

/// Severity and labels follow from the alerts.
pub(super) fn describe(incident: &mut Incident) {
    let mut alerts = incident.alerts.values();
    let mut common = alerts.next().map(|alert| alert.labels.clone()).unwrap_or_default();
    for alert in alerts {
        common.retain(|name, value| alert.labels.get(name) == Some(value));
    }
    incident.labels = common;
    if !incident.is_severity_set {
        let severities = incident.alerts.values().filter_map(|alert| alert.labels.get("severity"));
        let worst = severities.max_by_key(|severity| Incident::severity_rank(severity));
        incident.severity = worst.cloned().unwrap_or_default();
    }
}
