//! `_alias` and `_aliases`

use serde_json::{Map, Value, json};
use vigie_language::search::Pattern;

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::Missing;
use super::state::Api;

/// Actions of one request.
const ACTIONS_MAX: usize = 10_000;

/// GET and HEAD of aliases.
pub(super) fn get(
    api: &Api,
    call: &Call,
    index: &str,
    alias: Option<&str>,
) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let patterns: Option<Vec<Pattern>> =
        alias.map(|text| text.split(',').map(Pattern::parse_name).collect());
    let mut told = Map::new();
    for name in &resolved.names {
        let aliases = resolved
            .metadata
            .indices
            .get(name)
            .map(|index| index.aliases.clone())
            .unwrap_or_default();
        let aliases: Map<String, Value> = aliases
            .into_iter()
            .filter(|(alias, _)| {
                patterns.as_ref().is_none_or(|all| all.iter().any(|p| p.matches(alias)))
            })
            .collect();
        if patterns.is_none() || !aliases.is_empty() {
            told.insert(name.clone(), json!({"aliases": aliases}));
        }
    }
    if let Some(alias) = alias.filter(|alias| told.is_empty() && !alias.contains('*')) {
        let error = json!({"error": format!("alias [{alias}] missing"), "status": 404});
        return Ok(Reply::json(error).with_status(404));
    }
    Ok(Reply::json(Value::Object(told)))
}

/// PUT and DELETE of one alias.
pub(super) fn set(
    api: &Api,
    call: &Call,
    index: &str,
    alias: &str,
    adds: bool,
) -> Result<Reply, ApiError> {
    let options = call.json()?;
    change(
        api,
        call,
        &[Action {
            adds,
            removes_index: false,
            index: index.to_owned(),
            alias: alias.to_owned(),
            options,
        }],
    )
}

struct Action {
    adds: bool,
    removes_index: bool,
    index: String,
    alias: String,
    options: Value,
}

/// `POST _aliases`
pub(super) fn actions(api: &Api, call: &Call) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let Some(Value::Array(items)) = body.get("actions") else {
        let reason = "Validation Failed: 1: Must specify at least one action;";
        return Err(ApiError::new("action_request_validation_exception", reason, 400));
    };
    let mut all = Vec::new();
    for item in items.iter().take(ACTIONS_MAX) {
        let Some((kind, options)) = item.as_object().and_then(|map| map.iter().next()) else {
            continue;
        };
        let names = |one: &str, many: &str| -> Vec<String> {
            match options.get(one).or(options.get(many)) {
                Some(Value::Array(items)) => {
                    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                Some(Value::String(name)) => vec![name.clone()],
                _ => Vec::new(),
            }
        };
        let (adds, removes_index) = match kind.as_str() {
            "add" => (true, false),
            "remove" => (false, false),
            "remove_index" => (false, true),
            other => return Err(ApiError::argument(format!("[aliases] unknown field [{other}]"))),
        };
        let mut kept = options.as_object().cloned().unwrap_or_default();
        kept.retain(|key, _| {
            matches!(
                key.as_str(),
                "is_write_index"
                    | "filter"
                    | "routing"
                    | "index_routing"
                    | "search_routing"
                    | "is_hidden"
            )
        });
        for index in names("index", "indices") {
            let mut aliases = names("alias", "aliases");
            if removes_index {
                aliases = vec![String::new()];
            }
            for alias in aliases {
                all.push(Action {
                    adds,
                    removes_index,
                    index: index.clone(),
                    alias,
                    options: Value::Object(kept.clone()),
                });
            }
        }
    }
    change(api, call, &all)
}

fn change(api: &Api, call: &Call, actions: &[Action]) -> Result<Reply, ApiError> {
    let missing = Missing { ignores_unavailable: false, allows_none: true };
    let mut resolved = Vec::new();
    for action in actions {
        let names = api.resolve(call, &action.index, missing)?.names;
        if action.removes_index {
            super::by_query::delete_all(api, call, &names)?;
        }
        resolved.push(names);
    }
    api.tenants.change(&call.tenant, |metadata| {
        for (action, names) in actions.iter().zip(&resolved) {
            for name in names {
                if action.removes_index {
                    metadata.indices.remove(name);
                    metadata.deleted.insert(name.clone());
                    continue;
                }
                let index = metadata.indices.entry(name.clone()).or_default();
                if action.adds {
                    index.aliases.insert(action.alias.clone(), action.options.clone());
                } else {
                    let pattern = Pattern::parse_name(&action.alias);
                    index.aliases.retain(|alias, _| !pattern.matches(alias));
                }
            }
        }
        Ok(())
    })?;
    Ok(Reply::acknowledged())
}
