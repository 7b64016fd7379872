//! What people do with incidents.

use super::observe::describe;
use super::{Book, EscalationState, IncidentState, Moment, MomentKind};
use crate::desk::Kept;

/// Characters of what somebody writes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// Why something was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// There is no such incident.
    #[error("there is no incident {0}")]
    NotFound(u64),
    /// It cannot be done in this state.
    #[error("{0}")]
    Conflict(String),
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// What is to be changed of an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    /// What people call it.
    pub title: Option<String>,
    /// How bad it is.
    pub severity: Option<String>,
    /// Who takes care.
    pub owner: Option<String>,
}

impl Book {
    fn open_incident(&self, id: u64) -> Result<&super::Incident, ChangeError> {
        let incident = self.get(id).ok_or(ChangeError::NotFound(id))?;
        match (incident.merged_into, incident.is_open()) {
            (Some(into), _) => {
                Err(ChangeError::Conflict(format!("incident {id} is a part of {into}")))
            }
            (None, false) => Err(ChangeError::Conflict(format!("incident {id} is resolved"))),
            (None, true) => Ok(incident),
        }
    }

    /// Somebody takes care: nothing escalates any more. Gives whether that is new.
    pub fn acknowledge(
        &mut self,
        id: u64,
        (by, comment): (&str, &str),
        now_ms: i64,
    ) -> Result<bool, ChangeError> {
        if self.open_incident(id)?.state != IncidentState::Triggered {
            return Ok(false);
        }
        self.change(id, now_ms, |incident| {
            incident.state = IncidentState::Acknowledged;
            incident.acknowledged_ms = Some(now_ms);
            by.clone_into(&mut incident.acknowledged_by);
            if incident.owner.is_empty() {
                by.clone_into(&mut incident.owner);
            }
            for timer in &mut incident.escalation {
                if timer.state == EscalationState::Waiting {
                    timer.state = EscalationState::Stopped;
                    timer.detail = format!("{by} answered");
                }
            }
        });
        self.note_state(id, "acknowledged", (by, comment), now_ms);
        Ok(true)
    }

    /// The harm is over.
    pub fn mitigate(
        &mut self,
        id: u64,
        (by, comment): (&str, &str),
        now_ms: i64,
    ) -> Result<(), ChangeError> {
        self.acknowledge(id, (by, ""), now_ms)?;
        self.change(id, now_ms, |incident| {
            incident.state = IncidentState::Mitigated;
            incident.mitigated_ms = Some(now_ms);
        });
        self.note_state(id, "mitigated", (by, comment), now_ms);
        Ok(())
    }

    /// It is over.
    pub fn resolve(
        &mut self,
        id: u64,
        (by, comment): (&str, &str),
        now_ms: i64,
    ) -> Result<(), ChangeError> {
        self.open_incident(id)?;
        let text = if comment.is_empty() { "by hand" } else { comment };
        self.close(id, now_ms, by, &crate::desk::shortened(text.to_owned(), TEXT_BYTES_MAX));
        Ok(())
    }

    /// It is not over.
    pub fn reopen(
        &mut self,
        id: u64,
        (by, comment): (&str, &str),
        now_ms: i64,
    ) -> Result<(), ChangeError> {
        let incident = self.get(id).ok_or(ChangeError::NotFound(id))?;
        if incident.merged_into.is_some() || incident.is_open() {
            return Err(ChangeError::Conflict(format!("incident {id} is not resolved")));
        }
        let alerts = self.change(id, now_ms, |incident| {
            incident.state = IncidentState::Acknowledged;
            incident.resolved_ms = None;
            incident.quiet_ms = None;
            incident.alerts.keys().cloned().collect::<Vec<_>>()
        });
        for fingerprint in alerts.unwrap_or_default() {
            self.by_alert.entry(fingerprint).or_insert(id);
        }
        self.note_state(id, "opened again", (by, comment), now_ms);
        Ok(())
    }

    /// Somebody says something.
    pub fn comment(
        &mut self,
        id: u64,
        (by, text): (&str, &str),
        now_ms: i64,
    ) -> Result<(), ChangeError> {
        self.get(id).ok_or(ChangeError::NotFound(id))?;
        if text.trim().is_empty() {
            return Err(ChangeError::Invalid("a comment has a text".to_owned()));
        }
        let mut moment = Moment::new(now_ms, MomentKind::Comment, by, first_line(text));
        if text.trim().contains('\n') || text.len() > 1_000 {
            text.clone_into(&mut moment.detail);
        }
        self.note(id, moment);
        Ok(())
    }

    /// Changes title, severity or owner.
    pub fn edit(&mut self, id: u64, by: &str, edit: &Edit, now_ms: i64) -> Result<(), ChangeError> {
        self.get(id).ok_or(ChangeError::NotFound(id))?;
        let mut changes = Vec::new();
        let fields = [("title", &edit.title), ("severity", &edit.severity), ("owner", &edit.owner)];
        for (name, value) in fields {
            let Some(value) = value else { continue };
            if value.len() > 300 {
                return Err(ChangeError::Invalid(format!("a {name} of more than 300 bytes")));
            }
            changes.push(format!("{name}: {value}"));
        }
        self.change(id, now_ms, |incident| {
            if let Some(title) = &edit.title {
                incident.title.clone_from(title);
            }
            if let Some(severity) = &edit.severity {
                incident.severity.clone_from(severity);
                incident.is_severity_set = true;
            }
            if let Some(owner) = &edit.owner {
                incident.owner.clone_from(owner);
            }
        });
        if !changes.is_empty() {
            let text = changes.join(", ");
            self.note(id, Moment::new(now_ms, MomentKind::Edit, by, text));
        }
        Ok(())
    }

