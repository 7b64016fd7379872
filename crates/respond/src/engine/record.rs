//! What has to survive a restart, as it is written to disk. Versioned apart from the types that
//! the engine works with, so that those can change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vigie_model::{Labels, MatchOp};

use super::Acknowledgement;
use crate::Fingerprint;
use crate::alert::StoredAlert;
use crate::log::{LogEntry, LogKey};
use crate::matcher::{AlertMatcher, AlertMatchers};
use crate::silence::Silence;
use crate::why::{Entry, Timeline};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// An alert as it is now.
    Alert(AlertRecord),
    /// An alert is forgotten.
    AlertGone {
        /// Which.
        fingerprint: String,
    },
    /// A silence as it is now.
    Silence(SilenceRecord),
    /// A silence is forgotten.
    SilenceGone {
        /// Which.
        id: String,
    },
    /// Somebody was told.
    Told(ToldRecord),
    /// A log entry is forgotten.
    LogGone(KeyRecord),
    /// Somebody takes care of a group.
    Acknowledged {
        /// Of which.
        group_key: Arc<str>,
        /// Who, until when.
        acknowledgement: Acknowledgement,
    },
    /// Nobody takes care of a group any more, since it is over.
    Unacknowledged {
        /// Of which.
        group_key: Arc<str>,
    },
    /// A timeline as it is now.
    Timeline(Timeline),
    /// One more entry of a timeline.
    Entry {
        /// Of which group.
        group_key: Arc<str>,
        /// Who is told.
        receiver: Arc<str>,
        /// What.
        entry: Entry,
    },
}

/// An alert on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRecord {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at_ms: i64,
    ends_at_ms: i64,
    updated_at_ms: i64,
    is_timeout: bool,
    generator_url: String,
}

/// A silence on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceRecord {
    id: String,
    matchers: Vec<(String, String, String)>,
    starts_at_ms: i64,
    ends_at_ms: i64,
    updated_at_ms: i64,
    created_by: String,
    comment: String,
    annotations: BTreeMap<String, String>,
}

/// A key of the notification log on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    group_key: String,
    receiver: String,
    integration: String,
    index: u32,
}

/// An entry of the notification log on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldRecord {
    key: KeyRecord,
    at_ms: i64,
    firing: Vec<u64>,
    resolved: Vec<u64>,
    remembered: BTreeMap<String, String>,
    repeat_ms: u64,
}

