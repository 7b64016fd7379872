//! Loki's API over the store's logs.

use std::sync::Arc;

use axum::Router;
use vigie_model::LogSink;
use vigie_show::loki::{self, LokiState};
use vigie_store::Store;
use vigie_world::World;

use crate::plan::Plan;

/// What it serves from.
pub(super) fn state(plan: &Plan, store: &Arc<Store>, world: &World) -> Arc<LokiState> {
    Arc::new(LokiState {
        store: Arc::clone(store),
        sink: Arc::clone(store) as Arc<dyn LogSink>,
        world: world.clone(),
        query_timeout: plan.query_timeout,
    })
}

/// The routes of its port.
pub(super) fn router(state: Arc<LokiState>) -> Router {
    loki::router(state)
}
