//! `/api/search`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use vigie_language::traceql;
use vigie_query::traceql::{Budget, FoundSpan, FoundSpanset, FoundTrace, Search, search as find};

use super::parameters::{Pairs, get, number, query_of_tags, time_range};
use super::{TempoState, answer, attributes, blocking, failure, query_failure};
use crate::Identity;

/// Traces that are given when no limit is asked for, and spans of a set.
const LIMIT_DEFAULT: usize = 20;
const SPANS_DEFAULT: usize = 3;
/// Traces that one search gives at most.
const LIMIT_MAX: usize = 10_000;

pub(super) async fn search(
    State(state): State<Arc<TempoState>>,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    let wanted = match read(&pairs) {
        Ok(wanted) => wanted,
        Err(message) => return failure(StatusCode::BAD_REQUEST, message),
    };
    let snapshot = state.store.span_snapshot(&identity.tenant);
    match blocking(move || find(&snapshot, &wanted, Budget::default())).await {
        Ok(found) => {
            let traces: Vec<Value> = found.traces.iter().map(trace_json).collect();
            let mut metrics = json!({
                "inspectedTraces": found.inspected_traces,
                "inspectedSpans": found.inspected_spans.to_string(),
            });
            if found.is_cut {
                metrics["isPartial"] = json!(true);
            }
            answer(&json!({"traces": traces, "metrics": metrics}))
        }
        Err(error) => query_failure(&error),
    }
}

fn read(pairs: &Pairs) -> Result<Search, String> {
    let (start_ns, end_ns) = time_range(pairs)?;
    let query = match get(pairs, "q") {
        Some(text) => {
            traceql::parse(text).map_err(|error| format!("invalid TraceQL query: {error}"))?
        }
        None => query_of_tags(pairs)?,
    };
    let limit = number(pairs, "limit")?.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 {
        return Err("invalid limit: must be a positive number".to_owned());
    }
    Ok(Search {
        query,
        start_ns,
        end_ns,
        limit: limit.min(LIMIT_MAX),
        spans_per_set: number(pairs, "spss")?.unwrap_or(SPANS_DEFAULT),
    })
}

fn trace_json(trace: &FoundTrace) -> Value {
    let (service, name) = match &trace.root {
        Some((service, name)) => (service.as_str(), name.as_str()),
        None => ("<root span not yet received>", ""),
    };
    let sets: Vec<Value> = trace.spansets.iter().map(set_json).collect();
    let services: Map<String, Value> = trace
        .services
        .iter()
        .map(|(service, (spans, errors))| {
            (service.clone(), json!({"spanCount": spans, "errorCount": errors}))
        })
        .collect();
    json!({
        "traceID": trace.id.to_string(),
        "rootServiceName": service,
        "rootTraceName": name,
        "startTimeUnixNano": trace.start_ns.to_string(),
        "durationMs": trace.duration_ns / 1_000_000,
        // Clients older than Tempo 2.2 read only the first set, under its old name.
        "spanSet": sets.first(),
        "spanSets": sets,
        "serviceStats": services,
    })
}

fn set_json(set: &FoundSpanset) -> Value {
    let spans: Vec<Value> = set.spans.iter().map(span_json).collect();
    let mut out = json!({"spans": spans, "matched": set.matched});
    if !set.attributes.is_empty() {
        out["attributes"] = attributes(&set.attributes);
    }
    out
}

fn span_json(span: &FoundSpan) -> Value {
    json!({
        "spanID": span.id.to_string(),
        "name": span.name,
        "startTimeUnixNano": span.start_ns.to_string(),
        "durationNanos": span.duration_ns.to_string(),
        "attributes": attributes(&span.attributes),
    })
}