pub(super) fn to_map(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl vigie_journal::Durable for Record {
    const HEADER: &'static str = "vigie-respond 1";
    const UNKNOWN: vigie_journal::Unknown = vigie_journal::Unknown::LeftOut;

    fn is_urgent(&self) -> bool {
        matches!(self, Self::Silence(_) | Self::Told(_) | Self::Acknowledged { .. })
    }
}

impl Record {
    pub(super) fn alert(alert: &StoredAlert) -> Self {
        Self::Alert(AlertRecord {
            labels: to_map(&alert.labels),
            annotations: (*alert.annotations).clone(),
            starts_at_ms: alert.starts_at_ms,
            ends_at_ms: alert.ends_at_ms,
            updated_at_ms: alert.updated_at_ms,
            is_timeout: alert.is_timeout,
            generator_url: alert.generator_url.to_string(),
        })
    }

    pub(super) fn silence(silence: &Silence) -> Self {
        let matchers = silence.matchers.iter().map(|matcher| {
            let op = matcher.op().as_str().to_owned();
            (matcher.name().to_owned(), op, matcher.value().to_owned())
        });
        Self::Silence(SilenceRecord {
            id: silence.id.clone(),
            matchers: matchers.collect(),
            starts_at_ms: silence.starts_at_ms,
            ends_at_ms: silence.ends_at_ms,
            updated_at_ms: silence.updated_at_ms,
            created_by: silence.created_by.clone(),
            comment: silence.comment.clone(),
            annotations: silence.annotations.clone(),
        })
    }

    pub(super) fn told(key: &LogKey, entry: &LogEntry) -> Self {
        let numbers = |set: &BTreeSet<Fingerprint>| set.iter().map(|f| f.0).collect();
        Self::Told(ToldRecord {
            key: KeyRecord::of(key),
            at_ms: entry.at_ms,
            firing: numbers(&entry.firing),
            resolved: numbers(&entry.resolved),
            remembered: entry.remembered.clone(),
            repeat_ms: entry.repeat_ms,
        })
    }

    pub(super) fn log_gone(key: &LogKey) -> Self {
        Self::LogGone(KeyRecord::of(key))
    }
}

impl KeyRecord {
    fn of(key: &LogKey) -> Self {
        Self {
            group_key: key.group_key.to_string(),
            receiver: key.receiver.to_string(),
            integration: key.integration.to_string(),
            index: key.index,
        }
    }

    fn into_key(self) -> LogKey {
        LogKey {
            group_key: self.group_key.into(),
            receiver: self.receiver.into(),
            integration: self.integration.into(),
            index: self.index,
        }
    }
}

/// What was kept, after all records were read.
#[derive(Debug, Default)]
pub struct Restored {
    pub(super) alerts: Vec<StoredAlert>,
    pub(super) silences: Vec<Silence>,
    pub(super) log: Vec<(LogKey, LogEntry)>,
    pub(super) timelines: Vec<Timeline>,
    pub(super) acknowledged: BTreeMap<Arc<str>, Acknowledgement>,
}

impl Restored {
    /// Reads records in the order in which they were written.
    pub fn from_records(records: impl IntoIterator<Item = Record>, entries_max: usize) -> Self {
        let mut alerts = BTreeMap::new();
        let mut silences = BTreeMap::new();
        let mut log = BTreeMap::new();
        let mut acknowledged = BTreeMap::new();
        let mut timelines: BTreeMap<(Arc<str>, Arc<str>), Timeline> = BTreeMap::new();
        for record in records {
            match record {
                Record::Alert(record) => {
                    let alert = record.into_alert();
                    alerts.insert(alert.fingerprint.to_string(), alert);
                }
                Record::AlertGone { fingerprint } => {
                    alerts.remove(&fingerprint);
                }
                Record::Silence(record) => {
                    silences.extend(record.into_silence().map(|s| (s.id.clone(), s)));
                }
                Record::SilenceGone { id } => {
                    silences.remove(&id);
                }
                Record::Told(record) => {
                    let (key, entry) = record.into_entry();
                    log.insert(key, entry);
                }
                Record::LogGone(key) => {
                    log.remove(&key.into_key());
                }
                Record::Acknowledged { group_key, acknowledgement } => {
                    acknowledged.insert(group_key, acknowledgement);
                }
                Record::Unacknowledged { group_key } => {
                    acknowledged.remove(&group_key);
                }
                Record::Timeline(timeline) => {
                    let key = (Arc::clone(&timeline.group_key), Arc::clone(&timeline.receiver));
                    timelines.insert(key, timeline);
                }
                Record::Entry { group_key, receiver, entry } => {
                    if let Some(timeline) = timelines.get_mut(&(group_key, receiver)) {
                        timeline.push(entry, entries_max);
                    }
                }
            }
        }
        Self {
            alerts: alerts.into_values().collect(),
            silences: silences.into_values().collect(),
            log: log.into_iter().collect(),
            timelines: timelines.into_values().collect(),
            acknowledged,
        }
    }
}

impl AlertRecord {
    fn into_alert(self) -> StoredAlert {
        let labels = Labels::from_pairs(&self.labels);
        StoredAlert {
            fingerprint: Fingerprint::of(&labels),
            labels,
            annotations: Arc::new(self.annotations),
            starts_at_ms: self.starts_at_ms,
            ends_at_ms: self.ends_at_ms,
            updated_at_ms: self.updated_at_ms,
            ends_mono_ms: 0,
            is_timeout: self.is_timeout,
            generator_url: self.generator_url.into(),
        }
    }
}

impl SilenceRecord {
    /// `None` when a matcher does not compile any more.
    fn into_silence(self) -> Option<Silence> {
        let matcher = |(name, op, value): (String, String, String)| {
            let all = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex];
            let op = all.into_iter().find(|known| known.as_str() == op)?;
            AlertMatcher::new(name, op, value).ok()
        };
        let matchers: Option<Vec<AlertMatcher>> = self.matchers.into_iter().map(matcher).collect();
        Some(Silence {
            id: self.id,
            matchers: AlertMatchers::new(matchers?),
            starts_at_ms: self.starts_at_ms,
            ends_at_ms: self.ends_at_ms,
            updated_at_ms: self.updated_at_ms,
            created_by: self.created_by,
            comment: self.comment,
            annotations: self.annotations,
        })
    }
}

impl ToldRecord {
    fn into_entry(self) -> (LogKey, LogEntry) {
        let set = |numbers: Vec<u64>| numbers.into_iter().map(Fingerprint).collect();
        let entry = LogEntry {
            at_ms: self.at_ms,
            at_mono_ms: None,
            firing: set(self.firing),
            resolved: set(self.resolved),
            remembered: self.remembered,
            repeat_ms: self.repeat_ms,
        };
        (self.key.into_key(), entry)
    }
}
