//! One run from its first step to its last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie_language::runbook::{Condition, ForEach, Phase, Query, Runbook, Step};

use super::Desk;
use super::execute::Done;
use crate::incident::MomentKind;
use crate::runbook::{
    Answers, Approval, Deed, Gate, JudgeInput, Judged, Prepared, Run, RunState, StepRun,
    StepStatus, Truth, Values, ask_all, prepare, with_approval,
};

/// Repetitions of one step.
const ITEMS_MAX: usize = 100;

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// At once.
    Again,
    /// Not by this task: it is over, or waits for a person.
    Stop,
}

/// What is known when a step's turn has come.
pub(super) struct Turn {
    pub(super) run: Run,
    pub(super) index: usize,
    pub(super) runbook: Arc<Runbook>,
    pub(super) step: Step,
}

impl Desk {
    /// Drives a run by a task, unless one does.
    pub(super) fn drive_run(self: &Arc<Self>, id: u64) {
        if self.stop.is_cancelled() {
            return;
        }
        let token = self.stop.child_token();
        {
            let mut driven = self.driven.lock();
            if driven.contains_key(&id) {
                return;
            }
            driven.insert(id, token.clone());
        }
        let desk = Arc::clone(self);
        self.tasks.spawn(async move {
            // The intent to run must be on disk before anything of it is done.
            while desk.persist_surely().await {
                if desk.turn(id, &token).await == Next::Stop {
                    break;
                }
            }
            desk.driven.lock().remove(&id);
            desk.persist_surely().await;
            // A person may have said something between the last look and now.
            if desk.is_due(id) {
                desk.changed.notify_one();
            }
        });
    }

    /// Whether a run waits for nobody but a task that drives it.
    pub(super) fn is_due(&self, id: u64) -> bool {
        self.ask(|state| state.runs.get(&id).is_some_and(|run| run.state == RunState::Running))
    }

    async fn turn(self: &Arc<Self>, id: u64, token: &CancellationToken) -> Next {
        let now_ms = self.now_ms();
        let (run, is_stopped) =
            self.ask(|state| (state.runs.get(&id).cloned(), state.switch.is_stopped));
        let Some(run) = run.filter(|run| run.state == RunState::Running) else {
            return Next::Stop;
        };
        let plan = self.plan();
        let Some(ready) = plan.runbook(&run.runbook).filter(|_| !is_stopped) else {
            let why = if is_stopped { "everything is stopped" } else { "the runbook is gone" };
            self.update(|state| self.abort_in(state, id, why, now_ms));
            return Next::Stop;
        };
        let runbook = Arc::clone(&ready.runbook);
        if !run.has_variables {
            self.ask_variables(&run, &runbook).await;
            return Next::Again;
        }
        let Some(index) = run.current() else {
            self.finish(id);
            return Next::Stop;
        };
        let Some(current) = run.steps.get(index) else { return Next::Stop };
        let step = runbook.steps.get(current.place).filter(|step| step.name == current.name);
        let Some(step) = step.cloned() else {
            self.update(|state| self.abort_in(state, id, "the runbook has changed", now_ms));
            return Next::Stop;
        };
        let status = current.status;
        let turn = Turn { run, index, runbook, step };
        match status {
            StepStatus::Pending => self.begin(turn, token).await,
            StepStatus::Waiting => {
                let approval = turn.run.steps.get(index).and_then(|s| s.approval.as_ref());
                match approval.is_some_and(|approval| approval.by.is_some()) {
                    true => self.begin(turn, token).await,
                    false => Next::Stop,
                }
            }
            StepStatus::Verifying => self.verify(turn, token).await,
            _ => Next::Stop,
        }
    }

    async fn ask_variables(&self, run: &Run, runbook: &Runbook) {
        let queries: Vec<&Query> = runbook.variables.iter().map(|v| &v.query).collect();
        let answers = self.answers(&queries).await;
        let mut values = BTreeMap::new();
        for variable in &runbook.variables {
            let Some(Ok(answer)) = answers.get(variable.query.text()) else { continue };
            let value = if variable.label.is_empty() {
                answer.number().ok().map(|number| number.to_string())
            } else {
                answer.values_of(&variable.label).into_iter().next()
            };
            if let Some(value) = value {
                values.insert(variable.name.clone(), super::shortened(value, 4 << 10));
            }
        }
        self.update(|state| {
            state.change_run(run.id, |run| {
                run.variables = values;
                run.has_variables = true;
            });
        });
    }

