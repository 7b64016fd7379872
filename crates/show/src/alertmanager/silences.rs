//! `/api/v2/silences` and `/api/v2/silence/{id}`.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_model::MatchOp;
use vigie_respond::{AlertMatcher, Silence, SilenceRequest, SilenceState};

use super::parameters::{Parameters, syntax};
use super::{Refusal, Shared, date, ok, read_date, tenant};
use crate::{BodyError, Identity, RequestBody};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedSilence {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    matchers: Vec<PostedMatcher>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// A matcher as the API has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostedMatcher {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    is_equal: Option<bool>,
}

impl PostedMatcher {
    pub(super) fn into_matcher(self) -> Result<AlertMatcher, Refusal> {
        let op = match (self.is_regex, self.is_equal.unwrap_or(true)) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        };
        AlertMatcher::new(self.name, op, self.value).map_err(|error| {
            Refusal::bad(format!("invalid silence: invalid label matcher: {error}"))
        })
    }
}

impl PostedSilence {
    fn into_request(self) -> Result<SilenceRequest, Refusal> {
        let matchers = self.matchers.into_iter().map(PostedMatcher::into_matcher);
        let ends_at_ms = read_date(self.ends_at.as_deref())?;
        Ok(SilenceRequest {
            id: self.id.filter(|id| !id.is_empty()),
            matchers: matchers.collect::<Result<_, _>>()?,
            starts_at_ms: read_date(self.starts_at.as_deref())?,
            ends_at_ms: ends_at_ms
                .ok_or_else(|| Refusal::bad("invalid silence: invalid zero end timestamp"))?,
            created_by: self.created_by,
            comment: self.comment,
            annotations: self.annotations.unwrap_or_default(),
        })
    }
}

pub(super) async fn set(
    State(state): State<Shared>,
    identity: Identity,
    body: Result<RequestBody, BodyError>,
) -> Result<Response, Refusal> {
    let body = body?;
    let posted: PostedSilence = serde_json::from_slice(&body.bytes).map_err(|error| {
        Refusal::bad(format!("parsing silence body from \"\" failed, because {error}"))
    })?;
    let silence = tenant(&state, &identity)?.set_silence(posted.into_request()?).await?;
    Ok(ok(&json!({"silenceID": silence.id})))
}

pub(super) async fn expire(
    State(state): State<Shared>,
    identity: Identity,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    tenant(&state, &identity)?.expire_silence(&id).await?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn get(
    State(state): State<Shared>,
    identity: Identity,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let tenant = tenant(&state, &identity)?;
    let silence = tenant.ask(|engine, _| engine.silence(&id).cloned());
    let silence =
        silence.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, "silence not found".to_owned()))?;
    Ok(ok(&shown(&silence, state.world.clock.now_ms())))
}

pub(super) async fn list(
    State(state): State<Shared>,
    identity: Identity,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let parameters = Parameters::of(query.as_deref());
    let matchers = parameters.matchers("filter", syntax(&state))?;
    let wanted = [
        (SilenceState::Active, parameters.flag("active")?),
        (SilenceState::Pending, parameters.flag("pending")?),
        (SilenceState::Expired, parameters.flag("expired")?),
    ];
    let now_ms = state.world.clock.now_ms();
    let silences = tenant(&state, &identity)?.ask(|engine, now| engine.silences(now.wall_ms));
    let is_wanted = |silence: &&Silence| {
        let has = |wanted: &AlertMatcher| silence.matchers.iter().any(|m| m == wanted);
        wanted.contains(&(silence.state(now_ms), true)) && matchers.iter().all(has)
    };
    let shown: Vec<Value> =
        silences.iter().filter(is_wanted).map(|silence| shown(silence, now_ms)).collect();
    Ok(ok(&shown))
}

fn shown(silence: &Silence, now_ms: i64) -> Value {
    let matchers: Vec<Value> = silence
        .matchers
        .iter()
        .map(|matcher| {
            json!({
                "isEqual": matcher.is_equal(),
                "isRegex": matcher.is_regex(),
                "name": matcher.name(),
                "value": matcher.value(),
            })
        })
        .collect();
    json!({
        "id": silence.id,
        "status": {"state": silence.state(now_ms).as_str()},
        "updatedAt": date(silence.updated_at_ms),
        "annotations": silence.annotations,
        "comment": silence.comment,
        "createdBy": silence.created_by,
        "endsAt": date(silence.ends_at_ms),
        "matchers": matchers,
        "startsAt": date(silence.starts_at_ms),
    })
}
