//! The alerts of one rule and how they move between pending, firing and resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vigie_model::{Alert, Labels, LabelsBuilder, METRIC_NAME};

/// A resolved alert is kept, and sent again, for this long: the receiver may have been away.
const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// The series of each active alert.
pub(crate) const ALERTS: &str = "ALERTS";
/// The series of when each active alert became active.
pub(crate) const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";
/// The label that names the rule.
pub(crate) const ALERT_NAME: &str = "alertname";
const ALERT_STATE: &str = "alertstate";

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// Not yet evaluated.
    Unknown,
    /// Resolved, or never there.
    Inactive,
    /// In the result, but not for long enough.
    Pending,
    /// In the result for long enough.
    Firing,
}

impl AlertState {
    /// As Prometheus writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// One alert of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertInstance {
    /// Where it stands.
    pub state: AlertState,
    /// Its identity.
    pub labels: Labels,
    /// What people are told.
    pub annotations: Arc<BTreeMap<String, String>>,
    /// The value at the last evaluation.
    pub value: f64,
    /// Since when it has been in the result.
    pub active_at_ms: i64,
    /// Since when it has been firing.
    pub fired_at_ms: Option<i64>,
    /// When it left the result for good.
    pub resolved_at_ms: Option<i64>,
    /// When it was last handed on.
    pub last_sent_at_ms: Option<i64>,
    /// Until when receivers may take it as firing.
    pub valid_until_ms: i64,
    /// Since when it only fires because of `keep_firing_for`.
    pub keep_firing_since_ms: Option<i64>,
}

impl AlertInstance {
    fn needs_sending(&self, at_ms: i64, resend_delay_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        let Some(sent_ms) = self.last_sent_at_ms else { return true };
        self.resolved_at_ms.is_some_and(|resolved| resolved > sent_ms)
            || sent_ms + resend_delay_ms < at_ms
    }
}

/// What the rule's expression found at one time.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) labels: Labels,
    pub(crate) annotations: Arc<BTreeMap<String, String>>,
    pub(crate) value: f64,
}

/// The times that a rule sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) for_ms: i64,
    pub(crate) keep_firing_for_ms: i64,
    pub(crate) limit: usize,
}

/// The alerts of one rule, resolved ones for a while included.
#[derive(Debug, Clone, Default)]
pub(crate) struct ActiveAlerts {
    alerts: BTreeMap<Labels, AlertInstance>,
}

