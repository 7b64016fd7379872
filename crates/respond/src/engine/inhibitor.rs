//! Finds the alert that inhibits another without asking all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vigie_model::Labels;

use crate::alert::{Now, StoredAlert};
use crate::{Fingerprint, InhibitRule};

/// Per rule: the alerts that match its source, by the labels that must be equal.
#[derive(Debug)]
pub(super) struct Inhibitor {
    rules: Arc<[InhibitRule]>,
    sources: Vec<BTreeMap<Labels, BTreeSet<Fingerprint>>>,
}

impl Inhibitor {
    pub(super) fn new(rules: Arc<[InhibitRule]>) -> Self {
        let sources = rules.iter().map(|_| BTreeMap::new()).collect();
        Self { rules, sources }
    }

    /// From now on `alert` inhibits, as long as it fires.
    pub(super) fn add(&mut self, alert: &StoredAlert) {
        for (rule, sources) in self.rules.iter().zip(&mut self.sources) {
            if rule.source.matches(&alert.labels) {
                let key = rule.key_of(&alert.labels);
                sources.entry(key).or_default().insert(alert.fingerprint);
            }
        }
    }

    /// Forgets `alert`.
    pub(super) fn remove(&mut self, alert: &StoredAlert) {
        for (rule, sources) in self.rules.iter().zip(&mut self.sources) {
            let key = rule.key_of(&alert.labels);
            if let Some(same) = sources.get_mut(&key) {
                same.remove(&alert.fingerprint);
                if same.is_empty() {
                    sources.remove(&key);
                }
            }
        }
    }

    /// The first rule by which an alert with `labels` is inhibited now, and the alert that does.
    pub(super) fn inhibiting<'a>(
        &'a self,
        labels: &Labels,
        alerts: &'a BTreeMap<Fingerprint, Arc<StoredAlert>>,
        now: Now,
    ) -> Option<(&'a InhibitRule, &'a StoredAlert)> {
        self.rules.iter().zip(&self.sources).find_map(|(rule, sources)| {
            if !rule.target.matches(labels) {
                return None;
            }
            let same = sources.get(&rule.key_of(labels))?;
            let mut candidates = same.iter().filter_map(|fingerprint| alerts.get(fingerprint));
            let source = candidates
                .find(|source| !source.is_resolved(now) && rule.inhibits(&source.labels, labels))?;
            Some((rule, &**source))
        })
    }
}
