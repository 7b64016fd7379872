//! Incidents over HTTP: what is open, what happened, who takes care, and the post-mortem.
//!
//! Below `/api/v1/incidents` on Prometheus' port, the page's and Alertmanager's. Whatever is
//! answered with success is on disk. Addresses and forms are in `docs/use/incidents.md`.

mod runbooks;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vigie_model::TenantId;
use vigie_respond::desk::{Desk, DeskError, DeskErrorKind, Who};
use vigie_respond::incident::{
    Edit, Incident, IncidentState, postmortem_json, postmortem_markdown,
};

use crate::{BodyError, Identity, RequestBody};

/// Incidents of one answer.
const LIMIT_MAX: usize = 1_000;
const LIMIT_DEFAULT: usize = 100;

/// Finds the desk of a tenant.
pub trait Desks: Send + Sync + fmt::Debug {
    /// The desk, when the tenant has had an alert.
    fn desk(&self, tenant: &TenantId) -> Option<Arc<Desk>>;
}

type Shared = Arc<dyn Desks>;
type Body = Result<RequestBody, BodyError>;

/// The API's routes.
pub fn router(desks: Arc<dyn Desks>) -> Router {
    Router::new()
        .route("/api/v1/incidents", get(list))
        .route("/api/v1/incidents/deployments", post(deployed))
        .route("/api/v1/incidents/{id}", get(one))
        .route("/api/v1/incidents/{id}/postmortem", get(postmortem))
        .route("/api/v1/incidents/{id}/{action}", post(act))
        .route("/api/v1/runbooks", get(runbooks::list))
        .route("/api/v1/runbooks/start", post(runbooks::start))
        .route("/api/v1/runbooks/runs", get(runbooks::runs))
        .route("/api/v1/runbooks/runs/{id}", get(runbooks::run))
        .with_state(desks)
}

/// What was refused, as a JSON text.
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let text = json!(self.1).to_string();
        (self.0, [(header::CONTENT_TYPE, json)], text).into_response()
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        let status = match error.kind() {
            DeskErrorKind::Invalid => StatusCode::BAD_REQUEST,
            DeskErrorKind::NotFound => StatusCode::NOT_FOUND,
            DeskErrorKind::Forbidden => StatusCode::FORBIDDEN,
            DeskErrorKind::Conflict => StatusCode::CONFLICT,
            DeskErrorKind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.to_string())
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self(error.status(), error.to_string())
    }
}

fn success(data: &Value) -> Response {
    let json = HeaderValue::from_static("application/json");
    let body = json!({"status": "success", "data": data}).to_string();
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

/// An empty body says nothing.
fn read<T: DeserializeOwned + Default>(body: Body) -> Result<T, Refusal> {
    let body = body?;
    if body.bytes.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&body.bytes)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, error.to_string()))
}

fn desk(desks: &Shared, identity: &Identity) -> Result<Arc<Desk>, Refusal> {
    let found = desks.desk(&identity.tenant);
    found.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, "there is no such incident".to_owned()))
}

/// Who asks: the user who signed in, else whom the body names.
fn who(identity: &Identity, by: &str) -> Who {
    match &identity.user {
        Some(user) => Who { name: user.to_string(), is_user: true },
        None if by.is_empty() => Who::claimed("somebody"),
        None => Who::claimed(by),
    }
}

#[derive(Debug, Deserialize)]
struct Wanted {
    state: Option<String>,
    severity: Option<String>,
    owner: Option<String>,
    q: Option<String>,
    limit: Option<usize>,
    before: Option<u64>,
}

async fn list(
    State(desks): State<Shared>,
    identity: Identity,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let Some(desk) = desks.desk(&identity.tenant) else { return Ok(success(&json!([]))) };
    let state = match wanted.state.as_deref() {
        None | Some("" | "open") => None,
        Some(text) => Some(IncidentState::parse(text).ok_or_else(|| {
            let known = "open, triggered, acknowledged, mitigated, resolved";
            Refusal(StatusCode::BAD_REQUEST, format!("state: {text:?} is none of {known}"))
        })?),
    };
    let only_open = wanted.state.as_deref() == Some("open");
    let sought = wanted.q.unwrap_or_default().to_lowercase();
    let is_wanted = |incident: &&Incident| {
        (!only_open || incident.is_open())
            && state.is_none_or(|state| incident.state == state)
            && wanted.severity.as_ref().is_none_or(|severity| incident.severity == *severity)
            && wanted.owner.as_ref().is_none_or(|owner| incident.owner == *owner)
            && wanted.before.is_none_or(|before| incident.id < before)
            && (sought.is_empty() || mentions(incident, &sought))
    };
    let limit = wanted.limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    let found = desk.ask(|state| {
        let newest = state.book.iter().rev().filter(is_wanted).take(limit);
        newest.map(shown).collect::<Vec<_>>()
    });
    Ok(success(&Value::Array(found)))
}

fn mentions(incident: &Incident, sought: &str) -> bool {
    incident.title.to_lowercase().contains(sought)
        || incident.labels.values().any(|value| value.to_lowercase().contains(sought))
}

async fn one(
    State(desks): State<Shared>,
    identity: Identity,
    Path(id): Path<u64>,
) -> Result<Response, Refusal> {
    let desk = desk(&desks, &identity)?;
    let found = desk.ask(|state| state.book.get(id).map(shown_whole));
    let found = found
        .ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("there is no incident {id}")))?;
    Ok(success(&found))
}

#[derive(Debug, Deserialize)]
struct Form {
    format: Option<String>,
}

