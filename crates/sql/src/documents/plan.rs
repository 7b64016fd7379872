//! A scan of documents as a node of a plan.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    SortOrderPushdownResult,
};
use vigie_store::logs::LogOrder;

use super::columns::Source;
use super::scan::Scan;

/// Batches that wait for whoever takes them.
const WAITING_MAX: usize = 2;

/// A scan of documents. Without an order, partitions read different parts beside each other.
#[derive(Debug, Clone)]
pub(crate) struct DocumentScan {
    table: &'static str,
    scan: Arc<Scan>,
    partitions: Vec<Vec<usize>>,
    properties: Arc<PlanProperties>,
}

impl DocumentScan {
    pub(crate) fn new(table: &'static str, scan: Scan, partitions_max: usize) -> Self {
        let partitions = match scan.order {
            Some(_) => vec![(0..scan.snapshot.parts().len()).collect()],
            None => divide(&scan, partitions_max.max(1)),
        };
        let properties = properties(&scan, partitions.len());
        Self { table, scan: Arc::new(scan), partitions, properties: Arc::new(properties) }
    }

    fn with(&self, change: impl FnOnce(&mut Scan)) -> Self {
        let mut scan = (*self.scan).clone();
        change(&mut scan);
        Self::new(self.table, scan, self.partitions.len())
    }
}

/// The parts, in groups of about as many rows.
fn divide(scan: &Scan, partitions_max: usize) -> Vec<Vec<usize>> {
    let parts = scan.snapshot.parts();
    let mut sizes: Vec<(usize, u64)> =
        parts.iter().enumerate().map(|(at, part)| (at, u64::from(part.rows()))).collect();
    sizes.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    let count = partitions_max.min(sizes.len()).max(1);
    let mut groups = vec![(0_u64, Vec::new()); count];
    for (at, rows) in sizes {
        if let Some(least) = groups.iter_mut().min_by_key(|(sum, _)| *sum) {
            least.0 += rows;
            least.1.push(at);
        }
    }
    groups.into_iter().map(|(_, parts)| parts).collect()
}

fn properties(scan: &Scan, partitions: usize) -> PlanProperties {
    let mut equivalence = EquivalenceProperties::new(Arc::clone(&scan.schema));
    let time = scan.columns.iter().position(|column| column.source == Source::Time);
    if let (Some(order), Some(at)) = (scan.order, time) {
        let name = scan.schema.field(at).name();
        let expr: Arc<dyn PhysicalExpr> = Arc::new(ColumnExpr::new(name, at));
        let descending = order == LogOrder::Newest;
        let options = SortOptions { descending, nulls_first: descending };
        equivalence.add_ordering([PhysicalSortExpr::new(expr, options)]);
    }
    PlanProperties::new(
        equivalence,
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    )
}

impl DisplayAs for DocumentScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scan = &self.scan;
        let names: Vec<&str> = scan.columns.iter().map(|column| column.name.as_str()).collect();
        write!(f, "DocumentScan: {}, columns=[{}]", self.table, names.join(", "))?;
        let query = &scan.query;
        write!(f, ", index={:?}", query.filter)?;
        if query.start_ns != i64::MIN || query.end_ns != i64::MAX {
            write!(f, ", time={}..={}", query.start_ns, query.end_ns)?;
        }
        if let Some(check) = &scan.check {
            write!(f, ", check={}", check.expr)?;
        }
        if let Some(order) = scan.order {
            write!(f, ", order={order:?}")?;
        }
        scan.limit.map_or(Ok(()), |limit| write!(f, ", limit={limit}"))
    }
}

impl ExecutionPlan for DocumentScan {
    fn name(&self) -> &'static str {
        "DocumentScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn fetch(&self) -> Option<usize> {
        self.scan.limit
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let limit = match (self.scan.limit, limit) {
            (Some(known), Some(limit)) => Some(known.min(limit)),
            (known, limit) => known.or(limit),
        };
        Some(Arc::new(self.with(|scan| scan.limit = limit)))
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        let [wanted] = order else { return Ok(SortOrderPushdownResult::Unsupported) };
        let column = wanted.expr.downcast_ref::<ColumnExpr>();
        let column = column.and_then(|column| self.scan.columns.get(column.index()));
        // A limit was for any rows, not for the first ones.
        if column.is_none_or(|column| column.source != Source::Time) || self.scan.limit.is_some() {
            return Ok(SortOrderPushdownResult::Unsupported);
        }
        let newest = wanted.options.descending;
        let order = if newest { LogOrder::Newest } else { LogOrder::Oldest };
        let inner = Arc::new(self.with(|scan| scan.order = Some(order)));
        Ok(SortOrderPushdownResult::Exact { inner })
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema: SchemaRef = Arc::clone(&self.scan.schema);
        let parts = self.partitions.get(partition).cloned().unwrap_or_default();
        let mut builder = RecordBatchReceiverStreamBuilder::new(schema, WAITING_MAX);
        let (scan, taker) = (Arc::clone(&self.scan), builder.tx());
        // Reading decodes and may wait for an object store: not on a thread that others wait for.
        builder.spawn_blocking(move || {
            scan.run(&parts, &taker);
            Ok(())
        });
        Ok(builder.build())
    }
}
