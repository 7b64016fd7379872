//! Who asks: the one place where users, tokens, roles and tenants are decided.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use vigie_model::TenantId;

use super::FrontDoor;
use super::authentication::Verdict;

/// The header that names a tenant, as in Mimir and Loki.
pub const TENANT_HEADER: &str = "x-scope-orgid";

/// What somebody may do. Roles are not told apart yet: whoever is let in is an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Administrator,
}

/// Who asks, and for which tenant. In the extensions of every request behind the front door.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The user's name; `None` where no users are configured.
    pub user: Option<Arc<str>>,
    /// Whose data is meant.
    pub tenant: TenantId,
    /// What they may do.
    pub roles: Arc<[Role]>,
}

/// Decides who asks, or refuses the request.
pub(super) async fn authorize(door: &FrontDoor, head: &Parts) -> Result<Identity, Box<Response>> {
    let users = &door.secrets.current().users;
    let user = match door.authenticator.verify(users, head).await {
        Verdict::Open => None,
        Verdict::User(user) => Some(user),
        Verdict::Refused => return Err(Box::new(unauthorized())),
    };
    let tenant = tenant(head).map_err(Box::new)?;
    Ok(Identity { user, tenant, roles: Arc::from([Role::Administrator]) })
}

fn tenant(head: &Parts) -> Result<TenantId, Response> {
    let bad = |message: String| (StatusCode::BAD_REQUEST, message).into_response();
    let mut given = head.headers.get_all(TENANT_HEADER).iter();
    let Some(first) = given.next() else { return Ok(TenantId::default_tenant()) };
    if given.next().is_some() {
        return Err(bad("X-Scope-OrgID is given more than once\n".to_owned()));
    }
    let id = first.to_str().map_err(|_| bad("X-Scope-OrgID is not text\n".to_owned()))?;
    TenantId::new(id).map_err(|error| bad(format!("X-Scope-OrgID: {error}\n")))
}

fn unauthorized() -> Response {
    let challenge = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    (StatusCode::UNAUTHORIZED, [challenge], "Unauthorized\n").into_response()
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, Response> {
        // Missing only when a router is served without the front door, which must not open it.
        head.extensions.get::<Self>().cloned().ok_or_else(unauthorized)
    }
}
