//! Which role each address of Grafana's API needs.
//!
//! What is not listed needs an administrator to be changed and a viewer to be looked at.

use axum::extract::{OriginalUri, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vigie_catalog::Role;

use super::answer::Refusal;
use crate::{Caller, Identity};

/// An address (with all below it) and what reading and changing it need; the first that fits
/// counts.
const NEEDS: &[(&str, Role, Role)] = &[
    ("/api/user", Role::Viewer, Role::Viewer),
    ("/api/login", Role::Viewer, Role::Viewer),
    ("/api/users", Role::Administrator, Role::Administrator),
    ("/api/admin", Role::Administrator, Role::Administrator),
    ("/api/orgs", Role::Administrator, Role::Administrator),
    ("/api/org/users/lookup", Role::Editor, Role::Administrator),
    ("/api/org/users", Role::Administrator, Role::Administrator),
    ("/api/serviceaccounts", Role::Administrator, Role::Administrator),
    ("/api/auth/keys", Role::Administrator, Role::Administrator),
    ("/api/ds/query", Role::Viewer, Role::Viewer),
    ("/api/tsdb/query", Role::Viewer, Role::Viewer),
    // What passes through is held against the rules of the part that it goes to.
    ("/api/datasources/proxy", Role::Viewer, Role::Viewer),
    ("/api/datasources/id", Role::Viewer, Role::Administrator),
    ("/api/datasources", Role::Administrator, Role::Administrator),
    ("/api/dashboards", Role::Viewer, Role::Editor),
    ("/api/search", Role::Viewer, Role::Editor),
    ("/api/folders", Role::Viewer, Role::Editor),
    ("/api/annotations", Role::Viewer, Role::Editor),
    ("/api/alertmanager", Role::Viewer, Role::Editor),
    ("/api/v1/provisioning", Role::Editor, Role::Administrator),
];

/// What `method` on `path` needs.
pub(super) fn needed(method: &Method, path: &str) -> Role {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let path = path.trim_end_matches('/');
    if is_data_source_question(path) {
        return Role::Viewer;
    }
    if path.starts_with("/api/dashboards/") && path.contains("/versions") {
        return Role::Editor;
    }
    let below = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match NEEDS.iter().find(|(prefix, ..)| below(prefix)) {
        Some((_, read, change)) => *if reads { read } else { change },
        None if reads => Role::Viewer,
        None => Role::Administrator,
    }
}

/// `/api/datasources/uid/X/resources/...`, `.../health`: questions to a data source.
fn is_data_source_question(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/api/datasources/") else { return false };
    let rest = rest.strip_prefix("uid/").unwrap_or(rest);
    let mut parts = rest.split('/').skip(1);
    matches!(parts.next(), Some("resources" | "health"))
}

/// Lets a request through to whom it may.
pub(super) async fn check(request: Request, next: Next) -> Response {
    let Some(identity) = request.extensions().get::<Identity>() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let path = request.extensions().get::<OriginalUri>().map_or(request.uri(), |uri| &uri.0).path();
    let needed = needed(request.method(), path);
    if identity.role >= needed {
        return next.run(request).await;
    }
    if identity.caller == Caller::Nobody {
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized");
        let refusal = refusal.with("messageId", "auth.unauthorized").with("statusCode", 401);
        return refusal.into_response();
    }
    let name = match needed {
        Role::None | Role::Viewer => "Viewer",
        Role::Editor => "Editor",
        Role::Administrator => "Admin",
    };
    let message =
        format!("You'll need additional permissions to perform this action. Role: {name}");
    Refusal::forbidden(message).with("title", "Access denied").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_their_roles() {
        use Role::{Administrator, Editor, Viewer};
        for (method, path, expected) in [
            ("GET", "/api/user", Viewer),
            ("PUT", "/api/user/password", Viewer),
            ("GET", "/api/users/search", Administrator),
            ("POST", "/api/admin/users", Administrator),
            ("GET", "/api/dashboards/uid/x", Viewer),
            ("GET", "/api/dashboards/uid/x/versions", Editor),
            ("POST", "/api/dashboards/db", Editor),
            ("DELETE", "/api/dashboards/uid/x", Editor),
            ("GET", "/api/datasources", Administrator),
            ("GET", "/api/datasources/uid/x", Administrator),
            ("POST", "/api/datasources/proxy/uid/x/api/v1/query", Viewer),
            ("GET", "/api/datasources/uid/x/health", Viewer),
            ("POST", "/api/datasources/uid/health", Administrator),
            ("PUT", "/api/datasources/uid/resources", Administrator),
            ("GET", "/api/org", Viewer),
            ("PUT", "/api/org", Administrator),
            ("GET", "/api/org/users", Administrator),
            ("POST", "/api/serviceaccounts/1/tokens", Administrator),
            ("POST", "/api/annotations", Editor),
            ("GET", "/api/v1/provisioning/contact-points", Editor),
            ("POST", "/api/v1/provisioning/contact-points", Administrator),
            ("POST", "/api/ds/query", Viewer),
            ("POST", "/api/what/nobody/thought/of", Administrator),
        ] {
            assert_eq!(needed(&method.parse().unwrap(), path), expected, "{method} {path}");
        }
    }
}
