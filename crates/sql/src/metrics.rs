//! Series of the store as the table `metrics`, a row a sample, and answers of PromQL as rows of
//! the same shape.
//!
//! [`columns`] says which columns there are and builds them, [`filter`] makes matchers and a range
//! of time of conditions, [`scan`] reads the points, [`promql`] is the function.

mod columns;
mod filter;
mod promql;
mod scan;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use vigie_store::{Budget, Select, Snapshot};

use crate::SqlError;

pub(crate) use columns::MetricColumns;
pub(crate) use promql::PromqlFunction;
use scan::SeriesScan;

/// Samples that one scan reads at most.
const SAMPLES_MAX: u64 = 1_000_000_000;

/// The series of a snapshot as a table.
#[derive(Debug)]
pub(crate) struct MetricTable {
    snapshot: Snapshot,
    columns: Arc<MetricColumns>,
}

impl MetricTable {
    pub(crate) fn new(snapshot: Snapshot, columns: Arc<MetricColumns>) -> Self {
        Self { snapshot, columns }
    }
}

#[async_trait]
impl TableProvider for MetricTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = |condition: &&Expr| {
            if filter::narrows(condition, &self.columns) {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(pushed).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let asked = filter::asked(filters, &self.columns);
        let budget = Arc::new(Budget::new(SAMPLES_MAX));
        let select = Select { matchers: &asked.matchers, range: asked.range };
        let found = self.snapshot.select(select, &budget).await.map_err(SqlError::from)?;
        let found = Arc::new(found);
        let everything: Vec<usize> = (0..self.columns.schema.fields().len()).collect();
        let wanted: Arc<[usize]> = projection.unwrap_or(&everything).as_slice().into();
        let schema = Arc::new(self.columns.schema.project(&wanted)?);
        let count = state.config().target_partitions().clamp(1, found.len().max(1));
        let partitions = (0..count).map(|partition| {
            Arc::new(SeriesScan {
                found: Arc::clone(&found),
                series: partition * found.len() / count..(partition + 1) * found.len() / count,
                range: asked.range,
                budget: Arc::clone(&budget),
                columns: Arc::clone(&self.columns),
                wanted: Arc::clone(&wanted),
                schema: Arc::clone(&schema),
            }) as Arc<dyn PartitionStream>
        });
        let partitions = partitions.collect();
        // The scan has projected already; conditions are checked again, so that a limit is not its.
        let limit = limit.filter(|_| filters.is_empty());
        let scan = StreamingTableExec::try_new(schema, partitions, None, [], false, limit)?;
        Ok(Arc::new(scan))
    }
}