impl ActiveAlerts {
    /// All alerts, by labels.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &AlertInstance> {
        self.alerts.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut AlertInstance> {
        self.alerts.values_mut()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// The highest state of any.
    pub(crate) fn state(&self) -> AlertState {
        self.iter().map(|alert| alert.state).max().unwrap_or(AlertState::Inactive)
    }

    /// Takes over what an older version of the rule had.
    pub(crate) fn take_over(&mut self, older: &Self) {
        self.alerts.extend(older.alerts.iter().map(|(key, alert)| (key.clone(), alert.clone())));
    }

    /// Moves every alert to where it stands at `at_ms`, given what was found then.
    pub(crate) fn update(
        &mut self,
        found: Vec<Found>,
        at_ms: i64,
        times: Times,
    ) -> Result<(), String> {
        if found.is_empty() && self.alerts.is_empty() {
            return Ok(());
        }
        let present: BTreeSet<Labels> = found.iter().map(|one| one.labels.clone()).collect();
        if present.len() != found.len() {
            return Err(
                "vector contains metrics with the same labelset after applying alert labels"
                    .to_owned(),
            );
        }
        for one in found {
            self.put(one, at_ms);
        }
        let mut active = 0;
        self.alerts.retain(|labels, alert| {
            let is_present = present.contains(labels);
            let (keep, is_active) = step(alert, is_present, at_ms, times);
            active += usize::from(is_active);
            keep
        });
        if times.limit > 0 && active > times.limit {
            self.alerts.clear();
            return Err(format!("exceeded limit of {} with {active} alerts", times.limit));
        }
        Ok(())
    }

    fn put(&mut self, found: Found, at_ms: i64) {
        if let Some(alert) = self.alerts.get_mut(&found.labels)
            && alert.state != AlertState::Inactive
        {
            alert.value = found.value;
            alert.annotations = found.annotations;
            return;
        }
        let alert = AlertInstance {
            state: AlertState::Pending,
            labels: found.labels.clone(),
            annotations: found.annotations,
            value: found.value,
            active_at_ms: at_ms,
            fired_at_ms: None,
            resolved_at_ms: None,
            last_sent_at_ms: None,
            valid_until_ms: 0,
            keep_firing_since_ms: None,
        };
        self.alerts.insert(found.labels, alert);
    }

    /// `ALERTS` and `ALERTS_FOR_STATE` of what is active, for a rule with these labels.
    pub(crate) fn samples(
        &self,
        name: &str,
        rule_labels: &BTreeMap<String, String>,
    ) -> Vec<(Labels, f64)> {
        let active = self.iter().filter(|alert| alert.state > AlertState::Inactive);
        active
            .flat_map(|alert| {
                let mut labels = LabelsBuilder::new();
                for (label, value) in rule_labels {
                    labels.set(label, value);
                }
                for (label, value) in &alert.labels {
                    labels.set(label, value);
                }
                labels.set(ALERT_NAME, name).set(METRIC_NAME, ALERTS_FOR_STATE);
                let since = (labels.build(), alert.active_at_ms.div_euclid(1000) as f64);
                labels.set(METRIC_NAME, ALERTS).set(ALERT_STATE, alert.state.as_str());
                [(labels.build(), 1.0), since]
            })
            .collect()
    }

    /// What is to be handed on at `at_ms`, and marks it as sent.
    pub(crate) fn take_due(
        &mut self,
        at_ms: i64,
        (resend_delay_ms, interval_ms): (i64, i64),
        generator_url: &str,
    ) -> Vec<Alert> {
        let mut due = Vec::new();
        for alert in self.alerts.values_mut() {
            if !alert.needs_sending(at_ms, resend_delay_ms) {
                continue;
            }
            alert.last_sent_at_ms = Some(at_ms);
            // Room for evaluations and deliveries that fail.
            alert.valid_until_ms = at_ms + 4 * interval_ms.max(resend_delay_ms);
            due.push(Alert {
                labels: alert.labels.clone(),
                annotations: alert.annotations.as_ref().clone(),
                starts_at_ms: alert.fired_at_ms,
                ends_at_ms: Some(alert.resolved_at_ms.unwrap_or(alert.valid_until_ms)),
                generator_url: generator_url.to_owned(),
            });
        }
        due
    }
}

/// Moves one alert; (whether it is kept, whether it is pending or firing).
fn step(alert: &mut AlertInstance, is_present: bool, at_ms: i64, times: Times) -> (bool, bool) {
    if is_present {
        alert.keep_firing_since_ms = None;
    } else {
        let mut keeps_firing = false;
        if alert.state == AlertState::Firing && times.keep_firing_for_ms > 0 {
            let since_ms = *alert.keep_firing_since_ms.get_or_insert(at_ms);
            keeps_firing = at_ms - since_ms < times.keep_firing_for_ms;
        }
        let expired =
            alert.resolved_at_ms.is_some_and(|resolved| at_ms - resolved > RESOLVED_RETENTION_MS);
        if alert.state == AlertState::Pending || expired {
            return (false, false);
        }
        if !keeps_firing {
            if alert.state != AlertState::Inactive {
                alert.state = AlertState::Inactive;
                alert.resolved_at_ms = Some(at_ms);
            }
            return (true, false);
        }
    }
    let active_ms = at_ms - alert.active_at_ms;
    if alert.state == AlertState::Pending && active_ms >= times.for_ms {
        alert.state = AlertState::Firing;
        alert.fired_at_ms = Some(at_ms);
    }
    // A reload, or restored state, may have made `for` longer than it has been active.
    if alert.state == AlertState::Firing && active_ms < times.for_ms {
        alert.state = AlertState::Pending;
        alert.fired_at_ms = None;
        alert.last_sent_at_ms = None;
        alert.keep_firing_since_ms = None;
    }
    (true, true)
}

#[cfg(test)]
mod tests;
