//! Users, for administrators: `/api/users` and `/api/admin/users`.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Change, Role, State as CatalogState, User};

use super::Shared;
use super::answer::{Answer, Body, Query, Refusal, date, done, ok, page_of};
use super::login::end_sessions;
use super::user::{
    ProfileChange, Revoked, change_profile, profile, revoke_session, session_json, set_password,
};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/users", get(list))
        .route("/api/users/search", get(search))
        .route("/api/users/lookup", get(lookup))
        .route("/api/users/{id}", get(show).put(change))
        .route("/api/users/{id}/orgs", get(organisations))
        .route("/api/users/{id}/teams", get(async || ok::<[Value]>(&[])))
        .route("/api/admin/users", post(create))
        .route("/api/admin/users/{id}", axum::routing::delete(remove))
        .route("/api/admin/users/{id}/password", put(password))
        .route("/api/admin/users/{id}/permissions", put(permissions))
        .route("/api/admin/users/{id}/disable", post(disable))
        .route("/api/admin/users/{id}/enable", post(enable))
        .route("/api/admin/users/{id}/logout", post(log_out))
        .route("/api/admin/users/{id}/auth-tokens", get(sessions))
        .route("/api/admin/users/{id}/revoke-auth-token", post(revoke))
}

const TEXT_CHARACTERS_MAX: usize = 190;

/// Whether nobody else has the user's login or address.
pub(super) fn check_name_is_free(catalog: &CatalogState, user: &User) -> Result<(), Refusal> {
    let texts = [&user.login, &user.email, &user.name];
    if texts.iter().any(|text| text.chars().count() > TEXT_CHARACTERS_MAX) {
        return Err(Refusal::bad("login, email and name have 190 characters at most"));
    }
    if user.login.is_empty() || user.login.chars().any(char::is_control) {
        return Err(Refusal::bad("Validation error, need specify either username or email"));
    }
    let is_other = |name: &str| catalog.user_named(name).is_some_and(|found| found.id != user.id);
    if is_other(&user.login) || (!user.email.is_empty() && is_other(&user.email)) {
        let message =
            format!("User with email '{}' or username '{}' already exists", user.email, user.login);
        return Err(Refusal::precondition(message));
    }
    Ok(())
}

/// Whether a password is none that is guessed at once.
pub(super) fn check_password(password: &str) -> Result<(), Refusal> {
    // Grafana's own least; more is for who decides on passwords there.
    if password.chars().count() < 4 {
        return Err(Refusal::bad("password is too short"));
    }
    if password.len() > 1024 { Err(Refusal::bad("password is too long")) } else { Ok(()) }
}

/// Refuses what would leave nobody who may administrate.
pub(super) fn check_not_last(catalog: &CatalogState, id: u64) -> Result<(), Refusal> {
    let mut others = catalog.users().values().filter(|user| user.id != id);
    if others.any(|user| user.role == Role::Administrator && !user.is_disabled) {
        return Ok(());
    }
    let is_one = catalog.user(id).is_some_and(|user| user.role == Role::Administrator);
    if is_one { Err(Refusal::bad("cannot remove last grafana admin")) } else { Ok(()) }
}

/// A user, or that there is none.
fn user_of(catalog: &CatalogState, id: u64) -> Result<User, Refusal> {
    let user = catalog.user(id).ok_or_else(|| Refusal::not_found("user not found"))?;
    Ok((**user).clone())
}

fn listed(catalog: &CatalogState, user: &User) -> Value {
    let theirs = catalog.sessions().values().filter(|session| session.user_id == user.id);
    let seen_ms = theirs.map(|session| session.seen_ms).max().unwrap_or(user.created_ms);
    json!({
        "id": user.id,
        "uid": user.uid,
        "name": user.name,
        "login": user.login,
        "email": user.email,
        "avatarUrl": "",
        "isAdmin": user.role == Role::Administrator,
        "role": super::user::role_name(user.role),
        "isDisabled": user.is_disabled,
        "lastSeenAt": date(seen_ms),
        "authLabels": [],
    })
}

fn found(state: &Shared, query: &Query) -> Vec<Value> {
    let wanted = query.get("query").unwrap_or_default().to_lowercase();
    let catalog = state.catalog.state();
    let fits = |user: &User| {
        [&user.login, &user.email, &user.name].iter().any(|t| t.to_lowercase().contains(&wanted))
    };
    let users = catalog.users().values().filter(|user| fits(user));
    users.map(|user| listed(&catalog, user)).collect()
}

async fn list(State(state): State<Shared>, query: Query) -> Response {
    ok(&page_of(found(&state, &query), &query, 1000).0)
}

async fn search(State(state): State<Shared>, query: Query) -> Response {
    let (users, total) = page_of(found(&state, &query), &query, 1000);
    let page: usize = query.number("page").unwrap_or(1);
    let size: usize = query.number("perpage").unwrap_or(1000);
    ok(&json!({"totalCount": total, "users": users, "page": page, "perPage": size}))
}

