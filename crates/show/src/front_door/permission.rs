//! Which role a request needs, over all ports: the table against which the front door holds who
//! asks.
//!
//! Whoever may look may send the questions that protocols put into a body. Everything that
//! changes something needs an editor, unless it is known to need an administrator. A path that
//! nobody thought of is thus closed to viewers, and what only administrators may is listed.

use axum::extract::{OriginalUri, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vigie_catalog::Role;

use super::refusal::{Refusal, RefusalStyle};
use crate::{Caller, Identity};

/// Last parts of paths of Elasticsearch that are asked with POST and change nothing.
const SEARCHES: &[&str] = &[
    "_search",
    "_msearch",
    "_async_search",
    "_count",
    "_mget",
    "_field_caps",
    "_explain",
    "_validate",
    "_analyze",
    "_sql",
    "_pit",
    "_termvectors",
    "_mtermvectors",
    "_rank_eval",
    "_search_shards",
    "_simulate",
    "_query",
    "_terms_enum",
];

/// Last parts of paths of the other APIs that are asked with POST and change nothing.
const QUESTIONS: &[&str] = &[
    "/query",
    "/query_range",
    "/query_exemplars",
    "/format_query",
    "/parse_query",
    "/series",
    "/labels",
    "/values",
    "/export",
    "/read",
    "/sql",
    "/preview",
    "/status/top_queries",
    "/index/stats",
    "/index/volume",
    "/index/volume_range",
    "/detected_fields",
    "/patterns",
    "/api/transform",
    "/search",
    "/metrics/find",
    "/render",
];

/// What `method` on `path` needs at the port of `part`. `path` is without the query.
pub(super) fn needed(part: &str, method: &Method, path: &str) -> Role {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let path = path.trim_end_matches('/');
    match part {
        "elasticsearch" | "kibana" => elasticsearch(reads, method, path),
        _ if path.starts_with("/opentelemetry.") => Role::Editor,
        _ => other(reads, path),
    }
}

fn elasticsearch(reads: bool, method: &Method, path: &str) -> Role {
    if path.split('/').any(|part| part == "_security") {
        return Role::Administrator;
    }
    if reads {
        return Role::Viewer;
    }
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    if path.split('/').any(|part| SEARCHES.contains(&part)) {
        return Role::Viewer;
    }
    // A whole index, or what is true of all of them.
    let whole_index = !first.starts_with('_') && parts.next().is_none();
    let is_setting = ["_cluster", "_snapshot", "_ilm", "_slm", "_template", "_ingest"];
    if (*method == Method::DELETE && whole_index) || is_setting.contains(&first) {
        return Role::Administrator;
    }
    Role::Editor
}

fn other(reads: bool, path: &str) -> Role {
    const ADMINISTRATION: &[&str] = &["/-/reload", "/-/quit", "/api/v1/admin", "/debug"];
    let is_or_below = |prefix: &&str| {
        path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if ADMINISTRATION.iter().any(is_or_below) || path.contains("/delete") && !reads {
        return Role::Administrator;
    }
    // What configuration says may name hosts and users, though never secrets.
    if path == "/api/v1/status/config" || path == "/api/v1/status/flags" {
        return Role::Editor;
    }
    let asks = QUESTIONS.iter().any(|end| path.ends_with(end)) && !path.ends_with("/push/query");
    if reads || asks { Role::Viewer } else { Role::Editor }
}

/// Whether who asks may have what needs `role`.
pub(super) fn check(identity: &Identity, role: Role, style: RefusalStyle) -> Result<(), Refusal> {
    if identity.role >= role {
        return Ok(());
    }
    let is_known = identity.caller != Caller::Nobody;
    let (status, message) = match (is_known, style) {
        (false, RefusalStyle::Message) => (StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()),
        (false, _) => (StatusCode::UNAUTHORIZED, "sign in first".to_owned()),
        (true, _) => {
            let needed = match role {
                Role::None | Role::Viewer => "viewer",
                Role::Editor => "editor",
                Role::Administrator => "administrator",
            };
            (StatusCode::FORBIDDEN, format!("this needs the role {needed}"))
        }
    };
    Err(Refusal { style, status, message })
}

/// Lets a request on the page's port through to what only those who have signed in may have.
pub(super) async fn check_on_page(request: Request, next: Next) -> Response {
    let Some(identity) = request.extensions().get::<Identity>() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let path = request.extensions().get::<OriginalUri>().map_or(request.uri(), |uri| &uri.0).path();
    let role = needed("page", request.method(), path);
    match check(identity, role, RefusalStyle::Message) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_knows_who_may_do_what() {
        use Role::{Administrator, Editor, Viewer};
        let cases = [
            ("prometheus", "GET", "/api/v1/query", Viewer),
            ("prometheus", "POST", "/api/v1/query_range", Viewer),
            ("prometheus", "POST", "/api/v1/write", Editor),
            ("prometheus", "POST", "/api/v1/import/prometheus", Editor),
            ("prometheus", "POST", "/api/v1/otlp/v1/metrics", Editor),
            ("prometheus", "POST", "/-/reload", Administrator),
            ("prometheus", "PUT", "/-/quit", Administrator),
            ("prometheus", "GET", "/api/v1/status/config", Editor),
            ("prometheus", "POST", "/api/v1/admin/tsdb/delete_series", Administrator),
            ("prometheus", "DELETE", "/api/v1/status/active_queries/1", Editor),
            ("alertmanager", "GET", "/api/v2/silences", Viewer),
            ("alertmanager", "POST", "/api/v2/silences", Editor),
            ("alertmanager", "DELETE", "/api/v2/silence/x", Editor),
            ("alertmanager", "POST", "/api/v1/respond/silences/preview", Viewer),
            ("alertmanager", "POST", "/api/v1/respond/receivers/x/test", Editor),
            ("elasticsearch", "POST", "/logs/_search", Viewer),
            ("elasticsearch", "POST", "/_msearch", Viewer),
            ("elasticsearch", "POST", "/_search/scroll", Viewer),
            ("elasticsearch", "POST", "/logs/_doc", Editor),
            ("elasticsearch", "POST", "/_bulk", Editor),
            ("elasticsearch", "DELETE", "/logs", Administrator),
            ("elasticsearch", "DELETE", "/logs/_doc/1", Editor),
            ("elasticsearch", "PUT", "/_cluster/settings", Administrator),
            ("elasticsearch", "GET", "/_cat/indices", Viewer),
            ("loki", "POST", "/loki/api/v1/push", Editor),
            ("loki", "POST", "/loki/api/v1/query_range", Viewer),
            ("loki", "POST", "/loki/api/v1/delete", Administrator),
            ("jaeger", "GET", "/api/traces/1", Viewer),
            ("jaeger_thrift", "POST", "/api/traces", Editor),
            ("otlp_grpc", "POST", "/opentelemetry.proto.collector.x.Y/Export", Editor),
            ("page", "POST", "/api/something/new", Editor),
        ];
        for (part, method, path, expected) in cases {
            let found = needed(part, &method.parse().unwrap(), path);
            assert_eq!(found, expected, "{part} {method} {path}");
        }
    }
}
