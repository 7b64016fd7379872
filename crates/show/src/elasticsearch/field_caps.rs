//! `_field_caps`: which fields there are and what can be asked of them.

use serde_json::{Map, Value, json};
use vigie_language::search::Pattern;
use vigie_query::search::{Field, FieldKind, Schema};

use super::answer::Reply;
use super::call::Call;
use super::error::ApiError;
use super::resolve::Missing;
use super::search::list;
use super::state::Api;

pub(super) fn field_caps(api: &Api, call: &Call, index: &str) -> Result<Reply, ApiError> {
    let resolved = api.resolve(call, index, Missing::of(call))?;
    let searcher = api.searcher(&resolved, call.stop())?;
    let mut wanted = list(call, "fields");
    let body = call.json()?;
    match body.get("fields") {
        Some(Value::Array(names)) => {
            wanted.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        Some(Value::String(names)) => wanted.extend(names.split(',').map(str::to_owned)),
        _ => {}
    }
    if wanted.is_empty() {
        let reason = "Validation Failed: 1: no fields specified;";
        return Err(ApiError::new("action_request_validation_exception", reason, 400));
    }
    let patterns: Vec<Pattern> = wanted.iter().map(|text| Pattern::parse_name(text)).collect();
    let mut fields = Map::new();
    for name in names(&searcher.compiler.schema) {
        if patterns.iter().any(|pattern| pattern.matches(&name)) {
            let field = searcher.compiler.schema.field(&name);
            fields.insert(name, tell(&field));
        }
    }
    for (name, kind) in [("_id", "_id"), ("_index", "_index"), ("_source", "_source")] {
        if patterns.iter().any(|pattern| pattern.matches(name)) {
            let caps = json!({"type": kind, "metadata_field": true, "searchable": name != "_source", "aggregatable": name == "_index"});
            fields.insert(name.to_owned(), json!({ kind: caps }));
        }
    }
    Ok(Reply::json(json!({"indices": resolved.names, "fields": fields})))
}

/// All fields, the objects that they are in, and the `keyword` beneath each dynamic text.
fn names(schema: &Schema) -> Vec<String> {
    let mut names = Vec::new();
    for name in schema.names() {
        let field = schema.field(&name);
        if field.kind == FieldKind::Text && !field.is_mapped {
            names.push(format!("{name}.keyword"));
        }
        let mut parent = name.as_str();
        while let Some((outer, _)) = parent.rsplit_once('.') {
            names.push(outer.to_owned());
            parent = outer;
        }
        names.push(name);
    }
    names.sort();
    names.dedup();
    names
}

fn tell(field: &Field) -> Value {
    let is_object = matches!(field.kind, FieldKind::Object | FieldKind::Nested);
    let kind = field.kind.name();
    json!({ kind: {
        "type": kind,
        "metadata_field": false,
        "searchable": !is_object,
        "aggregatable": !is_object && field.kind != FieldKind::Text,
    }})
}
