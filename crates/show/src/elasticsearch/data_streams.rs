//! Data streams: one name, an index behind it for each generation.

use serde_json::{Map, Value, json};
use vigie_language::search::{Pattern, resolve_date_math_name};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::metadata::{DataStream, Metadata};
use super::state::Api;
use super::{by_query, indices, templates};

/// Makes a data stream with its first index.
pub(super) fn create(
    metadata: &mut Metadata,
    name: &str,
    now_ms: i64,
    seed: u64,
) -> Result<(), ApiError> {
    let template = templates::for_name(metadata, name).filter(|template| template.is_data_stream);
    let template = template.ok_or_else(|| {
        ApiError::argument(format!("no matching index template found for data stream [{name}]"))
    })?;
    if metadata.is_known(name) {
        let reason = format!("data_stream [{name}] already exists");
        return Err(ApiError::new("resource_already_exists_exception", reason, 400));
    }
    metadata
        .data_streams
        .insert(name.to_owned(), DataStream { template: template.name, ..DataStream::default() });
    next_generation(metadata, name, now_ms, seed)?;
    Ok(())
}

/// Adds an index to a data stream; gives the old and the new one's name.
pub(super) fn next_generation(
    metadata: &mut Metadata,
    name: &str,
    now_ms: i64,
    seed: u64,
) -> Result<(String, String), ApiError> {
    let stream =
        metadata.data_streams.get(name).cloned().ok_or_else(|| ApiError::no_index(name))?;
    let generation = stream.generation + 1;
    let date = resolve_date_math_name("<{now/d}>", now_ms).unwrap_or_default();
    let index = format!(".ds-{name}-{date}-{generation:06}");
    let template = templates::for_name(metadata, name).unwrap_or_default();
    indices::insert(metadata, &index, template, &Map::new(), (now_ms, seed))?;
    let old = stream.indices.last().cloned().unwrap_or_default();
    if let Some(stream) = metadata.data_streams.get_mut(name) {
        stream.generation = generation;
        stream.indices.push(index.clone());
    }
    Ok((old, index))
}

pub(super) fn put(api: &Api, call: &Call, name: &str) -> Result<Reply, ApiError> {
    let (now_ms, seed) = (api.now_ms(), api.state.world.random.next_u64());
    api.tenants.change(&call.tenant, |metadata| create(metadata, name, now_ms, seed))?;
    Ok(Reply::acknowledged())
}

pub(super) fn get(api: &Api, call: &Call, name: Option<&str>) -> Result<Reply, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let patterns: Vec<Pattern> = name.unwrap_or("*").split(',').map(Pattern::parse_name).collect();
    let mut told = Vec::new();
    for (name, stream) in &metadata.data_streams {
        if !patterns.iter().any(|pattern| pattern.matches(name)) {
            continue;
        }
        let uuid = |index: &String| {
            metadata.indices.get(index).map_or_else(String::new, |index| index.uuid.clone())
        };
        let indices: Vec<Value> = stream
            .indices
            .iter()
            .map(|index| json!({"index_name": index, "index_uuid": uuid(index)}))
            .collect();
        told.push(json!({
            "name": name,
            "timestamp_field": {"name": "@timestamp"},
            "indices": indices,
            "generation": stream.generation,
            "status": "GREEN",
            "template": stream.template,
            "hidden": false,
            "system": false,
            "allow_custom_routing": false,
            "replicated": false,
        }));
    }
    if let Some(name) = name.filter(|name| told.is_empty() && !name.contains('*')) {
        return Err(ApiError::no_index(name));
    }
    Ok(Reply::json(json!({"data_streams": told})))
}

pub(super) fn delete(api: &Api, call: &Call, name: &str) -> Result<Reply, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let pattern = Pattern::parse_name(name);
    let names: Vec<String> =
        metadata.data_streams.keys().filter(|name| pattern.matches(name)).cloned().collect();
    if names.is_empty() {
        return Err(ApiError::no_index(name));
    }
    let behind: Vec<String> = names
        .iter()
        .filter_map(|name| metadata.data_streams.get(name))
        .flat_map(|s| s.indices.clone())
        .collect();
    by_query::delete_all(api, call, &behind)?;
    api.tenants.change(&call.tenant, |metadata| {
        names.iter().for_each(|name| {
            metadata.data_streams.remove(name);
        });
        behind.iter().for_each(|name| {
            metadata.indices.remove(name);
            metadata.deleted.insert(name.clone());
        });
        Ok(())
    })?;
    Ok(Reply::acknowledged())
}