    pub(super) async fn answers(&self, queries: &[&Query]) -> Answers {
        ask_all(&*self.parts.evidence, &self.id, queries, self.now_ms()).await
    }

    /// A step whose turn has come.
    async fn begin(self: &Arc<Self>, turn: Turn, token: &CancellationToken) -> Next {
        let id = turn.run.id;
        let Some(current) = turn.run.steps.get(turn.index).cloned() else { return Next::Stop };
        if turn.step.for_each.is_some() && current.item.is_none() {
            return self.expand(&turn).await;
        }
        if let Some(when) = &turn.step.when {
            let judged = self.judged(when, &turn, false).await;
            if judged.truth != Truth::True {
                return self.left_out(&turn, &judged, "when");
            }
        }
        let plan = self.plan();
        let values = Values {
            inputs: &turn.run.inputs,
            variables: &turn.run.variables,
            item: current.item.as_deref(),
            labels: &turn.run.labels,
        };
        let prepared = match prepare(&turn.step, &turn.step.action, values, &plan.options) {
            Ok(prepared) => prepared,
            Err(reason) => {
                self.close_step(id, turn.index, StepStatus::Refused, &reason);
                return Next::Again;
            }
        };
        let is_approved = self.is_approved(&turn, &current, &prepared);
        let judged = match &turn.step.condition {
            Some(condition) => self.judged(condition, &turn, is_approved).await,
            None => {
                Judged { truth: Truth::True, needs_approval: false, explanation: String::new() }
            }
        };
        self.update(|state| {
            state.change_run(id, |run| {
                if let Some(step) = run.steps.get_mut(turn.index) {
                    step.verdict.clone_from(&judged.explanation);
                    step.text.clone_from(&prepared.text);
                    step.argv.clone_from(&prepared.argv);
                    step.hash.clone_from(&prepared.hash);
                }
            });
        });
        if judged.truth != Truth::True {
            return self.left_out(&turn, &judged, "condition");
        }
        if let Deed::Query(query) = &prepared.deed {
            return self.gather(&turn, query).await;
        }
        self.let_through(turn, prepared, judged.needs_approval && !is_approved, token).await
    }

    /// Whether leave was given for exactly this.
    fn is_approved(&self, turn: &Turn, current: &StepRun, prepared: &Prepared) -> bool {
        let Some(approval) = &current.approval else { return false };
        let Some(by) = &approval.by else { return false };
        let is_same = approval.hash == prepared.hash;
        let is_valid = approval.expires_ms > self.now_ms();
        if !(is_same && is_valid) {
            let why = if is_same { "has expired" } else { "was for another step: it has changed" };
            let text = format!("the approval of {by} {why}");
            let now_ms = self.now_ms();
            self.update(|state| {
                state.change_run(turn.run.id, |run| {
                    if let Some(step) = run.steps.get_mut(turn.index) {
                        step.approval = None;
                    }
                });
                let (run, index) = (turn.run.id, Some(turn.index));
                state.note_run(run, index, MomentKind::Approval, &text, now_ms);
            });
        }
        is_same && is_valid
    }

    /// What holds every step back that acts on the outside.
    async fn let_through(
        self: &Arc<Self>,
        turn: Turn,
        prepared: Prepared,
        asks: bool,
        token: &CancellationToken,
    ) -> Next {
        let (id, index) = (turn.run.id, turn.index);
        if !turn.run.may_execute() {
            let mut why =
                if turn.run.is_dry { "dry run".to_owned() } else { "mode observe".to_owned() };
            if let Some(refusal) = &prepared.refusal {
                why = format!("{why}; it would be refused: {refusal}");
            } else if asks {
                why.push_str("; it would wait for approval");
            }
            self.close_step(id, index, StepStatus::WouldRun, &why);
            return Next::Again;
        }
        if let Some(refusal) = &prepared.refusal {
            self.close_step(id, index, StepStatus::Refused, refusal);
            return Next::Again;
        }
        if asks {
            self.ask_approval(&turn, &prepared);
            return Next::Stop;
        }
        if turn.step.phase == Phase::Remediation
            && let Err(reason) = self.blast_radius(&turn).await
        {
            self.close_step(id, index, StepStatus::Refused, &reason);
            return Next::Again;
        }
        self.execute(turn, prepared, token).await
    }

