//! What happens when a dashboard is saved: by whom and from where ever.

use serde_json::{Value, json};
use vigie_catalog::{Change, Dashboard, DashboardVersion, State};

use super::answer::{Refusal, check_uid, slug};

/// A dashboard that is to be saved.
#[derive(Debug)]
pub(super) struct Saving {
    pub(super) json: Value,
    pub(super) folder_uid: String,
    pub(super) message: String,
    pub(super) overwrites: bool,
    /// The version whose content it is; 0: none.
    pub(super) restored_from: u64,
    pub(super) login: String,
    pub(super) now_ms: i64,
    /// Taken where the dashboard has none.
    pub(super) new_uid: String,
    pub(super) provisioned_from: Option<String>,
    pub(super) versions_max: usize,
}

/// What was saved.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    pub(super) id: u64,
    pub(super) uid: String,
    pub(super) title: String,
    pub(super) folder_uid: String,
    pub(super) version: u64,
}

impl Saved {
    /// The address of the dashboard.
    pub(super) fn url(&self) -> String {
        url(&self.uid, &self.title)
    }
}

/// The address of a dashboard.
pub(super) fn url(uid: &str, title: &str) -> String {
    format!("/d/{uid}/{}", slug(title))
}

impl Saving {
    /// The changes that saving means.
    pub(super) fn changes(self, catalog: &State) -> Result<(Vec<Change>, Saved), Refusal> {
        let object = self.json.as_object().ok_or_else(|| Refusal::bad("bad request data"))?;
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        let number = |name: &str| object.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (title, uid) = (text("title").to_owned(), text("uid").to_owned());
        if title.is_empty() {
            let refusal = Refusal::bad("Dashboard title cannot be empty");
            return Err(refusal.with("status", "empty-name"));
        }
        if title.chars().count() > 5_000 {
            let refusal = Refusal::bad("Dashboard title cannot contain more than 5 000 characters");
            return Err(refusal.with("status", "title-too-long"));
        }
        if self.message.chars().count() > 500 {
            return Err(Refusal::bad("message too long, max 500 characters"));
        }
        check_uid(&uid)?;
        if !self.folder_uid.is_empty() && catalog.folder(&self.folder_uid).is_none() {
            return Err(Refusal::bad("folder not found"));
        }
        let existing = existing(catalog, number("id"), &uid)?;
        if let Some(existing) = existing {
            self.check_against(existing, number("version"))?;
        }
        let tags = tags(object.get("tags"));
        let dashboard = self.next(existing, (title, uid, tags), catalog);
        Ok(self.with_version(dashboard, existing, catalog))
    }

    fn check_against(&self, existing: &Dashboard, version: u64) -> Result<(), Refusal> {
        if existing.provisioned_from.is_some() && self.provisioned_from.is_none() {
            return Err(Refusal::bad("Cannot save provisioned dashboard"));
        }
        if !self.overwrites && version != existing.version {
            let refusal = Refusal::precondition("The dashboard has been changed by someone else");
            return Err(refusal.with("status", "version-mismatch"));
        }
        Ok(())
    }

    fn next(
        &self,
        existing: Option<&Dashboard>,
        (title, uid, tags): (String, String, Vec<String>),
        catalog: &State,
    ) -> Dashboard {
        let uid = match existing {
            Some(existing) if uid.is_empty() => existing.uid.clone(),
            None if uid.is_empty() => self.new_uid.clone(),
            _ => uid,
        };
        let id = existing.map_or_else(|| catalog.free_number(0), |existing| existing.id);
        let version = existing.map_or(0, |existing| existing.version) + 1;
        let mut json = self.json.clone();
        if let Some(object) = json.as_object_mut() {
            object.insert("id".to_owned(), id.into());
            object.insert("uid".to_owned(), uid.clone().into());
            object.insert("version".to_owned(), version.into());
            object.insert("title".to_owned(), title.clone().into());
        }
        Dashboard {
            id,
            uid,
            title,
            tags,
            folder_uid: self.folder_uid.clone(),
            version,
            json,
            created_ms: existing.map_or(self.now_ms, |existing| existing.created_ms),
            updated_ms: self.now_ms,
            created_by: existing.map_or(&self.login, |existing| &existing.created_by).clone(),
            updated_by: self.login.clone(),
            provisioned_from: self.provisioned_from.clone(),
        }
    }

    fn with_version(
        &self,
        dashboard: Dashboard,
        existing: Option<&Dashboard>,
        catalog: &State,
    ) -> (Vec<Change>, Saved) {
        let saved = Saved {
            id: dashboard.id,
            uid: dashboard.uid.clone(),
            title: dashboard.title.clone(),
            folder_uid: dashboard.folder_uid.clone(),
            version: dashboard.version,
        };
        let mut changes = Vec::new();
        // One uid may follow another under the same number.
        if let Some(existing) = existing.filter(|existing| existing.uid != dashboard.uid) {
            changes.push(Change::DashboardGone(existing.uid.clone()));
        }
        let kept: Vec<u64> = catalog.versions(&dashboard.uid).map(|v| v.version).collect();
        let excess = (kept.len() + 1).saturating_sub(self.versions_max.max(1));
        changes.extend(
            kept.iter().take(excess).map(|version| Change::VersionGone {
                uid: dashboard.uid.clone(),
                version: *version,
            }),
        );
        changes.push(Change::Version(Box::new(DashboardVersion {
            dashboard_uid: dashboard.uid.clone(),
            version: dashboard.version,
            parent_version: existing.map_or(0, |existing| existing.version),
            restored_from: self.restored_from,
            created_ms: self.now_ms,
            created_by: self.login.clone(),
            message: self.message.clone(),
            json: dashboard.json.clone(),
        })));
        changes.push(Change::Dashboard(Box::new(dashboard)));
        (changes, saved)
    }
}

/// The dashboard that is meant, when there is one.
fn existing<'a>(catalog: &'a State, id: u64, uid: &str) -> Result<Option<&'a Dashboard>, Refusal> {
    let by_id = catalog.dashboards().values().find(|dashboard| dashboard.id == id && id != 0);
    let by_uid = catalog.dashboard(uid).filter(|_| !uid.is_empty());
    match (by_id, by_uid) {
        (Some(by_id), Some(by_uid)) if by_id.id != by_uid.id => {
            Err(Refusal::bad("A dashboard with the same uid already exists"))
        }
        (None, None) if id != 0 => {
            Err(Refusal::not_found("Dashboard not found").with("status", "not-found"))
        }
        (by_id, by_uid) => Ok(by_uid.or(by_id).map(|dashboard| &**dashboard)),
    }
}

fn tags(given: Option<&Value>) -> Vec<String> {
    let given = given.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut tags: Vec<String> = given.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// The answer to a save, in Grafana's form.
pub(super) fn saved_json(saved: &Saved) -> Value {
    json!({
        "folderUid": saved.folder_uid,
        "id": saved.id,
        "slug": slug(&saved.title),
        "status": "success",
        "uid": saved.uid,
        "url": saved.url(),
        "version": saved.version,
    })
}
