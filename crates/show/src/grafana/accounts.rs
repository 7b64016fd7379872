//! Programs and their tokens: `/api/serviceaccounts`.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Account, Change, Role, State as CatalogState, Token};

use super::Shared;
use super::answer::{Answer, Body, Query, Refusal, date, done, json_answer, ok, page_of, slug};
use super::user::{role_name, role_named};
use crate::users::{secret_hash, token_secret};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/serviceaccounts", post(create))
        .route("/api/serviceaccounts/search", get(search))
        .route("/api/serviceaccounts/{id}", get(show).patch(change).delete(remove))
        .route("/api/serviceaccounts/{id}/tokens", get(tokens).post(create_token))
        .route("/api/serviceaccounts/{id}/tokens/{token}", delete(remove_token))
}

/// The longest that a token may be valid; time beyond it is no time any more.
const SECONDS_MAX: i64 = 100 * 366 * 86_400;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    name: String,
    role: Option<String>,
    is_disabled: Option<bool>,
}

/// What is told of an account.
fn shown(catalog: &CatalogState, account: &Account) -> Value {
    let tokens = catalog.tokens().values().filter(|token| token.account_id == account.id).count();
    json!({
        "id": account.id,
        "uid": account.uid,
        "name": account.name,
        "login": account.login,
        "orgId": 1,
        "isDisabled": account.is_disabled,
        "isExternal": false,
        "role": role_name(account.role),
        "tokens": tokens,
        "avatarUrl": "",
        "createdAt": date(account.created_ms),
        "updatedAt": date(account.updated_ms),
        "teams": [],
    })
}

/// An account, or that there is none.
fn account_of(catalog: &CatalogState, id: u64) -> Result<Account, Refusal> {
    let account = catalog.account(id);
    let account = account.ok_or_else(|| Refusal::not_found("service account not found"))?;
    Ok((**account).clone())
}

/// A new account with a free number.
pub(super) fn new_account(
    catalog: &CatalogState,
    (name, uid): (&str, String),
    role: Role,
    now_ms: i64,
) -> Result<Account, Refusal> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 190 {
        return Err(Refusal::bad("service account name required"));
    }
    if catalog.accounts().values().any(|account| account.name == name) {
        let message = format!("service account with name {name} already exists");
        return Err(Refusal::bad(message).with("messageId", "serviceaccounts.ErrAlreadyExists"));
    }
    Ok(Account {
        id: catalog.free_number(0),
        uid,
        name: name.to_owned(),
        login: format!("sa-1-{}", slug(name)),
        role,
        is_disabled: false,
        created_ms: now_ms,
        updated_ms: now_ms,
    })
}

async fn create(State(state): State<Shared>, Body(given): Body<NewAccount>) -> Answer {
    let role = role_named(given.role.as_deref().unwrap_or("Viewer"))?;
    let (now_ms, uid) = (state.now_ms(), state.new_uid());
    let id = state
        .change(move |catalog| {
            let mut account = new_account(catalog, (&given.name, uid), role, now_ms)?;
            account.is_disabled = given.is_disabled.unwrap_or(false);
            let id = account.id;
            Ok((vec![Change::Account(account)], id))
        })
        .await?;
    let catalog = state.catalog.state();
    Ok(json_answer(StatusCode::CREATED, &shown(&catalog, &account_of(&catalog, id)?)))
}

async fn search(State(state): State<Shared>, query: Query) -> Response {
    let wanted = query.get("query").unwrap_or_default().to_lowercase();
    let catalog = state.catalog.state();
    let fits = |account: &Account| account.name.to_lowercase().contains(&wanted);
    let found = catalog.accounts().values().filter(|account| fits(account));
    let found: Vec<Value> = found.map(|account| shown(&catalog, account)).collect();
    let (accounts, total) = page_of(found, &query, 1000);
    ok(&json!({"totalCount": total, "serviceAccounts": accounts, "page": 1, "perPage": 1000}))
}

