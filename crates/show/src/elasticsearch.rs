//! The HTTP API of Elasticsearch 8.5, as one router.
//!
//! What is served and where it differs is in `docs/use/elasticsearch.md`. Requests are few kinds
//! of path with many shapes, so one function ([`dispatch`](route::dispatch)) tells them apart;
//! each part of the API has a file. All of it is synchronous and runs on threads that may block.

mod aliases;
mod answer;
mod async_search;
mod bulk;
mod by_query;
mod call;
mod cat;
mod cluster;
mod contexts;
mod data_streams;
mod document;
mod error;
mod field_caps;
mod filter_path;
mod indices;
mod ingest;
mod locate;
mod mapping;
mod metadata;
mod multi_search;
mod named;
mod resolve;
mod route;
mod search;
mod settings;
mod state;
mod templates;
mod update;
mod validate;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::any;

use crate::{BodyError, Identity, RequestBody};
use answer::Reply;
use call::Call;
use error::ApiError;
use state::Api;

pub use state::{ElasticsearchOptions, ElasticsearchState};

/// Entry of the fuzz target of bulk bodies: reads anything, never panics.
#[doc(hidden)]
pub fn fuzz_bulk(data: &[u8]) {
    bulk::fuzz(data);
}

/// The routes of Elasticsearch's port.
pub fn router(state: ElasticsearchState) -> Router {
    let api = Arc::new(Api::new(state));
    // The paths of most requests have routes of their own so that telemetry tells them apart.
    Router::new()
        .route("/_bulk", any(handle))
        .route("/{index}/_bulk", any(handle))
        .route("/_search", any(handle))
        .route("/{index}/_search", any(handle))
        .route("/_msearch", any(handle))
        .route("/{index}/_doc/{id}", any(handle))
        .fallback(handle)
        .with_state(api)
}

async fn handle(State(api): State<Arc<Api>>, identity: Identity, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let call = Call::new(&head, identity.tenant);
    let request = Request::from_parts(head, body);
    let body = RequestBody::from_request(request, &()).await;
    let (mut call, body) = match body {
        Ok(body) if body.is_snappy => {
            return refuse(&call, &BodyError::Encoding("snappy".to_owned()));
        }
        Ok(body) => (call, body),
        Err(error) => return refuse(&call, &error),
    };
    call.body = body.bytes.clone();
    let slots = if call.is_write() { &api.write_slots } else { &api.read_slots };
    let Ok(_slot) = slots.acquire().await else {
        return ApiError::unavailable("shutting down").reply().response(&call);
    };
    // When whoever asks goes away, this future is dropped and with it the guard.
    let _guard = call.stop_guard();
    let call = Arc::new(call);
    let working = Arc::clone(&call);
    let api = Arc::clone(&api);
    let answering = tokio::task::spawn_blocking(move || {
        // The body's memory stays reserved until it has been worked on.
        let _held = body;
        let reply = route::dispatch(&api, &working).unwrap_or_else(|error| error.reply());
        reply.response(&working)
    });
    match answering.await {
        Ok(response) => response,
        Err(_) => ApiError::internal("the request failed").reply().response(&call),
    }
}

/// A body that was not taken, in words that clients of Elasticsearch understand.
fn refuse(call: &Call, error: &BodyError) -> Response<Body> {
    let status = match error {
        // Clients send again what is refused with 429, and may not what is refused with 503.
        BodyError::Busy => StatusCode::TOO_MANY_REQUESTS,
        other => other.status(),
    };
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
        StatusCode::PAYLOAD_TOO_LARGE => "content_too_long_exception",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type_header_exception",
        _ => "parse_exception",
    };
    let reply: Reply = ApiError::new(kind, error.to_string(), status.as_u16()).reply();
    reply.response(call)
}
