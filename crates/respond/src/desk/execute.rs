//! Doing what was let through: the intent first, then the deed, then what came of it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vigie_world::{ProcessRequest, ProcessStatus};

use super::Desk;
use super::drive::{Next, Turn};
use super::pager::{HttpRequest, Page};
use crate::incident::MomentKind;
use crate::runbook::{Deed, Prepared, RunState, StepStatus};

/// What came of a deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) is_success: bool,
    /// Whether a person or the end of the process cut it short.
    pub(super) is_stopped: bool,
    pub(super) detail: String,
    pub(super) output: String,
    pub(super) is_truncated: bool,
}

impl Done {
    pub(super) fn success(detail: impl Into<String>, output: String) -> Self {
        let detail = detail.into();
        Self { is_success: true, is_stopped: false, detail, output, is_truncated: false }
    }

    pub(super) fn failure(detail: impl Into<String>, output: String) -> Self {
        Self { is_success: false, ..Self::success(detail, output) }
    }
}

impl Desk {
    /// Writes the intent, does it, writes what came of it.
    pub(super) async fn execute(
        self: &Arc<Self>,
        turn: Turn,
        prepared: Prepared,
        token: &CancellationToken,
    ) -> Next {
        let (id, index) = (turn.run.id, turn.index);
        let now_ms = self.now_ms();
        self.update(|state| {
            state.change_run(id, |run| {
                if let Some(step) = run.steps.get_mut(index) {
                    step.status = StepStatus::Running;
                    step.attempt += 1;
                    step.started_ms = step.started_ms.or(Some(now_ms));
                }
            });
        });
        if !self.persist_surely().await {
            return Next::Stop;
        }
        // Somebody may have pulled the switch while the disk was busy.
        let is_stopped = self.ask(|state| {
            state.switch.is_stopped || state.runs.get(&id).is_none_or(|run| run.state.is_over())
        });
        if is_stopped || token.is_cancelled() {
            self.close_step(id, index, StepStatus::Aborted, "stopped before it began");
            return Next::Again;
        }
        let done = self.deed(&turn, &prepared, token).await;
        if done.is_stopped && self.stop.is_cancelled() {
            // It was cut short by our own end: on disk it is running, and so unknown next time.
            return Next::Stop;
        }
        self.after(turn, done, token).await
    }

    async fn after(self: &Arc<Self>, turn: Turn, done: Done, token: &CancellationToken) -> Next {
        let (id, index) = (turn.run.id, turn.index);
        let attempt = self.ask(|state| {
            state.runs.get(&id).and_then(|run| run.steps.get(index)).map_or(0, |s| s.attempt)
        });
        if done.is_stopped {
            let status = StepStatus::Aborted;
            self.close_step(id, index, status, &format!("stopped: {}", done.detail));
            return Next::Again;
        }
        if !done.is_success && attempt <= turn.step.retries {
            self.update(|state| {
                state.change_run(id, |run| {
                    if let Some(step) = run.steps.get_mut(index) {
                        step.status = StepStatus::Pending;
                        step.detail = format!("attempt {attempt}: {}", done.detail);
                        step.output.clone_from(&done.output);
                    }
                });
            });
            self.persist_surely().await;
            self.rest(turn.step.retry_pause_ms, token).await;
            return Next::Again;
        }
        if done.is_success
            && let Some(verify) = &turn.step.verify
        {
            let within = i64::try_from(verify.within_ms).unwrap_or(i64::MAX);
            let until_ms = self.now_ms().saturating_add(within);
            self.update(|state| {
                state.change_run(id, |run| {
                    if let Some(step) = run.steps.get_mut(index) {
                        step.status = StepStatus::Verifying;
                        step.verify_until_ms = Some(until_ms);
                        step.detail.clone_from(&done.detail);
                        step.output.clone_from(&done.output);
                        step.is_truncated = done.is_truncated;
                    }
                });
            });
            return Next::Again;
        }
        self.note_done(&turn, &done);
        Next::Again
    }

    /// Does it.
    pub(super) async fn deed(
        &self,
        turn: &Turn,
        prepared: &Prepared,
        token: &CancellationToken,
    ) -> Done {
        match &prepared.deed {
            Deed::Process(request) => self.program(turn, (**request).clone(), token).await,
            Deed::Http { method, url, headers, body, expect } => {
                let timeout_ms = self.timeout_ms(turn);
                let request = HttpRequest {
                    method: method.clone(),
                    url: url.clone(),
                    headers: headers.clone(),
                    body: body.clone(),
                    timeout_ms,
                };
                let answer = self.parts.http.call(request).await;
                self.http_done(answer, expect)
            }
            Deed::Notify { receiver, message } => self.notify(turn, receiver, message).await,
            Deed::Query(_) => Done::failure("a query is not run", String::new()),
        }
    }

