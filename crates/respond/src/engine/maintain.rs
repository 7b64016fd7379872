//! Forgetting what is over, and starting again from what was kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::record::{Record, Restored};
use super::{Engine, millis};
use crate::alert::{Now, mono_of};
use crate::silence::{Silence, SilenceError, SilenceRequest};

impl Engine {
    /// Forgets resolved alerts (groups keep those that somebody has yet to be told of), old
    /// silences and log entries.
    pub(super) fn collect(&mut self, now: Now) {
        let over: Vec<_> =
            self.alerts.values().filter(|alert| alert.is_resolved(now)).map(Arc::clone).collect();
        for alert in over {
            self.alerts.remove(&alert.fingerprint);
            self.inhibitor.remove(&alert);
            self.records.push(Record::AlertGone { fingerprint: alert.fingerprint.to_string() });
        }
        let retention_ms = millis(self.times.retention);
        let kept = i64::try_from(retention_ms).unwrap_or(i64::MAX);
        for id in self.silences.collect(now.wall_ms, kept) {
            self.records.push(Record::SilenceGone { id });
        }
        let alive: BTreeSet<&str> = self.groups.values().map(|group| &*group.key).collect();
        for key in self.log.collect(now, retention_ms, |group| alive.contains(group)) {
            self.records.push(Record::log_gone(&key));
        }
    }

    /// Makes or changes a silence; gives the one that was asked for.
    pub fn set_silence(
        &mut self,
        request: SilenceRequest,
        now: Now,
    ) -> Result<Silence, SilenceError> {
        let syntax = self.running.config.options.syntax;
        let with = (&self.limits, &*self.random, syntax);
        let changed = self.silences.set(request, now.wall_ms, with)?;
        self.records.extend(changed.iter().map(Record::silence));
        changed.into_iter().last().ok_or(SilenceError::NotFound)
    }

    /// Ends a silence. One that is over already is none of an error.
    pub fn expire_silence(&mut self, id: &str, now: Now) -> Result<(), SilenceError> {
        let changed = self.silences.expire(id, now.wall_ms)?;
        self.records.extend(changed.iter().map(Record::silence));
        Ok(())
    }

    /// Puts back what was kept before a restart. Alerts whose sender was expected to send again
    /// get the time to do so: nobody is told "resolved" because we were away.
    pub fn restore(&mut self, kept: Restored, now: Now) {
        let grace = i64::try_from(self.running.config.config.global.resolve_timeout.0);
        let until = now.wall_ms.saturating_add(grace.unwrap_or(i64::MAX));
        for silence in kept.silences {
            self.silences.restore(silence);
        }
        for (key, mut entry) in kept.log {
            // A time to come means that the clock was set back; from then on it counts as now.
            entry.at_ms = entry.at_ms.min(now.wall_ms);
            self.log.set(key, entry);
        }
        self.acknowledged = kept.acknowledged;
        for timeline in kept.timelines {
            self.timelines.restore(timeline);
        }
        self.is_restoring = true;
        for mut alert in kept.alerts {
            if alert.ends_at_ms > alert.updated_at_ms && alert.ends_at_ms < until {
                alert.ends_at_ms = until;
            }
            alert.ends_mono_ms = mono_of(alert.ends_at_ms, now);
            self.place(&Arc::new(alert), now);
        }
        self.is_restoring = false;
    }

    /// Everything that has to be kept, for a new snapshot.
    pub fn snapshot(&self) -> Vec<Record> {
        let mut records: Vec<Record> =
            self.alerts.values().map(|alert| Record::alert(alert)).collect();
        // Groups keep resolved alerts that the list of alerts has forgotten.
        for group in self.groups.values() {
            let only_here =
                group.alerts.values().filter(|a| !self.alerts.contains_key(&a.fingerprint));
            records.extend(only_here.map(|alert| Record::alert(alert)));
        }
        records.extend(self.silences.iter().map(Record::silence));
        records.extend(self.log.iter().map(|(key, entry)| Record::told(key, entry)));
        let acknowledged = self.acknowledged.iter();
        records.extend(acknowledged.map(|(group_key, acknowledgement)| Record::Acknowledged {
            group_key: Arc::clone(group_key),
            acknowledgement: acknowledgement.clone(),
        }));
        records.extend(self.timelines.iter().cloned().map(Record::Timeline));
        records
    }
}