async fn postmortem(
    State(desks): State<Shared>,
    identity: Identity,
    Path(id): Path<u64>,
    Query(form): Query<Form>,
) -> Result<Response, Refusal> {
    let desk = desk(&desks, &identity)?;
    let incident = desk.ask(|state| state.book.get(id).cloned());
    let incident = incident
        .ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("there is no incident {id}")))?;
    match form.format.as_deref() {
        Some("json") => Ok(success(&postmortem_json(&incident))),
        None | Some("markdown") => {
            let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
            Ok(([(header::CONTENT_TYPE, markdown)], postmortem_markdown(&incident)).into_response())
        }
        Some(other) => Err(Refusal(
            StatusCode::BAD_REQUEST,
            format!("format: {other:?} is neither markdown nor json"),
        )),
    }
}

/// What a person asks to be done.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    by: String,
    comment: String,
    text: String,
    title: Option<String>,
    severity: Option<String>,
    owner: Option<String>,
    from: Vec<u64>,
    alerts: Vec<String>,
}

async fn act(
    State(desks): State<Shared>,
    identity: Identity,
    Path((id, action)): Path<(u64, String)>,
    body: Body,
) -> Result<Response, Refusal> {
    let desk = desk(&desks, &identity)?;
    let asked: Asked = read(body)?;
    let (who, comment) = (who(&identity, &asked.by), asked.comment.as_str());
    let mut told = id;
    match action.as_str() {
        "acknowledge" => drop(desk.acknowledge(id, &who, comment, "").await?),
        "mitigate" => desk.mitigate(id, &who, comment).await?,
        "resolve" => desk.resolve(id, &who, comment).await?,
        "reopen" => desk.reopen(id, &who, comment).await?,
        "comment" => desk.comment(id, &who, &asked.text).await?,
        "edit" => {
            let edit = Edit { title: asked.title, severity: asked.severity, owner: asked.owner };
            desk.edit(id, &who, &edit).await?;
        }
        "merge" => desk.merge(id, &who, &asked.from).await?,
        "split" => told = desk.split(id, &who, &asked.alerts).await?,
        other => {
            let message = format!("there is nothing called {other:?} to do with an incident");
            return Err(Refusal(StatusCode::NOT_FOUND, message));
        }
    }
    let found = desk.ask(|state| state.book.get(told).map(shown_whole));
    Ok(success(&found.unwrap_or_default()))
}

/// Something was deployed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Deployed {
    by: String,
    service: String,
    version: String,
    link: Option<String>,
    at: Option<String>,
}

async fn deployed(
    State(desks): State<Shared>,
    identity: Identity,
    body: Body,
) -> Result<Response, Refusal> {
    let asked: Deployed = read(body)?;
    let at_ms = match asked.at.as_deref().map(str::parse::<jiff::Timestamp>).transpose() {
        Ok(at) => at.map(jiff::Timestamp::as_millisecond),
        Err(error) => return Err(Refusal(StatusCode::BAD_REQUEST, format!("at: {error}"))),
    };
    let Some(desk) = desks.desk(&identity.tenant) else {
        return Ok(success(&json!({"incidents": 0})));
    };
    let what = (asked.service.as_str(), asked.version.as_str());
    let told = desk.deployed(&who(&identity, &asked.by), what, asked.link, at_ms).await?;
    Ok(success(&json!({"incidents": told})))
}

fn date(time_ms: i64) -> Value {
    let time = jiff::Timestamp::from_millisecond(time_ms).unwrap_or_default();
    json!(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// An incident in a list.
fn shown(incident: &Incident) -> Value {
    let optional = |time: Option<i64>| time.map_or(Value::Null, date);
    json!({
        "id": incident.id,
        "title": incident.title,
        "state": incident.state.as_str(),
        "severity": incident.severity,
        "owner": incident.owner,
        "labels": incident.labels,
        "openedAt": date(incident.opened_ms),
        "updatedAt": date(incident.updated_ms),
        "acknowledgedAt": optional(incident.acknowledged_ms),
        "acknowledgedBy": incident.acknowledged_by,
        "mitigatedAt": optional(incident.mitigated_ms),
        "resolvedAt": optional(incident.resolved_ms),
        "mergedInto": incident.merged_into,
        "alerts": incident.alerts.len() as u64 + incident.alerts_left_out,
        "firing": incident.firing(),
        "runs": incident.runs,
    })
}

/// An incident with everything that happened.
fn shown_whole(incident: &Incident) -> Value {
    let alerts: Vec<Value> = incident
        .alerts
        .iter()
        .map(|(fingerprint, alert)| {
            json!({
                "fingerprint": fingerprint,
                "labels": alert.labels,
                "annotations": alert.annotations,
                "isFiring": alert.ends_ms.is_none(),
                "startsAt": date(alert.starts_ms),
                "endsAt": alert.ends_ms.map_or(Value::Null, date),
                "generatorURL": alert.generator_url,
            })
        })
        .collect();
    let timeline: Vec<Value> = incident
        .timeline
        .iter()
        .map(|moment| {
            json!({
                "number": moment.number,
                "at": date(moment.at_ms),
                "kind": moment.kind.as_str(),
                "by": moment.by,
                "text": moment.text,
                "detail": moment.detail,
                "alert": moment.alert,
                "link": moment.link,
            })
        })
        .collect();
    let mut whole = shown(incident);
    if let Value::Object(fields) = &mut whole {
        fields.insert("alertList".to_owned(), Value::Array(alerts));
        fields.insert("timeline".to_owned(), Value::Array(timeline));
        let escalations: Vec<Value> = incident
            .escalation
            .iter()
            .map(|timer| {
                json!({
                    "afterSeconds": timer.after_ms / 1_000,
                    "action": timer.action,
                    "at": date(timer.due_ms),
                    "state": timer.state.as_str(),
                    "detail": timer.detail,
                })
            })
            .collect();
        fields.insert("escalations".to_owned(), Value::Array(escalations));
    }
    whole
}
