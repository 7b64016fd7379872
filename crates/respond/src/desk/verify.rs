//! Whether a step helped; and undoing it when it did not.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Desk;
use super::drive::{Next, Turn};
use super::execute::Done;
use crate::runbook::{StepStatus, Truth, Values, prepare};

/// How often it is looked.
const PAUSE_MS: u64 = 5_000;

impl Desk {
    pub(super) async fn verify(self: &Arc<Self>, turn: Turn, token: &CancellationToken) -> Next {
        let Some(current) = turn.run.steps.get(turn.index) else { return Next::Stop };
        let Some(verify) = &turn.step.verify else {
            // It was configured when the step was taken and is not any more.
            self.note_done(&turn, &Done::success(current.detail.clone(), String::new()));
            return Next::Again;
        };
        let judged = self.judged(&verify.condition, &turn, false).await;
        if judged.truth == Truth::True {
            let detail = format!("{}; verified: {}", current.detail, judged.explanation);
            self.note_done(&turn, &Done::success(detail, String::new()));
            return Next::Again;
        }
        if self.now_ms() < current.verify_until_ms.unwrap_or(0) {
            return if self.rest(PAUSE_MS, token).await { Next::Again } else { self.cut(&turn) };
        }
        let reason = format!("not verified: {}", judged.explanation);
        self.undo(turn, reason, token).await
    }

    /// The run was stopped while it waited; at our own end it goes on after the next start.
    fn cut(&self, turn: &Turn) -> Next {
        if self.stop.is_cancelled() {
            return Next::Stop;
        }
        self.close_step(turn.run.id, turn.index, StepStatus::Aborted, "stopped while verifying");
        Next::Again
    }

    async fn undo(self: &Arc<Self>, turn: Turn, reason: String, token: &CancellationToken) -> Next {
        let (id, index) = (turn.run.id, turn.index);
        let Some(rollback) = &turn.step.rollback else {
            self.note_done(&turn, &Done::failure(reason, String::new()));
            return Next::Again;
        };
        let plan = self.plan();
        let item = turn.run.steps.get(index).and_then(|step| step.item.clone());
        let values = Values {
            inputs: &turn.run.inputs,
            variables: &turn.run.variables,
            item: item.as_deref(),
            labels: &turn.run.labels,
        };
        let prepared = prepare(&turn.step, rollback, values, &plan.options);
        let prepared = prepared.and_then(|p| match p.refusal.clone() {
            Some(refusal) => Err(refusal),
            None => Ok(p),
        });
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refusal) => {
                let detail = format!("{reason}; the rollback is refused: {refusal}");
                self.note_done(&turn, &Done::failure(detail, String::new()));
                return Next::Again;
            }
        };
        self.update(|state| {
            state.change_run(id, |run| {
                if let Some(step) = run.steps.get_mut(index) {
                    step.status = StepStatus::RollingBack;
                    step.detail.clone_from(&reason);
                }
            });
        });
        if !self.persist_surely().await {
            return Next::Stop;
        }
        let done = self.deed(&turn, &prepared, token).await;
        if done.is_stopped && self.stop.is_cancelled() {
            return Next::Stop;
        }
        let outcome = if done.is_success { "undone" } else { "undoing it failed" };
        let detail = format!("{reason}; {outcome}: {} ({})", prepared.text, done.detail);
        self.note_done(&turn, &Done::failure(detail, done.output));
        Next::Again
    }
}
