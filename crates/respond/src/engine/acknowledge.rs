//! Acknowledgement: somebody takes care of a group, so that nothing is repeated until then. What
//! changes (new alerts, resolved ones) is told all the same. And reminders of silences that end.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vigie_language::yaml::DurationMs;
use vigie_model::{Alert, Labels};

use super::{Engine, Record};
use crate::alert::Now;
use crate::silence::{Silence, SilenceState};
use crate::why::Event;

/// The annotation of a silence by which its owner asks to be told before it ends.
const REMIND: &str = "remind_before";

/// Somebody takes care of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// What they said.
    pub comment: String,
    /// Since when; milliseconds since the epoch.
    pub at_ms: i64,
    /// Until when nothing is repeated.
    pub until_ms: i64,
}

impl Engine {
    /// Takes an acknowledgement of the group with that key; `false` when there is no such group.
    pub fn acknowledge(
        &mut self,
        group_key: &str,
        acknowledgement: Acknowledgement,
        now: Now,
    ) -> bool {
        let groups = self.groups.iter().filter(|(_, group)| &*group.key == group_key);
        let ids: Vec<u64> = groups.map(|(id, _)| *id).collect();
        for id in &ids {
            let event = Event::Acknowledged {
                by: acknowledgement.by.clone(),
                until_ms: acknowledgement.until_ms,
            };
            self.note(*id, now, event);
        }
        if ids.is_empty() {
            return false;
        }
        let group_key: Arc<str> = Arc::from(group_key);
        self.records.push(Record::Acknowledged {
            group_key: Arc::clone(&group_key),
            acknowledgement: acknowledgement.clone(),
        });
        self.acknowledged.insert(group_key, acknowledgement);
        true
    }

    /// Who takes care of a group now.
    pub fn acknowledgement(&self, group_key: &str, now: Now) -> Option<&Acknowledgement> {
        self.acknowledged.get(group_key).filter(|found| found.until_ms > now.wall_ms)
    }

    /// Forgets the acknowledgement of a group that is over.
    pub(super) fn forget_acknowledgement(&mut self, group_key: &str) {
        if self.acknowledged.remove(group_key).is_some() {
            self.records.push(Record::Unacknowledged { group_key: Arc::from(group_key) });
        }
    }

    /// Puts in an alert `SilenceExpiring` for each silence that ends soon and whose owner asked
    /// for it. It is routed like any other.
    pub fn remind(&mut self, now: Now) {
        let ending = self.silences.iter().filter(|silence| is_ending(silence, now.wall_ms));
        let alerts: Vec<Alert> = ending.map(reminder).collect();
        let known =
            |alert: &Alert| self.alerts.contains_key(&crate::Fingerprint::of(&alert.labels));
        let new: Vec<Alert> = alerts.into_iter().filter(|alert| !known(alert)).collect();
        if !new.is_empty() {
            self.put(new, now);
        }
    }
}

fn is_ending(silence: &Silence, now_ms: i64) -> bool {
    let before = silence.annotations.get(REMIND).and_then(|text| DurationMs::parse(text));
    let before = before.and_then(|before| i64::try_from(before.0).ok());
    silence.state(now_ms) == SilenceState::Active
        && before.is_some_and(|before| silence.ends_at_ms.saturating_sub(before) <= now_ms)
}

fn reminder(silence: &Silence) -> Alert {
    let annotation = |name: &str| silence.annotations.get(name).map_or("", String::as_str);
    let summary = format!("The silence {} ends soon: {}", silence.matchers, silence.comment);
    Alert {
        labels: Labels::from_pairs([
            ("alertname", "SilenceExpiring"),
            ("silence_id", silence.id.as_str()),
            ("owner", annotation("owner")),
            ("ticket", annotation("ticket")),
        ]),
        annotations: BTreeMap::from([("summary".to_owned(), summary)]),
        starts_at_ms: None,
        ends_at_ms: Some(silence.ends_at_ms),
        generator_url: String::new(),
    }
}
