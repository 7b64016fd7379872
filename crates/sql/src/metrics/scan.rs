//! Reads samples as batches.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;
use vigie_model::{Points, TimeRange, is_stale_nan};
use vigie_store::{Budget, SeriesSet};

use super::columns::{MetricColumns, Rows};
use crate::SqlError;

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;
/// Batches that wait for whoever takes them.
const WAITING_MAX: usize = 2;

/// Some of the series that were found.
#[derive(Debug)]
pub(super) struct SeriesScan {
    pub(super) found: Arc<SeriesSet>,
    pub(super) series: Range<usize>,
    pub(super) range: TimeRange,
    pub(super) budget: Arc<Budget>,
    pub(super) columns: Arc<MetricColumns>,
    /// Places of the columns that are wanted.
    pub(super) wanted: Arc<[usize]>,
    /// Those columns.
    pub(super) schema: SchemaRef,
}

impl SeriesScan {
    /// Hands every batch to `take`, until that says no.
    fn run(&self, mut take: impl FnMut(Result<RecordBatch>) -> bool) {
        let mut rows = Rows::new(&self.columns, &self.wanted, Arc::clone(&self.schema));
        let mut points = Points::default();
        for series in self.series.clone() {
            if let Err(error) = self.found.read(series, self.range, &mut points, &self.budget) {
                take(Err(SqlError::from(error).into()));
                return;
            }
            rows.series(self.found.labels(series));
            for (at, (time, value)) in points.timestamps_ms.iter().zip(&points.values).enumerate() {
                let histogram = points.histogram_at(at);
                // The end of a series is no sample.
                if is_stale_nan(histogram.map_or(*value, |histogram| histogram.sum)) {
                    continue;
                }
                rows.push(*time, *value, histogram.map(|histogram| &**histogram));
                if rows.len == BATCH_ROWS && !take(rows.batch()) {
                    return;
                }
            }
        }
        if rows.len > 0 {
            take(rows.batch());
        }
    }
}

impl PartitionStream for SeriesScan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder =
            RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), WAITING_MAX);
        let taker = builder.tx();
        let scan = Self {
            found: Arc::clone(&self.found),
            series: self.series.clone(),
            range: self.range,
            budget: Arc::clone(&self.budget),
            columns: Arc::clone(&self.columns),
            wanted: Arc::clone(&self.wanted),
            schema: Arc::clone(&self.schema),
        };
        // Reading decodes and may wait for an object store: not on a thread that others wait for.
        builder.spawn_blocking(move || {
            scan.run(|batch| taker.blocking_send(batch).is_ok());
            Ok(())
        });
        builder.build()
    }
}
