//! Names and values of tags, of both versions.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use vigie_language::traceql::{self, Field, Intrinsic};
use vigie_query::traceql::{FieldValue, TagRange, tag_names, tag_values};

use super::parameters::{Pairs, get, number, time_range};
use super::{TempoState, answer, blocking, failure, query_failure};
use crate::Identity;

type Shared = State<Arc<TempoState>>;

/// Names of a scope, or values, that are given when no limit is asked for.
const LIMIT_DEFAULT: usize = 10_000;

fn range(pairs: &Pairs) -> Result<TagRange, String> {
    let (start_ns, end_ns) = time_range(pairs)?;
    Ok(TagRange {
        start_ns,
        end_ns,
        // What cannot be understood filters nothing: pages send what is still being typed.
        filter: get(pairs, "q").and_then(traceql::parse_unfinished),
        limit: number(pairs, "limit")?.filter(|limit| *limit > 0).unwrap_or(LIMIT_DEFAULT),
    })
}

/// Names by scope, as asked for by `scope`.
async fn names(
    state: &Arc<TempoState>,
    identity: &Identity,
    pairs: &Pairs,
) -> Result<Vec<(String, Vec<String>)>, Box<Response>> {
    let wanted = get(pairs, "scope").unwrap_or("all").to_owned();
    let scopes =
        ["all", "none", "resource", "span", "intrinsic", "event", "link", "instrumentation"];
    let bad = |message: String| Box::new(failure(StatusCode::BAD_REQUEST, message));
    if !scopes.contains(&wanted.as_str()) {
        return Err(bad(format!("invalid scope: {wanted}")));
    }
    let range = range(pairs).map_err(bad)?;
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let found = blocking(move || tag_names(&snapshot, &range)).await;
    let found = found.map_err(|error| Box::new(query_failure(&error)))?;
    let is_wanted = |scope: &str| wanted == "all" || wanted == "none" || wanted == scope;
    let mut all: Vec<(String, Vec<String>)> = found
        .into_iter()
        .filter(|(scope, _)| is_wanted(scope))
        .map(|(scope, names)| (scope.to_owned(), names.into_iter().collect()))
        .collect();
    if is_wanted("intrinsic") {
        let mut names: Vec<String> = Intrinsic::all()
            .flat_map(|(scoped, alone, _)| [scoped, alone])
            .filter(|name| !name.is_empty() && !name.starts_with("nested") && *name != "parent")
            .map(str::to_owned)
            .collect();
        names.sort();
        all.push(("intrinsic".to_owned(), names));
    }
    Ok(all)
}

pub(super) async fn names_v1(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    match names(&state, &identity, &pairs).await {
        Ok(scopes) => {
            let is_all = get(&pairs, "scope").is_none_or(|scope| scope == "all");
            let kept = scopes.into_iter().filter(|(scope, _)| !is_all || scope != "intrinsic");
            let mut names: Vec<String> = kept.flat_map(|(_, names)| names).collect();
            names.sort();
            names.dedup();
            answer(&json!({"tagNames": names, "metrics": {}}))
        }
        Err(response) => *response,
    }
}

pub(super) async fn names_v2(
    State(state): Shared,
    identity: Identity,
    Query(pairs): Query<Pairs>,
) -> Response {
    match names(&state, &identity, &pairs).await {
        Ok(scopes) => {
            let scopes: Vec<Value> = scopes
                .into_iter()
                .map(|(name, tags)| json!({"name": name, "tags": tags}))
                .collect();
            answer(&json!({"scopes": scopes, "metrics": {}}))
        }
        Err(response) => *response,
    }
}

async fn values(
    state: &Arc<TempoState>,
    identity: &Identity,
    field: Field,
    pairs: &Pairs,
) -> Result<Vec<FieldValue>, Box<Response>> {
    let range =
        range(pairs).map_err(|message| Box::new(failure(StatusCode::BAD_REQUEST, message)))?;
    let snapshot = state.store.span_snapshot(&identity.tenant);
    let found = blocking(move || tag_values(&snapshot, &field, &range)).await;
    found.map_err(|error| Box::new(query_failure(&error)))
}

/// The first version names tags without a scope.
pub(super) async fn values_v1(
    State(state): Shared,
    identity: Identity,
    Path(tag): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let known = match tag.as_str() {
        "name" | "rootName" | "rootServiceName" | "status" | "kind" => tag.clone(),
        "root.name" => "rootName".to_owned(),
        "root.service.name" => "resource.service.name".to_owned(),
        "status.code" => "status".to_owned(),
        other => format!(".{other}"),
    };
    let field = match traceql::parse_field(&known) {
        Ok(field) => field,
        Err(error) => return failure(StatusCode::BAD_REQUEST, error.to_string()),
    };
    match values(&state, &identity, service_instead(field), &pairs).await {
        Ok(found) => {
            let texts: Vec<String> = found.iter().map(FieldValue::text).collect();
            answer(&json!({"tagValues": texts, "metrics": {}}))
        }
        Err(response) => *response,
    }
}

/// The services of roots are services.
fn service_instead(field: Field) -> Field {
    match field {
        Field::Intrinsic(Intrinsic::TraceRootService) => {
            traceql::parse_field("resource.service.name").unwrap_or(field)
        }
        other => other,
    }
}

pub(super) async fn values_v2(
    State(state): Shared,
    identity: Identity,
    Path(tag): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let field = match traceql::parse_field(&tag) {
        Ok(field) => field,
        Err(error) => return failure(StatusCode::BAD_REQUEST, format!("invalid tag: {error}")),
    };
    match values(&state, &identity, service_instead(field), &pairs).await {
        Ok(found) => {
            let values: Vec<Value> = found
                .iter()
                .map(|value| {
                    let kind = match value {
                        FieldValue::Integer(_) => "int",
                        FieldValue::Float(_) => "float",
                        FieldValue::Boolean(_) => "bool",
                        FieldValue::Duration(_) => "duration",
                        FieldValue::Status(_) | FieldValue::Kind(_) => "keyword",
                        _ => "string",
                    };
                    json!({"type": kind, "value": value.text()})
                })
                .collect();
            answer(&json!({"tagValues": values, "metrics": {}}))
        }
        Err(response) => *response,
    }
}
