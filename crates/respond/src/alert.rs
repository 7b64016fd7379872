//! Alerts as they are kept: what was sent, merged with what was known.

use std::collections::BTreeMap;
use std::sync::Arc;

use vigie_model::{Alert, Labels};

use crate::notify::NotifyAlert;
use crate::{Fingerprint, Limits};

/// Now, by both clocks: the wall's for what people and files say, the monotonic one for waiting,
/// so that a clock that is set neither ends alerts nor repeats notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since the epoch.
    pub wall_ms: i64,
    /// Milliseconds since some fixed moment of this process.
    pub mono_ms: u64,
}

impl Now {
    /// What `clock` shows.
    pub fn of(clock: &dyn vigie_world::Clock) -> Self {
        Self {
            wall_ms: clock.now_ms(),
            mono_ms: u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// Why an alert was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertError {
    /// It has no label.
    #[error("at least one label pair required")]
    NoLabels,
    /// It ends before it begins.
    #[error("start time must be before end time")]
    EndsBeforeStart,
    /// Its labels are too large.
    #[error("labels of {0} bytes, more than {1}")]
    TooLarge(usize, usize),
    /// There is no room for another.
    #[error("too many alerts: {0} at once")]
    TooMany(usize),
}

/// An alert as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAlert {
    /// Its identity.
    pub labels: Labels,
    /// The identity as Alertmanager prints it.
    pub fingerprint: Fingerprint,
    /// What people are told.
    pub annotations: Arc<BTreeMap<String, String>>,
    /// Since when; milliseconds since the epoch.
    pub starts_at_ms: i64,
    /// When it ended or will be taken as ended.
    pub ends_at_ms: i64,
    /// When it was last sent.
    pub updated_at_ms: i64,
    /// The end by the monotonic clock.
    pub ends_mono_ms: u64,
    /// Whether the sender named no end, so that `resolve_timeout` decides.
    pub is_timeout: bool,
    /// Link to what raised it.
    pub generator_url: Arc<str>,
}

impl StoredAlert {
    /// What a sender sent, at `now`.
    pub(crate) fn receive(
        alert: Alert,
        now: Now,
        resolve_timeout_ms: u64,
        limits: &Limits,
    ) -> Result<Self, AlertError> {
        if alert.labels.is_empty() {
            return Err(AlertError::NoLabels);
        }
        let bytes = alert.labels.as_packed().len();
        if bytes > limits.labels_bytes_max {
            return Err(AlertError::TooLarge(bytes, limits.labels_bytes_max));
        }
        let starts_at_ms = alert.starts_at_ms.or(alert.ends_at_ms).unwrap_or(now.wall_ms);
        let timeout = i64::try_from(resolve_timeout_ms).unwrap_or(i64::MAX);
        let ends_at_ms = alert.ends_at_ms.unwrap_or(now.wall_ms.saturating_add(timeout));
        if alert.ends_at_ms.is_some_and(|ends| ends < starts_at_ms) {
            return Err(AlertError::EndsBeforeStart);
        }
        Ok(Self {
            fingerprint: Fingerprint::of(&alert.labels),
            labels: alert.labels,
            annotations: Arc::new(limited(alert.annotations, limits)),
            starts_at_ms,
            ends_at_ms,
            updated_at_ms: now.wall_ms,
            ends_mono_ms: mono_of(ends_at_ms, now),
            is_timeout: alert.ends_at_ms.is_none(),
            generator_url: Arc::from(alert.generator_url),
        })
    }

    /// Whether it is over at `now`.
    pub const fn is_resolved(&self, now: Now) -> bool {
        self.ends_mono_ms <= now.mono_ms
    }

    /// The alert after `newer` was sent for the same labels, as Alertmanager merges: while the
    /// two overlap the earliest start counts, and an end that a sender named is not shortened by
    /// a timeout.
    pub(crate) fn merged(&self, newer: Self, now: Now) -> Self {
        let (old_start, old_end) = (self.starts_at_ms, self.ends_at_ms);
        let ends_within = newer.ends_at_ms > old_start && newer.ends_at_ms < old_end;
        let starts_within = newer.starts_at_ms > old_start && newer.starts_at_ms < old_end;
        if !ends_within && !starts_within {
            return newer;
        }
        let mut merged = newer;
        merged.starts_at_ms = merged.starts_at_ms.min(old_start);
        let both_over = self.is_resolved(now) && merged.is_resolved(now);
        let outlasts = !merged.is_resolved(now) && !self.is_timeout;
        if (both_over || outlasts) && old_end > merged.ends_at_ms {
            merged.ends_at_ms = old_end;
            merged.ends_mono_ms = self.ends_mono_ms;
        }
        merged
    }

    /// Whether the difference to `other` is more than that it was sent again.
    pub(crate) fn differs(&self, other: &Self, now: Now) -> bool {
        self.starts_at_ms != other.starts_at_ms
            || self.annotations != other.annotations
            || self.generator_url != other.generator_url
            || self.is_resolved(now) != other.is_resolved(now)
    }

