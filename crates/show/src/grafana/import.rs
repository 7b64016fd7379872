//! Dashboards as they are shared: with inputs that are filled in on import.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::answer::{Answer, Body, Refusal, ok, slug};
use super::dashboards::{folder_meant, saving};
use crate::Identity;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/dashboards/import", post(import))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Import {
    dashboard: Value,
    folder_uid: Option<String>,
    folder_id: Option<i64>,
    overwrite: Option<bool>,
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Debug, Deserialize)]
struct Input {
    name: String,
    value: Option<String>,
}

/// Nesting of a dashboard that is walked through; `serde_json` reads no deeper either.
const DEPTH_MAX: usize = 128;

/// Puts the inputs' values in the place of `${NAME}`.
fn fill_in(value: &mut Value, inputs: &BTreeMap<String, String>, depth: usize) {
    match value {
        Value::String(text) if text.contains("${") => {
            for (name, given) in inputs {
                *text = text.replace(&format!("${{{name}}}"), given);
            }
        }
        Value::Array(items) if depth < DEPTH_MAX => {
            items.iter_mut().for_each(|item| fill_in(item, inputs, depth + 1));
        }
        Value::Object(object) if depth < DEPTH_MAX => {
            object.values_mut().for_each(|item| fill_in(item, inputs, depth + 1));
        }
        _ => {}
    }
}

/// The dashboard as it is kept: inputs filled in, and without what describes the export.
pub(super) fn imported(mut dashboard: Value, given: &BTreeMap<String, String>) -> Value {
    let mut inputs = given.clone();
    let declared = dashboard.get("__inputs").and_then(Value::as_array).cloned();
    for input in declared.unwrap_or_default() {
        let Some(name) = input.get("name").and_then(Value::as_str) else { continue };
        if let Some(value) = input.get("value").and_then(Value::as_str) {
            inputs.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    if let Some(object) = dashboard.as_object_mut() {
        for name in ["__inputs", "__requires", "__elements"] {
            object.remove(name);
        }
        object.insert("id".to_owned(), Value::Null);
    }
    fill_in(&mut dashboard, &inputs, 0);
    dashboard
}

async fn import(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<Import>,
) -> Answer {
    if !given.dashboard.is_object() {
        return Err(Refusal::new(
            axum::http::StatusCode::UNPROCESSABLE_ENTITY,
            "Dashboard must be set",
        ));
    }
    let inputs = given.inputs.into_iter().filter_map(|input| Some((input.name, input.value?)));
    let dashboard = imported(given.dashboard, &inputs.collect());
    let mut saving = saving(&state, &identity, dashboard);
    saving.overwrites = given.overwrite.unwrap_or(false);
    let (folder_uid, folder_id) = (given.folder_uid, given.folder_id);
    let saved = state
        .change(move |catalog| {
            saving.folder_uid = folder_meant(catalog, folder_uid.as_deref(), folder_id)?;
            saving.changes(catalog)
        })
        .await?;
    Ok(ok(&json!({
        "uid": saved.uid,
        "pluginId": "",
        "title": saved.title,
        "imported": true,
        "importedUri": format!("db/{}", slug(&saved.title)),
        "importedUrl": saved.url(),
        "slug": slug(&saved.title),
        "dashboardId": saved.id,
        "folderId": 0,
        "folderUid": saved.folder_uid,
        "importedRevision": saved.version,
        "revision": saved.version,
        "description": "",
        "path": "",
        "removed": false,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_filled_in_everywhere() {
        let shared = json!({
            "__inputs": [
                {"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus"},
                {"name": "VAR_JOB", "type": "constant", "value": "node"},
            ],
            "__requires": [],
            "title": "x",
            "panels": [{"datasource": "${DS_PROMETHEUS}", "targets": [{"expr": "up{job='${VAR_JOB}'}"}]}],
        });
        let given = BTreeMap::from([("DS_PROMETHEUS".to_owned(), "vigie".to_owned())]);
        let panels = json!([{"datasource": "vigie", "targets": [{"expr": "up{job='node'}"}]}]);
        assert_eq!(imported(shared, &given), json!({"id": null, "title": "x", "panels": panels}));
    }
}
