//! A flush: what is told of a group now, after inhibition, intervals, silences and the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::attempt::Job;
use super::group::{GroupId, title, title_of};
use super::{Delivery, Engine};
use crate::Fingerprint;
use crate::alert::{Now, StoredAlert, in_order};
use crate::log::{LogKey, Verdict, judge};
use crate::notify::{Integration, NotifyAlert, NotifyReason};
use crate::route::Route;
use crate::why::Event;

/// A flush may take this long, however short `group_interval` is.
const DEADLINE_MIN_MS: u64 = 10_000;

/// What is being told of a group.
#[derive(Debug)]
pub(super) struct Flush {
    /// When it began.
    pub(super) at: Now,
    /// When it is given up, by the monotonic clock.
    pub(super) deadline_ms: u64,
    /// The alerts that were over when it began.
    pub(super) over: Vec<Arc<StoredAlert>>,
    /// Who is told.
    pub(super) jobs: Vec<Job>,
    /// Whether everybody could be told so far.
    pub(super) is_success: bool,
}

impl Flush {
    /// When there is something to do for it.
    pub(super) fn due_ms(&self) -> u64 {
        let retries = self.jobs.iter().filter_map(|job| job.next_ms);
        retries.min().unwrap_or(u64::MAX).min(self.deadline_ms)
    }
}

impl Engine {
    /// Does what is due for a group.
    pub(super) fn run_group(&mut self, id: GroupId, now: Now, deliveries: &mut Vec<Delivery>) {
        let Some(group) = self.groups.get(&id) else { return };
        if let Some(flush) = &group.flush {
            if now.mono_ms >= flush.deadline_ms {
                self.give_up(id, now);
            } else {
                self.start_attempts(id, now, deliveries);
            }
        } else if now.mono_ms >= group.next_flush_ms {
            self.flush(id, now);
            self.start_attempts(id, now, deliveries);
        }
        self.finish_if_done(id, now);
        self.reschedule(id);
    }

    /// Begins a flush.
    fn flush(&mut self, id: GroupId, now: Now) {
        let config = Arc::clone(&self.running.config);
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(route) = config.routes.get(group.route) else { return };
        let late_ms = now.mono_ms.saturating_sub(group.next_flush_ms);
        // Exactly one interval after the other, unless the process slept.
        let from_ms =
            if late_ms < route.group_interval_ms { group.next_flush_ms } else { now.mono_ms };
        group.next_flush_ms = from_ms.saturating_add(route.group_interval_ms.max(1));
        let mut alerts: Vec<Arc<StoredAlert>> = group.alerts.values().map(Arc::clone).collect();
        alerts.sort_by(|one, other| in_order(&one.labels, &other.labels));
        let over: Vec<_> =
            alerts.iter().filter(|alert| alert.is_resolved(now)).map(Arc::clone).collect();
        let newly_over: Vec<_> = over
            .iter()
            .filter(|alert| group.known_over.insert(alert.fingerprint))
            .map(|alert| title(alert))
            .collect();
        let deadline_ms = now.mono_ms.saturating_add(route.group_interval_ms.max(DEADLINE_MIN_MS));
        group.flush =
            Some(Flush { at: now, deadline_ms, over, jobs: Vec::new(), is_success: true });
        for alert in newly_over {
            self.note(id, now, Event::Resolved { alert });
        }
        self.stats.flushes += 1;
        let told = self.unmuted(id, route, alerts, now);
        if !told.is_empty() {
            self.make_jobs(id, route, &told, now);
        }
    }

    /// The alerts that somebody may be told of, in Alertmanager's order of what mutes.
    fn unmuted(
        &mut self,
        id: GroupId,
        route: &Route,
        alerts: Vec<Arc<StoredAlert>>,
        now: Now,
    ) -> Vec<Arc<StoredAlert>> {
        let (inhibited, rest) = self.split_inhibited(alerts, now);
        self.stats.suppressed("inhibition", inhibited.len());
        for event in inhibited {
            self.note(id, now, event);
        }
        if rest.is_empty() {
            return rest;
        }
        if let Some((by, is_inactive)) = muted_by(route, now.wall_ms) {
            let reason = if is_inactive { "active_time_interval" } else { "mute_time_interval" };
            self.stats.suppressed(reason, rest.len());
            self.note(id, now, Event::Muted { by, is_inactive });
            return Vec::new();
        }
        let mut told = Vec::with_capacity(rest.len());
        for alert in rest {
            let silences = self.silences.muting(&alert.labels, now.wall_ms);
            let by: Vec<String> = silences.iter().map(|silence| silence.id.clone()).collect();
            if by.is_empty() {
                told.push(alert);
            } else {
                self.stats.suppressed("silence", 1);
                self.note(id, now, Event::Silenced { alert: title(&alert), by });
            }
        }
        told
    }

    fn split_inhibited(
        &self,
        alerts: Vec<Arc<StoredAlert>>,
        now: Now,
    ) -> (Vec<Event>, Vec<Arc<StoredAlert>>) {
        let mut events = Vec::new();
        let mut rest = Vec::with_capacity(alerts.len());
        for alert in alerts {
            match self.inhibitor.inhibiting(&alert.labels, &self.alerts, now) {
                Some((rule, source)) => events.push(Event::Inhibited {
                    alert: title(&alert),
                    by: title_of(source.fingerprint, &source.labels),
                    rule: rule.title(),
                }),
                None => rest.push(alert),
            }
        }
        (events, rest)
    }

