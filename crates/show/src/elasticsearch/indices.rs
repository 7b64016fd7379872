//! Indices: create, describe, delete, open, close, roll over.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use vigie_language::search::{resolve_date_math_name, validate_index_name};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::metadata::{Index, Metadata};
use super::resolve::{Missing, Resolved};
use super::state::Api;
use super::templates::{self, Template};
use super::{by_query, data_streams, mapping, settings};

/// Makes an index of a template and what `body` says.
pub(super) fn create(
    metadata: &mut Metadata,
    name: &str,
    body: &Map<String, Value>,
    now_ms: i64,
    seed: u64,
) -> Result<(), ApiError> {
    validate_index_name(name).map_err(|error| {
        ApiError::new("invalid_index_name_exception", error.to_string(), 400).with("index", name)
    })?;
    if metadata.is_known(name) {
        let uuid = metadata.indices.get(name).map_or("_na_", |index| &index.uuid);
        let reason = format!("index [{name}/{uuid}] already exists");
        return Err(
            ApiError::new("resource_already_exists_exception", reason, 400).with("index", name)
        );
    }
    let template = templates::for_name(metadata, name).unwrap_or_default();
    insert(metadata, name, template, body, (now_ms, seed))
}

/// Adds an index, whatever its name.
pub(super) fn insert(
    metadata: &mut Metadata,
    name: &str,
    mut template: Template,
    body: &Map<String, Value>,
    (now_ms, seed): (i64, u64),
) -> Result<(), ApiError> {
    metadata.check_room()?;
    if let Some(given) = body.get("settings") {
        template.settings.extend(settings::flat(given));
    }
    if let Some(Value::Object(mappings)) = body.get("mappings") {
        mapping::check(mappings)?;
        templates::merge(&mut template.mappings, mappings, 0);
    }
    if let Some(Value::Object(aliases)) = body.get("aliases") {
        template.aliases.extend(aliases.clone());
    }
    let aliases: BTreeMap<String, Value> = template.aliases.into_iter().collect();
    metadata.deleted.remove(name);
    let index = Index {
        uuid: format!("{seed:016x}"),
        created_ms: now_ms,
        settings: template.settings,
        mappings: template.mappings,
        aliases,
        is_closed: false,
    };
    metadata.indices.insert(name.to_owned(), index);
    Ok(())
}

pub(super) fn put(api: &Api, call: &Call, name: &str) -> Result<Reply, ApiError> {
    let body = call.json()?.as_object().cloned().unwrap_or_default();
    if let Some(key) =
        body.keys().find(|key| !matches!(key.as_str(), "settings" | "mappings" | "aliases"))
    {
        let reason = format!("unknown key [{key}] for create index");
        return Err(ApiError::new("parse_exception", reason, 400));
    }
    let name = resolve_date_math_name(name, api.now_ms())
        .map_err(|error| ApiError::new("invalid_index_name_exception", error.to_string(), 400))?;
    let (now_ms, seed) = (api.now_ms(), api.state.world.random.next_u64());
    api.tenants.change(&call.tenant, |metadata| create(metadata, &name, &body, now_ms, seed))?;
    Ok(Reply::json(json!({"acknowledged": true, "shards_acknowledged": true, "index": name})))
}

pub(super) fn exists(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let missing = Missing { ignores_unavailable: false, allows_none: true };
    match api.resolve(call, index, missing) {
        Ok(resolved) => Ok(Reply::exists(!resolved.names.is_empty())),
        Err(error) if error.status == 404 => Ok(Reply::exists(false)),
        Err(error) => Err(error),
    }
}

pub(super) fn get(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let mut told = Map::new();
    for name in &resolved.names {
        let index = resolved.metadata.indices.get(name);
        let aliases = index.map(|index| index.aliases.clone()).unwrap_or_default();
        let entry = json!({
            "aliases": aliases,
            "mappings": mapping::of(api, call, &resolved, name)?,
            "settings": settings::nested(&settings::of(name, index)),
        });
        told.insert(name.clone(), entry);
    }
    Ok(Reply::json(Value::Object(told)))
}

pub(super) fn delete(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    // A data stream's index goes with the stream; an alias is no index.
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let is_alias = |name: &str| {
        !resolved.metadata.indices.contains_key(name) && resolved.metadata.is_known(name)
    };
    if let Some(alias) = index.split(',').find(|name| is_alias(name)) {
        return Err(ApiError::argument(format!(
            "The provided expression [{alias}] matches an alias, specify the corresponding concrete indices instead."
        )));
    }
    let names = &resolved.names;
    by_query::delete_all(api, call, names)?;
    api.tenants.change(&call.tenant, |metadata| {
        for name in names {
            metadata.indices.remove(name);
            metadata.deleted.insert(name.clone());
            metadata
                .data_streams
                .values_mut()
                .for_each(|stream| stream.indices.retain(|index| index != name));
        }
        Ok(())
    })?;
    Ok(Reply::acknowledged())
}