async fn lookup(State(state): State<Shared>, query: Query) -> Answer {
    let name = query.get("loginOrEmail").unwrap_or_default();
    let catalog = state.catalog.state();
    let user = catalog.user_named(name).ok_or_else(|| Refusal::not_found("user not found"))?;
    Ok(ok(&profile(user)))
}

async fn show(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    Ok(ok(&profile(&user_of(&state.catalog.state(), id)?)))
}

async fn change(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<ProfileChange>,
) -> Answer {
    change_profile(&state, id, given).await
}

async fn organisations(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    let user = user_of(&state.catalog.state(), id)?;
    let role = super::user::role_name(user.role);
    Ok(ok(&json!([{"orgId": 1, "name": super::organisation::name(&state), "role": role}])))
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct NewUser {
    name: String,
    email: String,
    login: String,
    password: String,
    // Vigie's own: Grafana sets the role in a second request.
    role: String,
}

impl Default for NewUser {
    fn default() -> Self {
        let none = String::new;
        Self { name: none(), email: none(), login: none(), password: none(), role: "Viewer".into() }
    }
}

async fn create(State(state): State<Shared>, Body(given): Body<NewUser>) -> Answer {
    if given.password.chars().count() < 4 {
        return Err(Refusal::bad("Password is missing or too short"));
    }
    check_password(&given.password)?;
    let role = super::user::role_named(&given.role)?;
    let hash = state.users.hash_password(&given.password).await;
    let password_hash = hash.map_err(|error| Refusal::internal(&error))?;
    let (now_ms, uid) = (state.now_ms(), state.new_uid());
    let login = if given.login.trim().is_empty() { &given.email } else { &given.login };
    let mut user = User {
        id: 0,
        uid: uid.clone(),
        login: login.trim().to_owned(),
        email: given.email.trim().to_owned(),
        name: given.name.trim().to_owned(),
        password_hash,
        role,
        is_disabled: false,
        created_ms: now_ms,
        updated_ms: now_ms,
    };
    let id = state
        .change(move |catalog| {
            user.id = catalog.free_number(0);
            check_name_is_free(catalog, &user)?;
            let id = user.id;
            Ok((vec![Change::User(user)], id))
        })
        .await?;
    Ok(ok(&json!({"id": id, "uid": uid, "message": "User created"})))
}

async fn remove(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    state
        .change(move |catalog| {
            user_of(catalog, id)?;
            check_not_last(catalog, id)?;
            Ok((vec![Change::UserGone(id)], ()))
        })
        .await?;
    Ok(done("User deleted"))
}

#[derive(Debug, Deserialize)]
struct NewPassword {
    password: String,
}

async fn password(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<NewPassword>,
) -> Answer {
    user_of(&state.catalog.state(), id)?;
    check_password(&given.password)?;
    let hash = state.users.hash_password(&given.password).await;
    let hash = hash.map_err(|error| Refusal::internal(&error))?;
    set_password(&state, id, hash, None).await?;
    Ok(done("User password updated"))
}

/// Gives a user another role, or keeps them out; what they have open ends when it gets less.
pub(super) async fn set_role(
    state: &Shared,
    id: u64,
    change: impl FnOnce(&mut User) + Send + 'static,
) -> Result<(), Refusal> {
    let now_ms = state.now_ms();
    state
        .change(move |catalog| {
            let before = user_of(catalog, id)?;
            let mut user = before.clone();
            change(&mut user);
            let is_less = user.role < before.role || user.is_disabled && !before.is_disabled;
            if is_less {
                check_not_last(catalog, id)?;
            }
            user.updated_ms = now_ms;
            let mut changes = Vec::new();
            if user.is_disabled {
                changes = end_sessions(catalog, |session| session.user_id == id);
            }
            changes.push(Change::User(user));
            Ok((changes, ()))
        })
        .await
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Permissions {
    is_grafana_admin: bool,
}

async fn permissions(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<Permissions>,
) -> Answer {
    set_role(&state, id, move |user| {
        if given.is_grafana_admin {
            user.role = Role::Administrator;
        } else if user.role == Role::Administrator {
            user.role = Role::Viewer;
        }
    })
    .await?;
    Ok(done("User permissions updated"))
}

async fn disable(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    set_role(&state, id, |user| user.is_disabled = true).await?;
    Ok(done("User disabled"))
}

async fn enable(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    set_role(&state, id, |user| user.is_disabled = false).await?;
    Ok(done("User enabled"))
}

async fn log_out(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    state
        .change(move |catalog| {
            user_of(catalog, id)?;
            Ok((end_sessions(catalog, |session| session.user_id == id), ()))
        })
        .await?;
    Ok(done("User logged out"))
}

async fn sessions(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    let catalog = state.catalog.state();
    user_of(&catalog, id)?;
    let theirs = catalog.sessions().values().filter(|session| session.user_id == id);
    let sessions: Vec<Value> = theirs.map(|session| session_json(session, None)).collect();
    Ok(ok(&sessions))
}

async fn revoke(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<Revoked>,
) -> Answer {
    revoke_session(&state, id, &given).await
}
