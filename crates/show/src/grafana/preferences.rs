//! How people like it: `/api/user/preferences`, `/api/org/preferences`.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Change, Preferences};

use super::Shared;
use super::answer::{Answer, Body, Refusal, done, ok};
use super::user::owner;
use crate::Identity;

const ORGANISATION: &str = "org";

pub(super) fn routes() -> Router<Shared> {
    let everybody = get(show_all).put(replace_all).patch(amend_all);
    let own = get(show).put(replace).patch(amend);
    Router::new().route("/api/user/preferences", own).route("/api/org/preferences", everybody)
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    theme: Option<String>,
    timezone: Option<String>,
    week_start: Option<String>,
    language: Option<String>,
    #[serde(rename = "homeDashboardUID")]
    home_dashboard_uid: Option<String>,
    home_dashboard_id: Option<u64>,
    // What pages keep; Grafana's are `queryHistory`, `navbar`, `cookiePreferences`.
    query_history: Option<Value>,
    navbar: Option<Value>,
    vigie: Option<Value>,
}

fn shown(preferences: &Preferences, catalog: &vigie_catalog::State) -> Value {
    let home = catalog.dashboard(&preferences.home_dashboard_uid);
    json!({
        "theme": preferences.theme,
        "timezone": preferences.timezone,
        "weekStart": preferences.week_start,
        "language": preferences.language,
        "homeDashboardUID": preferences.home_dashboard_uid,
        "homeDashboardId": home.map_or(0, |dashboard| dashboard.id),
        "queryHistory": preferences.other.get("queryHistory").cloned().unwrap_or(json!({})),
        "navbar": preferences.other.get("navbar").cloned().unwrap_or(json!({})),
        "vigie": preferences.other.get("vigie").cloned().unwrap_or(json!({})),
    })
}

async fn set(state: &Shared, owner: String, given: Given, anew: bool) -> Answer {
    state
        .change(move |catalog| {
            let before = catalog.preferences(&owner);
            let mut preferences = if anew {
                Preferences { starred: before.starred.clone(), ..Preferences::default() }
            } else {
                (*before).clone()
            };
            let pick = |given: Option<String>, kept: &mut String| {
                if let Some(given) = given {
                    *kept = given;
                }
            };
            if given
                .theme
                .as_deref()
                .is_some_and(|t| !matches!(t, "" | "light" | "dark" | "system"))
            {
                return Err(Refusal::bad("Invalid theme"));
            }
            pick(given.theme, &mut preferences.theme);
            pick(given.timezone, &mut preferences.timezone);
            pick(given.week_start, &mut preferences.week_start);
            pick(given.language, &mut preferences.language);
            let by_id = given.home_dashboard_id.and_then(|id| {
                let found = catalog.dashboards().values().find(|dashboard| dashboard.id == id);
                found.map(|dashboard| dashboard.uid.clone())
            });
            pick(given.home_dashboard_uid.or(by_id), &mut preferences.home_dashboard_uid);
            let others = [
                ("queryHistory", given.query_history),
                ("navbar", given.navbar),
                ("vigie", given.vigie),
            ];
            for (name, value) in others {
                let Some(value) = value else { continue };
                if !preferences.other.is_object() {
                    preferences.other = json!({});
                }
                if let Some(object) = preferences.other.as_object_mut() {
                    object.insert(name.to_owned(), value);
                }
            }
            Ok((vec![Change::Preferences { owner, preferences }], ()))
        })
        .await?;
    Ok(done("Preferences updated"))
}

async fn show(State(state): State<Shared>, identity: Identity) -> Answer {
    let catalog = state.catalog.state();
    let owner = owner(&identity).unwrap_or_default();
    Ok(ok(&shown(&catalog.preferences(&owner), &catalog)))
}

async fn replace(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<Given>,
) -> Answer {
    set(&state, owner(&identity)?, given, true).await
}

async fn amend(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<Given>,
) -> Answer {
    set(&state, owner(&identity)?, given, false).await
}

async fn show_all(State(state): State<Shared>) -> Answer {
    let catalog = state.catalog.state();
    Ok(ok(&shown(&catalog.preferences(ORGANISATION), &catalog)))
}

async fn replace_all(State(state): State<Shared>, Body(given): Body<Given>) -> Answer {
    set(&state, ORGANISATION.to_owned(), given, true).await
}

async fn amend_all(State(state): State<Shared>, Body(given): Body<Given>) -> Answer {
    set(&state, ORGANISATION.to_owned(), given, false).await
}
