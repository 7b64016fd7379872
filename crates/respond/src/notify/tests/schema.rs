//! As much of JSON Schema as providers' documentation of their messages needs.

use serde_json::Value as Json;

/// Panics where the value is not what the schema says: `type`, `required`, `properties`, `items`,
/// `enum`, `maxLength`, `additionalProperties: false`.
pub(super) fn check(schema: &Json, value: &Json) {
    at("$", schema, value);
}

fn at(path: &str, schema: &Json, value: &Json) {
    if let Some(kind) = schema["type"].as_str() {
        let fits = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            other => panic!("no type {other}"),
        };
        assert!(fits, "{path} is no {kind}: {value}");
    }
    if let Some(known) = schema["enum"].as_array() {
        assert!(known.contains(value), "{path}: {value} is none of {known:?}");
    }
    if let (Some(most), Some(text)) = (schema["maxLength"].as_u64(), value.as_str()) {
        assert!(text.chars().count() as u64 <= most, "{path} is longer than {most}");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        assert!(value.get(name).is_some(), "{path}.{name} is missing in {value}");
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let open = schema["additionalProperties"] != Json::Bool(false);
            let documented = properties.get(name);
            assert!(open || documented.is_some(), "{path}.{name} is not documented");
            at(&format!("{path}.{name}"), documented.unwrap_or(&Json::Null), inner);
        }
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        at(&format!("{path}[{index}]"), &schema["items"], inner);
    }
}