    /// As somebody is told of it at `now`.
    pub(crate) fn told(&self, now: Now) -> NotifyAlert {
        NotifyAlert {
            labels: self.labels.clone(),
            annotations: Arc::clone(&self.annotations),
            starts_at_ms: self.starts_at_ms,
            ends_at_ms: self.is_resolved(now).then_some(self.ends_at_ms),
            generator_url: Arc::clone(&self.generator_url),
            fingerprint: self.fingerprint,
        }
    }
}

/// The monotonic clock's time at which the wall clock will show `time_ms` if nobody sets it.
pub(crate) fn mono_of(time_ms: i64, now: Now) -> u64 {
    let ahead = time_ms.saturating_sub(now.wall_ms);
    now.mono_ms.saturating_add(u64::try_from(ahead).unwrap_or(0))
}

fn limited(annotations: BTreeMap<String, String>, limits: &Limits) -> BTreeMap<String, String> {
    let most = annotations.into_iter().take(limits.annotations_max);
    most.map(|(name, value)| (name, shortened(value, limits.annotation_bytes_max))).collect()
}

fn shortened(mut text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    let length = text.len();
    text.truncate(text.floor_char_boundary(bytes_max));
    text.push_str(&format!("… (cut: {length} bytes)"));
    text
}

/// The order in which a notification lists alerts: by `job`, then `instance`, then all labels.
pub(crate) fn in_order(one: &Labels, other: &Labels) -> std::cmp::Ordering {
    use std::cmp::Ordering::{Equal, Greater, Less};
    for name in ["job", "instance"] {
        let order = match (one.get(name), other.get(name)) {
            (None, None) => Equal,
            (None, Some(_)) => Greater,
            (Some(_), None) => Less,
            (Some(one), Some(other)) => one.cmp(other),
        };
        if order != Equal {
            return order;
        }
    }
    let by_pairs = || {
        one.iter().zip(other).find_map(|((name, value), (other_name, other_value))| {
            // As in Alertmanager, whoever lacks the smaller name comes first.
            let order = other_name.cmp(name).then_with(|| value.cmp(other_value));
            (order != Equal).then_some(order)
        })
    };
    one.len().cmp(&other.len()).then_with(|| by_pairs().unwrap_or(Equal))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { wall_ms: 1_000_000, mono_ms: 5_000 };

    fn alert(starts: Option<i64>, ends: Option<i64>) -> StoredAlert {
        let alert = Alert {
            labels: Labels::from_pairs([("alertname", "a")]),
            annotations: BTreeMap::new(),
            starts_at_ms: starts,
            ends_at_ms: ends,
            generator_url: String::new(),
        };
        StoredAlert::receive(alert, NOW, 300_000, &Limits::default()).unwrap()
    }

    #[test]
    fn without_an_end_the_timeout_decides() {
        let open = alert(None, None);
        assert_eq!((open.starts_at_ms, open.ends_at_ms), (1_000_000, 1_300_000));
        assert!(open.is_timeout && !open.is_resolved(NOW));
        assert!(open.is_resolved(Now { wall_ms: 0, mono_ms: 305_000 }), "whatever the wall shows");
        assert!(!open.is_resolved(Now { wall_ms: i64::MAX, mono_ms: 304_999 }));
        let ended = alert(None, Some(900_000));
        assert_eq!(ended.starts_at_ms, 900_000);
        assert!(ended.is_resolved(NOW));
    }

    #[test]
    fn overlapping_alerts_are_one_with_the_earliest_start() {
        let first = alert(Some(500_000), Some(1_200_000));
        let again = alert(Some(800_000), Some(1_100_000));
        let merged = first.merged(again.clone(), NOW);
        assert_eq!((merged.starts_at_ms, merged.ends_at_ms), (500_000, 1_200_000));
        let resolved = first.merged(alert(Some(500_000), Some(950_000)), NOW);
        assert_eq!((resolved.starts_at_ms, resolved.ends_at_ms), (500_000, 950_000));
        let by_timeout = alert(Some(500_000), None).merged(again, NOW);
        assert_eq!(by_timeout.ends_at_ms, 1_100_000, "a named end goes before a timeout");
        let later = alert(Some(1_300_000), Some(1_400_000));
        assert_eq!(first.merged(later.clone(), NOW), later, "no overlap: another time");
    }

    #[test]
    fn what_is_too_large_is_cut_and_what_is_wrong_refused() {
        let limits = Limits { annotation_bytes_max: 5, ..Limits::default() };
        let large = Alert {
            labels: Labels::from_pairs([("a", "b")]),
            annotations: [("x".to_owned(), "éééé".to_owned())].into(),
            starts_at_ms: None,
            ends_at_ms: None,
            generator_url: String::new(),
        };
        let stored = StoredAlert::receive(large.clone(), NOW, 1, &limits).unwrap();
        assert_eq!(stored.annotations["x"], "éé… (cut: 8 bytes)");
        let refused = |alert: Alert| StoredAlert::receive(alert, NOW, 1, &limits).unwrap_err();
        let without = Alert { labels: Labels::empty(), ..large.clone() };
        assert_eq!(refused(without), AlertError::NoLabels);
        let backwards = Alert { starts_at_ms: Some(5), ends_at_ms: Some(4), ..large };
        assert_eq!(refused(backwards), AlertError::EndsBeforeStart);
    }
}
