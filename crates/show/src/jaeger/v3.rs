//! The second generation: OTLP JSON within `{"result": ...}`.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vigie_model::span::TraceId;
use vigie_query::traces::{self, TraceSearch};

use super::JaegerState;
use super::parameters::{Pairs, get, search_v3};
use super::summaries;
use super::v1::blocking;
use crate::span_form::{JsonForm, resource_spans_json};
use crate::{BodyError, Identity, RequestBody};

type Shared = State<Arc<JaegerState>>;

fn answer(body: &Value) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}

fn failure(status: StatusCode, message: &str) -> Response {
    let body = json!({"error": {"httpCode": status.as_u16(), "message": message}});
    (status, answer(&body)).into_response()
}

pub(super) async fn services(State(state): Shared, identity: Identity) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::services(&snapshot)).await {
        Ok(names) => answer(&json!({"services": names})),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(super) async fn operations(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let Some(service) = get(&pairs, &["service"]).map(str::to_owned) else {
        return failure(StatusCode::BAD_REQUEST, "parameter 'service' is required");
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::operations(&snapshot, Some(&service), None)).await {
        Ok(found) => {
            let operations: Vec<Value> = found
                .iter()
                .map(|found| json!({"name": found.name, "spanKind": found.kind.name()}))
                .collect();
            answer(&json!({"operations": operations}))
        }
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(super) async fn search(
    State(state): State<Arc<JaegerState>>,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
    match search_v3(&pairs, now_ns) {
        Ok(wanted) => found(&state, &identity, wanted).await,
        Err(message) => failure(StatusCode::BAD_REQUEST, &message),
    }
}

/// The same search, its parameters as JSON: `{"query": {"service_name": ...}}`.
pub(super) async fn search_by_body(
    State(state): State<Arc<JaegerState>>,
    identity: Identity,
    body: Result<RequestBody, BodyError>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => return failure(error.status(), &error.to_string()),
    };
    let parsed: Result<Value, _> = serde_json::from_slice(&body.bytes);
    let query = match &parsed {
        Ok(value) => value.get("query").and_then(Value::as_object),
        Err(error) => return failure(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(query) = query else {
        return failure(StatusCode::BAD_REQUEST, "malformed body: `query` is missing");
    };
    let pairs: Pairs = query
        .iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (format!("query.{name}"), text)
        })
        .collect();
    let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
    match search_v3(&pairs, now_ns) {
        Ok(wanted) => found(&state, &identity, wanted).await,
        Err(message) => failure(StatusCode::BAD_REQUEST, &message),
    }
}

async fn found(state: &JaegerState, identity: &Identity, wanted: TraceSearch) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let found = blocking(move || {
        let mut all = Vec::new();
        for id in traces::search(&snapshot, &wanted)? {
            all.extend(traces::trace(&snapshot, id)?);
        }
        Ok(all)
    });
    match found.await {
        Ok(spans) if spans.is_empty() => failure(StatusCode::NOT_FOUND, "No traces found"),
        Ok(spans) => answer(
            &json!({"result": {"resourceSpans": resource_spans_json(&spans, JsonForm::Otlp)}}),
        ),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// What a list of results shows of each trace.
pub(super) async fn summaries(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
    let wanted = match search_v3(&pairs, now_ns) {
        Ok(wanted) => wanted,
        Err(message) => return failure(StatusCode::BAD_REQUEST, &message),
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let found = blocking(move || {
        let mut all = Vec::new();
        for id in traces::search(&snapshot, &wanted)? {
            all.push(summaries::json(&traces::trace(&snapshot, id)?));
        }
        Ok(all)
    });
    match found.await {
        Ok(summaries) => answer(&json!({"result": {"summaries": summaries}})),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(super) async fn dependencies(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
    let time = |names: &[&str], default: i64| match get(&pairs, names) {
        None => Ok(default),
        Some(text) => text
            .parse::<jiff::Timestamp>()
            .map(|time| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX))
            .map_err(|error| format!("malformed parameter {}: {error}", names.join(" or "))),
    };
    let range = time(&["start_time", "startTime"], now_ns.saturating_sub(86_400_000_000_000))
        .and_then(|start| Ok((start, time(&["end_time", "endTime"], now_ns)?)));
    let (start_ns, end_ns) = match range {
        Ok(range) => range,
        Err(message) => return failure(StatusCode::BAD_REQUEST, &message),
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::dependencies(&snapshot, start_ns, end_ns)).await {
        Ok(found) => {
            let list: Vec<Value> = found
                .iter()
                .map(|calls| {
                    let count = calls.calls.to_string();
                    json!({"parent": calls.parent, "child": calls.child, "callCount": count})
                })
                .collect();
            answer(&json!({"dependencies": list}))
        }
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(super) async fn trace(
    State(state): Shared,
    identity: Identity,
    Path(id): Path<String>,
) -> Response {
    let Some(id) = TraceId::parse(&id) else {
        return failure(StatusCode::BAD_REQUEST, "malformed parameter trace_id");
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::trace(&snapshot, id)).await {
        Ok(spans) if spans.is_empty() => failure(StatusCode::NOT_FOUND, "No traces found"),
        Ok(spans) => answer(
            &json!({"result": {"resourceSpans": resource_spans_json(&spans, JsonForm::Otlp)}}),
        ),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
