//! The HTTP API of Prometheus 3.14, as one router.
//!
//! What is served and where it differs is in `docs/use/prometheus-api.md`. Every handler takes
//! its parts from [`PrometheusState`] and the tenant from the front door's [`Identity`].

mod admin;
mod answer;
mod cardinality;
mod doors;
mod export;
mod federate;
mod import;
mod lists;
mod manage;
mod openapi;
mod parameters;
mod query;
mod read;
mod rules;
mod search;
mod selector;
mod self_metrics;
mod series;
mod state;
mod status;
mod stream;
mod targets;
mod time;
mod top;
mod trace;
mod tree;
mod usage;
mod value;
mod write;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, delete, get, post};
use tokio::sync::Semaphore;

pub use manage::OwnMetrics;
pub use rules::{NoRules, RuleBook};
pub use state::{BuildInformation, Operator, PrometheusOptions, PrometheusState, ReloadOutcome};
pub use targets::{RelabelStep, TargetSource};

use answer::{ApiError, ApiErrorKind};

type Shared = Arc<Api>;

/// What handlers share: the parts, and what is counted over all requests.
#[derive(Debug)]
struct Api {
    state: Arc<PrometheusState>,
    query_slots: Semaphore,
    top: top::TopQueries,
    written: write::WriteCounters,
}

impl Deref for Api {
    type Target = PrometheusState;
    fn deref(&self) -> &PrometheusState {
        &self.state
    }
}

/// The routes of Prometheus' port: `/api/v1`, `/federate`, `/metrics`, `/-/...`.
///
/// Without the page, which the caller merges as the router's fallback, and without the prefix of
/// `--web.route-prefix`, below which the caller puts both.
pub fn router(state: Arc<PrometheusState>) -> Router {
    let slots = state.options.query_concurrency_max.clamp(1, Semaphore::MAX_PERMITS);
    let written = write::WriteCounters::new(&state.telemetry);
    let api_state = Arc::new(Api {
        query_slots: Semaphore::new(slots),
        top: top::TopQueries::default(),
        written,
        state,
    });
    Router::new()
        .nest("/api/v1", api())
        .merge(manage::routes())
        .merge(doors::routes())
        .with_state(api_state)
}

fn api() -> Router<Shared> {
    Router::new()
        .merge(data_routes())
        .merge(state_routes())
        .merge(status_routes())
        .merge(admin_routes())
        .fallback(not_found)
}

fn data_routes() -> Router<Shared> {
    Router::new()
        .route("/query", both(query::query))
        .route("/query_range", both(query::query_range))
        .route("/query_exemplars", both(query::query_exemplars))
        .route("/format_query", both(query::format_query))
        .route("/parse_query", both(query::parse_query))
        .route("/series", both(series::series))
        .route("/labels", both(series::labels))
        .route("/label/{name}/values", get(series::label_values))
        .route("/import", post(import::json_lines))
        .route("/import/prometheus", post(import::text))
        .route("/export", both(export::export))
        .route("/read", post(read::read))
        .route("/write", post(write::write))
        .route("/metadata", get(series::metadata))
        .route("/search/metric_names", both(search::metric_names))
        .route("/search/label_names", both(search::label_names))
        .route("/search/label_values", both(search::label_values))
        .route("/openapi.yaml", get(openapi::openapi))
}

fn state_routes() -> Router<Shared> {
    Router::new()
        .route("/targets", get(targets::targets))
        .route("/targets/metadata", get(targets::metadata))
        .route("/targets/relabel_steps", get(targets::relabel_steps))
        .route("/targets/discoveries", get(targets::discoveries))
        .route("/scrape_pools", get(targets::scrape_pools))
        .route("/scrape_pools/config", get(targets::scrape_pool_config))
        .route("/rules", get(rules::rules))
        .route("/alerts", get(rules::alerts))
        .route("/alertmanagers", get(rules::alertmanagers))
        .route("/notifications", get(lists::notifications))
        .route("/notifications/live", get(lists::notifications_live))
        .route("/features", get(lists::features))
}

fn status_routes() -> Router<Shared> {
    Router::new()
        .route("/status/buildinfo", get(status::build))
        .route("/status/runtimeinfo", get(status::runtime))
        .route("/status/config", get(status::configuration))
        .route("/status/flags", get(status::flags))
        .route("/status/tsdb", get(status::tsdb))
        .route("/status/self_metrics", get(self_metrics::self_metrics))
        .route("/status/tsdb/blocks", get(status::blocks))
        .route("/status/metric_names_stats", get(usage::metric_names))
        .route("/status/top_queries", both(top::top_queries))
        .route("/status/active_queries", get(query::active))
        .route("/status/active_queries/{id}", delete(query::cancel))
        .route("/status/walreplay", get(status::wal_replay))
}

fn admin_routes() -> Router<Shared> {
    Router::new()
        .route("/admin/tsdb/delete_series", changing(admin::delete_series))
        .route("/admin/tsdb/clean_tombstones", changing(admin::clean_tombstones))
        .route("/admin/tsdb/snapshot", changing(admin::snapshot))
}

/// GET and POST, as most questions may be asked.
fn both<H, T>(handler: H) -> MethodRouter<Shared>
where
    H: axum::handler::Handler<T, Shared>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}

/// POST and PUT.
fn changing<H, T>(handler: H) -> MethodRouter<Shared>
where
    H: axum::handler::Handler<T, Shared>,
    T: 'static,
{
    post(handler.clone()).put(handler)
}

async fn not_found() -> ApiError {
    ApiError::new(ApiErrorKind::NotFound, "there is no such endpoint")
}
