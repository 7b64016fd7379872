//! Leave to take a step, and what else people say about runs.

use std::sync::Arc;

use super::access::{Who, audit};
use super::kept::Switch;
use super::{Desk, DeskError};
use crate::incident::MomentKind;
use crate::runbook::{Breaker, RunState, StepStatus};

impl Desk {
    /// Gives leave to take the step that `hash` is of.
    pub async fn approve(
        self: &Arc<Self>,
        run: u64,
        (step, hash): (usize, &str),
        who: &Who,
        comment: &str,
    ) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        let plan = self.plan();
        self.update(|state| {
            let refused = self.may_approve(state, &plan, (run, step), who);
            if let Err(error) = &refused {
                let mut entry = audit(now_ms, who, "approval refused", error.to_string());
                entry.run = Some(run);
                state.audit(entry);
            }
            refused?;
            let asked = state.runs.get(&run).and_then(|r| r.steps.get(step)?.approval.as_ref());
            let Some(asked) = asked else {
                return Err(DeskError::Conflict("nobody was asked".to_owned()));
            };
            if asked.hash != hash {
                let message = "the step is another one than was approved: look again".to_owned();
                return Err(DeskError::Conflict(message));
            }
            if asked.expires_ms <= now_ms {
                return Err(DeskError::Conflict("the approval has expired".to_owned()));
            }
            state.change_run(run, |run| {
                run.state = RunState::Running;
                if let Some(approval) = run.steps.get_mut(step).and_then(|s| s.approval.as_mut()) {
                    approval.by = Some(who.name.clone());
                    super::shortened(comment.to_owned(), 1_000).clone_into(&mut approval.comment);
                }
            });
            let mut entry = audit(now_ms, who, "approve", format!("step {step}, hash {hash}"));
            entry.run = Some(run);
            state.audit(entry);
            let text = format!("{} approved step {step}", who.name);
            state.note_run(run, Some(step), MomentKind::Approval, &text, now_ms);
            Ok(())
        })?;
        self.persist().await?;
        self.drive_run(run);
        Ok(())
    }

    /// Whether `who` may give leave to a step that waits for it.
    fn may_approve(
        &self,
        state: &super::State,
        plan: &super::DeskPlan,
        (run, step): (u64, usize),
        who: &Who,
    ) -> Result<(), DeskError> {
        let run =
            state.runs.get(&run).ok_or_else(|| DeskError::NotFound(format!("no run {run}")))?;
        let step = run
            .steps
            .get(step)
            .ok_or_else(|| DeskError::NotFound(format!("run {} has no step {step}", run.id)))?;
        let waiting = step.approval.as_ref().filter(|approval| approval.by.is_none());
        let waiting = waiting.filter(|_| step.status == StepStatus::Waiting);
        let Some(approval) = waiting else {
            return Err(DeskError::Conflict("the step does not wait for approval".to_owned()));
        };
        if state.switch.is_stopped {
            return Err(DeskError::Conflict("everything is stopped".to_owned()));
        }
        if who.name.trim().is_empty() {
            return Err(DeskError::Forbidden("an approval has a name".to_owned()));
        }
        if plan.options.approvals_need_login && !who.is_user {
            return Err(DeskError::Forbidden("approvals need a user who logged in".to_owned()));
        }
        let author = plan.runbook(&run.runbook).map(|ready| ready.runbook.author.clone());
        if author.is_some_and(|author| !author.is_empty() && author == who.name) {
            return Err(DeskError::Forbidden("nobody approves their own runbook".to_owned()));
        }
        if run.is_by_hand && run.by == who.name {
            return Err(DeskError::Forbidden("nobody approves the run they started".to_owned()));
        }
        if !approval.approvers.contains(&who.name) {
            let may = match approval.approvers.as_slice() {
                [] => "nobody may approve it: no approvers are configured".to_owned(),
                some => format!("{} may not approve it; {} may", who.name, some.join(", ")),
            };
            return Err(DeskError::Forbidden(may));
        }
        Ok(())
    }

    /// Refuses a step that waits for approval: it is left out.
    pub async fn reject(
        self: &Arc<Self>,
        run: u64,
        step: usize,
        who: &Who,
        comment: &str,
    ) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        self.on_step(run, step, StepStatus::Waiting, |state| {
            state.change_run(run, |run| {
                run.state = RunState::Running;
                if let Some(step) = run.steps.get_mut(step) {
                    step.status = StepStatus::Refused;
                    step.ended_ms = Some(now_ms);
                    step.detail = format!("refused by {}: {comment}", who.name);
                }
            });
            let mut entry = audit(now_ms, who, "reject", format!("step {step}"));
            entry.run = Some(run);
            state.audit(entry);
            let text = format!("{} refused step {step}", who.name);
            state.note_run(run, Some(step), MomentKind::Approval, &text, now_ms);
        })?;
        self.persist().await?;
        self.drive_run(run);
        Ok(())
    }

    /// Says what became of a step that was running when the process ended.
    pub async fn settle(
        self: &Arc<Self>,
        run: u64,
        step: usize,
        who: &Who,
        is_success: bool,
    ) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        self.on_step(run, step, StepStatus::Unknown, |state| {
            state.change_run(run, |run| {
                if let Some(step) = run.steps.get_mut(step) {
                    step.status =
                        if is_success { StepStatus::Succeeded } else { StepStatus::Failed };
                    step.ended_ms = Some(now_ms);
                    step.detail = format!("so says {}", who.name);
                }
                let is_settled = run.steps.iter().all(|s| s.status != StepStatus::Unknown);
                if is_settled && run.state == RunState::Unknown {
                    run.state = RunState::Running;
                }
            });
            let outcome = if is_success { "succeeded" } else { "failed" };
            let mut entry = audit(now_ms, who, "settle", format!("step {step} {outcome}"));
            entry.run = Some(run);
            state.audit(entry);
            let text = format!("{} says that step {step} {outcome}", who.name);
            state.note_run(run, Some(step), MomentKind::Step, &text, now_ms);
        })?;
        self.persist().await?;
        self.drive_run(run);
        Ok(())
    }

    fn on_step(
        &self,
        run: u64,
        step: usize,
        status: StepStatus,
        change: impl FnOnce(&mut super::State),
    ) -> Result<(), DeskError> {
        self.update(|state| {
            let found = state.runs.get(&run).and_then(|run| run.steps.get(step));
            let found =
                found.ok_or_else(|| DeskError::NotFound(format!("no step {step} of run {run}")))?;
            if found.status != status {
                let is = found.status.as_str();
                return Err(DeskError::Conflict(format!("the step is {is}")));
            }
            change(state);
            Ok(())
        })
    }

    /// Ends a run: what it runs is ended now.
    pub async fn abort(&self, run: u64, who: &Who) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        self.update(|state| {
            let found = state.runs.get(&run);
            let found = found.ok_or_else(|| DeskError::NotFound(format!("no run {run}")))?;
            if found.state.is_over() {
                return Err(DeskError::Conflict("the run is over".to_owned()));
            }
            let mut entry = audit(now_ms, who, "abort", "");
            entry.run = Some(run);
            state.audit(entry);
            self.abort_in(state, run, &format!("aborted by {}", who.name), now_ms);
            Ok(())
        })?;
        self.stop_program(run);
        self.persist().await?;
        Ok(())
    }

    /// Marks a run and its steps as ended; a step that runs says so itself when it has ended.
    pub(super) fn abort_in(&self, state: &mut super::State, run: u64, why: &str, now_ms: i64) {
        state.change_run(run, |run| {
            run.state = RunState::Aborted;
            run.ended_ms = Some(now_ms);
            why.clone_into(&mut run.detail);
            for step in &mut run.steps {
                if !step.status.is_over() && !step.is_in_the_air() {
                    step.status = StepStatus::Aborted;
                }
            }
        });
        state.note_run(run, None, MomentKind::Runbook, why, now_ms);
    }

    pub(super) fn stop_program(&self, run: u64) {
        if let Some(token) = self.driven.lock().get(&run) {
            token.cancel();
        }
    }

    /// Stops everything: nothing is started until [`resume`](Self::resume), what runs is ended.
    pub async fn stop_all(&self, who: &Who, comment: &str) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        let running = self.update(|state| {
            state.switch = Switch {
                is_stopped: true,
                by: who.name.clone(),
                comment: super::shortened(comment.to_owned(), 1_000),
                at_ms: now_ms,
            };
            state.keep(super::Kept::Switch(state.switch.clone()));
            state.audit(audit(now_ms, who, "stop all", comment));
            let open = state.runs.values().filter(|run| !run.state.is_over());
            let open: Vec<u64> = open.map(|run| run.id).collect();
            for run in &open {
                let why = format!("{} stopped everything", who.name);
                self.abort_in(state, *run, &why, now_ms);
            }
            open
        });
        // Programs first: the disk may be what is broken.
        for run in running {
            self.stop_program(run);
        }
        self.persist().await?;
        Ok(())
    }

    /// Lets runbooks run again.
    pub async fn resume(&self, who: &Who, comment: &str) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        self.update(|state| {
            state.switch = Switch {
                is_stopped: false,
                by: who.name.clone(),
                comment: super::shortened(comment.to_owned(), 1_000),
                at_ms: now_ms,
            };
            state.keep(super::Kept::Switch(state.switch.clone()));
            state.audit(audit(now_ms, who, "resume", comment));
        });
        self.persist().await?;
        Ok(())
    }

    /// Closes the breaker of a runbook.
    pub async fn reset_breaker(&self, runbook: &str, who: &Who) -> Result<(), DeskError> {
        let now_ms = self.now_ms();
        self.update(|state| {
            if state.ledger.breakers.remove(runbook).is_none() {
                return Err(DeskError::NotFound(format!("no breaker of {runbook:?} is open")));
            }
            let breaker = Breaker::default();
            state.keep(super::Kept::Breaker { runbook: runbook.to_owned(), breaker });
            state.audit(audit(now_ms, who, "reset breaker", runbook));
            Ok(())
        })?;
        self.persist().await?;
        Ok(())
    }
}
