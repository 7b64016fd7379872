//! Loki's API over the store's logs.

use std::sync::Arc;

use axum::Router;
use vigie_model::LogSink;
use vigie_show::loki::{self, LokiState};
use vigie_store::Store;
use vigie_world::World;

use crate::plan::Plan;

/// The routes of its port.
pub(super) fn router(plan: &Plan, store: &Arc<Store>, world: &World) -> Router {
    loki::router(Arc::new(LokiState {
        store: Arc::clone(store),
        sink: Arc::clone(store) as Arc<dyn LogSink>,
        world: world.clone(),
        query_timeout: plan.query_timeout,
    }))
}
