//! Things that clients put under a name and get back: ILM policies, pipelines, component
//! templates.

use axum::http::Method;
use serde_json::{Value, json};
use vigie_language::search::Pattern;

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::ingest;
use super::state::Api;

/// Things of one kind that a tenant may have.
const COUNT_MAX: usize = 10_000;

/// How a kind is stored and told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Its place in the metadata.
    pub(super) place: &'static str,
    /// What it is called in errors.
    pub(super) word: &'static str,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `{"name": {...}}`
    ByName,
    /// ILM: `{"name": {"version": 1, "policy": {...}}}`
    Policy,
    /// `{"component_templates": [{"name": ..., "component_template": {...}}]}`
    Listed(&'static str, &'static str),
}

pub(super) const PIPELINES: Kind =
    Kind { place: "pipeline", word: "pipeline", shape: Shape::ByName };
pub(super) const POLICIES: Kind = Kind { place: "ilm", word: "policy", shape: Shape::Policy };
pub(super) const LEGACY_TEMPLATES: Kind =
    Kind { place: "template", word: "index_template", shape: Shape::ByName };
pub(super) const COMPONENTS: Kind = Kind {
    place: "component_template",
    word: "component template",
    shape: Shape::Listed("component_templates", "component_template"),
};
pub(super) const INDEX_TEMPLATES: Kind = Kind {
    place: "index_template",
    word: "index template",
    shape: Shape::Listed("index_templates", "index_template"),
};

/// GET, HEAD, PUT, POST and DELETE of a name, or GET of all.
pub(super) fn serve(
    api: &Api,
    call: &Call,
    kind: Kind,
    name: Option<&str>,
) -> Result<Reply, ApiError> {
    match (&call.method, name) {
        (&Method::HEAD, Some(name)) => {
            Ok(Reply::exists(!find(api, call, kind, Some(name))?.is_empty()))
        }
        (&Method::GET | &Method::HEAD, name) => get(api, call, kind, name),
        (&Method::PUT | &Method::POST, Some(name)) => put(api, call, kind, name),
        (&Method::DELETE, Some(name)) => delete(api, call, kind, name),
        _ => Err(ApiError::argument(format!("a name of a {} is missing", kind.word))),
    }
}

fn find(
    api: &Api,
    call: &Call,
    kind: Kind,
    name: Option<&str>,
) -> Result<Vec<(String, Value)>, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let patterns: Vec<Pattern> = name.unwrap_or("*").split(',').map(Pattern::parse_name).collect();
    let all = metadata.named(kind.place).into_iter().flatten();
    let found = all.filter(|(name, _)| patterns.iter().any(|pattern| pattern.matches(name)));
    Ok(found.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn missing(kind: Kind, name: &str) -> ApiError {
    let reason = match kind.shape {
        Shape::Policy => format!("Lifecycle policy not found: {name}"),
        _ => format!("{} matching [{name}] not found", kind.word),
    };
    ApiError::new("resource_not_found_exception", reason, 404)
}

fn get(api: &Api, call: &Call, kind: Kind, name: Option<&str>) -> Result<Reply, ApiError> {
    let found = find(api, call, kind, name)?;
    if let Some(name) = name.filter(|name| found.is_empty() && !name.contains('*')) {
        // Elasticsearch tells an empty object of missing pipelines and old templates.
        if kind.shape == Shape::ByName {
            return Ok(Reply::json(json!({})).with_status(404));
        }
        return Err(missing(kind, name));
    }
    Ok(Reply::json(match kind.shape {
        Shape::ByName => Value::Object(found.into_iter().collect()),
        Shape::Policy => {
            let told = found.into_iter().map(|(name, policy)| {
                let in_use_by = json!({"indices": [], "data_streams": [], "composable_templates": []});
                let mut entry = json!({"version": 1, "modified_date": "1970-01-01T00:00:00.000Z", "in_use_by": in_use_by});
                if let (Some(entry), Value::Object(policy)) = (entry.as_object_mut(), policy) {
                    entry.extend(policy);
                }
                (name, entry)
            });
            Value::Object(told.collect())
        }
        Shape::Listed(list, item) => {
            let entry = |(name, value): (String, Value)| json!({"name": name, item: value});
            json!({list: found.into_iter().map(entry).collect::<Vec<_>>()})
        }
    }))
}

fn put(api: &Api, call: &Call, kind: Kind, name: &str) -> Result<Reply, ApiError> {
    let body = call.json()?;
    if !body.is_object() {
        return Err(ApiError::new("parse_exception", "request body is required", 400));
    }
    match kind.place {
        "pipeline" => ingest::check(&body)?,
        "index_template" | "template"
            if body.get("index_patterns").or(body.get("template")).is_none() =>
        {
            let reason = "Validation Failed: 1: index patterns are missing;";
            return Err(ApiError::new("action_request_validation_exception", reason, 400));
        }
        _ => {}
    }
    let create_only = call.flag("create");
    api.tenants.change(&call.tenant, |metadata| {
        if kind.place == "index_template" {
            super::templates::check(metadata, name, &body)?;
        }
        let all = metadata.named.entry(kind.place.to_owned()).or_default();
        if create_only && all.contains_key(name) {
            return Err(ApiError::argument(format!("{} [{name}] already exists", kind.word)));
        }
        if all.len() >= COUNT_MAX {
            return Err(ApiError::argument(format!("more than {COUNT_MAX} of {}", kind.word)));
        }
        all.insert(name.to_owned(), body);
        Ok(())
    })?;
    Ok(Reply::acknowledged())
}

fn delete(api: &Api, call: &Call, kind: Kind, name: &str) -> Result<Reply, ApiError> {
    let found = find(api, call, kind, Some(name))?;
    if found.is_empty() && name != "*" {
        return Err(missing(kind, name));
    }
    api.tenants.change(&call.tenant, |metadata| {
        let all = metadata.named.entry(kind.place.to_owned()).or_default();
        found.iter().for_each(|(name, _)| {
            all.remove(name);
        });
        Ok(())
    })?;
    Ok(Reply::acknowledged())
}
