//! Who asks: the one place where users, tokens, roles and tenants are decided.
//!
//! In this order: a token (`Authorization: Bearer`, `ApiKey`), a name with a password
//! (`Authorization: Basic`), of the web configuration or of the catalog, and the cookie of a
//! session. What is wrong is refused, but for a cookie: whoever has one that is over has not
//! signed in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vigie_catalog::Role;
use vigie_model::TenantId;

use super::authentication::Verdict;
use super::refusal::{Refusal, RefusalStyle};
use super::{FrontDoor, SignIn};
use crate::users::{SignInError, Users};

/// The header that names a tenant, as in Mimir and Loki.
pub const TENANT_HEADER: &str = "x-scope-orgid";

/// By what somebody is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The port is open, nobody was asked.
    Anyone,
    /// Has not signed in where that is needed.
    Nobody,
    /// A user of the web configuration.
    WebConfig,
    /// A user of the catalog, by number.
    User(u64),
    /// The same, by a session with that number.
    Session {
        /// The user.
        user: u64,
        /// The session.
        session: u64,
    },
    /// A program with a token, by the number of its account.
    Account(u64),
}

/// Who asks, and for which tenant. In the extensions of every request behind the front door.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The name with which they signed in; `None` where nobody has.
    pub user: Option<Arc<str>>,
    /// Whose data is meant.
    pub tenant: TenantId,
    /// What they may do.
    pub role: Role,
    /// By what they are known.
    pub caller: Caller,
}

/// Decides who asks, or refuses the request.
pub(super) async fn authorize(
    door: &FrontDoor,
    part: &'static str,
    head: &Parts,
    peer: SocketAddr,
) -> Result<Identity, Refusal> {
    let style = match RefusalStyle::of(part, head) {
        // Browsers ask for a name of the web configuration with their own form.
        RefusalStyle::Message if !door.secrets.current().users.is_empty() => RefusalStyle::Text,
        style => style,
    };
    let (user, role, caller) = who(door, part, head, peer.ip()).await.map_err(|refused| {
        let (status, message) = match refused {
            SignInError::Wrong => (StatusCode::UNAUTHORIZED, "invalid name, password or token"),
            SignInError::TooOften(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "too many wrong passwords, try again later")
            }
        };
        Refusal { style, status, message: message.to_owned() }
    })?;
    let tenant = tenant(head).map_err(|message| Refusal {
        style,
        status: StatusCode::BAD_REQUEST,
        message,
    })?;
    Ok(Identity { user, tenant, role, caller })
}

type Who = (Option<Arc<str>>, Role, Caller);

async fn who(
    door: &FrontDoor,
    part: &'static str,
    head: &Parts,
    peer: IpAddr,
) -> Result<Who, SignInError> {
    let web_users = &door.secrets.current().users;
    let sign_in = door.sign_in(part);
    let users =
        door.users.as_deref().filter(|_| sign_in != SignIn::Nobody || !web_users.is_empty());
    if let Some(users) = users
        && let Some(found) = by_token(users, &head.headers)?
    {
        return Ok(found);
    }
    match door.authenticator.verify(web_users, head).await {
        Verdict::Open => {}
        Verdict::User(user) => return Ok((Some(user), Role::Administrator, Caller::WebConfig)),
        Verdict::Refused => {
            let Some(users) = users else { return Err(SignInError::Wrong) };
            let found = by_password(users, &head.headers, peer).await?;
            return found.or_else(|| by_session(users, &head.headers)).ok_or(SignInError::Wrong);
        }
    }
    let Some(users) = users else { return Ok((None, Role::Administrator, Caller::Anyone)) };
    if let Some(found) = by_password(users, &head.headers, peer).await? {
        return Ok(found);
    }
    let nobody = || (None, users.options().anonymous, Caller::Nobody);
    Ok(by_session(users, &head.headers).unwrap_or_else(nobody))
}

fn authorization<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (given, rest) = text.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

fn decoded_pair(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    Some((name.to_owned(), secret.to_owned()))
}

/// By a token: Grafana's way, Elasticsearch's, and as the password of the user `api_key`, which
/// Grafana takes for clients that know nothing else.
fn by_token(users: &Users, headers: &HeaderMap) -> Result<Option<Who>, SignInError> {
    let bearer = authorization(headers, "bearer").map(str::to_owned);
    let key = || decoded_pair(authorization(headers, "apikey")?).map(|(_, secret)| secret);
    let basic = || {
        let (name, secret) = decoded_pair(authorization(headers, "basic")?)?;
        (name == "api_key").then_some(secret)
    };
    let Some(secret) = bearer.or_else(key).or_else(basic) else { return Ok(None) };
    let (_, account) = users.token(&secret).ok_or(SignInError::Wrong)?;
    let login = Some(Arc::from(account.login.as_str()));
    Ok(Some((login, account.role, Caller::Account(account.id))))
}

async fn by_password(
    users: &Users,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Option<Who>, SignInError> {
    if !users.options().basic_auth {
        return Ok(None);
    }
    let Some(encoded) = authorization(headers, "basic") else { return Ok(None) };
    let (login, password) = decoded_pair(encoded).ok_or(SignInError::Wrong)?;
    let user = users.sign_in(&login, &password, peer).await?;
    Ok(Some((Some(Arc::from(user.login.as_str())), user.role, Caller::User(user.id))))
}

fn by_session(users: &Users, headers: &HeaderMap) -> Option<Who> {
    let secret = cookie(headers, &users.options().cookie_name)?;
    let (session, user) = users.session(secret)?;
    let caller = Caller::Session { user: user.id, session: session.id };
    Some((Some(Arc::from(user.login.as_str())), user.role, caller))
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

fn tenant(head: &Parts) -> Result<TenantId, String> {
    let mut given = head.headers.get_all(TENANT_HEADER).iter();
    let Some(first) = given.next() else { return Ok(TenantId::default_tenant()) };
    if given.next().is_some() {
        return Err("X-Scope-OrgID is given more than once".to_owned());
    }
    let id = first.to_str().map_err(|_| "X-Scope-OrgID is not text".to_owned())?;
    TenantId::new(id).map_err(|error| format!("X-Scope-OrgID: {error}"))
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, Response> {
        // Missing only when a router is served without the front door, which must not open it.
        head.extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())
    }
}
