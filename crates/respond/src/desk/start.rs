//! Starting runs: for alerts, by hand, on a schedule.

use std::collections::BTreeMap;
use std::sync::Arc;

use vigie_language::runbook::{Mode, Part, Runbook};

use super::access::{Who, audit};
use super::plan::ReadyRunbook;
use super::{Desk, DeskError, DeskPlan, State};
use crate::incident::{
    EscalationState, EscalationTimer, Incident, IncidentAlert, IncidentState, Moment, MomentKind,
};
use crate::runbook::{Gate, Run, RunState, inputs_of};

/// What somebody starts by hand.
#[derive(Debug, Clone, Default)]
pub struct StartRequest {
    /// Name of the runbook.
    pub runbook: String,
    /// The incident it is for.
    pub incident: Option<u64>,
    /// Labels, where there is no incident.
    pub labels: BTreeMap<String, String>,
    /// Inputs.
    pub inputs: BTreeMap<String, String>,
    /// Only show what would be done.
    pub is_dry: bool,
}

/// A run to be made.
struct Wanted<'a> {
    runbook: &'a Runbook,
    incident: Option<u64>,
    labels: BTreeMap<String, String>,
    inputs: BTreeMap<String, String>,
    by: String,
    is_by_hand: bool,
    is_dry: bool,
}

impl Desk {
    /// Starts a runbook by hand.
    pub async fn start(
        self: &Arc<Self>,
        request: StartRequest,
        who: &Who,
    ) -> Result<u64, DeskError> {
        let plan = self.plan();
        let ready = plan.runbook(&request.runbook);
        let ready = ready
            .ok_or_else(|| DeskError::NotFound(format!("no runbook {:?}", request.runbook)))?;
        let now_ms = self.now_ms();
        let id = self.update(|state| {
            let labels = match request.incident {
                Some(id) => {
                    let incident = state.book.get(id);
                    let incident =
                        incident.ok_or_else(|| DeskError::NotFound(format!("no incident {id}")))?;
                    incident.alerts.values().next().map(|a| a.labels.clone()).unwrap_or_default()
                }
                None => request.labels.clone(),
            };
            let inputs = inputs_of(&ready.runbook, &labels, &request.inputs);
            let wanted = Wanted {
                runbook: &ready.runbook,
                incident: request.incident,
                labels,
                inputs: inputs.map_err(DeskError::Invalid)?,
                by: who.name.clone(),
                is_by_hand: true,
                is_dry: request.is_dry,
            };
            let id = begin(state, &plan, wanted, now_ms).map_err(DeskError::Conflict)?;
            let mut entry = audit(now_ms, who, "start", ready.runbook.name.clone());
            entry.run = Some(id);
            state.audit(entry);
            Ok::<_, DeskError>(id)
        })?;
        self.persist().await?;
        self.drive_run(id);
        Ok(id)
    }

    /// Looks which runbooks open incidents start, and who is called for them.
    pub(super) fn consider(self: &Arc<Self>, now_ms: i64) -> Vec<u64> {
        let plan = self.plan();
        if plan.options.mode == Mode::Off && plan.oncall.policies.is_empty() {
            return Vec::new();
        }
        self.update(|state| {
            let open: Vec<u64> = state
                .book
                .iter()
                .filter(|incident| incident.is_open() && incident.firing() > 0)
                .map(|incident| incident.id)
                .collect();
            let mut started = Vec::new();
            for id in open {
                if plan.options.mode != Mode::Off {
                    for ready in &plan.runbooks {
                        started.extend(consider_one(state, &plan, ready, id, now_ms));
                    }
                }
                policies(state, &plan, id, now_ms);
            }
            started
        })
    }

    /// Starts runbooks with a schedule.
    pub(super) fn consider_schedules(&self, now_ms: i64) -> Vec<u64> {
        let plan = self.plan();
        if plan.options.mode == Mode::Off {
            return Vec::new();
        }
        self.update(|state| {
            let mut started = Vec::new();
            for ready in &plan.runbooks {
                let runbook = &ready.runbook;
                let Some(every) = runbook.every_ms.and_then(|ms| i64::try_from(ms).ok()) else {
                    continue;
                };
                // The first time is one interval from now, so that a restart starts nothing.
                let last = *state.scheduled.entry(runbook.name.clone()).or_insert(now_ms);
                if runbook.mode == Mode::Off || now_ms.saturating_sub(last) < every {
                    continue;
                }
                state.scheduled.insert(runbook.name.clone(), now_ms);
                let inputs = inputs_of(runbook, &BTreeMap::new(), &BTreeMap::new());
                let run = inputs.and_then(|inputs| {
                    let wanted = Wanted {
                        runbook,
                        incident: None,
                        labels: BTreeMap::new(),
                        inputs,
                        by: "schedule".to_owned(),
                        is_by_hand: false,
                        is_dry: false,
                    };
                    begin(state, &plan, wanted, now_ms)
                });
                match run {
                    Ok(id) => started.push(id),
                    Err(reason) => {
                        tracing::warn!(runbook = runbook.name, reason, "not started on schedule");
                    }
                }
            }
            started
        })
    }
}

