//! Attempts to tell somebody: again with growing pauses, until told, refused or out of time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::flush::{name_of, reason_text};
use super::group::GroupId;
use super::record::Record;
use super::{Delivery, Engine};
use crate::Fingerprint;
use crate::alert::Now;
use crate::log::{LogEntry, LogKey};
use crate::notify::{
    Integration, NotifyAlert, NotifyContext, NotifyError, NotifyFailure, NotifyReason,
    NotifyReceipt,
};
use crate::why::Event;

/// The first pause; each is half as long again as the one before, give or take a half.
const PAUSE_FIRST_MS: f64 = 500.0;
/// The longest pause.
const PAUSE_MAX_MS: f64 = 60_000.0;

/// One integration that is to be told in a flush.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) integration: Integration,
    pub(super) key: LogKey,
    firing: BTreeSet<Fingerprint>,
    resolved: BTreeSet<Fingerprint>,
    pub(super) reason: NotifyReason,
    /// What it is told of; without resolved alerts for those who are not told of them.
    pub(super) alerts: Arc<[NotifyAlert]>,
    /// Attempts so far.
    attempts: u32,
    /// When the next begins, by the monotonic clock; `None` while one is under way.
    pub(super) next_ms: Option<u64>,
    last_error: String,
}

/// An attempt under way. It outlives its group: what was told is logged in any case.
#[derive(Debug)]
pub(super) struct Attempt {
    group: GroupId,
    job: Job,
    flush_at: Now,
    repeat_ms: u64,
    began_ms: u64,
}

impl Job {
    pub(super) fn new(
        id: u64,
        integration: Integration,
        key: LogKey,
        (firing, resolved): (BTreeSet<Fingerprint>, BTreeSet<Fingerprint>),
        reason: NotifyReason,
        alerts: Arc<[NotifyAlert]>,
    ) -> Self {
        Self {
            id,
            integration,
            key,
            firing,
            resolved,
            reason,
            alerts,
            attempts: 0,
            next_ms: Some(0),
            last_error: String::new(),
        }
    }

    /// What the log says once it is told.
    pub(super) fn entry(
        &self,
        at: Now,
        repeat_ms: u64,
        receipt: Option<&NotifyReceipt>,
    ) -> LogEntry {
        LogEntry {
            at_ms: at.wall_ms,
            at_mono_ms: Some(at.mono_ms),
            firing: self.firing.clone(),
            resolved: self.resolved.clone(),
            remembered: receipt.map(|receipt| receipt.remember.clone()).unwrap_or_default(),
            repeat_ms,
        }
    }
}

impl Engine {
    /// Begins the attempts that are due for a group.
    pub(super) fn start_attempts(&mut self, id: GroupId, now: Now, deliveries: &mut Vec<Delivery>) {
        let config = Arc::clone(&self.running.config);
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(flush) = group.flush.as_mut() else { return };
        let route = config.routes.get(group.route);
        let timeout = Duration::from_millis(flush.deadline_ms.saturating_sub(now.mono_ms));
        for job in
            flush.jobs.iter_mut().filter(|job| job.next_ms.is_some_and(|at| at <= now.mono_ms))
        {
            job.next_ms = None;
            job.attempts += 1;
            let is_first = job.reason == NotifyReason::First;
            let remembered = self.log.get(&job.key).filter(|_| !is_first);
            let context = NotifyContext {
                group_key: group.key.to_string(),
                receiver: group.receiver.to_string(),
                group_labels: group.labels.clone(),
                route_labels: route.map_or_else(Arc::default, |route| Arc::clone(&route.labels)),
                reason: job.reason,
                now_ms: flush.at.wall_ms,
                timeout,
                attempt: job.attempts,
                remembered: remembered.map(|entry| entry.remembered.clone()).unwrap_or_default(),
            };
            self.attempts.insert(
                job.id,
                Attempt {
                    group: id,
                    job: job.clone(),
                    flush_at: flush.at,
                    repeat_ms: route.map_or(0, |route| route.repeat_interval_ms),
                    began_ms: now.mono_ms,
                },
            );
            deliveries.push(Delivery {
                id: job.id,
                integration: job.integration.clone(),
                context,
                alerts: Arc::clone(&job.alerts),
            });
        }
    }

    /// Says how a delivery went.
    pub fn complete(&mut self, id: u64, result: Result<NotifyReceipt, NotifyError>, now: Now) {
        let Some(attempt) = self.attempts.remove(&id) else { return };
        let took_ms = now.mono_ms.saturating_sub(attempt.began_ms);
        let stats = self.stats.of(&attempt.job.key);
        stats.attempted(took_ms, result.as_ref().err(), now.wall_ms);
        let group = attempt.group;
        if let Some(old) = self.groups.get(&group) {
            self.due.remove(&(old.due_ms(), group));
        }
        match result {
            Ok(receipt) => self.succeeded(&attempt, &receipt, took_ms, now),
            Err(error) => self.not_told(&attempt, &error, now),
        }
        self.finish_if_done(group, now);
        self.reschedule(group);
    }

