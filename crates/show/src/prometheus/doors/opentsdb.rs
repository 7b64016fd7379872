//! OpenTSDB's HTTP: `/api/put`.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use vigie_formats::lines::opentsdb::parse_json;

use super::super::import::{Batches, Rules};
use super::super::parameters::Parameters;
use super::super::{Shared, manage};
use super::{Failed, push, write_all};
use crate::{Identity, RequestBody};

pub(super) async fn put(
    State(state): State<Shared>,
    identity: Identity,
    RawQuery(query): RawQuery,
    mut body: RequestBody,
) -> Response {
    if let Err(refusal) = manage::check_ready(&state) {
        return *refusal;
    }
    let query = query.unwrap_or_default();
    let rules = Parameters::of_query(&query)
        .map_err(|error| error.message)
        .and_then(|parameters| Rules::of(&state, &parameters));
    let rules = match rules {
        Ok(rules) => rules,
        Err(detail) => return wrong(StatusCode::BAD_REQUEST, &detail),
    };
    if let Err(error) = body.reserve(body.bytes.len().saturating_mul(3)) {
        return error.into_response();
    }
    let reading = tokio::task::spawn_blocking(move || {
        let (rows, errors) = parse_json(&body.bytes)?;
        let mut batches = Batches::default();
        for row in &rows {
            push(row, &rules, &mut batches);
        }
        Ok::<_, String>((rows.len(), batches.finish(), errors))
    });
    let (count, batches, mut errors) = match reading.await {
        Ok(Ok(read)) => read,
        Ok(Err(detail)) => return wrong(StatusCode::BAD_REQUEST, &detail),
        Err(error) => return wrong(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    };
    let kept = match write_all(&state, &identity, batches).await {
        Ok(rejected) => {
            let kept = count.saturating_sub(rejected.len());
            errors.extend(rejected);
            kept
        }
        Err(Failed { is_temporary: true, message }) => {
            return wrong(StatusCode::SERVICE_UNAVAILABLE, &message);
        }
        Err(Failed { message, .. }) => return wrong(StatusCode::BAD_REQUEST, &message),
    };
    answer(&query, kept, &errors)
}

/// `details` and `summary` without a value are how clients ask for more than a status.
fn answer(query: &str, kept: usize, errors: &[String]) -> Response {
    let asks = |name: &str| query.split('&').any(|part| part.split('=').next() == Some(name));
    let failed = errors.len();
    let status = if failed == 0 { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    if asks("details") {
        let listed: Vec<_> =
            errors.iter().take(100).map(|error| serde_json::json!({ "error": error })).collect();
        let body = serde_json::json!({ "success": kept, "failed": failed, "errors": listed });
        return (status, axum::Json(body)).into_response();
    }
    if asks("summary") {
        let body = serde_json::json!({ "success": kept, "failed": failed });
        return (status, axum::Json(body)).into_response();
    }
    match errors.first() {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(first) => wrong(status, &format!("One or more data points had errors: {first}")),
    }
}

fn wrong(status: StatusCode, message: &str) -> Response {
    let body = serde_json::json!({ "error": { "code": status.as_u16(), "message": message } });
    (status, axum::Json(body)).into_response()
}

/// Clients ask which version they talk to.
pub(super) async fn version() -> Response {
    axum::Json(serde_json::json!({ "version": "2.4.1", "short_revision": "vigie" })).into_response()
}