/// Starts a runbook for an incident whose alerts ask for it, once.
fn consider_one(
    state: &mut State,
    plan: &DeskPlan,
    ready: &ReadyRunbook,
    id: u64,
    now_ms: i64,
) -> Option<u64> {
    let runbook = &ready.runbook;
    let incident = state.book.get(id)?;
    if runbook.mode == Mode::Off || incident.runbooks_seen.contains(&runbook.name) {
        return None;
    }
    let alert = asking(plan, ready, incident)?.clone();
    state.book.change(id, now_ms, |incident| {
        incident.runbooks_seen.insert(runbook.name.clone());
        escalate(incident, runbook.escalation.iter().map(|e| (e.after_ms, &*e.action)), now_ms);
    });
    let name = alert.labels.get("alertname").cloned().unwrap_or_default();
    let inputs = inputs_of(runbook, &alert.labels, &BTreeMap::new());
    let run = inputs.and_then(|inputs| {
        let wanted = Wanted {
            runbook,
            incident: Some(id),
            labels: alert.labels,
            inputs,
            by: format!("alert {name}"),
            is_by_hand: false,
            is_dry: false,
        };
        begin(state, plan, wanted, now_ms)
    });
    match run {
        Ok(run) => Some(run),
        Err(reason) => {
            let text = format!("{} was not started: {reason}", runbook.name);
            state.book.note(id, Moment::new(now_ms, MomentKind::Runbook, "vigie", text));
            None
        }
    }
}

/// The alert of an incident that starts a runbook.
fn asking<'i>(
    plan: &DeskPlan,
    ready: &ReadyRunbook,
    incident: &'i Incident,
) -> Option<&'i IncidentAlert> {
    let selectors: Vec<_> = plan
        .options
        .selectors
        .iter()
        .filter(|(_, name)| *name == ready.runbook.name)
        .map(|(selector, _)| selector)
        .chain(&ready.selector)
        .collect();
    incident.alerts.values().filter(|alert| alert.ends_ms.is_none()).find(|alert| {
        selectors.iter().any(|selector| selector.takes(&alert.labels))
            || crate::runbook::is_asked_for(&ready.runbook, &alert.labels, &alert.annotations)
    })
}

/// Adds the steps of the policies of the on-call configuration.
fn policies(state: &mut State, plan: &DeskPlan, id: u64, now_ms: i64) {
    for policy in &plan.oncall.policies {
        let seen = format!("policy {}", policy.name);
        let Some(incident) = state.book.get(id) else { return };
        let takes = policy.selector.as_ref().is_none_or(|selector| {
            let mut firing = incident.alerts.values().filter(|alert| alert.ends_ms.is_none());
            firing.any(|alert| selector.takes(&alert.labels))
        });
        if incident.runbooks_seen.contains(&seen) || !takes {
            continue;
        }
        state.book.change(id, now_ms, |incident| {
            incident.runbooks_seen.insert(seen);
            escalate(incident, policy.steps.iter().map(|s| (s.after_ms, &*s.action)), now_ms);
        });
    }
}

fn escalate<'s>(incident: &mut Incident, steps: impl Iterator<Item = (u64, &'s str)>, now_ms: i64) {
    if incident.state != IncidentState::Triggered {
        return;
    }
    for (after_ms, action) in steps {
        let after = i64::try_from(after_ms).unwrap_or(i64::MAX);
        incident.escalation.push(EscalationTimer {
            after_ms,
            action: action.to_owned(),
            due_ms: now_ms.saturating_add(after),
            state: EscalationState::Waiting,
            detail: String::new(),
            attempts: 0,
        });
    }
}

/// Makes a run where the gate lets it through.
fn begin(
    state: &mut State,
    plan: &DeskPlan,
    wanted: Wanted<'_>,
    now_ms: i64,
) -> Result<u64, String> {
    let runbook = wanted.runbook;
    let mode = plan.mode_of(runbook);
    if mode == Mode::Off {
        return Err("runbooks are off".to_owned());
    }
    if state.switch.is_stopped {
        let switch = &state.switch;
        return Err(format!("{} stopped everything: {}", switch.by, switch.comment));
    }
    let target = target(runbook, &wanted);
    if !wanted.is_dry {
        let gate =
            Gate { options: &plan.options, runs: &state.runs, ledger: &state.ledger, now_ms };
        if let Some(reason) = gate.refusal(runbook, &target) {
            return Err(reason);
        }
    }
    let id = state.run_next;
    state.run_next += 1;
    let run = Run {
        id,
        runbook: runbook.name.clone(),
        incident: wanted.incident,
        target,
        mode: mode.as_str().to_owned(),
        is_dry: wanted.is_dry,
        by: wanted.by,
        is_by_hand: wanted.is_by_hand,
        labels: wanted.labels,
        inputs: wanted.inputs,
        variables: BTreeMap::new(),
        has_variables: false,
        state: RunState::Running,
        detail: String::new(),
        started_ms: now_ms,
        ended_ms: None,
        steps: Run::steps_of(runbook),
    };
    let text = format!("{} started by {} ({})", run.runbook, run.by, run.mode);
    state.runs.insert(id, run);
    state.change_run(id, |_| {});
    if let Some(incident) = wanted.incident {
        state.book.change(incident, now_ms, |incident| incident.runs.push(id));
    }
    state.note_run(id, None, MomentKind::Runbook, &text, now_ms);
    state.forget_runs(plan.options.runs_max);
    Ok(id)
}

/// What a run acts on: as the runbook says, else the alert's service, else its instance.
fn target(runbook: &Runbook, wanted: &Wanted<'_>) -> String {
    let filled = runbook.target.fill(&|part| match part {
        Part::Input(name) => wanted.inputs.get(name).cloned(),
        _ => None,
    });
    let target = filled.unwrap_or_default();
    let label = || {
        let names = ["service", "deployment", "job", "instance"];
        names.iter().find_map(|name| wanted.labels.get(*name)).cloned().unwrap_or_default()
    };
    let target = if target.is_empty() { label() } else { target };
    super::shortened(target, 300)
}
