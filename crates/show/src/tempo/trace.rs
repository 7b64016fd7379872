//! Traces by id, of both versions.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use vigie_formats::protobuf::Writer as _;
use vigie_language::traceql::{self, Expression, SpansetExpression, Stage};
use vigie_model::span::TraceId;
use vigie_query::traceql::filter_trace;
use vigie_query::traces::{self, TraceSpan};

use super::parameters::{Pairs, get, time_range};
use super::{TempoState, answer, blocking, failure, query_failure};
use crate::Identity;
use crate::span_form::{JsonForm, resource_spans_json, traces_data};

type Shared = State<Arc<TempoState>>;

fn wants_protobuf(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/protobuf"))
}

fn protobuf(message: Vec<u8>) -> Response {
    let media = HeaderValue::from_static("application/protobuf");
    ([(header::CONTENT_TYPE, media)], message).into_response()
}

/// The only pair of braces of `q`; `None` when there is no `q`.
fn filter(pairs: &Pairs) -> Result<Option<Expression>, String> {
    let Some(text) = get(pairs, "q") else { return Ok(None) };
    let query = traceql::parse(text).map_err(|error| format!("invalid TraceQL query: {error}"))?;
    match (query.pipeline.stages.into_iter().next(), query.metrics) {
        (Some(Stage::Spansets(SpansetExpression::Filter(filter))), None) => Ok(Some(filter)),
        _ => Err("q takes a single spanset filter, { ... }".to_owned()),
    }
}

async fn find(
    state: &Arc<TempoState>,
    identity: &Identity,
    id: &str,
    pairs: &Pairs,
) -> Result<Vec<TraceSpan>, Box<Response>> {
    let bad = |message: String| Box::new(failure(StatusCode::BAD_REQUEST, message));
    let Some(id) = TraceId::parse(id) else {
        return Err(bad("trace IDs can only contain hex characters, 32 at most".to_owned()));
    };
    let (start_ns, end_ns) = time_range(pairs).map_err(bad)?;
    let filter = filter(pairs).map_err(bad)?;
    let with_ancestors = get(pairs, "keep_hierarchy") != Some("false");
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let spans = blocking(move || {
        let spans = traces::trace(&snapshot, id)?;
        // The times say where to look, not which spans.
        let is_in_time =
            spans.iter().any(|span| span.start_ns >= start_ns && span.start_ns <= end_ns);
        match filter {
            _ if !is_in_time => Ok(Vec::new()),
            Some(filter) => filter_trace(spans, &filter, with_ancestors),
            None => Ok(spans),
        }
    });
    match spans.await {
        Ok(spans) if spans.is_empty() => {
            Err(Box::new(failure(StatusCode::NOT_FOUND, "trace not found")))
        }
        Ok(spans) => Ok(spans),
        Err(error) => Err(Box::new(query_failure(&error))),
    }
}

pub(super) async fn by_id_v1(
    State(state): Shared,
    identity: Identity,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
    headers: HeaderMap,
) -> Response {
    match find(&state, &identity, &id, &pairs).await {
        Ok(spans) if wants_protobuf(&headers) => protobuf(traces_data(&spans)),
        Ok(spans) => answer(&json!({"batches": resource_spans_json(&spans, JsonForm::Tempo)})),
        Err(response) => *response,
    }
}

pub(super) async fn by_id_v2(
    State(state): Shared,
    identity: Identity,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
    headers: HeaderMap,
) -> Response {
    match find(&state, &identity, &id, &pairs).await {
        Ok(spans) if wants_protobuf(&headers) => {
            let mut message = Vec::new();
            message.put_bytes(1, &traces_data(&spans));
            protobuf(message)
        }
        Ok(spans) => answer(&json!({
            "trace": {"resourceSpans": resource_spans_json(&spans, JsonForm::Tempo)},
            "metrics": {},
        })),
        Err(response) => *response,
    }
}
