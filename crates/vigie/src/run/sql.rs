//! SQL over what is kept.

use std::sync::Arc;

use anyhow::{Context, Result};
use vigie_show::prometheus::PrometheusState;
use vigie_show::sql::SqlState;
use vigie_sql::{SqlEngine, SqlLimits};

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