/// `_open` and `_close`
pub(super) fn set_closed(
    api: &Api,
    call: &Call,
    index: &str,
    is_closed: bool,
) -> Result<Reply, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let pattern = vigie_language::search::Pattern::parse_name(index);
    let names: Vec<String> =
        metadata.indices.keys().filter(|name| pattern.matches(name)).cloned().collect();
    if names.is_empty() {
        return Err(ApiError::no_index(index));
    }
    api.tenants.change(&call.tenant, |metadata| {
        for name in &names {
            if let Some(index) = metadata.indices.get_mut(name) {
                index.is_closed = is_closed;
            }
        }
        Ok(())
    })?;
    Ok(Reply::json(json!({"acknowledged": true, "shards_acknowledged": true})))
}

/// `_refresh`, `_flush`, `_forcemerge`, `_cache/clear`: there is nothing to do.
pub(super) fn maintain(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let count = api.resolve(call, index, Missing::of(call))?.names.len();
    Ok(Reply::json(json!({"_shards": {"total": count, "successful": count, "failed": 0}})))
}

/// `{alias}/_rollover[/{index}]`
pub(super) fn roll_over(
    api: &Api,
    call: &Call,
    name: &str,
    new: Option<&str>,
) -> Result<Reply, ApiError> {
    let body = call.json()?.as_object().cloned().unwrap_or_default();
    let conditions = body.get("conditions").and_then(Value::as_object).cloned().unwrap_or_default();
    let (met, told) = conditions_met(api, call, name, &conditions)?;
    let (now_ms, seed) = (api.now_ms(), api.state.world.random.next_u64());
    let is_dry = call.flag("dry_run");
    let rolls = met && !is_dry;
    let change = |metadata: &mut Metadata| {
        if metadata.data_streams.contains_key(name) {
            return data_streams::next_generation(metadata, name, now_ms, seed);
        }
        let current = metadata.indices.iter().filter(|(_, index)| index.aliases.contains_key(name));
        let write = |(_, index): &(&String, &Index)| {
            index.aliases.get(name).and_then(|alias| alias.get("is_write_index"))
                == Some(&Value::Bool(true))
        };
        let candidates: Vec<_> = current.collect();
        let old = candidates.iter().find(|entry| write(entry)).or(candidates.first());
        let Some(old) = old.map(|(index, _)| (*index).clone()) else {
            return Err(ApiError::argument(format!("rollover target [{name}] does not exist")));
        };
        let provided = metadata.indices.get(&old).and_then(|index| {
            index.settings.get("index.provided_name")?.as_str().map(str::to_owned)
        });
        let next = match new {
            Some(new) => new.to_owned(),
            None => next_name(&provided.unwrap_or_else(|| old.clone()))?,
        };
        let next = resolve_date_math_name(&next, now_ms)
            .map_err(|error| ApiError::argument(error.to_string()))?;
        create(metadata, &next, &body, now_ms, seed)?;
        let was_write = metadata
            .indices
            .get(&old)
            .and_then(|index| index.aliases.get(name))
            .cloned()
            .unwrap_or_else(|| json!({}));
        let is_explicit = was_write.get("is_write_index").is_some();
        if let Some(index) = metadata.indices.get_mut(&old) {
            if is_explicit {
                index.aliases.insert(name.to_owned(), json!({"is_write_index": false}));
            } else {
                index.aliases.remove(name);
            }
        }
        if let Some(index) = metadata.indices.get_mut(&next) {
            let alias = if is_explicit { json!({"is_write_index": true}) } else { json!({}) };
            index.aliases.insert(name.to_owned(), alias);
        }
        Ok((old, next))
    };
    let (old, new) = if rolls {
        api.tenants.change(&call.tenant, change)?
    } else {
        // Tried on a copy, to tell what would be.
        change(&mut Metadata::clone(&*api.tenants.read(&call.tenant)?))?
    };
    Ok(Reply::json(json!({
        "acknowledged": rolls, "shards_acknowledged": rolls, "old_index": old, "new_index": new,
        "rolled_over": rolls, "dry_run": is_dry, "conditions": told,
    })))
}

