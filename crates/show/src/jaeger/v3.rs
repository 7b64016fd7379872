//! The second generation: OTLP JSON within `{"result": ...}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use vigie_model::span::TraceId;
use vigie_query::traces::{self, SpanAttribute, TraceSpan};

use super::JaegerState;
use super::parameters::{Pairs, get, search_v3};
use super::v1::blocking;
use crate::Identity;

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
        Ok(spans) => answer(&json!({"result": otlp(&spans)})),
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
        Ok(spans) => answer(&json!({"result": otlp(&spans)})),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// `TracesData`: spans by resource and scope.
fn otlp(spans: &[TraceSpan]) -> Value {
    let mut order: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut groups: Vec<(Vec<Value>, &TraceSpan, Vec<Value>)> = Vec::new();
    for span in spans {
        let mut resource = vec![pair("service.name", &Value::from(span.service.as_str()))];
        resource.extend(span.resource.iter().map(|(key, value)| pair(key, value)));
        let key = (
            Value::Array(resource.clone()).to_string(),
            format!("{}\0{}", span.scope_name, span.scope_version),
        );
        let at = *order.entry(key).or_insert_with(|| {
            groups.push((resource, span, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, _, list)) = groups.get_mut(at) {
            list.push(span_json(span));
        }
    }
    let resource_spans: Vec<Value> = groups
        .into_iter()
        .map(|(resource, first, spans)| {
            json!({
                "resource": {"attributes": resource},
                "scopeSpans": [{
                    "scope": {"name": first.scope_name, "version": first.scope_version},
                    "spans": spans,
                }],
            })
        })
        .collect();
    json!({"resourceSpans": resource_spans})
}

fn span_json(span: &TraceSpan) -> Value {
    let attributes = |list: &[SpanAttribute]| -> Vec<Value> {
        list.iter().map(|(key, value)| pair(key, value)).collect()
    };
    let mut out = json!({
        "traceId": span.trace_id.to_string(),
        "spanId": span.span_id.to_string(),
        "name": span.name,
        "kind": span.kind as u8,
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": (i128::from(span.start_ns) + i128::from(span.duration_ns)).to_string(),
        "attributes": attributes(&span.attributes),
        "status": {"code": span.status as u8, "message": span.status_message},
        "events": span.events.iter().map(|event| json!({
            "timeUnixNano": event.time_ns.to_string(),
            "name": event.name,
            "attributes": attributes(&event.attributes),
        })).collect::<Vec<_>>(),
        "links": span.links.iter().map(|link| json!({
            "traceId": link.trace_id.to_string(),
            "spanId": link.span_id.to_string(),
            "traceState": link.trace_state,
            "attributes": attributes(&link.attributes),
        })).collect::<Vec<_>>(),
    });
    if let Value::Object(fields) = &mut out {
        if !span.parent_span_id.is_none() {
            fields.insert("parentSpanId".to_owned(), json!(span.parent_span_id.to_string()));
        }
        if !span.trace_state.is_empty() {
            fields.insert("traceState".to_owned(), json!(span.trace_state));
        }
        if span.flags != 0 {
            fields.insert("flags".to_owned(), json!(span.flags));
        }
    }
    out
}

fn pair(key: &str, value: &Value) -> Value {
    json!({"key": key, "value": any_value(value)})
}

/// OTLP's wrapped value.
fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(any_value).collect::<Vec<_>>()}})
        }
        Value::Object(fields) => {
            let pairs: Vec<Value> = fields.iter().map(|(key, value)| pair(key, value)).collect();
            json!({"kvlistValue": {"values": pairs}})
        }
    }
}
