//! The dashboard that opens first: `/api/dashboards/home`.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::json;

use super::Shared;
use super::answer::{Answer, ok};
use super::save::url;
use super::user::owner;
use crate::Identity;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/dashboards/home", get(home))
}

async fn home(State(state): State<Shared>, identity: Identity) -> Answer {
    let catalog = state.catalog.state();
    let owners = [owner(&identity).unwrap_or_default(), "org".to_owned()];
    let chosen = owners.iter().find_map(|owner| {
        let uid = catalog.preferences(owner).home_dashboard_uid.clone();
        catalog.dashboard(&uid)
    });
    if let Some(dashboard) = chosen {
        return Ok(ok(&json!({"redirectUri": url(&dashboard.uid, &dashboard.title)})));
    }
    // Nobody chose one: the page's own place, "now".
    Ok(ok(&json!({
        "meta": {
            "isHome": true, "canSave": false, "canEdit": false, "canAdmin": false,
            "canStar": false, "canDelete": false, "slug": "", "url": "/", "folderUid": "",
            "folderTitle": "General", "provisioned": false,
        },
        "dashboard": {"title": "Home", "uid": "", "panels": [], "tags": [], "version": 0},
    })))
}
