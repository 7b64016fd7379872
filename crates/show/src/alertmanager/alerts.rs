//! `/api/v2/alerts` and `/api/v2/alerts/groups`.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use vigie_model::{Alert, Labels};
use vigie_respond::AlertView;

use super::parameters::Parameters;
use super::{Refusal, Shared, date, ok, read_date, tenant};
use crate::{BodyError, Identity, RequestBody};

/// An alert as it is posted, in both versions of the API.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedAlert {
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<String>,
}

pub(super) fn read_posted(bytes: &[u8]) -> Result<Vec<Alert>, Refusal> {
    let posted: Vec<PostedAlert> = serde_json::from_slice(bytes).map_err(|error| {
        Refusal::bad(format!("parsing alerts body from \"\" failed, because {error}"))
    })?;
    posted.into_iter().map(PostedAlert::into_alert).collect()
}

impl PostedAlert {
    fn into_alert(self) -> Result<Alert, Refusal> {
        if self.labels.keys().any(String::is_empty) {
            return Err(Refusal::bad("invalid label set: invalid name \"\""));
        }
        Ok(Alert {
            starts_at_ms: read_date(self.starts_at.as_deref())?,
            ends_at_ms: read_date(self.ends_at.as_deref())?,
            labels: Labels::from_pairs(self.labels),
            annotations: self.annotations.unwrap_or_default(),
            generator_url: self.generator_url.unwrap_or_default(),
        })
    }
}

/// Takes alerts; as in Alertmanager, what is right is taken also when another is wrong.
pub(super) async fn put(
    State(state): State<Shared>,
    identity: Identity,
    body: Result<RequestBody, BodyError>,
) -> Response {
    let taken = body.map_err(Refusal::from).and_then(|body| {
        let alerts = read_posted(&body.bytes)?;
        Ok(tenant(&state, &identity)?.put(alerts))
    });
    match taken {
        Ok(outcome) if outcome.refused.is_empty() => StatusCode::OK.into_response(),
        Ok(outcome) => {
            let reasons: Vec<String> = outcome.refused.iter().map(ToString::to_string).collect();
            Refusal::bad(reasons.join("\n")).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

pub(super) async fn list(
    State(state): State<Shared>,
    identity: Identity,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let filter = Parameters::of(query.as_deref()).filter(&state)?;
    let views = tenant(&state, &identity)?.ask(|engine, now| engine.alerts(&filter, now));
    Ok(ok(&views.iter().map(ShownAlert::of).collect::<Vec<_>>()))
}

pub(super) async fn groups(
    State(state): State<Shared>,
    identity: Identity,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let filter = Parameters::of(query.as_deref()).filter(&state)?;
    let groups = tenant(&state, &identity)?.ask(|engine, now| engine.groups(&filter, now));
    let shown: Vec<_> = groups
        .iter()
        .map(|group| {
            json!({
                "labels": map(&group.labels),
                "routeLabels": *group.route_labels,
                "receiver": {"name": &*group.receiver},
                "alerts": group.alerts.iter().map(ShownAlert::of).collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(ok(&shown))
}

pub(super) fn map(labels: &Labels) -> BTreeMap<&str, &str> {
    labels.iter().collect()
}

#[derive(Debug, Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownStatus<'a> {
    inhibited_by: &'a [String],
    muted_by: &'a [String],
    silenced_by: &'a [String],
    state: &'static str,
}

/// An alert as version 2 shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownAlert<'a> {
    annotations: &'a BTreeMap<String, String>,
    ends_at: String,
    fingerprint: String,
    receivers: Vec<Named<'a>>,
    starts_at: String,
    status: ShownStatus<'a>,
    updated_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "str::is_empty")]
    generator_url: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
}

impl<'a> ShownAlert<'a> {
    fn of(view: &'a AlertView) -> Self {
        let alert = &view.alert;
        Self {
            annotations: &alert.annotations,
            ends_at: date(alert.ends_at_ms),
            fingerprint: alert.fingerprint.to_string(),
            receivers: view.receivers.iter().map(|name| Named { name }).collect(),
            starts_at: date(alert.starts_at_ms),
            status: ShownStatus {
                inhibited_by: &view.status.inhibited_by,
                muted_by: &view.status.muted_by,
                silenced_by: &view.status.silenced_by,
                state: view.status.state(),
            },
            updated_at: date(alert.updated_at_ms),
            generator_url: &alert.generator_url,
            labels: map(&alert.labels),
        }
    }
}
