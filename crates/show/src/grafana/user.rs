//! Who has signed in, about themselves: `/api/user`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Change, Role, Session, User};

use super::answer::{Answer, Body, Refusal, date, done, ok};
use super::login::end_sessions;
use super::people::{check_name_is_free, check_password};
use super::{GrafanaState, Shared};
use crate::{Caller, Identity};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/user", get(show).put(change))
        .route("/api/user/password", put(change_password))
        .route("/api/user/orgs", get(organisations))
        .route("/api/user/teams", get(async || ok::<[Value]>(&[])))
        .route("/api/user/using/{id}", post(async || done("Active organization changed")))
        .route("/api/user/auth-tokens", get(sessions))
        .route("/api/user/revoke-auth-token", post(revoke))
        .route("/api/user/stars", get(stars))
        .route("/api/user/stars/dashboard/uid/{uid}", post(star).delete(unstar))
}

/// The role under Grafana's name for it.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::None => "None",
        Role::Viewer => "Viewer",
        Role::Editor => "Editor",
        Role::Administrator => "Admin",
    }
}

/// The role with Grafana's name for it.
pub(super) fn role_named(name: &str) -> Result<Role, Refusal> {
    match name {
        "None" => Ok(Role::None),
        "Viewer" => Ok(Role::Viewer),
        "Editor" => Ok(Role::Editor),
        "Admin" => Ok(Role::Administrator),
        _ => Err(Refusal::bad(format!("Invalid role specified: {name}"))),
    }
}

/// What is told of a user; nothing of it is a secret.
pub(super) fn profile(user: &User) -> Value {
    json!({
        "id": user.id,
        "uid": user.uid,
        "email": user.email,
        "name": user.name,
        "login": user.login,
        "theme": "",
        "orgId": 1,
        "orgRole": role_name(user.role),
        "isGrafanaAdmin": user.role == Role::Administrator,
        "isDisabled": user.is_disabled,
        "isExternal": false,
        "isExternallySynced": false,
        "isGrafanaAdminExternallySynced": false,
        "isProvisioned": false,
        "authLabels": [],
        "updatedAt": date(user.updated_ms),
        "createdAt": date(user.created_ms),
        "avatarUrl": "",
    })
}

/// The number of the user who asks; programs and those who have not signed in have none.
pub(super) fn user_id(identity: &Identity) -> Option<u64> {
    match identity.caller {
        Caller::User(id) | Caller::Session { user: id, .. } => Some(id),
        _ => None,
    }
}

/// The user who asks.
pub(super) fn signed_in(state: &GrafanaState, identity: &Identity) -> Result<Arc<User>, Refusal> {
    let found = user_id(identity).and_then(|id| state.catalog.state().user(id).cloned());
    found.ok_or_else(|| Refusal::not_found("user not found"))
}

/// Under which name the preferences of who asks are kept.
pub(super) fn owner(identity: &Identity) -> Result<String, Refusal> {
    match identity.caller {
        Caller::User(id) | Caller::Session { user: id, .. } => Ok(format!("user:{id}")),
        Caller::Account(id) => Ok(format!("account:{id}")),
        Caller::WebConfig | Caller::Anyone => Ok("everybody".to_owned()),
        Caller::Nobody => Err(Refusal::forbidden("only who has signed in has preferences")),
    }
}

async fn show(State(state): State<Shared>, identity: Identity) -> Answer {
    if let Ok(user) = signed_in(&state, &identity) {
        return Ok(ok(&profile(&user)));
    }
    let login = super::answer::login_of(&identity);
    let id = if let Caller::Account(id) = identity.caller { id } else { 0 };
    Ok(ok(&json!({
        "id": id, "uid": "", "email": "", "name": login, "login": login, "theme": "", "orgId": 1,
        "orgRole": role_name(identity.role),
        "isGrafanaAdmin": identity.role == Role::Administrator,
        "isDisabled": false, "isExternal": false, "authLabels": [], "avatarUrl": "",
    })))
}

#[derive(Debug, Deserialize)]
pub(super) struct ProfileChange {
    login: Option<String>,
    email: Option<String>,
    name: Option<String>,
}

async fn change(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<ProfileChange>,
) -> Answer {
    let user = signed_in(&state, &identity)?;
    change_profile(&state, user.id, given).await
}