    fn timeout_ms(&self, turn: &Turn) -> u64 {
        let plan = self.plan();
        turn.step.timeout_ms.unwrap_or(plan.options.timeout_ms).min(plan.options.timeout_ms_max)
    }

    async fn program(
        &self,
        turn: &Turn,
        request: ProcessRequest,
        token: &CancellationToken,
    ) -> Done {
        let (id, index) = (turn.run.id, turn.index);
        let sink = self.live.begin(id, index, request.output_bytes_max);
        let running = self.parts.processes.run(request, sink);
        let end = tokio::select! {
            end = running => Some(end),
            () = token.cancelled() => None,
        };
        let so_far = self.live.of(id, index).unwrap_or_default();
        self.live.end(id, index);
        let redactor = Arc::clone(&self.plan().options.redactor);
        let Some(end) = end else {
            let output = redactor.clean(&so_far);
            let mut done = Done::failure(ProcessStatus::Stopped.to_string(), output);
            done.is_stopped = true;
            return done;
        };
        let output = redactor.clean(&String::from_utf8_lossy(&end.output));
        let mut done = Done::success(end.status.to_string(), output);
        done.is_success = end.status.is_success();
        done.is_truncated = end.is_truncated;
        done
    }

    fn http_done(&self, answer: Result<(u16, String), String>, expect: &[u16]) -> Done {
        let plan = self.plan();
        match answer {
            Ok((status, body)) => {
                let is_good = match expect {
                    [] => (200..300).contains(&status),
                    some => some.contains(&status),
                };
                let body = super::shortened(body, plan.options.output_bytes_max);
                let mut done =
                    Done::success(format!("status {status}"), plan.options.redactor.clean(&body));
                done.is_success = is_good;
                done
            }
            Err(reason) => Done::failure(plan.options.redactor.clean(&reason), String::new()),
        }
    }

    async fn notify(&self, turn: &Turn, receiver: &str, message: &str) -> Done {
        let incident =
            self.ask(|state| turn.run.incident.and_then(|id| state.book.get(id)).cloned());
        let targets = self.receivers_of(receiver);
        let mut told = Vec::new();
        for (receiver, person) in targets {
            let page = Page {
                incident: incident.clone(),
                title: format!("{}: {}", turn.run.runbook, turn.step.name),
                text: message.to_owned(),
                person,
                acknowledge_url: None,
                incident_url: self.incident_url(turn.run.incident),
                labels: turn.run.labels.clone(),
            };
            match self.parts.pager.tell(&receiver, &page).await {
                Ok(detail) => told.push(format!("{receiver}: {detail}")),
                Err(reason) => {
                    return Done::failure(format!("{receiver}: {reason}"), String::new());
                }
            }
        }
        if told.is_empty() {
            return Done::failure(format!("{receiver} is nobody"), String::new());
        }
        Done::success(told.join(", "), String::new())
    }

    /// Writes down what came of a step; a failure of remediation ends the run.
    pub(super) fn note_done(&self, turn: &Turn, done: &Done) {
        let (id, index) = (turn.run.id, turn.index);
        let now_ms = self.now_ms();
        self.update(|state| {
            let text = state.change_run(id, |run| {
                let fails = !done.is_success
                    && turn.step.phase == vigie_language::runbook::Phase::Remediation
                    && !turn.step.continues;
                let step = run.steps.get_mut(index)?;
                step.status =
                    if done.is_success { StepStatus::Succeeded } else { StepStatus::Failed };
                step.ended_ms = Some(now_ms);
                step.started_ms = step.started_ms.or(Some(now_ms));
                step.detail = super::shortened(done.detail.clone(), 4 << 10);
                if !done.output.is_empty() {
                    step.output = super::shortened(done.output.clone(), 128 << 10);
                }
                step.is_truncated = done.is_truncated;
                let text = format!("{}: {} ({})", step.name, step.status.as_str(), step.detail);
                if fails {
                    for step in run.steps.iter_mut().filter(|step| !step.status.is_over()) {
                        step.status = StepStatus::Aborted;
                    }
                }
                if fails && run.state == RunState::Running {
                    run.detail = format!("{} failed", turn.step.name);
                }
                Some(text)
            });
            if let Some(text) = text.flatten() {
                state.note_run(id, Some(index), MomentKind::Step, &text, now_ms);
            }
        });
    }
}
