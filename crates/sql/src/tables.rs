//! What a statement is asked of.

use std::sync::Arc;

use datafusion::prelude::SessionContext;
use vigie_model::{TenantId, TimeRange};
use vigie_query::Engine;
use vigie_store::logs::LogSnapshot;
use vigie_store::{Snapshot, Store};

use crate::SqlError;
use crate::documents::{DocumentTable, Documents};
use crate::metrics::{MetricColumns, MetricTable, PromqlFunction};

/// Snapshots of one tenant, which are the tables, and what PromQL is evaluated with.
#[derive(Debug)]
pub struct SqlTables {
    logs: LogSnapshot,
    spans: LogSnapshot,
    metrics: Snapshot,
    promql: Arc<Engine>,
    now_ms: i64,
}

impl SqlTables {
    /// What is kept for `tenant`. `promql` evaluates the function of that name, at `now_ms` where
    /// it names no time.
    pub fn of(store: &Store, tenant: &TenantId, promql: &Arc<Engine>, now_ms: i64) -> Self {
        Self {
            logs: store.log_snapshot(tenant),
            spans: store.span_snapshot(tenant),
            metrics: store.snapshot(tenant),
            promql: Arc::clone(promql),
            now_ms,
        }
    }

    /// Makes the tables known. Waits for disks: not on a thread that others wait for.
    pub(crate) fn register(self, context: &SessionContext) -> Result<(), SqlError> {
        let logs = DocumentTable::new(Documents::Logs, self.logs)?;
        let spans = DocumentTable::new(Documents::Spans, self.spans)?;
        context.register_table("logs", Arc::new(logs))?;
        context.register_table("spans", Arc::new(spans))?;
        let names = self.metrics.label_names(&[], TimeRange::ALL, 0);
        let columns = Arc::new(MetricColumns::new(futures::executor::block_on(names)?));
        let promql = PromqlFunction::new(
            self.metrics.clone(),
            Arc::clone(&columns),
            self.promql,
            self.now_ms,
        );
        context.register_udtf("promql", Arc::new(promql));
        let metrics = MetricTable::new(self.metrics, columns);
        context.register_table("metrics", Arc::new(metrics))?;
        Ok(())
    }
}
