//! Documents of the store as tables: `logs` and `spans`.
//!
//! A table is made of a snapshot: [`columns`] says which columns it has, [`filter`] asks the
//! store's indexes for what the conditions want, [`scan`] reads the rows that are found, the
//! latest first and no more than are wanted where that is asked, [`read`] makes arrays of them.

pub(crate) mod columns;
mod filter;
mod plan;
mod read;
mod scan;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use vigie_store::StoreError;
use vigie_store::logs::LogSnapshot;

use columns::Columns;
pub(crate) use columns::Documents;
use plan::DocumentScan;
use scan::{Check, Scan};

/// The documents of a snapshot as a table.
#[derive(Debug)]
pub(crate) struct DocumentTable {
    name: &'static str,
    snapshot: Arc<LogSnapshot>,
    columns: Columns,
}

impl DocumentTable {
    /// The table of `snapshot`.
    pub(crate) fn new(documents: Documents, snapshot: LogSnapshot) -> Result<Self, StoreError> {
        let columns = Columns::of(documents, &snapshot)?;
        let name = match documents {
            Documents::Logs => "logs",
            Documents::Spans => "spans",
        };
        Ok(Self { name, snapshot: Arc::new(snapshot), columns })
    }

    fn check(&self, state: &dyn Session, again: Vec<Expr>) -> Result<Option<Arc<Check>>> {
        let Some(condition) = conjunction(again) else { return Ok(None) };
        let names = condition.column_refs();
        let columns: Vec<_> = self
            .columns
            .all
            .iter()
            .filter(|column| names.iter().any(|name| name.name == column.name))
            .cloned()
            .collect();
        let fields = columns
            .iter()
            .filter_map(|column| self.columns.schema.field_with_name(&column.name).ok().cloned());
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let named = DFSchema::try_from(Arc::clone(&schema))?;
        let expr = state.create_physical_expr(condition, &named)?;
        Ok(Some(Arc::new(Check { expr, columns, schema })))
    }
}

/// Whether the table can decide a condition by itself: all but questions to other tables, and
/// what is not the same each time.
fn is_own(condition: &Expr) -> bool {
    let mut own = !condition.is_volatile();
    // The closure never fails.
    condition
        .apply(|expr| {
            let foreign = matches!(
                expr,
                Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::ScalarSubquery(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::Placeholder(_)
            );
            own &= !foreign;
            Ok(if foreign { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
        .ok();
    own
}

#[async_trait]
impl TableProvider for DocumentTable {
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
        let pushed = |filter: &&Expr| {
            if is_own(filter) {
                TableProviderFilterPushDown::Exact
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
        let (query, again) = filter::query_of(filters, &self.columns, &self.snapshot);
        let check = self.check(state, again)?;
        let everything: Vec<usize> = (0..self.columns.all.len()).collect();
        let wanted = projection.unwrap_or(&everything);
        let columns = wanted.iter().filter_map(|at| self.columns.all.get(*at)).cloned().collect();
        let schema = Arc::new(self.columns.schema.project(wanted)?);
        let scan = Scan {
            snapshot: Arc::clone(&self.snapshot),
            query: Arc::new(query),
            columns,
            schema,
            check,
            order: None,
            limit,
        };
        let partitions = state.config().target_partitions();
        Ok(Arc::new(DocumentScan::new(self.name, scan, partitions)))
    }
}