    fn ask_approval(&self, turn: &Turn, prepared: &Prepared) {
        let plan = self.plan();
        let named = [&turn.step.approvers, &turn.runbook.approvers, &plan.options.approvers];
        let approvers = named.into_iter().find(|names| !names.is_empty()).cloned();
        let wait = turn.runbook.approval_ms.unwrap_or(plan.options.approval_ms);
        let now_ms = self.now_ms();
        let approval = Approval {
            approvers: approvers.unwrap_or_default(),
            expires_ms: now_ms.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX)),
            hash: prepared.hash.clone(),
            by: None,
            comment: String::new(),
        };
        let text = format!("{} waits for approval: {}", turn.step.name, prepared.text);
        self.update(|state| {
            state.change_run(turn.run.id, |run| {
                run.state = RunState::Waiting;
                if let Some(step) = run.steps.get_mut(turn.index) {
                    step.status = StepStatus::Waiting;
                    step.approval = Some(approval);
                }
            });
            let (run, index) = (turn.run.id, Some(turn.index));
            state.note_run(run, index, MomentKind::Approval, &text, now_ms);
        });
    }

    async fn blast_radius(&self, turn: &Turn) -> Result<(), String> {
        let plan = self.plan();
        let now_ms = self.now_ms();
        let others = self.ask(|state| {
            let (runs, ledger) = (&state.runs, &state.ledger);
            let gate = Gate { options: &plan.options, runs, ledger, now_ms };
            gate.others_touched(&turn.run.runbook, &turn.run.target)
        });
        let radius = turn.runbook.blast_radius.as_ref();
        let repeats = turn.run.steps.iter().filter(|step| step.item.is_some()).count().max(1);
        let touched = others + repeats;
        let most = radius.and_then(|radius| radius.targets_max);
        let most = most.map_or(plan.options.targets_per_hour_max, |max| {
            max.min(plan.options.targets_per_hour_max)
        });
        if touched > most as usize {
            return Err(format!(
                "it would be target {touched} within the hour, {most} are allowed"
            ));
        }
        let Some((radius, share)) = radius.and_then(|r| Some((r, r.share_max?))) else {
            return Ok(());
        };
        let query = Query::Promql(radius.of.clone());
        let answers = self.answers(&[&query]).await;
        let total = match answers.get(query.text()) {
            Some(Ok(answer)) => answer.number().map_err(|error| format!("{query}: {error}"))?,
            Some(Err(error)) => return Err(format!("{query}: {error}")),
            None => return Err(format!("{query}: not asked")),
        };
        if total.is_finite() && touched as f64 <= total * share {
            return Ok(());
        }
        Err(format!("it would touch {touched} of {total} targets, {}% are allowed", share * 100.0))
    }

    pub(super) async fn judged(
        &self,
        condition: &Condition,
        turn: &Turn,
        is_approved: bool,
    ) -> Judged {
        let mut queries = Vec::new();
        condition.queries(&mut |query| queries.push(query));
        let answers = self.answers(&queries).await;
        let input = JudgeInput {
            answers: &answers,
            labels: &turn.run.labels,
            variables: &turn.run.variables,
            is_approved,
        };
        if is_approved {
            return crate::runbook::judge(condition, input);
        }
        with_approval(condition, input)
    }

    fn left_out(&self, turn: &Turn, judged: &Judged, what: &str) -> Next {
        let (status, why) = match judged.truth {
            Truth::Unknown => (StepStatus::Undecided, "cannot be evaluated"),
            Truth::True | Truth::False => (StepStatus::Skipped, "does not hold"),
        };
        let detail = format!("{what} {why}: {}", judged.explanation);
        self.close_step(turn.run.id, turn.index, status, &detail);
        Next::Again
    }

    /// Evidence by a query: nothing outside is changed, so it is asked in every mode.
    async fn gather(&self, turn: &Turn, query: &Query) -> Next {
        let answers = self.answers(&[query]).await;
        let done = match answers.get(query.text()) {
            Some(Ok(answer)) => Done::success("answered", answer.to_string()),
            Some(Err(error)) => Done::failure(error.to_string(), String::new()),
            None => Done::failure("not asked", String::new()),
        };
        self.note_done(turn, &done);
        Next::Again
    }

    /// Puts a step for each value in the place of the one.
    async fn expand(&self, turn: &Turn) -> Next {
        let id = turn.run.id;
        let values = match &turn.step.for_each {
            Some(ForEach::Values(values)) => Ok(values.clone()),
            Some(ForEach::Query { query, label }) => {
                let answers = self.answers(&[query]).await;
                match answers.get(query.text()) {
                    Some(Ok(answer)) => Ok(answer.values_of(label)),
                    Some(Err(error)) => Err(error.to_string()),
                    None => Err("not asked".to_owned()),
                }
            }
            None => Ok(Vec::new()),
        };
        match values {
            Ok(values) if values.is_empty() => {
                self.close_step(
                    id,
                    turn.index,
                    StepStatus::Skipped,
                    "there is nothing to repeat for",
                );
            }
            Ok(values) if values.len() > ITEMS_MAX => {
                let why = format!("{} values, more than {ITEMS_MAX}", values.len());
                self.close_step(id, turn.index, StepStatus::Refused, &why);
            }
            Ok(values) => self.update(|state| {
                state.change_run(id, |run| {
                    if turn.index >= run.steps.len() {
                        return;
                    }
                    let one = run.steps.remove(turn.index);
                    for (at, value) in values.into_iter().enumerate() {
                        let step = StepRun { item: Some(value), ..one.clone() };
                        run.steps.insert(turn.index + at, step);
                    }
                });
            }),
            Err(reason) => {
                let why = format!("for_each: {reason}");
                self.close_step(id, turn.index, StepStatus::Undecided, &why);
            }
        }
        Next::Again
    }

    /// The step is over without anything having been done.
    pub(super) fn close_step(&self, id: u64, index: usize, status: StepStatus, detail: &str) {
        let now_ms = self.now_ms();
        self.update(|state| {
            let name = state.change_run(id, |run| {
                let step = run.steps.get_mut(index)?;
                step.status = status;
                step.ended_ms = Some(now_ms);
                step.detail = super::shortened(detail.to_owned(), 4 << 10);
                Some(format!("{}: {} ({})", step.name, status.as_str(), step.detail))
            });
            if let Some(text) = name.flatten() {
                state.note_run(id, Some(index), MomentKind::Step, &text, now_ms);
            }
        });
    }

    /// All steps are over.
    fn finish(&self, id: u64) {
        let now_ms = self.now_ms();
        let plan = self.plan();
        self.update(|state| {
            let ended = state.change_run(id, |run| {
                let has_failed = run
                    .steps
                    .iter()
                    .any(|s| s.status == StepStatus::Failed && s.phase == "remediation");
                run.state = if has_failed { RunState::Failed } else { RunState::Succeeded };
                run.ended_ms = Some(now_ms);
                (run.runbook.clone(), has_failed, run.has_acted() && !run.is_dry)
            });
            let Some((runbook, has_failed, counts)) = ended else { return };
            if counts {
                let breaker = state.ledger.ended(&runbook, has_failed, &plan.options, now_ms);
                state.keep(super::Kept::Breaker { runbook: runbook.clone(), breaker });
            }
            let outcome = if has_failed { "failed" } else { "ended" };
            let text = format!("{runbook} {outcome}");
            state.note_run(id, None, MomentKind::Runbook, &text, now_ms);
        });
    }

    /// Waits, unless the run is stopped meanwhile.
    pub(super) async fn rest(&self, ms: u64, token: &CancellationToken) -> bool {
        let sleep = self.parts.world.clock.sleep(Duration::from_millis(ms));
        tokio::select! {
            () = sleep => true,
            () = token.cancelled() => false,
        }
    }
}