/// Changes name, login and address of a user.
pub(super) async fn change_profile(state: &Shared, id: u64, given: ProfileChange) -> Answer {
    let now_ms = state.now_ms();
    state
        .change(move |catalog| {
            let user = catalog.user(id).ok_or_else(|| Refusal::not_found("user not found"))?;
            let mut user = (**user).clone();
            let pick = |given: Option<String>, old: &mut String| {
                if let Some(given) = given {
                    *old = given.trim().to_owned();
                }
            };
            pick(given.login, &mut user.login);
            pick(given.email, &mut user.email);
            pick(given.name, &mut user.name);
            if user.login.is_empty() {
                user.login.clone_from(&user.email);
            }
            check_name_is_free(catalog, &user)?;
            user.updated_ms = now_ms;
            Ok((vec![Change::User(user)], ()))
        })
        .await?;
    Ok(done("User updated"))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PasswordChange {
    old_password: String,
    new_password: String,
}

async fn change_password(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<PasswordChange>,
) -> Answer {
    let user = signed_in(&state, &identity)?;
    if !state.users.is_password_of(&user, &given.old_password).await {
        return Err(Refusal::new(axum::http::StatusCode::UNAUTHORIZED, "Invalid old password"));
    }
    check_password(&given.new_password)?;
    let hash = state.users.hash_password(&given.new_password).await;
    let hash = hash.map_err(|error| Refusal::internal(&error))?;
    let kept = match identity.caller {
        Caller::Session { session, .. } => Some(session),
        _ => None,
    };
    set_password(&state, user.id, hash, kept).await?;
    Ok(done("User password changed"))
}

/// Sets the hash of a user's password, and ends all sessions but `kept`.
pub(super) async fn set_password(
    state: &Shared,
    id: u64,
    password_hash: String,
    kept: Option<u64>,
) -> Result<(), Refusal> {
    let now_ms = state.now_ms();
    state
        .change(move |catalog| {
            let user = catalog.user(id).ok_or_else(|| Refusal::not_found("user not found"))?;
            let user = User { password_hash, updated_ms: now_ms, ..(**user).clone() };
            let ends = |session: &Session| session.user_id == id && Some(session.id) != kept;
            let mut changes = end_sessions(catalog, ends);
            changes.push(Change::User(user));
            Ok((changes, ()))
        })
        .await
}

async fn organisations(State(state): State<Shared>, identity: Identity) -> Response {
    let name = super::organisation::name(&state);
    ok(&json!([{"orgId": 1, "name": name, "role": role_name(identity.role)}]))
}

/// What is told of a session.
pub(super) fn session_json(session: &Session, current: Option<u64>) -> Value {
    let agent = &session.user_agent;
    let browser = ["Firefox", "Edg", "Chrome", "Safari", "curl", "python"];
    let browser = browser.iter().find(|name| agent.contains(**name)).copied().unwrap_or("Other");
    json!({
        "id": session.id,
        "isActive": current == Some(session.id),
        "clientIp": session.client_address,
        "browser": browser,
        "browserVersion": "",
        "os": "",
        "osVersion": "",
        "device": "",
        "createdAt": date(session.created_ms),
        "seenAt": date(session.seen_ms),
    })
}

async fn sessions(State(state): State<Shared>, identity: Identity) -> Answer {
    let user = signed_in(&state, &identity)?;
    let current = match identity.caller {
        Caller::Session { session, .. } => Some(session),
        _ => None,
    };
    let catalog = state.catalog.state();
    let theirs = catalog.sessions().values().filter(|session| session.user_id == user.id);
    let sessions: Vec<Value> = theirs.map(|session| session_json(session, current)).collect();
    Ok(ok(&sessions))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revoked {
    auth_token_id: u64,
}

async fn revoke(
    State(state): State<Shared>,
    identity: Identity,
    Body(given): Body<Revoked>,
) -> Answer {
    let user = signed_in(&state, &identity)?;
    if matches!(identity.caller, Caller::Session { session, .. } if session == given.auth_token_id)
    {
        return Err(Refusal::bad("Cannot revoke active user auth token"));
    }
    revoke_session(&state, user.id, &given).await
}

/// Ends one session of a user.
pub(super) async fn revoke_session(state: &Shared, user: u64, given: &Revoked) -> Answer {
    let id = given.auth_token_id;
    state
        .change(move |catalog| {
            let ended = end_sessions(catalog, |s| s.id == id && s.user_id == user);
            if ended.is_empty() {
                return Err(Refusal::not_found("User auth token not found"));
            }
            Ok((ended, ()))
        })
        .await?;
    Ok(done("User auth token revoked"))
}

async fn stars(State(state): State<Shared>, identity: Identity) -> Answer {
    let preferences = state.catalog.state().preferences(&owner(&identity)?);
    Ok(ok(&preferences.starred))
}

async fn star(State(state): State<Shared>, identity: Identity, Path(uid): Path<String>) -> Answer {
    set_star(&state, &identity, uid, true).await?;
    Ok(done("Dashboard starred!"))
}

async fn unstar(
    State(state): State<Shared>,
    identity: Identity,
    Path(uid): Path<String>,
) -> Answer {
    set_star(&state, &identity, uid, false).await?;
    Ok(done("Dashboard unstarred"))
}

async fn set_star(
    state: &Shared,
    identity: &Identity,
    uid: String,
    is_starred: bool,
) -> Result<(), Refusal> {
    let owner = owner(identity)?;
    state
        .change(move |catalog| {
            let mut preferences = (*catalog.preferences(&owner)).clone();
            if is_starred {
                if catalog.dashboard(&uid).is_none() {
                    return Err(Refusal::not_found("Dashboard not found"));
                }
                preferences.starred.insert(uid);
            } else {
                preferences.starred.remove(&uid);
            }
            Ok((vec![Change::Preferences { owner, preferences }], ()))
        })
        .await
}