async fn show(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    let catalog = state.catalog.state();
    Ok(ok(&shown(&catalog, &account_of(&catalog, id)?)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountChange {
    name: Option<String>,
    role: Option<String>,
    is_disabled: Option<bool>,
}

async fn change(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<AccountChange>,
) -> Answer {
    let role = given.role.as_deref().map(role_named).transpose()?;
    let now_ms = state.now_ms();
    state
        .change(move |catalog| {
            let mut account = account_of(catalog, id)?;
            if let Some(name) = given.name.filter(|name| !name.trim().is_empty()) {
                account.name = name.trim().to_owned();
            }
            account.role = role.unwrap_or(account.role);
            account.is_disabled = given.is_disabled.unwrap_or(account.is_disabled);
            account.updated_ms = now_ms;
            Ok((vec![Change::Account(account)], ()))
        })
        .await?;
    let catalog = state.catalog.state();
    let account = shown(&catalog, &account_of(&catalog, id)?);
    let name = account["name"].clone();
    Ok(ok(&json!({
        "id": id, "message": "Service account updated", "name": name, "serviceaccount": account,
    })))
}

async fn remove(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    state
        .change(move |catalog| {
            account_of(catalog, id)?;
            Ok((vec![Change::AccountGone(id)], ()))
        })
        .await?;
    Ok(done("Service account deleted"))
}

/// What is told of a token: never its secret.
pub(super) fn token_json(token: &Token, now_ms: i64) -> Value {
    let left_seconds = token.expires_ms.map_or(0.0, |at| (at - now_ms) as f64 / 1000.0);
    json!({
        "id": token.id,
        "name": token.name,
        "created": date(token.created_ms),
        "expiration": token.expires_ms.map(date),
        "secondsUntilExpiration": left_seconds.max(0.0),
        "hasExpired": token.expires_ms.is_some_and(|at| at <= now_ms),
        "isRevoked": false,
    })
}

async fn tokens(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    let catalog = state.catalog.state();
    account_of(&catalog, id)?;
    let its = catalog.tokens().values().filter(|token| token.account_id == id);
    let tokens: Vec<Value> = its.map(|token| token_json(token, state.now_ms())).collect();
    Ok(ok(&tokens))
}

/// Until when a token is valid that was asked for with this many seconds; 0: for ever.
pub(super) fn expiry(seconds: Option<i64>, now_ms: i64) -> Result<Option<i64>, Refusal> {
    match seconds.unwrap_or(0) {
        0 => Ok(None),
        seconds if (1..=SECONDS_MAX).contains(&seconds) => Ok(Some(now_ms + seconds * 1000)),
        _ => Err(Refusal::bad("Invalid secondsToLive")),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewToken {
    name: String,
    seconds_to_live: Option<i64>,
}

async fn create_token(
    State(state): State<Shared>,
    Path(id): Path<u64>,
    Body(given): Body<NewToken>,
) -> Answer {
    let now_ms = state.now_ms();
    let expires_ms = expiry(given.seconds_to_live, now_ms)?;
    let name = given.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 190 {
        return Err(Refusal::bad("service account token name required"));
    }
    let secret = token_secret(&state.world.random);
    let hash = secret_hash(&secret);
    let shown_name = name.clone();
    let token_id = state
        .change(move |catalog| {
            account_of(catalog, id)?;
            let mut its = catalog.tokens().values().filter(|token| token.account_id == id);
            if its.any(|token| token.name == name) {
                let refusal = Refusal::bad("service account token with given name already exists");
                return Err(refusal.with("messageId", "serviceaccounts.ErrTokenAlreadyExists"));
            }
            let token = Token {
                id: catalog.free_number(0),
                account_id: id,
                name,
                secret_hash: hash,
                created_ms: now_ms,
                expires_ms,
            };
            let id = token.id;
            Ok((vec![Change::Token(token)], id))
        })
        .await?;
    Ok(ok(&json!({"id": token_id, "name": shown_name, "key": secret})))
}

async fn remove_token(State(state): State<Shared>, Path((id, token)): Path<(u64, u64)>) -> Answer {
    state
        .change(move |catalog| {
            let found = catalog.tokens().get(&token).filter(|found| found.account_id == id);
            if found.is_none() {
                return Err(Refusal::not_found("service account token not found"));
            }
            Ok((vec![Change::TokenGone(token)], ()))
        })
        .await?;
    Ok(done("Service account token deleted"))
}