    /// Asks the log for each integration whether it is told.
    fn make_jobs(&mut self, id: GroupId, route: &Route, alerts: &[Arc<StoredAlert>], now: Now) {
        let Some(group) = self.groups.get(&id) else { return };
        let group_key = Arc::clone(&group.key);
        let fingerprints = |is_over: bool| -> BTreeSet<Fingerprint> {
            let some = alerts.iter().filter(|alert| alert.is_resolved(now) == is_over);
            some.map(|alert| alert.fingerprint).collect()
        };
        let (firing, resolved) = (fingerprints(false), fingerprints(true));
        let acknowledged = self.acknowledgement(&group_key, now).map(|found| found.by.clone());
        let integrations = Arc::clone(&self.running.integrations);
        let all = integrations.get(&*route.receiver).map_or(&[][..], Vec::as_slice);
        for integration in all {
            let key = log_key(&group_key, &route.receiver, integration);
            let verdict = judge(
                self.log.get(&key),
                (&firing, &resolved),
                integration.sends_resolved,
                route.repeat_interval_ms,
                now,
            );
            let name = name_of(integration);
            match verdict {
                Verdict::Nothing => {
                    self.note(id, now, Event::NothingToTell { integration: name });
                }
                Verdict::NotYet(until_ms) => {
                    let told_ms = self.log.get(&key).map_or(0, |entry| entry.at_ms);
                    let event = Event::HeldBack { integration: name, told_ms, until_ms };
                    self.note(id, now, event);
                }
                Verdict::Tell(NotifyReason::Repeat) if acknowledged.is_some() => {
                    let by = acknowledged.clone().unwrap_or_default();
                    self.note(id, now, Event::NotRepeated { integration: name, by });
                }
                Verdict::Tell(reason) => {
                    let sets = (firing.clone(), resolved.clone());
                    let job_id = self.id();
                    let told = told(alerts, integration, now);
                    let job = Job::new(job_id, integration.clone(), key, sets, reason, told);
                    self.queue(id, job, route.repeat_interval_ms, now);
                }
            }
        }
    }

    /// Takes a job, or only writes into the log what nobody is told.
    fn queue(&mut self, id: GroupId, job: Job, repeat_ms: u64, now: Now) {
        if job.alerts.is_empty() {
            // Only resolved alerts, for somebody who is not told of those.
            let integration = name_of(&job.integration);
            self.write_log(&job.entry(now, repeat_ms, None), &job.key);
            self.note(id, now, Event::ResolvedUntold { integration });
            return;
        }
        self.stats.of(&job.key).notifications += 1;
        if let Some(flush) = self.groups.get_mut(&id).and_then(|group| group.flush.as_mut()) {
            flush.jobs.push(job);
        }
    }

    /// Ends the flush when nobody is left to be told.
    pub(super) fn finish_if_done(&mut self, id: GroupId, now: Now) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.flush.as_ref().is_none_or(|flush| !flush.jobs.is_empty()) {
            return;
        }
        let Some(flush) = group.flush.take() else { return };
        if flush.is_success {
            for alert in &flush.over {
                // Unless it fired again, or ended again, while others were told.
                let is_same = group
                    .alerts
                    .get(&alert.fingerprint)
                    .is_some_and(|current| Arc::ptr_eq(current, alert) || **current == **alert);
                if is_same {
                    group.alerts.remove(&alert.fingerprint);
                    group.known_over.remove(&alert.fingerprint);
                }
            }
        }
        if group.alerts.is_empty() {
            self.end_group(id, now);
        }
    }

    /// The keys under which the log knows a group of `receiver`.
    pub(super) fn log_keys(&self, group_key: &str, receiver: &str) -> Vec<LogKey> {
        let all = self.running.integrations.get(receiver).map_or(&[][..], Vec::as_slice);
        all.iter().map(|one| log_key(group_key, receiver, one)).collect()
    }
}

/// The intervals that mute a route, and whether it is because none of its active ones holds.
pub(crate) fn muted_by(route: &Route, now_ms: i64) -> Option<(Vec<String>, bool)> {
    if !route.active.is_empty() && !route.active.iter().any(|named| named.contains(now_ms)) {
        return Some((route.active.iter().map(|named| named.name.clone()).collect(), true));
    }
    let muting = route.mute.iter().filter(|named| named.contains(now_ms));
    let names: Vec<String> = muting.map(|named| named.name.clone()).collect();
    (!names.is_empty()).then_some((names, false))
}

/// `webhook[0]`
pub(super) fn name_of(integration: &Integration) -> String {
    format!("{}[{}]", integration.kind, integration.index)
}

fn log_key(group_key: &str, receiver: &str, integration: &Integration) -> LogKey {
    LogKey {
        group_key: Arc::from(group_key),
        receiver: Arc::from(receiver),
        integration: Arc::from(integration.kind),
        index: integration.index,
    }
}

/// What an integration is told of.
fn told(alerts: &[Arc<StoredAlert>], integration: &Integration, now: Now) -> Arc<[NotifyAlert]> {
    let some = alerts.iter().filter(|alert| integration.sends_resolved || !alert.is_resolved(now));
    some.map(|alert| alert.told(now)).collect()
}

/// The word for what a job is about, in logs.
pub(super) const fn reason_text(reason: NotifyReason) -> &'static str {
    reason.as_str()
}
