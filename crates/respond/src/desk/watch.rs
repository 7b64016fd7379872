//! The task that looks: at alerts, timers, approvals, schedules.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Desk;
use crate::Fingerprint;
use crate::alert::Now;
use crate::engine::Engine;
use crate::incident::{IncidentAlert, MomentKind, Observed};
use crate::responder::Tenant;
use crate::runbook::{RunState, StepStatus};

/// How often it looks.
const PAUSE: Duration = Duration::from_secs(1);

impl Desk {
    /// Watches a tenant's alerts until the desk is closed.
    pub fn watch(self: &Arc<Self>, tenant: Arc<Tenant>) {
        tenant.feed(true);
        let desk = Arc::clone(self);
        self.tasks.spawn(async move {
            loop {
                desk.look(&tenant).await;
                tokio::select! {
                    () = desk.stop.cancelled() => break,
                    () = desk.parts.world.clock.sleep(PAUSE) => {}
                    () = desk.changed.notified() => {}
                }
            }
            tenant.feed(false);
        });
    }

    /// Looks once.
    pub async fn look(self: &Arc<Self>, tenant: &Tenant) {
        let now_ms = self.now_ms();
        self.observe(tenant, now_ms);
        self.take_feed(tenant.take_feed());
        self.update(|state| state.book.tick(now_ms));
        let mut runs = self.consider(now_ms);
        runs.extend(self.consider_schedules(now_ms));
        runs.extend(self.expire(now_ms));
        runs.extend(self.due_runs());
        self.escalate(now_ms);
        if let Err(error) = self.persist().await {
            tracing::error!(tenant = %self.id, %error, "incidents are not on disk");
            return;
        }
        for run in runs {
            self.drive_run(run);
        }
    }

    /// Alerts that fire, and those that are over.
    fn observe(&self, tenant: &Tenant, now_ms: i64) {
        let plan = self.plan();
        let unknown: Vec<Observed> = tenant.ask(|engine, now| {
            let state = self.state.lock();
            let is_known = |fingerprint: &str| {
                state.book.knows_firing(fingerprint) || state.book.is_left_out(fingerprint)
            };
            engine
                .firing(now)
                .filter(|alert| !is_known(&alert.fingerprint.to_string()))
                .filter(|alert| engine.status_of(&alert.labels, now).is_active())
                .map(|alert| observed(engine, alert))
                .filter(|found| {
                    plan.opens.as_ref().is_none_or(|opens| opens.takes(&found.alert.labels))
                })
                .collect()
        });
        let over = |engine: &Engine, now: Now| {
            self.update(|state| {
                let firing = |fingerprint: &str| {
                    u64::from_str_radix(fingerprint, 16)
                        .is_ok_and(|number| engine.is_firing(Fingerprint(number), now))
                };
                state.book.take_over(&firing, now_ms);
            });
        };
        tenant.ask(over);
        if !unknown.is_empty() {
            self.update(|state| state.book.take_firing(unknown, now_ms));
        }
    }

    /// Approvals that nobody gave in time: the step is left out.
    fn expire(&self, now_ms: i64) -> Vec<u64> {
        self.update(|state| {
            let mut expired = Vec::new();
            for run in state.runs.values().filter(|run| run.state == RunState::Waiting) {
                let waits = run.steps.iter().position(|step| {
                    step.status == StepStatus::Waiting
                        && step.approval.as_ref().is_some_and(|a| a.expires_ms <= now_ms)
                });
                expired.extend(waits.map(|index| (run.id, index)));
            }
            for (id, index) in &expired {
                state.change_run(*id, |run| {
                    run.state = RunState::Running;
                    if let Some(step) = run.steps.get_mut(*index) {
                        step.status = StepStatus::Refused;
                        step.ended_ms = Some(now_ms);
                        "nobody approved it in time".clone_into(&mut step.detail);
                    }
                });
                let text = "the approval has expired";
                state.note_run(*id, Some(*index), MomentKind::Approval, text, now_ms);
            }
            expired.into_iter().map(|(id, _)| id).collect()
        })
    }

    /// Runs that go on by themselves: after a start, or when a person has said something.
    fn due_runs(&self) -> Vec<u64> {
        self.ask(|state| {
            let due = state.runs.values().filter(|run| run.state == RunState::Running);
            due.map(|run| run.id).collect()
        })
    }
}

fn observed(engine: &Engine, alert: &crate::StoredAlert) -> Observed {
    let groups = engine.group_keys_of(&alert.labels);
    let map = |labels: &vigie_model::Labels| -> BTreeMap<String, String> {
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    Observed {
        fingerprint: alert.fingerprint.to_string(),
        alert: IncidentAlert {
            labels: map(&alert.labels),
            annotations: (*alert.annotations).clone(),
            starts_ms: alert.starts_at_ms,
            ends_ms: None,
            generator_url: alert.generator_url.to_string(),
        },
        group_labels: groups.first().map(|(_, labels)| map(labels)).unwrap_or_default(),
        group_keys: groups.into_iter().map(|(key, _)| key).collect(),
    }
}