    /// Makes other incidents a part of this one.
    pub fn merge(
        &mut self,
        id: u64,
        from: &[u64],
        by: &str,
        now_ms: i64,
    ) -> Result<(), ChangeError> {
        self.open_incident(id)?;
        if from.is_empty() || from.contains(&id) {
            let message = "an incident is merged with others than itself".to_owned();
            return Err(ChangeError::Invalid(message));
        }
        for other in from {
            self.open_incident(*other)?;
        }
        for other in from {
            self.merge_one(id, *other, by, now_ms);
        }
        Ok(())
    }

    fn merge_one(&mut self, id: u64, other: u64, by: &str, now_ms: i64) {
        let Some(taken) = self.change(other, now_ms, |incident| {
            incident.merged_into = Some(id);
            incident.state = IncidentState::Resolved;
            incident.resolved_ms = Some(now_ms);
            for timer in &mut incident.escalation {
                if timer.state == EscalationState::Waiting {
                    timer.state = EscalationState::Stopped;
                    timer.detail = format!("a part of incident {id}");
                }
            }
            incident.clone()
        }) else {
            return;
        };
        for key in &taken.keys {
            self.by_key.insert(key.clone(), id);
        }
        for fingerprint in taken.alerts.keys() {
            self.by_alert.insert(fingerprint.clone(), id);
        }
        self.change(id, now_ms, |incident| {
            incident.keys.extend(taken.keys);
            incident.group_keys.extend(taken.group_keys);
            incident.alerts.extend(taken.alerts);
            incident.alerts_left_out += taken.alerts_left_out;
            incident.runs.extend(taken.runs);
            incident.opened_ms = incident.opened_ms.min(taken.opened_ms);
            if incident.firing() > 0 {
                incident.quiet_ms = None;
            }
            describe(incident);
        });
        // The other's story is part of this one's.
        for mut moment in taken.timeline {
            moment.text = format!("[{other}] {}", moment.text);
            self.note(id, moment);
        }
        let text = format!("incident {other} is a part of this one");
        self.note(id, Moment::new(now_ms, MomentKind::Merge, by, text));
        let text = format!("a part of incident {id}");
        self.note(other, Moment::new(now_ms, MomentKind::Merge, by, text));
    }

    /// Makes an incident of its own of some alerts; gives its number.
    pub fn split(
        &mut self,
        id: u64,
        fingerprints: &[String],
        by: &str,
        now_ms: i64,
    ) -> Result<u64, ChangeError> {
        let incident = self.open_incident(id)?;
        let mut moved = std::collections::BTreeMap::new();
        for fingerprint in fingerprints {
            let alert = incident.alerts.get(fingerprint).ok_or_else(|| {
                ChangeError::Invalid(format!("alert {fingerprint} is not in incident {id}"))
            })?;
            moved.insert(fingerprint.clone(), alert.clone());
        }
        if moved.is_empty() || moved.len() == incident.alerts.len() {
            let message = "a split takes some of the alerts and leaves others".to_owned();
            return Err(ChangeError::Invalid(message));
        }
        let group_keys = incident.group_keys.clone();
        let title = format!("{} (split from {id})", incident.title);
        // No new alert has this key: the new incident takes only what is given to it.
        let new = self.id();
        let key = format!("split {new}");
        let new = self.open(key, title, now_ms);
        for fingerprint in moved.keys() {
            self.by_alert.insert(fingerprint.clone(), new);
        }
        self.change(new, now_ms, |incident| {
            incident.alerts.clone_from(&moved);
            incident.group_keys = group_keys;
            incident.quiet_ms = (incident.firing() == 0).then_some(now_ms);
            describe(incident);
        });
        self.change(id, now_ms, |incident| {
            incident.alerts.retain(|fingerprint, _| !moved.contains_key(fingerprint));
            incident.quiet_ms = (incident.firing() == 0).then_some(now_ms);
            describe(incident);
        });
        let text = format!("{} alerts are incident {new} now", moved.len());
        self.note(id, Moment::new(now_ms, MomentKind::Split, by, text));
        let text = format!("split from incident {id}");
        self.note(new, Moment::new(now_ms, MomentKind::Split, by, text));
        Ok(new)
    }

    /// Something was deployed: on the timelines of its service's incidents. Gives how many.
    pub fn deployed(&mut self, service: &str, moment: &Moment) -> usize {
        let of_service = |incident: &&super::Incident| {
            let has = |labels: &std::collections::BTreeMap<String, String>| {
                labels.get("service").is_some_and(|value| value == service)
            };
            incident.is_open()
                && (has(&incident.labels)
                    || incident.alerts.values().any(|alert| has(&alert.labels)))
        };
        let ids: Vec<u64> = self.incidents.values().filter(of_service).map(|i| i.id).collect();
        for id in &ids {
            self.note(*id, moment.clone());
        }
        if self.deployments.len() < 1_000 {
            let (service, moment) = (service.to_owned(), moment.clone());
            self.deployments.push((service.clone(), moment.clone()));
            self.keep(Kept::Deployment { service, moment });
        }
        ids.len()
    }

    fn note_state(&mut self, id: u64, state: &str, (by, comment): (&str, &str), now_ms: i64) {
        let text =
            if comment.is_empty() { state.to_owned() } else { format!("{state}: {comment}") };
        self.note(id, Moment::new(now_ms, MomentKind::State, by, text));
    }
}

fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    crate::desk::shortened(line.to_owned(), 1_000)
}
