//! Finding dashboards and folders: `/api/search`.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};
use vigie_catalog::{Dashboard, Folder, State as CatalogState};

use super::Shared;
use super::answer::{Query, ok, slug};
use super::folders::folder_url;
use super::save::url;
use super::user::owner;
use crate::Identity;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/search", get(search)).route("/api/search/sorting", get(sorting))
}

async fn sorting() -> Response {
    let option = |name: &str, shown: &str| json!({"name": name, "displayName": shown, "meta": ""});
    ok(&json!({"sortOptions": [
        option("alpha-asc", "Alphabetically (A–Z)"), option("alpha-desc", "Alphabetically (Z–A)"),
    ]}))
}

/// What is looked for.
struct Wanted<'a> {
    query: &'a Query,
    words: Vec<String>,
    starred: std::collections::BTreeSet<String>,
    folders: Vec<String>,
}

impl Wanted<'_> {
    fn fits_title(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        self.words.iter().all(|word| title.contains(word))
    }

    fn fits_folder(&self, uid: &str) -> bool {
        self.folders.is_empty()
            || self
                .folders
                .iter()
                .any(|folder| folder == uid || folder == "general" && uid.is_empty())
    }

    fn wants_dashboard(&self, dashboard: &Dashboard) -> bool {
        let query = self.query;
        let is_type = query.get("type").is_none_or(|kind| kind == "dash-db");
        let mut tags = query.all("tag").filter(|tag| !tag.is_empty());
        let has_tags = tags.all(|tag| dashboard.tags.iter().any(|found| found == tag));
        let uids: Vec<&str> = query.all("dashboardUIDs").chain(query.all("dashboardUID")).collect();
        let ids: Vec<&str> = query.all("dashboardIds").collect();
        let is_named = (uids.is_empty()
            || uids.iter().any(|uid| uid.split(',').any(|u| u == dashboard.uid)))
            && (ids.is_empty() || ids.iter().any(|id| *id == dashboard.id.to_string()));
        let is_starred = !query.flag("starred") || self.starred.contains(&dashboard.uid);
        is_type
            && has_tags
            && is_named
            && is_starred
            && self.fits_folder(&dashboard.folder_uid)
            && self.fits_title(&dashboard.title)
    }

    fn wants_folder(&self, folder: &Folder) -> bool {
        let query = self.query;
        let is_type = query.get("type").is_none_or(|kind| kind == "dash-folder");
        let other = ["tag", "dashboardUIDs", "dashboardUID", "dashboardIds"];
        is_type
            && other.iter().all(|name| query.get(name).is_none())
            && !query.flag("starred")
            && self.fits_folder(&folder.parent_uid)
            && self.fits_title(&folder.title)
    }
}

fn folder_fields(catalog: &CatalogState, uid: &str, hit: &mut Value) {
    let Some(folder) = catalog.folder(uid) else { return };
    hit["folderId"] = folder.id.into();
    hit["folderUid"] = folder.uid.clone().into();
    hit["folderTitle"] = folder.title.clone().into();
    hit["folderUrl"] = folder_url(folder).into();
}

fn dashboard_hit(catalog: &CatalogState, dashboard: &Dashboard, is_starred: bool) -> Value {
    let mut hit = json!({
        "id": dashboard.id,
        "orgId": 1,
        "uid": dashboard.uid,
        "title": dashboard.title,
        "uri": format!("db/{}", slug(&dashboard.title)),
        "url": url(&dashboard.uid, &dashboard.title),
        "slug": "",
        "type": "dash-db",
        "tags": dashboard.tags,
        "isStarred": is_starred,
        "sortMeta": 0,
        "isDeleted": false,
    });
    folder_fields(catalog, &dashboard.folder_uid, &mut hit);
    hit
}

fn folder_hit(catalog: &CatalogState, folder: &Folder) -> Value {
    let mut hit = json!({
        "id": folder.id,
        "orgId": 1,
        "uid": folder.uid,
        "title": folder.title,
        "uri": format!("db/{}", slug(&folder.title)),
        "url": folder_url(folder),
        "slug": "",
        "type": "dash-folder",
        "tags": [],
        "isStarred": false,
        "sortMeta": 0,
        "isDeleted": false,
    });
    folder_fields(catalog, &folder.parent_uid, &mut hit);
    hit
}

async fn search(State(state): State<Shared>, identity: Identity, query: Query) -> Response {
    let catalog = state.catalog.state();
    let words = query.get("query").unwrap_or_default().to_lowercase();
    let by_uid = query.all("folderUIDs").chain(query.all("folderUid"));
    let mut folders: Vec<String> =
        by_uid.flat_map(|uids| uids.split(',')).filter(|u| !u.is_empty()).map(Into::into).collect();
    for id in query.all("folderIds").filter(|id| !id.is_empty()) {
        let found = catalog.folders().values().find(|folder| folder.id.to_string() == id);
        folders.push(found.map_or_else(|| "general".to_owned(), |folder| folder.uid.clone()));
    }
    let wanted = Wanted {
        query: &query,
        words: words.split_whitespace().map(str::to_owned).collect(),
        starred: catalog.preferences(&owner(&identity).unwrap_or_default()).starred.clone(),
        folders,
    };
    let found = catalog.folders().values().filter(|folder| wanted.wants_folder(folder));
    let mut hits: Vec<Value> = found.map(|folder| folder_hit(&catalog, folder)).collect();
    let found = catalog.dashboards().values().filter(|found| wanted.wants_dashboard(found));
    hits.extend(
        found.map(|found| dashboard_hit(&catalog, found, wanted.starred.contains(&found.uid))),
    );
    let title = |hit: &Value| hit["title"].as_str().unwrap_or_default().to_lowercase();
    // Folders come first, as in Grafana.
    hits.sort_by_cached_key(|hit| (hit["type"] != "dash-folder", title(hit)));
    if query.get("sort") == Some("alpha-desc") {
        hits.reverse();
        hits.sort_by_key(|hit| hit["type"] != "dash-folder");
    }
    let limit = query.number("limit").unwrap_or(1000_usize).clamp(1, 5000);
    let skipped = query.number::<usize>("page").unwrap_or(1).max(1) - 1;
    let page: Vec<Value> =
        hits.into_iter().skip(skipped.saturating_mul(limit)).take(limit).collect();
    ok(&page)
}