fn conditions_met(
    api: &Api,
    call: &Call,
    name: &str,
    conditions: &Map<String, Value>,
) -> Result<(bool, Map<String, Value>), ApiError> {
    let mut told = Map::new();
    if conditions.is_empty() {
        return Ok((true, told));
    }
    let resolved =
        api.resolve(call, name, Missing { ignores_unavailable: false, allows_none: true })?;
    let newest = resolved.names.last().cloned().unwrap_or_default();
    let stats = stats(&resolved)?;
    let (documents, bytes) = stats.get(&newest).copied().unwrap_or((0, 0));
    let created = resolved.metadata.indices.get(&newest).map_or(0, |index| index.created_ms);
    for (condition, wanted) in conditions {
        let text = wanted.as_str().map_or_else(|| wanted.to_string(), str::to_owned);
        let is_met = match condition.as_str() {
            "max_docs" | "max_primary_shard_docs" => {
                text.parse().is_ok_and(|most: u64| documents >= most)
            }
            "max_age" => vigie_language::search::parse_fixed_interval(&text)
                .is_some_and(|span| api.now_ms() - created >= span),
            "max_size" | "max_primary_shard_size" => size(&text).is_some_and(|most| bytes >= most),
            _ => {
                return Err(ApiError::argument(format!(
                    "unknown rollover condition [{condition}]"
                )));
            }
        };
        told.insert(format!("[{condition}: {text}]"), is_met.into());
    }
    let met = told.values().any(|met| *met == Value::Bool(true));
    Ok((met, told))
}

/// `50gb`
fn size(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match lower.get(digits.len()..)? {
        "b" => 1,
        "kb" => 1 << 10,
        "mb" => 1 << 20,
        "gb" => 1 << 30,
        "tb" => 1_u64 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// `logs-000001` becomes `logs-000002`; a date keeps its expression.
fn next_name(name: &str) -> Result<String, ApiError> {
    let refuse =
        || ApiError::argument(format!("index name [{name}] does not match pattern '^.*-\\d+$'"));
    let (inner, close) = match name.strip_suffix('>') {
        Some(inner) => (inner, ">"),
        None => (name, ""),
    };
    let (start, number) = inner.rsplit_once('-').ok_or_else(refuse)?;
    let next: u64 = number.parse::<u64>().map_err(|_| refuse())?.saturating_add(1);
    Ok(format!("{start}-{next:06}{close}"))
}

/// Documents and bytes of each index.
pub(super) fn stats(resolved: &Resolved) -> Result<BTreeMap<String, (u64, u64)>, ApiError> {
    let mut found: BTreeMap<String, (u64, u64)> =
        resolved.names.iter().map(|name| (name.clone(), (0, 0))).collect();
    for index in resolved.snapshot.indexes()? {
        if let Some(entry) = found.get_mut(&index.name) {
            *entry = (index.documents, index.bytes);
        }
    }
    Ok(found)
}

/// `{index}/_stats`
pub(super) fn statistics(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let tell = |documents: u64, bytes: u64| json!({"docs": {"count": documents, "deleted": 0}, "store": {"size_in_bytes": bytes}, "indexing": {"index_total": documents}, "search": {"query_total": 0}});
    let (mut indices, mut total) = (Map::new(), (0, 0));
    for (name, (documents, bytes)) in stats(&resolved)? {
        total = (total.0 + documents, total.1 + bytes);
        let told = tell(documents, bytes);
        indices.insert(name, json!({"primaries": told, "total": told}));
    }
    let all = tell(total.0, total.1);
    let count = indices.len();
    Ok(Reply::json(json!({
        "_shards": {"total": count, "successful": count, "failed": 0},
        "_all": {"primaries": all, "total": all}, "indices": indices,
    })))
}

/// `_resolve/index/{expression}`
pub(super) fn resolve(api: &Api, call: &Call, expression: &str) -> Result<Reply, ApiError> {
    let missing = Missing { ignores_unavailable: true, allows_none: true };
    let resolved = api.resolve(call, expression, missing)?;
    let metadata = &resolved.metadata;
    let mut indices = Vec::new();
    for name in &resolved.names {
        let index = metadata.indices.get(name);
        let aliases: Vec<&String> =
            index.into_iter().flat_map(|index| index.aliases.keys()).collect();
        let stream = metadata.data_streams.iter().find(|(_, stream)| stream.indices.contains(name));
        let mut told = json!({"name": name, "attributes": ["open"]});
        if !aliases.is_empty() {
            told["aliases"] = json!(aliases);
        }
        if let Some((stream, _)) = stream {
            told["data_stream"] = json!(stream);
        }
        indices.push(told);
    }
    let patterns: Vec<_> =
        expression.split(',').map(vigie_language::search::Pattern::parse_name).collect();
    let is_meant = |name: &String| patterns.iter().any(|pattern| pattern.matches(name));
    let mut aliases: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (index, known) in &metadata.indices {
        known
            .aliases
            .keys()
            .filter(|alias| is_meant(alias))
            .for_each(|alias| aliases.entry(alias).or_default().push(index));
    }
    let aliases: Vec<Value> = aliases
        .into_iter()
        .map(|(name, indices)| json!({"name": name, "indices": indices}))
        .collect();
    let streams = metadata.data_streams.iter().filter(|(name, _)| is_meant(name));
    let streams: Vec<Value> = streams.map(|(name, stream)| json!({"name": name, "backing_indices": stream.indices, "timestamp_field": "@timestamp"})).collect();
    Ok(Reply::json(json!({"indices": indices, "aliases": aliases, "data_streams": streams})))
}
