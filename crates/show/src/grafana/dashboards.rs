//! Dashboards: `/api/dashboards`.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Change, Dashboard, Role, State as CatalogState};

use super::answer::{Answer, Body, Refusal, date, login_of, ok, slug};
use super::folders::folder_url;
use super::save::{Saving, saved_json, url};
use super::{GrafanaState, Shared};
use crate::Identity;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/dashboards/db", post(save))
        .route("/api/dashboards/uid/{uid}", get(show).delete(remove))
        .route("/api/dashboards/ids/{id}", get(uid_of))
        .route("/api/dashboards/uid/{uid}/permissions", get(permissions).post(set_permissions))
        .route("/api/dashboards/tags", get(tags))
}

/// A dashboard, or that there is none.
pub(super) fn dashboard_of<'a>(
    catalog: &'a CatalogState,
    uid: &str,
) -> Result<&'a Dashboard, Refusal> {
    let found = catalog.dashboard(uid).map(|dashboard| &**dashboard);
    found.ok_or_else(|| Refusal::not_found("Dashboard not found").with("status", "not-found"))
}

/// A dashboard by its number.
pub(super) fn dashboard_numbered(catalog: &CatalogState, id: u64) -> Option<&Dashboard> {
    catalog.dashboards().values().find(|found| found.id == id).map(|found| &**found)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Save {
    dashboard: Value,
    folder_uid: Option<String>,
    folder_id: Option<i64>,
    message: Option<String>,
    overwrite: Option<bool>,
}

/// The folder that is meant, by its uid or its number.
pub(super) fn folder_meant(
    catalog: &CatalogState,
    uid: Option<&str>,
    id: Option<i64>,
) -> Result<String, Refusal> {
    match (uid.unwrap_or_default(), id.unwrap_or(0)) {
        ("" | "general", id) if id <= 0 => Ok(String::new()),
        ("" | "general", id) => {
            let mut folders = catalog.folders().values();
            let found = folders.find(|folder| i64::try_from(folder.id) == Ok(id));
            let found = found.ok_or_else(|| Refusal::bad("folder not found"))?;
            Ok(found.uid.clone())
        }
        (uid, _) => Ok(uid.to_owned()),
    }
}

async fn save(State(state): State<Shared>, identity: Identity, Body(given): Body<Save>) -> Answer {
    let mut saving = saving(&state, &identity, given.dashboard);
    saving.message = given.message.unwrap_or_default();
    saving.overwrites = given.overwrite.unwrap_or(false);
    let saved = state
        .change(move |catalog| {
            saving.folder_uid =
                folder_meant(catalog, given.folder_uid.as_deref(), given.folder_id)?;
            saving.changes(catalog)
        })
        .await?;
    Ok(ok(&saved_json(&saved)))
}

/// A save by who asks, into no folder.
pub(super) fn saving(state: &GrafanaState, identity: &Identity, json: Value) -> Saving {
    Saving {
        json,
        folder_uid: String::new(),
        message: String::new(),
        overwrites: false,
        restored_from: 0,
        login: login_of(identity),
        now_ms: state.now_ms(),
        new_uid: state.new_uid(),
        provisioned_from: None,
        versions_max: state.catalog.limits().versions_max,
    }
}

/// What is told beside a dashboard.
pub(super) fn meta(
    catalog: &CatalogState,
    dashboard: &Dashboard,
    identity: &Identity,
    is_starred: bool,
) -> Value {
    let may_edit = identity.role >= Role::Editor;
    let folder = catalog.folder(&dashboard.folder_uid);
    let may = json!({"canAdd": may_edit, "canEdit": may_edit, "canDelete": may_edit});
    json!({
        "type": "db",
        "canSave": may_edit,
        "canEdit": may_edit,
        "canAdmin": identity.role == Role::Administrator,
        "canStar": identity.user.is_some(),
        "canDelete": may_edit && dashboard.provisioned_from.is_none(),
        "isStarred": is_starred,
        "slug": slug(&dashboard.title),
        "url": url(&dashboard.uid, &dashboard.title),
        "expires": "0001-01-01T00:00:00Z",
        "created": date(dashboard.created_ms),
        "updated": date(dashboard.updated_ms),
        "updatedBy": dashboard.updated_by,
        "createdBy": dashboard.created_by,
        "version": dashboard.version,
        "hasAcl": false,
        "isFolder": false,
        "folderId": folder.map_or(0, |folder| folder.id),
        "folderUid": dashboard.folder_uid,
        "folderTitle": folder.map_or("General", |folder| folder.title.as_str()),
        "folderUrl": folder.map_or_else(String::new, |folder| folder_url(folder)),
        "provisioned": dashboard.provisioned_from.is_some(),
        "provisionedExternalId": dashboard.provisioned_from.as_deref().unwrap_or_default(),
        "annotationsPermissions": {"dashboard": may, "organization": may},
    })
}

async fn show(State(state): State<Shared>, identity: Identity, Path(uid): Path<String>) -> Answer {
    let catalog = state.catalog.state();
    let dashboard = dashboard_of(&catalog, &uid)?;
    let owner = super::user::owner(&identity).unwrap_or_default();
    let is_starred = catalog.preferences(&owner).starred.contains(&uid);
    let meta = meta(&catalog, dashboard, &identity, is_starred);
    Ok(ok(&json!({"meta": meta, "dashboard": dashboard.json})))
}

async fn remove(State(state): State<Shared>, Path(uid): Path<String>) -> Answer {
    let (id, title) = {
        let uid = uid.clone();
        state
            .change(move |catalog| {
                let dashboard = dashboard_of(catalog, &uid)?;
                if dashboard.provisioned_from.is_some() {
                    return Err(Refusal::bad("provisioned dashboard cannot be deleted"));
                }
                let told = (dashboard.id, dashboard.title.clone());
                Ok((vec![Change::DashboardGone(uid)], told))
            })
            .await?
    };
    let message = format!("Dashboard {title} deleted");
    Ok(ok(&json!({"id": id, "uid": uid, "title": title, "message": message})))
}

async fn uid_of(State(state): State<Shared>, Path(ids): Path<String>) -> Response {
    let catalog = state.catalog.state();
    let ids = ids.split(',').filter_map(|id| id.parse().ok());
    let found = ids.filter_map(|id| dashboard_numbered(&catalog, id));
    ok(&found.map(|dashboard| dashboard.uid.as_str()).collect::<Vec<&str>>())
}

/// Permissions are the roles'; single ones cannot be given.
async fn permissions(State(state): State<Shared>, Path(uid): Path<String>) -> Answer {
    let catalog = state.catalog.state();
    let dashboard = dashboard_of(&catalog, &uid)?;
    let entry = |role: &str, permission: u8, name: &str| {
        json!({
            "dashboardId": dashboard.id, "uid": uid, "role": role, "permission": permission,
            "permissionName": name, "inherited": true, "isFolder": false,
        })
    };
    Ok(ok(&json!([entry("Viewer", 1, "View"), entry("Editor", 2, "Edit")])))
}

async fn set_permissions() -> Refusal {
    Refusal::new(
        axum::http::StatusCode::NOT_IMPLEMENTED,
        "permissions of single dashboards are not there: roles hold for all",
    )
}

async fn tags(State(state): State<Shared>) -> Response {
    let catalog = state.catalog.state();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for tag in catalog.dashboards().values().flat_map(|dashboard| &dashboard.tags) {
        *counts.entry(tag).or_default() += 1;
    }
    let tags = counts.iter().map(|(term, count)| json!({"term": term, "count": count}));
    ok(&tags.collect::<Vec<Value>>())
}
