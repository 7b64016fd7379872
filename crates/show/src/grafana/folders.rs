//! Folders: `/api/folders`.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Change, Folder, Role, State as CatalogState};

use super::Shared;
use super::answer::{Answer, Body, Query, Refusal, check_uid, date, login_of, ok, page_of, slug};
use crate::Identity;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/folders", get(list).post(create))
        .route("/api/folders/id/{id}", get(by_id))
        .route("/api/folders/{uid}", get(show).put(change).delete(remove))
        .route("/api/folders/{uid}/move", post(move_to))
        .route("/api/folders/{uid}/counts", get(counts))
        .route("/api/folders/{uid}/permissions", get(permissions))
}

/// Folders within folders, as deep as in Grafana.
const DEPTH_MAX: usize = 4;

/// The address of a folder.
pub(super) fn folder_url(folder: &Folder) -> String {
    format!("/dashboards/f/{}/{}", folder.uid, slug(&folder.title))
}

fn folder_of<'a>(catalog: &'a CatalogState, uid: &str) -> Result<&'a Folder, Refusal> {
    let found = catalog.folder(uid).map(|folder| &**folder);
    found.ok_or_else(|| Refusal::not_found("folder not found").with("status", "not-found"))
}

/// The folders in which this one lies, the outermost first.
fn parents<'a>(catalog: &'a CatalogState, folder: &Folder) -> Vec<&'a Folder> {
    let mut parents = Vec::new();
    let mut uid = folder.parent_uid.as_str();
    while let Some(parent) = catalog.folder(uid) {
        if parents.len() > DEPTH_MAX {
            break;
        }
        parents.insert(0, &**parent);
        uid = &parent.parent_uid;
    }
    parents
}

fn shown(catalog: &CatalogState, folder: &Folder, identity: &Identity) -> Value {
    let may_edit = identity.role >= Role::Editor;
    let parents = parents(catalog, folder);
    let parents = parents.iter().map(|parent| {
        json!({"id": parent.id, "uid": parent.uid, "title": parent.title, "url": folder_url(parent)})
    });
    json!({
        "id": folder.id,
        "uid": folder.uid,
        "orgId": 1,
        "title": folder.title,
        "description": folder.description,
        "url": folder_url(folder),
        "hasAcl": false,
        "canSave": may_edit,
        "canEdit": may_edit,
        "canAdmin": identity.role == Role::Administrator,
        "canDelete": may_edit,
        "createdBy": folder.created_by,
        "created": date(folder.created_ms),
        "updatedBy": folder.updated_by,
        "updated": date(folder.updated_ms),
        "version": folder.version,
        "parentUid": folder.parent_uid,
        "parents": parents.collect::<Vec<Value>>(),
    })
}

