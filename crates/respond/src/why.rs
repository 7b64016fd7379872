//! Why: for each group, what was told, held back, muted, tried again or failed, and by what.
//!
//! Every decision of the engine is an entry here. Equal entries in a row are one with a count,
//! so that a group that waits for days costs one line. Timelines and entries have limits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Limits;

/// What was decided or happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Event {
    /// Alerts came into the group.
    Joined {
        /// Fingerprint and name of the alert.
        alert: String,
    },
    /// An alert of the group fires again after it was resolved.
    Refired {
        /// Fingerprint and name of the alert.
        alert: String,
    },
    /// An alert of the group is over.
    Resolved {
        /// Fingerprint and name of the alert.
        alert: String,
    },
    /// The group waits before anything is told.
    Waiting {
        /// `group_wait` or `group_interval`.
        by: String,
        /// Until when; milliseconds since the epoch.
        until_ms: i64,
    },
    /// The same was told before; it is repeated later.
    HeldBack {
        /// Which integration.
        integration: String,
        /// When the log's entry was written.
        told_ms: i64,
        /// When it is repeated.
        until_ms: i64,
    },
    /// Somebody takes care of the group.
    Acknowledged {
        /// Who.
        by: String,
        /// Until when nothing is repeated.
        until_ms: i64,
    },
    /// It would be repeated now, but somebody takes care.
    NotRepeated {
        /// Which integration.
        integration: String,
        /// Who takes care.
        by: String,
    },
    /// Nobody is told, since the receiver never knew of what is over now.
    NothingToTell {
        /// Which integration.
        integration: String,
    },
    /// An alert is silenced.
    Silenced {
        /// Fingerprint and name of the alert.
        alert: String,
        /// Ids of the silences.
        by: Vec<String>,
    },
    /// An alert is inhibited.
    Inhibited {
        /// Fingerprint and name of the alert.
        alert: String,
        /// Fingerprint and name of the alert that inhibits.
        by: String,
        /// Name or line of the rule.
        rule: String,
    },
    /// The route is muted at this time.
    Muted {
        /// Names of the intervals.
        by: Vec<String>,
        /// Whether it is because no active interval holds.
        is_inactive: bool,
    },
    /// Somebody was told.
    Told {
        /// Which integration.
        integration: String,
        /// Why.
        reason: String,
        /// How many alerts fired.
        firing: usize,
        /// How many were resolved.
        resolved: usize,
        /// Which attempt it was.
        attempt: u32,
        /// How long the attempt took.
        took_ms: u64,
        /// What the other side said.
        detail: String,
    },
    /// The receiver does not tell of resolved alerts; the log forgets what fired.
    ResolvedUntold {
        /// Which integration.
        integration: String,
    },
    /// An attempt failed; another follows.
    Retrying {
        /// Which integration.
        integration: String,
        /// Which attempt it was.
        attempt: u32,
        /// What happened.
        error: String,
        /// When the next follows.
        next_ms: i64,
    },
    /// Nobody was told; the next flush tries again.
    Failed {
        /// Which integration.
        integration: String,
        /// How many attempts there were.
        attempts: u32,
        /// What happened.
        error: String,
    },
    /// The group is empty and forgotten.
    Ended,
}

/// An event with its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When; milliseconds since the epoch.
    pub at_ms: i64,
    /// When it happened last.
    pub last_ms: i64,
    /// How many times in a row.
    pub count: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// The timeline of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Key of the group.
    pub group_key: Arc<str>,
    /// Who is told.
    pub receiver: Arc<str>,
    /// The route, from the root.
    pub route: Arc<str>,
    /// Line of the route in the configuration.
    pub route_line: u32,
    /// Labels of the group.
    pub labels: BTreeMap<String, String>,
    /// Entries, the oldest first.
    pub entries: VecDeque<Entry>,
}

impl Timeline {
    /// Adds an entry; the oldest makes room.
    pub(crate) fn push(&mut self, entry: Entry, entries_max: usize) {
        self.entries.push_back(entry);
        while self.entries.len() > entries_max {
            self.entries.pop_front();
        }
    }
}

/// All timelines of a tenant, by the group's key and receiver.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    all: BTreeMap<(Arc<str>, Arc<str>), Timeline>,
}

impl Timelines {
    /// Adds an event; gives the entry when it is a new one. `header` makes the timeline when
    /// there is none.
    pub(crate) fn add(
        &mut self,
        key: &(Arc<str>, Arc<str>),
        at_ms: i64,
        event: Event,
        (limits, header): (&Limits, impl FnOnce() -> Timeline),
    ) -> Option<Entry> {
        if !self.all.contains_key(key) {
            if self.all.len() >= limits.timelines_max {
                self.evict();
            }
            self.all.insert(key.clone(), header());
        }
        let timeline = self.all.get_mut(key)?;
        // What a waiting group says at each flush is the same but for the entry's age.
        let same = timeline.entries.iter_mut().rev().take(8).find(|entry| entry.event == event);
        if let Some(entry) = same
            && is_repeatable(&entry.event)
        {
            entry.count += 1;
            entry.last_ms = at_ms;
            return None;
        }
        let entry = Entry { at_ms, last_ms: at_ms, count: 1, event };
        timeline.push(entry.clone(), limits.timeline_entries_max);
        Some(entry)
    }

    /// Puts back what was kept.
    pub(crate) fn restore(&mut self, timeline: Timeline) {
        let key = (Arc::clone(&timeline.group_key), Arc::clone(&timeline.receiver));
        self.all.insert(key, timeline);
    }

    pub(crate) fn get(&self, key: &(Arc<str>, Arc<str>)) -> Option<&Timeline> {
        self.all.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Timeline> {
        self.all.values()
    }

    fn evict(&mut self) {
        let last = |timeline: &Timeline| timeline.entries.back().map_or(0, |entry| entry.last_ms);
        let oldest = self.all.iter().min_by_key(|(_, timeline)| last(timeline));
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.all.remove(&key);
        }
    }
}

/// What is said at every flush while nothing changes.
const fn is_repeatable(event: &Event) -> bool {
    matches!(
        event,
        Event::HeldBack { .. }
            | Event::NothingToTell { .. }
            | Event::NotRepeated { .. }
            | Event::Silenced { .. }
            | Event::Inhibited { .. }
            | Event::Muted { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_counted_and_what_is_old_makes_room() {
        let limits = Limits { timelines_max: 2, timeline_entries_max: 3, ..Limits::default() };
        let mut timelines = Timelines::default();
        let mut add = |group: &str, at_ms, event: Event| {
            let key = (Arc::from(group), Arc::from("r"));
            let header = || Timeline {
                group_key: Arc::from(group),
                receiver: "r".into(),
                route: "{}".into(),
                route_line: 1,
                labels: BTreeMap::new(),
                entries: VecDeque::new(),
            };
            timelines.add(&key, at_ms, event, (&limits, header));
        };
        let silenced = Event::Silenced { alert: "a".into(), by: vec!["s".into()] };
        for at in 0..100 {
            add("one", at, silenced.clone());
        }
        for at in 100..104 {
            add("two", at, Event::Ended);
        }
        add("three", 200, silenced);
        let groups: Vec<&str> = timelines.iter().map(|t| &*t.group_key).collect();
        assert_eq!(groups, ["three", "two"], "the longest silent made room");
        assert_eq!(timelines.iter().last().map(|t| t.entries.len()), Some(3));
        let key = ("three".into(), "r".into());
        let entry = &timelines.get(&key).unwrap().entries[0];
        assert_eq!((entry.count, entry.at_ms), (1, 200));
    }
}
