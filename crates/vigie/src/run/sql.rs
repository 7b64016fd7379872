//! SQL over what is kept.

use std::sync::Arc;

use anyhow::{Context, Result};
use vigie_show::postgres::PostgresService;
use vigie_show::prometheus::PrometheusState;
use vigie_show::sql::SqlState;
use vigie_sql::{SqlEngine, SqlLimits};

use super::listeners::Listeners;
use crate::plan::Port;

/// What statements are answered from: the store and the engine of Prometheus' API.
pub(super) fn state(metrics: &PrometheusState) -> Result<Arc<SqlState>> {
    let engine = SqlEngine::new(SqlLimits::default()).context("starting SQL")?;
    Ok(Arc::new(SqlState {
        engine: Arc::new(engine),
        store: Arc::clone(&metrics.store),
        promql: Arc::clone(&metrics.engine),
        world: metrics.world.clone(),
    }))
}

/// Opens PostgreSQL's port.
pub(super) async fn open(
    port: Option<&Port>,
    sql: &Arc<SqlState>,
    listeners: &mut Listeners,
) -> Result<()> {
    if let Some(listener) = listeners.bind_wanted("postgres", port).await? {
        let service = Arc::new(PostgresService::new(Arc::clone(sql)));
        listeners.serve_wire("postgres", listener, service);
    }
    Ok(())
}
