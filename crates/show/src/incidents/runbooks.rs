//! Runbooks and their runs: what would be done, and why.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_respond::desk::{ReadyRunbook, StartRequest};
use vigie_respond::runbook::{Run, StepRun};

use super::{Body, Refusal, Shared, date, desk, read, success, who};
use crate::Identity;

/// Runs of one answer.
const RUNS_MAX: usize = 1_000;

pub(super) async fn list(State(desks): State<Shared>, identity: Identity) -> Response {
    let Some(desk) = desks.desk(&identity.tenant) else { return success(&json!([])) };
    let plan = desk.plan();
    let shown = |ready: &ReadyRunbook| {
        let runbook = &ready.runbook;
        let steps: Vec<Value> = runbook
            .steps
            .iter()
            .map(|step| {
                json!({
                    "name": step.name,
                    "phase": step.phase.as_str(),
                    "text": step.action.to_string(),
                    "condition": step.condition.as_ref().map(ToString::to_string),
                })
            })
            .collect();
        json!({
            "name": runbook.name,
            "description": runbook.description,
            "file": ready.file,
            "mode": plan.mode_of(runbook).as_str(),
            "steps": steps,
        })
    };
    success(&Value::Array(plan.runbooks.iter().map(shown).collect()))
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    incident: Option<u64>,
    runbook: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn runs(
    State(desks): State<Shared>,
    identity: Identity,
    Query(wanted): Query<Wanted>,
) -> Response {
    let Some(desk) = desks.desk(&identity.tenant) else { return success(&json!([])) };
    let is_wanted = |run: &&Run| {
        wanted.incident.is_none_or(|incident| run.incident == Some(incident))
            && wanted.runbook.as_ref().is_none_or(|name| run.runbook == *name)
    };
    let limit = wanted.limit.unwrap_or(100).min(RUNS_MAX);
    let found: Vec<Value> = desk
        .ask(|state| state.runs.values().rev().filter(is_wanted).take(limit).map(shown).collect());
    success(&Value::Array(found))
}

pub(super) async fn run(
    State(desks): State<Shared>,
    identity: Identity,
    Path(id): Path<u64>,
) -> Result<Response, Refusal> {
    let desk = desk(&desks, &identity)?;
    let found = desk.ask(|state| state.runs.get(&id).map(shown));
    let none = || Refusal(StatusCode::NOT_FOUND, format!("there is no run {id}"));
    Ok(success(&found.ok_or_else(none)?))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Start {
    by: String,
    runbook: String,
    incident: Option<u64>,
    labels: BTreeMap<String, String>,
    inputs: BTreeMap<String, String>,
}

pub(super) async fn start(
    State(desks): State<Shared>,
    identity: Identity,
    body: Body,
) -> Result<Response, Refusal> {
    let desk = desk(&desks, &identity)?;
    let asked: Start = read(body)?;
    let request = StartRequest {
        runbook: asked.runbook,
        incident: asked.incident,
        labels: asked.labels,
        inputs: asked.inputs,
        is_dry: true,
    };
    let id = desk.start(request, &who(&identity, &asked.by)).await?;
    Ok(success(&desk.ask(|state| state.runs.get(&id).map(shown)).unwrap_or_default()))
}

fn shown(run: &Run) -> Value {
    json!({
        "id": run.id,
        "runbook": run.runbook,
        "incident": run.incident,
        "target": run.target,
        "mode": run.mode,
        "isDry": run.is_dry,
        "by": run.by,
        "state": run.state.as_str(),
        "detail": run.detail,
        "startedAt": date(run.started_ms),
        "endedAt": run.ended_ms.map_or(Value::Null, date),
        "steps": run.steps.iter().map(shown_step).collect::<Vec<_>>(),
    })
}

fn shown_step(step: &StepRun) -> Value {
    let optional = |time: Option<i64>| time.map_or(Value::Null, date);
    json!({
        "name": step.name,
        "phase": step.phase,
        "kind": step.kind,
        "text": step.text,
        "condition": step.condition,
        "status": step.status.as_str(),
        "argv": step.argv,
        "verdict": step.verdict,
        "detail": step.detail,
        "output": step.output,
        "startedAt": optional(step.started_ms),
        "endedAt": optional(step.ended_ms),
    })
}
