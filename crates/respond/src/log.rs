//! The notification log: of what each receiver was told last, so that nobody is told twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Fingerprint;
use crate::alert::Now;
use crate::notify::NotifyReason;

/// Whom an entry is about: a group and one integration of its receiver.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// Key of the group.
    pub group_key: Arc<str>,
    /// The receiver.
    pub receiver: Arc<str>,
    /// Kind of integration.
    pub integration: Arc<str>,
    /// Its place among those of that kind.
    pub index: u32,
}

/// What somebody was told last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogEntry {
    /// When: the moment of the flush, so that `repeat_interval` neither drifts nor shrinks.
    pub at_ms: i64,
    /// The same by the monotonic clock; `None` after a restart.
    pub at_mono_ms: Option<u64>,
    /// Alerts that fired.
    pub firing: BTreeSet<Fingerprint>,
    /// Alerts that were resolved.
    pub resolved: BTreeSet<Fingerprint>,
    /// What the integration wants to be told next time.
    pub remembered: BTreeMap<String, String>,
    /// `repeat_interval` then, for retention.
    pub repeat_ms: u64,
}

/// What the log says of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Tell, for this reason.
    Tell(NotifyReason),
    /// Nothing to tell: nobody was told of what is over now.
    Nothing,
    /// The same was told; it will be repeated at that time (wall clock).
    NotYet(i64),
}

impl LogEntry {
    /// Milliseconds since it was written, by the clock that nobody sets where there is one.
    fn age_ms(&self, now: Now) -> u64 {
        match self.at_mono_ms {
            Some(at) => now.mono_ms.saturating_sub(at),
            None => u64::try_from(now.wall_ms.saturating_sub(self.at_ms)).unwrap_or(0),
        }
    }
}

/// Whether a receiver that was told `entry` is told of `firing` and `resolved` now.
pub(crate) fn judge(
    entry: Option<&LogEntry>,
    (firing, resolved): (&BTreeSet<Fingerprint>, &BTreeSet<Fingerprint>),
    sends_resolved: bool,
    repeat_ms: u64,
    now: Now,
) -> Verdict {
    let Some(entry) = entry else {
        return if firing.is_empty() {
            Verdict::Nothing
        } else {
            Verdict::Tell(NotifyReason::First)
        };
    };
    if !firing.is_subset(&entry.firing) {
        let reason =
            if entry.firing.is_empty() { NotifyReason::First } else { NotifyReason::NewAlerts };
        return Verdict::Tell(reason);
    }
    if firing.is_empty() {
        // Also for those who do not tell of resolved alerts: the log must forget what fired.
        return if entry.firing.is_empty() {
            Verdict::Nothing
        } else {
            Verdict::Tell(NotifyReason::AllResolved)
        };
    }
    if sends_resolved && !resolved.is_subset(&entry.resolved) {
        return Verdict::Tell(NotifyReason::NewResolved);
    }
    let age = entry.age_ms(now);
    if age >= repeat_ms {
        return Verdict::Tell(NotifyReason::Repeat);
    }
    let rest = i64::try_from(repeat_ms - age).unwrap_or(i64::MAX);
    Verdict::NotYet(now.wall_ms.saturating_add(rest))
}

/// All entries of a tenant.
#[derive(Debug, Default)]
pub(crate) struct NotificationLog {
    entries: BTreeMap<LogKey, LogEntry>,
}

impl NotificationLog {
    pub(crate) fn get(&self, key: &LogKey) -> Option<&LogEntry> {
        self.entries.get(key)
    }

    pub(crate) fn set(&mut self, key: LogKey, entry: LogEntry) {
        self.entries.insert(key, entry);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&LogKey, &LogEntry)> {
        self.entries.iter()
    }

