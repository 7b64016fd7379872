//! API keys as older scripts ask for them: `/api/auth/keys`. Each is an account with one token,
//! which is what Grafana made of them too.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{delete, get};
use serde::Deserialize;
use serde_json::{Value, json};
use vigie_catalog::{Change, Token};

use super::Shared;
use super::accounts::{expiry, new_account};
use super::answer::{Answer, Body, Refusal, date, done, ok};
use super::user::{role_name, role_named};
use crate::users::{secret_hash, token_secret};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/api/auth/keys", get(list).post(create))
        .route("/api/auth/keys/{id}", delete(remove))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewKey {
    name: String,
    role: String,
    seconds_to_live: Option<i64>,
}

async fn list(State(state): State<Shared>) -> Response {
    let catalog = state.catalog.state();
    let keys = catalog.tokens().values().map(|token| {
        let role = catalog.account(token.account_id).map(|account| role_name(account.role));
        json!({
            "id": token.id,
            "name": token.name,
            "role": role,
            "expiration": token.expires_ms.map(date),
        })
    });
    ok(&keys.collect::<Vec<Value>>())
}

async fn create(State(state): State<Shared>, Body(given): Body<NewKey>) -> Answer {
    let role = role_named(&given.role)?;
    let (now_ms, uid) = (state.now_ms(), state.new_uid());
    let expires_ms = expiry(given.seconds_to_live, now_ms)?;
    let secret = token_secret(&state.world.random);
    let hash = secret_hash(&secret);
    let name = given.name.clone();
    let id = state
        .change(move |catalog| {
            let account = new_account(catalog, (&given.name, uid), role, now_ms).map_err(|_| {
                Refusal::conflict("API key, organization ID and name must be unique")
            })?;
            let token = Token {
                id: catalog.free_number(1),
                account_id: account.id,
                name: account.name.clone(),
                secret_hash: hash,
                created_ms: now_ms,
                expires_ms,
            };
            let id = token.id;
            Ok((vec![Change::Account(account), Change::Token(token)], id))
        })
        .await?;
    Ok(ok(&json!({"id": id, "name": name, "key": secret})))
}

async fn remove(State(state): State<Shared>, Path(id): Path<u64>) -> Answer {
    state
        .change(move |catalog| {
            let token = catalog.tokens().get(&id);
            let token = token.ok_or_else(|| Refusal::not_found("API key not found"))?;
            let its = catalog.tokens().values().filter(|t| t.account_id == token.account_id);
            let change = match its.count() {
                1 => Change::AccountGone(token.account_id),
                _ => Change::TokenGone(id),
            };
            Ok((vec![change], ()))
        })
        .await?;
    Ok(done("API key deleted"))
}
