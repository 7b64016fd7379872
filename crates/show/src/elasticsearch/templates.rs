//! Index templates: which one holds for a new index, and what it gives it.

use serde_json::{Map, Value, json};
use vigie_language::search::Pattern;

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::metadata::Metadata;
use super::settings;
use super::state::Api;

/// What a template gives a new index.
#[derive(Debug, Clone, Default)]
pub(super) struct Template {
    pub(super) name: String,
    pub(super) settings: Map<String, Value>,
    pub(super) mappings: Map<String, Value>,
    pub(super) aliases: Map<String, Value>,
    pub(super) is_data_stream: bool,
}

fn patterns(template: &Value) -> Vec<Pattern> {
    match template.get("index_patterns") {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(Pattern::parse_name).collect()
        }
        Some(Value::String(text)) => text.split(',').map(Pattern::parse_name).collect(),
        _ => Vec::new(),
    }
}

fn priority(template: &Value) -> i64 {
    template.get("priority").or(template.get("order")).and_then(Value::as_i64).unwrap_or(0)
}

/// The template for an index called `name`.
pub(super) fn for_name(metadata: &Metadata, name: &str) -> Option<Template> {
    let matching = |kind: &str| {
        let all = metadata.named(kind).into_iter().flatten();
        let mut found: Vec<(&String, &Value)> = all
            .filter(|(_, template)| patterns(template).iter().any(|pattern| pattern.matches(name)))
            .collect();
        found.sort_by_key(|(_, template)| priority(template));
        found
    };
    if let Some((name, template)) = matching("index_template").pop() {
        return Some(compose(metadata, name, template));
    }
    // Old templates are all applied, the higher orders over the lower ones.
    let mut made: Option<Template> = None;
    for (name, template) in matching("template") {
        let made =
            made.get_or_insert_with(|| Template { name: name.clone(), ..Template::default() });
        add(made, template);
    }
    made
}

fn compose(metadata: &Metadata, name: &str, template: &Value) -> Template {
    let mut made = Template { name: name.to_owned(), ..Template::default() };
    made.is_data_stream = template.get("data_stream").is_some_and(Value::is_object);
    let parts = template.get("composed_of").and_then(Value::as_array).into_iter().flatten();
    for part in parts.filter_map(Value::as_str) {
        let component = metadata.named("component_template").and_then(|all| all.get(part));
        if let Some(inner) = component.and_then(|component| component.get("template")) {
            add(&mut made, inner);
        }
    }
    if let Some(inner) = template.get("template") {
        add(&mut made, inner);
    }
    made
}

fn add(made: &mut Template, part: &Value) {
    if let Some(given) = part.get("settings") {
        made.settings.extend(settings::flat(given));
    }
    if let Some(Value::Object(mappings)) = part.get("mappings") {
        merge(&mut made.mappings, mappings, 0);
    }
    if let Some(Value::Object(aliases)) = part.get("aliases") {
        made.aliases.extend(aliases.clone());
    }
}

/// Objects are merged, everything else is replaced; lists of dynamic templates are joined.
pub(super) fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>, depth: usize) {
    for (key, value) in from {
        match (into.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) if depth < 50 => {
                merge(inner, more, depth + 1);
            }
            (Some(Value::Array(known)), Value::Array(more)) if key == "dynamic_templates" => {
                known.extend(more.clone());
            }
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Two templates of one priority may not hold for the same index; parts must be there.
pub(super) fn check(metadata: &Metadata, name: &str, template: &Value) -> Result<(), ApiError> {
    let parts = template.get("composed_of").and_then(Value::as_array).into_iter().flatten();
    let ignored: Vec<&str> = template
        .get("ignore_missing_component_templates")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let known = metadata.named("component_template");
    let missing: Vec<&str> = parts
        .filter_map(Value::as_str)
        .filter(|part| {
            !ignored.contains(part) && !known.is_some_and(|known| known.contains_key(*part))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "index template [{name}] invalid, cause [index template [{name}] specifies component templates [{}] that do not exist]",
        missing.join(", ")
    );
    Err(ApiError::new("invalid_index_template_exception", reason, 400))
}

/// `_index_template/_simulate_index/{name}`
pub(super) fn simulate(api: &Api, call: &Call, name: &str) -> Result<Reply, ApiError> {
    let metadata = api.tenants.read(&call.tenant)?;
    let found = for_name(&metadata, name).unwrap_or_default();
    Ok(Reply::json(json!({
        "template": {
            "settings": settings::nested(&found.settings), "mappings": found.mappings, "aliases": found.aliases,
        },
        "overlapping": [],
    })))
}