    /// Forgets what is older than `retention_ms`, unless the group is alive: as long as somebody
    /// was told that something fires, the "resolved" is owed. Gives the keys.
    pub(crate) fn collect(
        &mut self,
        now: Now,
        retention_ms: u64,
        is_alive: impl Fn(&str) -> bool,
    ) -> Vec<LogKey> {
        let is_old = |key: &LogKey, entry: &LogEntry| {
            let kept = retention_ms.max(entry.repeat_ms.saturating_mul(2));
            entry.age_ms(now) >= kept && !is_alive(&key.group_key)
        };
        let old = self.entries.iter().filter(|(key, entry)| is_old(key, entry));
        let old: Vec<LogKey> = old.map(|(key, _)| key.clone()).collect();
        for key in &old {
            self.entries.remove(key);
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fingerprints: &[u64]) -> BTreeSet<Fingerprint> {
        fingerprints.iter().map(|f| Fingerprint(*f)).collect()
    }

    fn verdict(entry: Option<(&[u64], &[u64])>, firing: &[u64], resolved: &[u64]) -> Verdict {
        let entry = entry.map(|(firing, resolved)| LogEntry {
            at_ms: 1_000,
            at_mono_ms: Some(10),
            firing: set(firing),
            resolved: set(resolved),
            ..LogEntry::default()
        });
        let now = Now { wall_ms: 1_500, mono_ms: 510 };
        judge(entry.as_ref(), (&set(firing), &set(resolved)), true, 600, now)
    }

    #[test]
    fn the_log_decides_as_alertmanager_does() {
        use NotifyReason::{AllResolved, First, NewAlerts, NewResolved};
        use Verdict::{NotYet, Nothing, Tell};
        type Told = Option<(&'static [u64], &'static [u64])>;
        let cases: [(Told, &[u64], &[u64], Verdict); 12] = [
            (None, &[1], &[], Tell(First)),
            (None, &[], &[1], Nothing),
            (None, &[1], &[2], Tell(First)),
            (Some((&[1], &[])), &[1], &[], NotYet(1_600)),
            (Some((&[1], &[])), &[1, 2], &[], Tell(NewAlerts)),
            (Some((&[1, 2], &[])), &[1], &[], NotYet(1_600)),
            (Some((&[1, 2], &[])), &[1], &[2], Tell(NewResolved)),
            (Some((&[1], &[2])), &[1], &[2], NotYet(1_600)),
            (Some((&[1], &[])), &[], &[1], Tell(AllResolved)),
            (Some((&[], &[1])), &[], &[1], Nothing),
            (Some((&[], &[1])), &[1], &[], Tell(First)),
            (Some((&[], &[1])), &[], &[2], Nothing),
        ];
        for (entry, firing, resolved, expected) in cases {
            let found = verdict(entry, firing, resolved);
            assert_eq!(found, expected, "{entry:?} {firing:?} {resolved:?}");
        }
    }

    #[test]
    fn repeats_are_exact_whatever_the_wall_clock_shows() {
        let entry = LogEntry {
            at_ms: 1_000,
            at_mono_ms: Some(10),
            firing: set(&[1]),
            ..LogEntry::default()
        };
        let judged = |now| judge(Some(&entry), (&set(&[1]), &set(&[])), true, 600, now);
        let repeat = Verdict::Tell(NotifyReason::Repeat);
        assert_eq!(judged(Now { wall_ms: 0, mono_ms: 610 }), repeat);
        assert_ne!(judged(Now { wall_ms: i64::MAX, mono_ms: 609 }), repeat);
        let restarted = LogEntry { at_mono_ms: None, ..entry.clone() };
        let judged = |now| judge(Some(&restarted), (&set(&[1]), &set(&[])), true, 600, now);
        assert_eq!(judged(Now { wall_ms: 1_600, mono_ms: 0 }), repeat);
        assert_ne!(judged(Now { wall_ms: 1_599, mono_ms: 0 }), repeat);
    }

    #[test]
    fn entries_of_living_groups_are_kept() {
        let mut log = NotificationLog::default();
        let key = |group: &str| LogKey {
            group_key: group.into(),
            receiver: "r".into(),
            integration: "webhook".into(),
            index: 0,
        };
        log.set(key("alive"), LogEntry::default());
        log.set(key("gone"), LogEntry::default());
        let slow = LogEntry { repeat_ms: 1_000, ..LogEntry::default() };
        log.set(key("slow"), slow);
        let now = Now { wall_ms: 100, mono_ms: 100 };
        assert_eq!(log.collect(now, 100, |group| group == "alive"), [key("gone")]);
        assert_eq!(log.iter().count(), 2);
    }
}
