//! The first generation: `{"data", "total", "limit", "offset", "errors"}`.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vigie_model::span::TraceId;
use vigie_query::traces::{self, TraceSpan};
use vigie_store::StoreError;

use super::parameters::{Pairs, get, search_v1};
use super::{JaegerState, span_json};
use crate::Identity;

type Shared = State<Arc<JaegerState>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub(super) fn envelope(data: &Value, total: usize) -> Response {
    let body = json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": null});
    ([(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

/// Traces on their way into the envelope.
struct TracesOut {
    json: Vec<u8>,
    count: usize,
}

impl TracesOut {
    fn new() -> Self {
        Self { json: b"{\"data\":[".to_vec(), count: 0 }
    }

    fn push(&mut self, id: TraceId, spans: &[TraceSpan]) {
        if self.count > 0 {
            self.json.push(b',');
        }
        span_json::write_trace(id, spans, &mut self.json);
        self.count += 1;
    }

    fn finish(mut self, total: usize) -> Response {
        let end = format!("],\"total\":{total},\"limit\":0,\"offset\":0,\"errors\":null}}");
        self.json.extend_from_slice(end.as_bytes());
        ([(header::CONTENT_TYPE, JSON)], self.json).into_response()
    }
}

pub(super) fn failure(status: StatusCode, message: &str) -> Response {
    let errors = json!([{"code": status.as_u16(), "msg": message}]);
    let body = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors});
    (status, [(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

fn store_failure(error: &StoreError) -> Response {
    failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
}

/// Runs `work`, which reads parts, away from the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    }
}

pub(super) async fn services(State(state): Shared, identity: Identity) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::services(&snapshot)).await {
        Ok(names) => envelope(&json!(names), names.len()),
        Err(error) => store_failure(&error),
    }
}

pub(super) async fn operations_of_service(
    State(state): Shared,
    identity: Identity,
    Path(service): Path<String>,
) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::operations(&snapshot, Some(&service), None)).await {
        Ok(found) => {
            let mut names: Vec<_> = found.into_iter().map(|operation| operation.name).collect();
            names.dedup();
            envelope(&json!(names), names.len())
        }
        Err(error) => store_failure(&error),
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
    let kind = get(&pairs, &["spanKind"]).map(str::to_owned);
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::operations(&snapshot, Some(&service), None)).await {
        Ok(found) => {
            let wanted = found.iter().filter(|operation| {
                kind.as_deref().is_none_or(|kind| operation.kind.name() == kind)
            });
            let data: Vec<Value> = wanted
                .map(|operation| json!({"name": operation.name, "spanKind": operation.kind.name()}))
                .collect();
            let total = data.len();
            envelope(&Value::Array(data), total)
        }
        Err(error) => store_failure(&error),
    }
}

pub(super) async fn search(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let ids: Vec<&str> = pairs
        .iter()
        .filter(|(name, value)| name == "traceID" && !value.is_empty())
        .map(|(_, value)| value.as_str())
        .collect();
    let by_id = if ids.is_empty() {
        None
    } else {
        let parsed: Option<Vec<TraceId>> = ids.iter().map(|id| TraceId::parse(id)).collect();
        let Some(parsed) = parsed else {
            return failure(StatusCode::BAD_REQUEST, "cannot parse traceID param: not hexadecimal");
        };
        Some(parsed)
    };
    let now_ns = state.world.clock.now_ms().saturating_mul(1_000_000);
    let wanted = match &by_id {
        Some(_) => None,
        None => match search_v1(&pairs, now_ns) {
            Ok(search) => Some(search),
            Err(message) => return failure(StatusCode::BAD_REQUEST, &message),
        },
    };
    let found = blocking(move || {
        let ids = match (by_id, wanted) {
            (Some(ids), _) => ids,
            (None, Some(wanted)) => traces::search(&snapshot, &wanted)?,
            (None, None) => Vec::new(),
        };
        let mut data = TracesOut::new();
        for id in ids {
            let spans = traces::trace(&snapshot, id)?;
            if !spans.is_empty() {
                data.push(id, &spans);
            }
        }
        Ok(data)
    });
    match found.await {
        Ok(data) => {
            let total = data.count;
            data.finish(total)
        }
        Err(error) => store_failure(&error),
    }
}

pub(super) async fn trace(
    State(state): Shared,
    identity: Identity,
    Path(id): Path<String>,
) -> Response {
    let Some(id) = TraceId::parse(&id) else {
        return failure(StatusCode::BAD_REQUEST, "cannot parse traceID: not hexadecimal");
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || traces::trace(&snapshot, id)).await {
        Ok(spans) if spans.is_empty() => failure(StatusCode::NOT_FOUND, "trace not found"),
        Ok(spans) => {
            let mut data = TracesOut::new();
            data.push(id, &spans);
            data.finish(0)
        }
        Err(error) => store_failure(&error),
    }
}

pub(super) async fn dependencies(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let now_ms = state.world.clock.now_ms();
    let milliseconds = |name: &str, default: i64| {
        get(&pairs, &[name])
            .map_or(Ok(default), |text| text.parse::<i64>().map_err(|_| name.to_owned()))
    };
    let times = milliseconds("endTs", now_ms)
        .and_then(|end| Ok((end, milliseconds("lookback", 86_400_000)?)));
    let (end_ms, lookback_ms) = match times {
        Ok(times) => times,
        Err(name) => {
            let message = format!("unable to parse param '{name}': not an integer");
            return failure(StatusCode::BAD_REQUEST, &message);
        }
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let nanoseconds = |milliseconds: i64| milliseconds.saturating_mul(1_000_000);
    let (start_ns, end_ns) = (nanoseconds(end_ms.saturating_sub(lookback_ms)), nanoseconds(end_ms));
    match blocking(move || traces::dependencies(&snapshot, start_ns, end_ns)).await {
        Ok(found) => {
            let data: Vec<Value> = found
                .iter()
                .map(|calls| {
                    json!({"parent": calls.parent, "child": calls.child, "callCount": calls.calls})
                })
                .collect();
            let total = data.len();
            envelope(&Value::Array(data), total)
        }
        Err(error) => store_failure(&error),
    }
}
