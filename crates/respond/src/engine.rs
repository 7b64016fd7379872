//! The engine: alerts in, notifications out, without waiting and without the outside.
//!
//! [`Engine`] is a state machine. Whoever drives it ([`crate::Responder`], or a test) says what
//! time it is, hands in alerts, performs the [`Delivery`]s it is given, and says how they went;
//! [`Engine::next_due_ms`] says when to come back. Nothing here sleeps, dials or writes: hours
//! of grouping pass in microseconds, the same for the same input. What has to survive a restart
//! leaves as [`Record`]s.

mod acknowledge;
mod attempt;
mod flush;
mod group;
mod inhibitor;
mod maintain;
mod record;
mod reload;
mod stats;
#[cfg(test)]
mod tests;
mod view;
#[cfg(test)]
mod week;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use vigie_model::{Alert, Labels};
use vigie_world::Random;

pub use acknowledge::Acknowledgement;
pub(crate) use flush::muted_by;
pub use record::{Record, Restored};
pub use stats::{DeliveryStats, EngineStats, LATENCY_BOUNDS_SECONDS};
pub use view::{AlertFilter, AlertStatus, AlertView, GroupView};

use crate::alert::{AlertError, Now, StoredAlert};
use crate::config::LoadedConfig;
use crate::log::NotificationLog;
use crate::notify::{Integration, Integrations, NotifyAlert, NotifyContext};
use crate::silence::Silences;
use crate::why::{Event, Timeline, Timelines};
use crate::{Fingerprint, Limits};

use group::{Group, GroupId};
use inhibitor::Inhibitor;

/// The configuration that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// The configuration.
    pub config: Arc<LoadedConfig>,
    /// How its receivers are told.
    pub integrations: Arc<Integrations>,
}

/// Times that no configuration file has (`--data.retention`, `--alerts.gc-interval`, ...).
#[derive(Debug, Clone, Copy)]
pub struct EngineTimes {
    /// How long ended silences and log entries are kept.
    pub retention: Duration,
    /// How often what is over is forgotten.
    pub gc_interval: Duration,
    /// How long groups wait after a start, for senders to send again.
    pub start_delay: Duration,
}

impl Default for EngineTimes {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(120),
            gc_interval: Duration::from_mins(15),
            start_delay: Duration::ZERO,
        }
    }
}

/// Somebody to be told now.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// To say later how it went.
    pub id: u64,
    /// How to tell.
    pub integration: Integration,
    /// Of which group, why, and how long it may take.
    pub context: NotifyContext,
    /// Of which alerts.
    pub alerts: Arc<[NotifyAlert]>,
}

/// An entry of a timeline, for who follows what is decided.
#[derive(Debug, Clone)]
pub struct Told {
    /// Key of the group.
    pub group_key: Arc<str>,
    /// Who is told.
    pub receiver: Arc<str>,
    /// What.
    pub entry: crate::why::Entry,
}

/// Entries that wait for who follows; a follower that does not come costs no more.
const FEED_MAX: usize = 10_000;

/// What came of alerts that were handed in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOutcome {
    /// Alerts that were taken.
    pub taken: usize,
    /// Why others were not.
    pub refused: Vec<AlertError>,
}

/// One tenant's alerts, groups, silences, notification log and timelines.
#[derive(Debug)]
pub struct Engine {
    running: Running,
    limits: Limits,
    times: EngineTimes,
    random: Arc<Random>,
    alerts: BTreeMap<Fingerprint, Arc<StoredAlert>>,
    inhibitor: Inhibitor,
    silences: Silences,
    log: NotificationLog,
    timelines: Timelines,
    acknowledged: BTreeMap<Arc<str>, Acknowledgement>,
    groups: BTreeMap<GroupId, Group>,
    by_labels: HashMap<(usize, Labels), GroupId>,
    due: BTreeSet<(u64, GroupId)>,
    attempts: HashMap<u64, attempt::Attempt>,
    next_id: u64,
    next_gc_ms: u64,
    not_before_ms: u64,
    /// What is put back is on the timelines already.
    is_restoring: bool,
    records: Vec<Record>,
    /// Entries for who follows; `None`: nobody does.
    feed: Option<Vec<Told>>,
    stats: EngineStats,
}

impl Engine {
    /// An engine without alerts that runs `running`.
    pub fn new(
        running: Running,
        (limits, times): (Limits, EngineTimes),
        random: Arc<Random>,
        now: Now,
    ) -> Self {
        let inhibitor = Inhibitor::new(Arc::clone(&running.config.inhibit_rules));
        Self {
            running,
            limits,
            times,
            random,
            alerts: BTreeMap::new(),
            inhibitor,
            silences: Silences::default(),
            log: NotificationLog::default(),
            timelines: Timelines::default(),
            acknowledged: BTreeMap::new(),
            groups: BTreeMap::new(),
            by_labels: HashMap::new(),
            due: BTreeSet::new(),
            attempts: HashMap::new(),
            next_id: 1,
            next_gc_ms: now.mono_ms + millis(times.gc_interval),
            not_before_ms: now.mono_ms + millis(times.start_delay),
            is_restoring: false,
            records: Vec::new(),
            feed: None,
            stats: EngineStats::default(),
        }
    }

