//! The second generation: OTLP JSON within `{"result": ...}`.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vigie_model::span::TraceId;
use vigie_query::traces;

use super::JaegerState;
use super::parameters::{Pairs, get, search_v3};
use super::v1::blocking;
use crate::Identity;
use crate::span_form::{JsonForm, resource_spans_json};

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
