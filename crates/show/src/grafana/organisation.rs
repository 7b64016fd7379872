//! The one organisation: `/api/org`, `/api/orgs`.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, patch};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Change, ProvisionedKind, User};

use super::answer::{Answer, Body, Query, Refusal, date, done, ok, page_of};
use super::people::set_role;
use super::user::{role_name, role_named};
use super::{GrafanaState, Shared};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/org", get(current).put(rename))
        .route("/api/org/users", get(users).post(add_user))
        .route("/api/org/users/search", get(search_users))
        .route("/api/org/users/lookup", get(lookup))
        .route("/api/org/users/{id}", patch(change_user).delete(remove_user))
        .route("/api/org/quotas", get(async || ok::<[Value]>(&[])))
        .route("/api/orgs", get(list).post(create))
        .route("/api/orgs/{id}", get(by_id).put(rename_by_id).delete(remove))
        .route("/api/orgs/name/{name}", get(by_name))
        .route("/api/orgs/{id}/users", get(users_of).post(add_user))
        .route("/api/orgs/{id}/users/{user}", patch(change_user_of).delete(remove_user_of))
}

const NAME: &str = "organisation";

/// The organisation's name.
pub(super) fn name(state: &GrafanaState) -> String {
    let catalog = state.catalog.state();
    let changed = catalog.provisioned(ProvisionedKind::Setting, NAME);
    let changed = changed.and_then(|value| value.as_str().map(str::to_owned));
    changed.unwrap_or_else(|| state.options.organisation.clone())
}

async fn current(State(state): State<Shared>) -> Response {
    ok(&json!({
        "id": 1,
        "name": name(&state),
        "address": {
            "address1": "", "address2": "", "city": "", "zipCode": "", "state": "", "country": "",
        },
    }))
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

async fn rename(State(state): State<Shared>, Body(given): Body<Name>) -> Answer {
    let name = given.name.trim().to_owned();
    if name.is_empty() {
        return Err(Refusal::bad("Organization name required"));
    }
    let change = Change::Provisioned {
        kind: ProvisionedKind::Setting,
        name: NAME.to_owned(),
        value: Value::String(name),
    };
    state.change(|_| Ok((vec![change], ()))).await?;
    Ok(done("Organization updated"))
}

fn check(id: u64) -> Result<(), Refusal> {
    if id == 1 { Ok(()) } else { Err(Refusal::not_found("Organization not found")) }
}

async fn rename_by_id(state: State<Shared>, Path(id): Path<u64>, body: Body<Name>) -> Answer {
    check(id)?;
    rename(state, body).await
}

async fn list(State(state): State<Shared>) -> Response {
    ok(&json!([{"id": 1, "name": name(&state)}]))
}

async fn create() -> Refusal {
    Refusal::forbidden(
        "there is one organization here; data is kept apart by tenants (X-Scope-OrgID)",
    )
}

async fn remove(Path(id): Path<u64>) -> Refusal {
    match check(id) {
        Ok(()) => Refusal::bad("the only organization cannot be deleted"),
        Err(refusal) => refusal,
    }
}

async fn by_id(state: State<Shared>, Path(id): Path<u64>) -> Answer {
    check(id)?;
    Ok(current(state).await)
}

async fn by_name(state: State<Shared>, Path(wanted): Path<String>) -> Answer {
    if wanted != name(&state) {
        return Err(Refusal::not_found("Organization not found"));
    }
    Ok(current(state).await)
}

fn member(user: &User) -> Value {
    json!({
        "orgId": 1,
        "userId": user.id,
        "uid": user.uid,
        "email": user.email,
        "name": user.name,
        "avatarUrl": "",
        "login": user.login,
        "role": role_name(user.role),
        "lastSeenAt": date(user.updated_ms),
        "isDisabled": user.is_disabled,
        "authLabels": [],
    })
}

fn members(state: &Shared, query: &Query) -> Vec<Value> {
    let wanted = query.get("query").unwrap_or_default().to_lowercase();
    let catalog = state.catalog.state();
    let fits = |user: &User| {
        user.login.to_lowercase().contains(&wanted) || user.email.to_lowercase().contains(&wanted)
    };
    catalog.users().values().filter(|user| fits(user)).map(|user| member(user)).collect()
}

async fn users(State(state): State<Shared>, query: Query) -> Response {
    ok(&members(&state, &query))
}

async fn users_of(state: State<Shared>, Path(id): Path<u64>, query: Query) -> Answer {
    check(id)?;
    Ok(users(state, query).await)
}

async fn search_users(State(state): State<Shared>, query: Query) -> Response {
    let (users, total) = page_of(members(&state, &query), &query, 1000);
    ok(&json!({"totalCount": total, "orgUsers": users, "page": 1, "perPage": 1000}))
}

async fn lookup(State(state): State<Shared>) -> Response {
    let catalog = state.catalog.state();
    let all = catalog.users().values();
    let all = all.map(|u| json!({"userId": u.id, "uid": u.uid, "login": u.login, "avatarUrl": ""}));
    ok(&all.collect::<Vec<Value>>())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewMember {
    login_or_email: String,
    role: String,
}

async fn add_user(State(state): State<Shared>, Body(given): Body<NewMember>) -> Answer {
    let role = role_named(&given.role)?;
    let user = state.catalog.state().user_named(&given.login_or_email).cloned();
    let user = user.ok_or_else(|| Refusal::not_found("user not found"))?;
    set_role(&state, user.id, move |user| user.role = role).await?;
    Ok(ok(&json!({"message": "User added to organization", "userId": user.id})))
}

#[derive(Debug, Deserialize)]
struct NewRole {
    role: String,
}

async fn change_user(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<NewRole>,
) -> Answer {
    let role = role_named(&given.role)?;
    set_role(&state, id, move |user| user.role = role).await?;
    Ok(done("Organization user updated"))
}

async fn change_user_of(
    state: State<Shared>,
    Path((id, user)): Path<(u64, u64)>,
    body: Body<NewRole>,
) -> Answer {
    check(id)?;
    change_user(state, Path(user), body).await
}

async fn remove_user(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    set_role(&state, id, |user| user.role = vigie_catalog::Role::None).await?;
    Ok(done("User removed from organization"))
}

async fn remove_user_of(state: State<Shared>, Path((id, user)): Path<(u64, u64)>) -> Answer {
    check(id)?;
    remove_user(state, Path(user)).await
}