    /// The configuration that runs.
    pub const fn running(&self) -> &Running {
        &self.running
    }

    /// Takes what a sender sent.
    pub fn put(&mut self, alerts: Vec<Alert>, now: Now) -> PutOutcome {
        let timeout_ms = self.running.config.config.global.resolve_timeout.0;
        let mut outcome = PutOutcome::default();
        for alert in alerts {
            let stored = StoredAlert::receive(alert, now, timeout_ms, &self.limits);
            match stored.and_then(|alert| self.put_one(alert, now)) {
                Ok(()) => outcome.taken += 1,
                Err(error) => {
                    self.stats.alerts_invalid += 1;
                    outcome.refused.push(error);
                }
            }
        }
        outcome
    }

    fn put_one(&mut self, alert: StoredAlert, now: Now) -> Result<(), AlertError> {
        if alert.is_resolved(now) {
            self.stats.received_resolved += 1;
        } else {
            self.stats.received_firing += 1;
        }
        let old = self.alerts.get(&alert.fingerprint).map(Arc::clone);
        if old.is_none() && self.alerts.len() >= self.limits.alerts_max {
            return Err(AlertError::TooMany(self.limits.alerts_max));
        }
        let alert = match &old {
            Some(old) => old.merged(alert, now),
            None => alert,
        };
        if old.is_none_or(|old| old.differs(&alert, now)) {
            self.records.push(Record::alert(&alert));
        }
        self.place(&Arc::new(alert), now);
        Ok(())
    }

    /// Keeps an alert and brings it into the groups it belongs to.
    fn place(&mut self, alert: &Arc<StoredAlert>, now: Now) {
        self.inhibitor.add(alert);
        self.alerts.insert(alert.fingerprint, Arc::clone(alert));
        let routes = Arc::clone(&self.running.config.routes);
        for route in routes.matching(&alert.labels) {
            self.group_alert(alert, route, now);
        }
    }

    /// When the engine has something to do, by the monotonic clock.
    pub fn next_due_ms(&self) -> u64 {
        let group = self.due.first().map_or(u64::MAX, |(due, _)| *due);
        group.min(self.next_gc_ms)
    }

    /// Does what is due; gives whom to tell.
    pub fn tick(&mut self, now: Now) -> Vec<Delivery> {
        if now.mono_ms >= self.next_gc_ms {
            self.collect(now);
            self.next_gc_ms = now.mono_ms + millis(self.times.gc_interval).max(1_000);
        }
        let mut deliveries = Vec::new();
        while let Some((due, id)) = self.due.first().copied() {
            if due > now.mono_ms {
                break;
            }
            self.due.remove(&(due, id));
            self.run_group(id, now, &mut deliveries);
        }
        deliveries
    }

    /// What has to be kept since the last call, in order.
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// Keeps entries of timelines for [`take_feed`](Self::take_feed) from now on, or not any more.
    pub fn follow(&mut self, is_followed: bool) {
        self.feed = is_followed.then(Vec::new);
    }

    /// Entries of timelines since the last call.
    pub fn take_feed(&mut self) -> Vec<Told> {
        self.feed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Adds to the timeline of a group.
    fn note(&mut self, group: GroupId, now: Now, event: Event) {
        let Some(group) = self.groups.get(&group).filter(|_| !self.is_restoring) else { return };
        let key = (Arc::clone(&group.key), Arc::clone(&group.receiver));
        let route = self.running.config.routes.get(group.route);
        let header = || Timeline {
            group_key: Arc::clone(&group.key),
            receiver: Arc::clone(&group.receiver),
            route: route.map_or_else(|| Arc::from(""), |route| Arc::clone(&route.id)),
            route_line: route.map_or(0, |route| route.line),
            labels: record::to_map(&group.labels),
            entries: std::collections::VecDeque::new(),
        };
        let is_new = self.timelines.get(&key).is_none();
        let entry = self.timelines.add(&key, now.wall_ms, event, (&self.limits, header));
        if let (Some(entry), Some(feed)) = (&entry, &mut self.feed)
            && feed.len() < FEED_MAX
        {
            let (group_key, receiver) = (Arc::clone(&key.0), Arc::clone(&key.1));
            feed.push(Told { group_key, receiver, entry: entry.clone() });
        }
        if is_new && let Some(timeline) = self.timelines.get(&key) {
            self.records.push(Record::Timeline(timeline.clone()));
        } else if let Some(entry) = entry {
            let (group_key, receiver) = key;
            self.records.push(Record::Entry { group_key, receiver, entry });
        }
    }
}

/// Milliseconds of a duration.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 4)
}
