//! Settings of indices: however they are nested, kept flat under `index.`.

use serde_json::{Map, Value, json};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::Missing;
use super::state::Api;

/// Levels that settings may have.
const DEPTH_MAX: usize = 20;

/// Flattens `{"index": {"number_of_shards": 1}}` to `{"index.number_of_shards": "1"}`.
pub(super) fn flat(settings: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    flatten("", settings, &mut out, 0);
    let named = out.into_iter().map(|(key, value)| {
        let key = if key.starts_with("index.") { key } else { format!("index.{key}") };
        (key, value)
    });
    named.collect()
}

fn flatten(prefix: &str, value: &Value, out: &mut Map<String, Value>, depth: usize) {
    match value {
        Value::Object(map) if depth < DEPTH_MAX => {
            for (key, inner) in map {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, inner, out, depth + 1);
            }
        }
        Value::Null if prefix.is_empty() => {}
        Value::String(_) | Value::Array(_) | Value::Null => {
            out.insert(prefix.to_owned(), value.clone());
        }
        other => {
            out.insert(prefix.to_owned(), other.to_string().into());
        }
    }
}

/// The other way.
pub(super) fn nested(flat: &Map<String, Value>) -> Map<String, Value> {
    let mut root = Map::new();
    for (key, value) in flat {
        let mut level = &mut root;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                level.insert(part.to_owned(), value.clone());
                break;
            }
            let entry = level.entry(part).or_insert_with(|| json!({}));
            if !entry.is_object() {
                *entry = json!({});
            }
            let Value::Object(inner) = entry else { break };
            level = inner;
        }
    }
    root
}

/// All settings of an index, the invented ones included.
pub(super) fn of(name: &str, index: Option<&super::metadata::Index>) -> Map<String, Value> {
    let mut settings = index.map(|index| index.settings.clone()).unwrap_or_default();
    let mut default = |key: &str, value: String| {
        settings.entry(key).or_insert_with(|| value.into());
    };
    default("index.number_of_shards", "1".to_owned());
    default("index.number_of_replicas", "0".to_owned());
    default("index.provided_name", name.to_owned());
    default("index.creation_date", index.map_or(0, |index| index.created_ms).to_string());
    default("index.uuid", index.map_or_else(|| "_na_".to_owned(), |index| index.uuid.clone()));
    default("index.version.created", "8050399".to_owned());
    settings
}

pub(super) fn get(
    api: &Api,
    call: &Call,
    index: &str,
    pattern: Option<&str>,
) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let pattern = pattern.map(vigie_language::search::Pattern::parse_name);
    let mut told = Map::new();
    for name in &resolved.names {
        let mut settings = of(name, resolved.metadata.indices.get(name));
        if let Some(pattern) = &pattern {
            settings.retain(|key, _| pattern.matches(key));
        }
        let shown = if call.flag("flat_settings") { settings } else { nested(&settings) };
        told.insert(name.clone(), json!({"settings": shown}));
    }
    Ok(Reply::json(Value::Object(told)))
}

pub(super) fn put(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let changed = flat(body.get("settings").unwrap_or(&body));
    let resolved = api.resolve(call, index, Missing::of(call))?;
    api.tenants.change(&call.tenant, |metadata| {
        for name in &resolved.names {
            let settings = &mut metadata.indices.entry(name.clone()).or_default().settings;
            for (key, value) in &changed {
                if value.is_null() {
                    settings.remove(key);
                } else {
                    settings.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(())
    })?;
    Ok(Reply::acknowledged())
}
