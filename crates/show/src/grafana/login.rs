//! Signing in and out, and the health.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use vigie_catalog::Change;

use super::Shared;
use super::answer::{Answer, Body, Refusal, done, ok};
use crate::users::SignInError;
use crate::{Caller, Identity};

/// Open to whoever reaches the port.
pub(super) fn public_routes() -> Router<Shared> {
    Router::new()
        .route("/api/health", get(health))
        .route("/healthz", get(async || "Ok"))
        // The form itself is a state of the page.
        .route("/login", post(sign_in).get(crate::page::index))
        .route("/logout", get(sign_out).post(sign_out))
}

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/api/login/ping", get(async || done("Logged in")))
}

async fn health(State(state): State<Shared>) -> Response {
    ok(&json!({"commit": "unknown", "database": "ok", "version": state.options.version}))
}

#[derive(Debug, Deserialize)]
struct Given {
    user: String,
    password: String,
}

async fn sign_in(
    State(state): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Body(given): Body<Given>,
) -> Answer {
    let user = match state.users.sign_in(&given.user, &given.password, peer.ip()).await {
        Ok(user) => user,
        Err(SignInError::Wrong) => {
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "Invalid username or password");
            return Err(refusal.with("messageId", "password-auth.failed").with("statusCode", 401));
        }
        Err(SignInError::TooOften(seconds)) => {
            let message = "Too many wrong passwords, try again later";
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message);
            let mut answer = refusal.into_response();
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(answer);
        }
    };
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let agent = agent.unwrap_or_default().to_owned();
    let users = Arc::clone(&state.users);
    let opening = tokio::task::spawn_blocking(move || users.open_session(&user, peer.ip(), &agent));
    let secret = opening.await.map_err(|error| Refusal::internal(&error.to_string()))??;
    let mut answer = ok(&json!({"message": "Logged in", "redirectUrl": "/"}));
    let age = state.users.options().session_lifetime.as_secs();
    set_cookie(&state, answer.headers_mut(), &secret, age);
    Ok(answer)
}

fn set_cookie(state: &Shared, headers: &mut HeaderMap, secret: &str, age_seconds: u64) {
    let name = &state.users.options().cookie_name;
    let is_secure = state.options.cookie_secure || state.users.options().cookie_secure;
    let secure = if is_secure { "; Secure" } else { "" };
    let text =
        format!("{name}={secret}; Path=/; Max-Age={age_seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.append(header::SET_COOKIE, value);
    }
}

async fn sign_out(State(state): State<Shared>, identity: Identity) -> Answer {
    if let Caller::Session { session, .. } = identity.caller {
        state.change(move |_| Ok((vec![Change::SessionGone(session)], ()))).await?;
    }
    let to_form = [(header::LOCATION, HeaderValue::from_static("/login"))];
    let mut answer = (StatusCode::FOUND, to_form).into_response();
    set_cookie(&state, answer.headers_mut(), "", 0);
    Ok(answer)
}

/// Ends sessions that `which` chooses.
pub(super) fn end_sessions(
    state: &vigie_catalog::State,
    which: impl Fn(&vigie_catalog::Session) -> bool,
) -> Vec<Change> {
    let chosen = state.sessions().values().filter(|session| which(session));
    chosen.map(|session| Change::SessionGone(session.id)).collect()
}
