//! `_mapping`: what was said of fields, and what was found.

use serde_json::{Map, Value, json};
use vigie_query::search::Schema;
use vigie_store::logs::LogSnapshot;

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::{Missing, Resolved};
use super::state::Api;
use super::templates::merge;

/// Fields of one mapping.
const FIELDS_MAX: usize = 10_000;

/// Whether a mapping can be kept.
pub(super) fn check(mappings: &Map<String, Value>) -> Result<(), ApiError> {
    fn count(value: &Value, depth: usize) -> usize {
        let properties = value.get("properties").and_then(Value::as_object);
        match properties {
            Some(map) if depth < 50 => {
                map.len() + map.values().map(|inner| count(inner, depth + 1)).sum::<usize>()
            }
            _ => 0,
        }
    }
    let fields = count(&Value::Object(mappings.clone()), 0);
    if fields <= FIELDS_MAX {
        return Ok(());
    }
    let reason = format!("Limit of total fields [{FIELDS_MAX}] has been exceeded");
    Err(ApiError::argument(reason))
}

/// The mapping of an index: what was said, and the fields that its documents have.
pub(super) fn of(
    api: &Api,
    call: &Call,
    resolved: &Resolved,
    name: &str,
) -> Result<Map<String, Value>, ApiError> {
    let mut told =
        resolved.metadata.indices.get(name).map(|index| index.mappings.clone()).unwrap_or_default();
    let one = Resolved {
        names: vec![name.to_owned()],
        metadata: std::sync::Arc::clone(&resolved.metadata),
        snapshot: std::sync::Arc::new(LogSnapshot::clone(&resolved.snapshot)),
    };
    let searcher = api.searcher(&one, call.stop())?;
    let schema: &Schema = &searcher.compiler.schema;
    let mut found = schema.dynamic_properties();
    if let Some(Value::Object(said)) = told.get("properties") {
        // What was said wins.
        merge(&mut found, said, 0);
    }
    if !found.is_empty() {
        told.insert("properties".to_owned(), Value::Object(found));
    }
    Ok(told)
}

pub(super) fn get(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let mut told = Map::new();
    for name in &resolved.names {
        told.insert(name.clone(), json!({"mappings": of(api, call, &resolved, name)?}));
    }
    Ok(Reply::json(Value::Object(told)))
}

/// `_mapping/field/{fields}`
pub(super) fn fields(api: &Api, call: &Call, index: &str, fields: &str) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let schema = api.searcher(&resolved, call.stop())?.compiler.schema;
    let mut told = Map::new();
    for name in fields.split(',').flat_map(|pattern| schema.expand(pattern)) {
        let field = schema.field(&name);
        if field.is_known {
            let last = name.rsplit('.').next().unwrap_or(&name).to_owned();
            told.insert(
                name.clone(),
                json!({"full_name": name, "mapping": {last: {"type": field.kind.name()}}}),
            );
        }
    }
    let entry = |name: &String| (name.clone(), json!({"mappings": told}));
    Ok(Reply::json(Value::Object(resolved.names.iter().map(entry).collect())))
}

pub(super) fn put(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let Value::Object(body) = call.json()? else {
        return Err(ApiError::new("parse_exception", "request body is required", 400));
    };
    check(&body)?;
    let resolved = api.resolve(call, index, Missing::of(call))?;
    api.tenants.change(&call.tenant, |metadata| {
        for name in &resolved.names {
            merge(&mut metadata.indices.entry(name.clone()).or_default().mappings, &body, 0);
        }
        Ok(())
    })?;
    Ok(Reply::acknowledged())
}
