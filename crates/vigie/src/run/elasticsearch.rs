//! Elasticsearch's API over the store's logs.

use std::sync::Arc;

use axum::Router;
use vigie_model::LogSink;
use vigie_show::Telemetry;
use vigie_show::elasticsearch::{self, ElasticsearchOptions, ElasticsearchState};
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

use crate::plan::Plan;

/// The routes of its port.
pub(super) fn router(
    plan: &Plan,
    store_options: &StoreOptions,
    store: &Arc<Store>,
    world: &World,
    telemetry: &Arc<Telemetry>,
) -> Router {
    let options = ElasticsearchOptions {
        version: plan.elasticsearch_version.clone(),
        search_timeout: plan.query_timeout,
        ..ElasticsearchOptions::new(store_options.data.join("elasticsearch"))
    };
    elasticsearch::router(ElasticsearchState {
        store: Arc::clone(store),
        sink: Arc::clone(store) as Arc<dyn LogSink>,
        world: world.clone(),
        telemetry: Arc::clone(telemetry),
        options,
    })
}
