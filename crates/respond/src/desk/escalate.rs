//! Calling people when nobody answers, at times that are on disk.

use std::sync::Arc;

use super::Desk;
use super::access::Who;
use super::pager::Page;
use crate::incident::{EscalationState, Incident, IncidentState, Moment, MomentKind};

/// How often a call is tried.
const ATTEMPTS_MAX: u32 = 5;
/// How long until it is tried again.
const PAUSE_MS: i64 = 30_000;

impl Desk {
    /// Begins the calls that are due; the intent is on disk before anybody is called.
    pub(super) fn escalate(self: &Arc<Self>, now_ms: i64) {
        let due = self.update(|state| {
            let mut due = Vec::new();
            for incident in state.book.iter() {
                if incident.state != IncidentState::Triggered || !incident.is_open() {
                    continue;
                }
                let timers = incident.escalation.iter().enumerate();
                due.extend(
                    timers
                        .filter(|(_, t)| t.state == EscalationState::Waiting && t.due_ms <= now_ms)
                        .map(|(index, _)| (incident.id, index)),
                );
            }
            for (id, index) in &due {
                state.book.change(*id, now_ms, |incident| {
                    if let Some(timer) = incident.escalation.get_mut(*index) {
                        timer.state = EscalationState::Sending;
                        timer.attempts += 1;
                    }
                });
            }
            due
        });
        for (id, index) in due {
            if self.telling.lock().insert((id, index)) {
                let desk = Arc::clone(self);
                self.tasks.spawn(async move {
                    if desk.persist_surely().await {
                        desk.call(id, index).await;
                    }
                    desk.telling.lock().remove(&(id, index));
                    desk.persist_surely().await;
                });
            }
        }
    }

    async fn call(&self, id: u64, index: usize) {
        let incident = self.ask(|state| state.book.get(id).cloned());
        let Some(incident) = incident else { return };
        let Some(timer) = incident.escalation.get(index).cloned() else { return };
        let targets = self.receivers_of(&timer.action);
        let (mut told, mut failed) = (Vec::new(), Vec::new());
        if targets.is_empty() {
            failed.push(format!("{} is mapped to nobody", timer.action));
        }
        for (receiver, person) in targets {
            let who = person.clone().map_or_else(String::new, |person| format!("{person} by "));
            let page = self.page(&incident, &timer.action, person);
            let told_by = self.parts.pager.tell(&receiver, &page);
            let answer = tokio::select! {
                answer = told_by => answer,
                // On disk it is being sent: it is sent again after the next start.
                () = self.stop.cancelled() => return,
            };
            match answer {
                Ok(detail) => told.push(format!("{who}{receiver}: {detail}")),
                Err(reason) => failed.push(format!("{who}{receiver}: {reason}")),
            }
        }
        let now_ms = self.now_ms();
        let is_told = !told.is_empty();
        told.extend(failed);
        let detail = super::shortened(told.join("; "), 1_000);
        self.update(|state| {
            state.book.change(id, now_ms, |incident| {
                let is_open = incident.state == IncidentState::Triggered;
                let Some(timer) = incident.escalation.get_mut(index) else { return };
                timer.detail.clone_from(&detail);
                timer.state = match (is_told, timer.attempts < ATTEMPTS_MAX, is_open) {
                    (true, ..) => EscalationState::Told,
                    (false, true, true) => {
                        timer.due_ms = now_ms + PAUSE_MS;
                        EscalationState::Waiting
                    }
                    (false, _, false) => EscalationState::Stopped,
                    (false, false, true) => EscalationState::Failed,
                };
            });
            let what = if is_told { "was called" } else { "could not be called" };
            let text = format!("{} {what}: {detail}", timer.action);
            state.book.note(id, Moment::new(now_ms, MomentKind::Escalation, "vigie", text));
        });
        self.changed.notify_one();
    }

    fn page(&self, incident: &Incident, action: &str, person: Option<String>) -> Page {
        let by = person.clone().unwrap_or_else(|| action.to_owned());
        let minutes = self.now_ms().saturating_sub(incident.opened_ms) / 60_000;
        Page {
            incident: Some(incident.clone()),
            title: format!(
                "incident {}: {} (nobody answered for {minutes} minutes)",
                incident.id, incident.title
            ),
            text: String::new(),
            person,
            acknowledge_url: self.acknowledge_url(incident.id, &by),
            incident_url: self.incident_url(Some(incident.id)),
            labels: incident.labels.clone(),
        }
    }

    /// Tells the providers other than `source` that somebody takes care.
    pub(super) fn mirror(&self, id: u64, who: &Who, source: &str) {
        let Some(incident) = self.ask(|state| state.book.get(id).cloned()) else { return };
        let (pager, by) = (Arc::clone(&self.parts.pager), who.name.clone());
        let source = source.to_owned();
        self.tasks.spawn(async move {
            for line in pager.acknowledged(&incident, &by, &source).await {
                match line {
                    Ok(line) => tracing::info!(incident = incident.id, line, "mirrored"),
                    Err(error) => {
                        tracing::warn!(incident = incident.id, error, "not mirrored");
                    }
                }
            }
        });
    }

    pub(super) fn incident_url(&self, id: Option<u64>) -> Option<String> {
        let base = self.plan().external_url.clone();
        id.filter(|_| !base.is_empty()).map(|id| format!("{base}/incidents/{id}"))
    }
}
