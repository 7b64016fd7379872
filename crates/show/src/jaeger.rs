//! Jaeger's query API on 16686: the JSON of its first generation, `/api/...`, and the OTLP JSON of
//! its second, `/api/v3/...`.
//!
//! Newer Jaegers dropped most of the first generation; pages, Grafana and scripts in the field
//! still ask it, so both are served from the same traces. Source: jaeger-idl's `api_v3` and the
//! structures of Jaeger's `model/json`.

pub mod health;
mod monitor;
mod parameters;
mod query_service;
pub mod sampling;
mod span_json;
mod span_proto;
mod summaries;
mod v1;
mod v3;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use vigie_query::Engine;
use vigie_store::Store;
use vigie_world::World;

/// What answers are made from.
#[derive(Debug)]
pub struct JaegerState {
    store: Arc<Store>,
    engine: Arc<Engine>,
    world: World,
}

impl JaegerState {
    /// Answers from `store`; the monitor tab's metrics by `engine`.
    pub fn new(store: Arc<Store>, engine: Arc<Engine>, world: World) -> Arc<Self> {
        Arc::new(Self { store, engine, world })
    }
}

/// Traces that one search gives at most.
const TRACES_MAX: usize = 10_000;

/// The API's routes.
pub fn router(state: Arc<JaegerState>) -> Router {
    Router::new()
        .route("/api/services", get(v1::services))
        .route("/api/services/{service}/operations", get(v1::operations_of_service))
        .route("/api/operations", get(v1::operations))
        .route("/api/traces", get(v1::search))
        .route("/api/traces/{id}", get(v1::trace))
        .route("/api/dependencies", get(v1::dependencies))
        .route("/api/v3/services", get(v3::services))
        .route("/api/v3/operations", get(v3::operations))
        .route("/api/metrics/minstep", get(monitor::min_step))
        .route("/api/metrics/{kind}", get(monitor::family))
        .route("/api/v3/traces", get(v3::search).post(v3::search_by_body))
        .route("/api/v3/dependencies", get(v3::dependencies))
        .route("/api/v3/trace-summaries", get(v3::summaries))
        .route("/api/v3/traces/{id}", get(v3::trace))
        .with_state(state)
}

/// The calls of gRPC, for port 16685: both generations of `QueryService`.
pub fn grpc_router(state: Arc<JaegerState>) -> Router {
    query_service::router(state)
}