    fn succeeded(&mut self, attempt: &Attempt, receipt: &NotifyReceipt, took_ms: u64, now: Now) {
        let job = &attempt.job;
        let entry = job.entry(attempt.flush_at, attempt.repeat_ms, Some(receipt));
        self.write_log(&entry, &job.key);
        let resolved = job.alerts.iter().filter(|alert| alert.is_resolved()).count();
        let event = Event::Told {
            integration: name_of(&job.integration),
            reason: reason_text(job.reason).to_owned(),
            firing: job.alerts.len() - resolved,
            resolved,
            attempt: job.attempts,
            took_ms,
            detail: receipt.detail.clone(),
        };
        self.note(attempt.group, now, event);
        self.drop_job(attempt.group, job.id, true);
    }

    fn not_told(&mut self, attempt: &Attempt, error: &NotifyError, now: Now) {
        let (id, job) = (attempt.group, &attempt.job);
        let pause_ms = self.pause_ms(job.attempts);
        let next_ms = now.mono_ms.saturating_add(pause_ms);
        let deadline_ms = self.groups.get(&id).and_then(|group| group.flush.as_ref());
        let deadline_ms = deadline_ms.map_or(0, |flush| flush.deadline_ms);
        if !error.retry || next_ms >= deadline_ms {
            self.failed(id, job, error.failure, &error.reason, now);
            return;
        }
        let pause = i64::try_from(pause_ms).unwrap_or(0);
        let event = Event::Retrying {
            integration: name_of(&job.integration),
            attempt: job.attempts,
            error: error.reason.clone(),
            next_ms: now.wall_ms.saturating_add(pause),
        };
        self.note(id, now, event);
        if job.last_error != error.reason {
            tracing::warn!(
                receiver = %job.key.receiver, integration = %name_of(&job.integration),
                group = %job.key.group_key, attempts = job.attempts, error = %error.reason,
                "notifying failed, it is tried again"
            );
        }
        let flush = self.groups.get_mut(&id).and_then(|group| group.flush.as_mut());
        let waiting = flush.and_then(|f| f.jobs.iter_mut().find(|other| other.id == job.id));
        if let Some(waiting) = waiting {
            waiting.next_ms = Some(next_ms);
            error.reason.clone_into(&mut waiting.last_error);
        }
    }

    fn failed(&mut self, id: GroupId, job: &Job, failure: NotifyFailure, error: &str, now: Now) {
        *self.stats.of(&job.key).failed.entry(failure).or_default() += 1;
        tracing::error!(
            receiver = %job.key.receiver, integration = %name_of(&job.integration),
            group = %job.key.group_key, attempts = job.attempts, error, "notifying failed"
        );
        let event = Event::Failed {
            integration: name_of(&job.integration),
            attempts: job.attempts,
            error: error.to_owned(),
        };
        self.note(id, now, event);
        self.drop_job(id, job.id, false);
    }

    /// The deadline of a flush has passed: who was not told is told at the next.
    pub(super) fn give_up(&mut self, id: GroupId, now: Now) {
        let flush = self.groups.get_mut(&id).and_then(|group| group.flush.as_mut());
        let jobs = flush.map(|flush| flush.jobs.clone()).unwrap_or_default();
        for job in jobs {
            let error = if job.last_error.is_empty() {
                "no answer before the deadline".to_owned()
            } else {
                job.last_error.clone()
            };
            if self.attempts.remove(&job.id).is_some() {
                let stats = self.stats.of(&job.key);
                let late = NotifyError {
                    retry: true,
                    failure: NotifyFailure::Timeout,
                    reason: error.clone(),
                };
                stats.attempted(0, Some(&late), now.wall_ms);
            }
            self.failed(id, &job, NotifyFailure::Timeout, &error, now);
        }
    }

    fn drop_job(&mut self, id: GroupId, job: u64, is_success: bool) {
        if let Some(flush) = self.groups.get_mut(&id).and_then(|group| group.flush.as_mut()) {
            flush.jobs.retain(|other| other.id != job);
            flush.is_success &= is_success;
        }
    }

    pub(super) fn write_log(&mut self, entry: &LogEntry, key: &LogKey) {
        self.records.push(Record::told(key, entry));
        self.log.set(key.clone(), entry.clone());
    }

    fn pause_ms(&self, attempts: u32) -> u64 {
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let pause = (PAUSE_FIRST_MS * 1.5_f64.powi(exponent)).min(PAUSE_MAX_MS);
        (pause * (0.5 + self.random.unit())) as u64
    }
}
