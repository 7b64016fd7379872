//! Versions of dashboards, and bringing one back.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{DashboardVersion, State as CatalogState};

use super::Shared;
use super::answer::{Answer, Body, Query, Refusal, date, ok};
use super::dashboards::{dashboard_numbered, dashboard_of, saving};
use super::save::saved_json;
use crate::Identity;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/dashboards/uid/{uid}/versions", get(list))
        .route("/api/dashboards/uid/{uid}/versions/{version}", get(show))
        .route("/api/dashboards/uid/{uid}/restore", post(restore))
        .route("/api/dashboards/id/{id}/versions", get(list_by_id))
        .route("/api/dashboards/id/{id}/versions/{version}", get(show_by_id))
        .route("/api/dashboards/id/{id}/restore", post(restore_by_id))
}

fn uid_numbered(state: &Shared, id: u64) -> Result<String, Refusal> {
    let catalog = state.catalog.state();
    let found = dashboard_numbered(&catalog, id).map(|dashboard| dashboard.uid.clone());
    found.ok_or_else(|| Refusal::not_found("Dashboard not found").with("status", "not-found"))
}

/// What is told of a version, without the dashboard itself.
fn shown(version: &DashboardVersion, dashboard_id: u64) -> Value {
    json!({
        // Versions are counted by dashboard, so the number tells them apart.
        "id": version.version,
        "dashboardId": dashboard_id,
        "dashboardUID": version.dashboard_uid,
        "uid": version.dashboard_uid,
        "parentVersion": version.parent_version,
        "restoredFrom": version.restored_from,
        "version": version.version,
        "created": date(version.created_ms),
        "createdBy": version.created_by,
        "message": version.message,
    })
}

async fn list(State(state): State<Shared>, Path(uid): Path<String>, query: Query) -> Answer {
    let catalog = state.catalog.state();
    let id = dashboard_of(&catalog, &uid)?.id;
    let limit = query.number("limit").filter(|limit| *limit > 0).unwrap_or(1000);
    let skipped = query.number("start").unwrap_or(0);
    let newest_first = catalog.versions(&uid).rev().skip(skipped).take(limit);
    let versions: Vec<Value> = newest_first.map(|version| shown(version, id)).collect();
    Ok(ok(&json!({"continueToken": "", "versions": versions})))
}

async fn list_by_id(state: State<Shared>, Path(id): Path<u64>, query: Query) -> Answer {
    let uid = uid_numbered(&state, id)?;
    list(state, Path(uid), query).await
}

fn version_of<'a>(
    catalog: &'a CatalogState,
    uid: &str,
    version: u64,
) -> Result<&'a DashboardVersion, Refusal> {
    let found = catalog.versions(uid).find(|found| found.version == version);
    found.map(|found| &**found).ok_or_else(|| {
        Refusal::not_found(format!("Dashboard version {version} not found for {uid}"))
    })
}

async fn show(State(state): State<Shared>, Path((uid, version)): Path<(String, u64)>) -> Answer {
    let catalog = state.catalog.state();
    let id = dashboard_of(&catalog, &uid)?.id;
    let version = version_of(&catalog, &uid, version)?;
    let mut shown = shown(version, id);
    shown["data"] = version.json.clone();
    Ok(ok(&shown))
}

async fn show_by_id(state: State<Shared>, Path((id, version)): Path<(u64, u64)>) -> Answer {
    let uid = uid_numbered(&state, id)?;
    show(state, Path((uid, version))).await
}

#[derive(Debug, Deserialize)]
struct Restore {
    version: u64,
}

async fn restore(
    State(state): State<Shared>,
    identity: Identity,
    Path(uid): Path<String>,
    Body(given): Body<Restore>,
) -> Answer {
    let template = saving(&state, &identity, Value::Null);
    let saved = state
        .change(move |catalog| {
            let dashboard = dashboard_of(catalog, &uid)?;
            let version = version_of(catalog, &uid, given.version)?;
            let mut saving = template;
            saving.json = version.json.clone();
            if let Some(object) = saving.json.as_object_mut() {
                object.insert("id".to_owned(), dashboard.id.into());
                object.insert("version".to_owned(), dashboard.version.into());
                object.insert("uid".to_owned(), uid.clone().into());
            }
            saving.folder_uid.clone_from(&dashboard.folder_uid);
            saving.message = format!("Restored from version {}", given.version);
            saving.restored_from = given.version;
            saving.changes(catalog)
        })
        .await?;
    Ok(ok(&saved_json(&saved)))
}

async fn restore_by_id(
    state: State<Shared>,
    identity: Identity,
    Path(id): Path<u64>,
    body: Body<Restore>,
) -> Answer {
    let uid = uid_numbered(&state, id)?;
    restore(state, identity, Path(uid), body).await
}