async fn list(State(state): State<Shared>, query: Query) -> Answer {
    let catalog = state.catalog.state();
    let parent = query.get("parentUid").unwrap_or_default();
    let mut folders: Vec<&Folder> =
        catalog.folders().values().map(|f| &**f).filter(|f| f.parent_uid == parent).collect();
    folders.sort_by_key(|folder| folder.title.to_lowercase());
    let shown = folders.iter().map(|folder| {
        json!({
            "id": folder.id, "uid": folder.uid, "title": folder.title,
            "parentUid": folder.parent_uid,
        })
    });
    let size = query.number("limit").unwrap_or(1000);
    Ok(ok(&page_of(shown.collect::<Vec<Value>>(), &query, size).0))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewFolder {
    uid: Option<String>,
    title: Option<String>,
    description: Option<String>,
    parent_uid: Option<String>,
}

/// Whether a title may be given to the folder `uid` in `parent`.
fn check_title(
    catalog: &CatalogState,
    title: &str,
    uid: &str,
    parent: &str,
) -> Result<(), Refusal> {
    if title.is_empty() {
        return Err(Refusal::bad("folder title cannot be empty"));
    }
    if title.chars().count() > 5_000 {
        return Err(Refusal::bad("folder title is too long"));
    }
    let is_taken = catalog
        .folders()
        .values()
        .any(|folder| folder.uid != uid && folder.parent_uid == parent && folder.title == title);
    if is_taken {
        let message = "a folder with the same name already exists in the current location";
        return Err(Refusal::conflict(message).with("status", "name-exists"));
    }
    Ok(())
}

/// Whether the folder `uid` may lie in `parent`.
fn check_parent(catalog: &CatalogState, uid: &str, parent: &str) -> Result<(), Refusal> {
    if parent.is_empty() {
        return Ok(());
    }
    let parent = folder_of(catalog, parent).map_err(|_| Refusal::bad("parent folder not found"))?;
    let above = parents(catalog, parent);
    if parent.uid == uid || above.iter().any(|folder| folder.uid == uid) {
        return Err(Refusal::bad("a folder cannot lie in itself"));
    }
    if above.len() + 1 >= DEPTH_MAX {
        return Err(Refusal::bad("maximum nested folder depth reached"));
    }
    Ok(())
}

async fn create(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<NewFolder>,
) -> Answer {
    let uid = given.uid.filter(|uid| !uid.is_empty()).unwrap_or_else(|| state.new_uid());
    check_uid(&uid)?;
    if uid == "general" {
        return Err(Refusal::bad("invalid uid for folder provided"));
    }
    let (now_ms, login) = (state.now_ms(), login_of(&identity));
    let folder = state
        .change(move |catalog| {
            if catalog.folder(&uid).is_some() {
                let message = "a folder/dashboard with the same uid already exists";
                return Err(Refusal::conflict(message));
            }
            let title = given.title.unwrap_or_default().trim().to_owned();
            let parent_uid = given.parent_uid.unwrap_or_default();
            check_title(catalog, &title, &uid, &parent_uid)?;
            check_parent(catalog, &uid, &parent_uid)?;
            let folder = Folder {
                id: catalog.free_number(0),
                uid,
                title,
                parent_uid,
                description: given.description.unwrap_or_default(),
                version: 1,
                created_ms: now_ms,
                updated_ms: now_ms,
                created_by: login.clone(),
                updated_by: login,
            };
            Ok((vec![Change::Folder(folder.clone())], folder))
        })
        .await?;
    Ok(ok(&shown(&state.catalog.state(), &folder, &identity)))
}

async fn show(State(state): State<Shared>, identity: Identity, Path(uid): Path<String>) -> Answer {
    let catalog = state.catalog.state();
    if uid == "general" {
        return Ok(ok(&json!({"id": 0, "uid": "general", "title": "Dashboards", "url": ""})));
    }
    Ok(ok(&shown(&catalog, folder_of(&catalog, &uid)?, &identity)))
}

async fn by_id(state: State<Shared>, identity: Identity, Path(id): Path<u64>) -> Answer {
    let catalog = state.catalog.state();
    let uid = catalog.folders().values().find(|f| f.id == id).map(|f| f.uid.clone());
    show(state, identity, Path(uid.unwrap_or_default())).await
}

#[derive(Debug, Deserialize)]
struct FolderChange {
    title: Option<String>,
    description: Option<String>,
    version: Option<u64>,
    #[serde(default)]
    overwrite: bool,
}

async fn change(
    State(state): State<Shared>,
    identity: Identity,
    Path(uid): Path<String>,
    Body(given): Body<FolderChange>,
) -> Answer {
    let (now_ms, login) = (state.now_ms(), login_of(&identity));
    let folder = state
        .change(move |catalog| {
            let mut folder = folder_of(catalog, &uid)?.clone();
            if !given.overwrite && given.version.unwrap_or(0) != folder.version {
                let message = "the folder has been changed by someone else";
                return Err(Refusal::precondition(message).with("status", "version-mismatch"));
            }
            if let Some(title) = given.title {
                folder.title = title.trim().to_owned();
            }
            check_title(catalog, &folder.title, &uid, &folder.parent_uid)?;
            folder.description = given.description.unwrap_or(folder.description);
            folder.version += 1;
            folder.updated_ms = now_ms;
            folder.updated_by = login;
            Ok((vec![Change::Folder(folder.clone())], folder))
        })
        .await?;
    Ok(ok(&shown(&state.catalog.state(), &folder, &identity)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Move {
    parent_uid: Option<String>,
}

async fn move_to(
    State(state): State<Shared>,
    identity: Identity,
    Path(uid): Path<String>,
    Body(given): Body<Move>,
) -> Answer {
    let now_ms = state.now_ms();
    let folder = state
        .change(move |catalog| {
            let mut folder = folder_of(catalog, &uid)?.clone();
            folder.parent_uid = given.parent_uid.unwrap_or_default();
            check_parent(catalog, &uid, &folder.parent_uid)?;
            check_title(catalog, &folder.title, &uid, &folder.parent_uid)?;
            folder.updated_ms = now_ms;
            Ok((vec![Change::Folder(folder.clone())], folder))
        })
        .await?;
    Ok(ok(&shown(&state.catalog.state(), &folder, &identity)))
}

/// A folder and all folders in it.
fn with_inner(catalog: &CatalogState, uid: &str) -> Vec<String> {
    let mut all = vec![uid.to_owned()];
    let mut at = 0;
    while let Some(outer) = all.get(at).cloned() {
        let inner = catalog.folders().values().filter(|folder| folder.parent_uid == outer);
        let inner: Vec<String> = inner.map(|folder| folder.uid.clone()).collect();
        all.extend(inner);
        at += 1;
    }
    all
}

async fn remove(State(state): State<Shared>, Path(uid): Path<String>) -> Answer {
    let (id, title) = {
        let uid = uid.clone();
        state
            .change(move |catalog| {
                let folder = folder_of(catalog, &uid)?;
                let told = (folder.id, folder.title.clone());
                let folders = with_inner(catalog, &uid);
                let inside = catalog.dashboards().values();
                let inside: Vec<_> =
                    inside.filter(|found| folders.contains(&found.folder_uid)).collect();
                if inside.iter().any(|found| found.provisioned_from.is_some()) {
                    return Err(Refusal::bad("folder contains provisioned dashboards"));
                }
                let mut changes: Vec<Change> =
                    inside.iter().map(|found| Change::DashboardGone(found.uid.clone())).collect();
                changes.extend(folders.into_iter().map(Change::FolderGone));
                Ok((changes, told))
            })
            .await?
    };
    let message = format!("Folder {title} deleted");
    Ok(ok(&json!({"id": id, "uid": uid, "title": title, "message": message})))
}

async fn counts(State(state): State<Shared>, Path(uid): Path<String>) -> Answer {
    let catalog = state.catalog.state();
    folder_of(&catalog, &uid)?;
    let folders = with_inner(&catalog, &uid);
    let inside = catalog.dashboards().values().filter(|d| folders.contains(&d.folder_uid)).count();
    Ok(ok(&json!({"dashboard": inside, "folder": folders.len() - 1, "alertrule": 0})))
}

async fn permissions(State(state): State<Shared>, Path(uid): Path<String>) -> Answer {
    let catalog = state.catalog.state();
    let folder = folder_of(&catalog, &uid)?;
    let entry = |role: &str, permission: u8, name: &str| {
        json!({
            "folderId": folder.id, "uid": uid, "role": role, "permission": permission,
            "permissionName": name, "inherited": false, "isFolder": true,
        })
    };
    Ok(super::answer::json_answer(
        StatusCode::OK,
        &json!([entry("Viewer", 1, "View"), entry("Editor", 2, "Edit")]),
    ))
}
