//! `/api/v1/alerts` in the shape of Alertmanager 0.25, the last that served it; from 0.27 on the
//! answer is 410, which scripts of that time do not understand.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vigie_respond::AlertView;

use super::alerts::{map, read_posted};
use super::parameters::{Parameters, syntax};
use super::{Refusal, Shared, date, ok, tenant};
use crate::{BodyError, Identity, RequestBody};

pub(super) async fn list(
    State(state): State<Shared>,
    identity: Identity,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::of(query.as_deref());
    let found = (|| {
        // One parameter holds a whole list here.
        let list = parameters.get("filter").map(|text| syntax(&state).parse_list(text));
        let list = list.transpose().map_err(|error| Refusal::bad(error.to_string()))?;
        let others = Parameters::of(query.as_deref()).without("filter");
        let mut filter = others.filter(&state)?;
        filter.matchers = list.map(|parsed| parsed.matchers).unwrap_or_default();
        Ok(tenant(&state, &identity)?.ask(|engine, now| engine.alerts(&filter, now)))
    })();
    match found {
        Ok(views) => success(&views.iter().map(shown).collect()),
        Err(refusal) => failure(refusal),
    }
}

pub(super) async fn put(
    State(state): State<Shared>,
    identity: Identity,
    body: Result<RequestBody, BodyError>,
) -> Response {
    let taken = body.map_err(Refusal::from).and_then(|body| {
        let outcome = tenant(&state, &identity)?.put(read_posted(&body.bytes)?);
        match outcome.refused.first() {
            None => Ok(()),
            Some(error) => Err(Refusal::bad(error.to_string())),
        }
    });
    match taken {
        Ok(()) => ok(&json!({"status": "success"})),
        Err(refusal) => failure(refusal),
    }
}

fn success(data: &Value) -> Response {
    ok(&json!({"status": "success", "data": data}))
}

fn failure(Refusal(status, message): Refusal) -> Response {
    let kind = if status == StatusCode::BAD_REQUEST { "bad_data" } else { "server_error" };
    super::json(status, &json!({"status": "error", "errorType": kind, "error": message}))
        .into_response()
}

/// An alert as version 1 shows it: an empty list is `null`.
fn shown(view: &AlertView) -> Value {
    let list = |names: &[String]| if names.is_empty() { Value::Null } else { json!(names) };
    let alert = &view.alert;
    let receivers: Vec<&str> = view.receivers.iter().map(|name| &**name).collect();
    json!({
        "labels": map(&alert.labels),
        "annotations": *alert.annotations,
        "startsAt": date(alert.starts_at_ms),
        "endsAt": date(alert.ends_at_ms),
        "generatorURL": &*alert.generator_url,
        "status": {
            "state": view.status.state(),
            "silencedBy": list(&view.status.silenced_by),
            "inhibitedBy": list(&view.status.inhibited_by),
        },
        "receivers": receivers,
        "fingerprint": alert.fingerprint.to_string(),
    })
}
