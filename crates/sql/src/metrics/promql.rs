//! `promql('expression' [, start, end, step])`: an answer of PromQL as rows like those of `metrics`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use vigie_language::promql;
use vigie_model::Labels;
use vigie_query::{Engine, QueryKind, QueryLimits, QueryRequest, QueryValue, SampleValue};
use vigie_store::Snapshot;

use super::columns::{MetricColumns, Rows};
use crate::SqlError;
use crate::documents::columns::time_type;

/// How long an expression may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Samples that an expression may hold at once.
const SAMPLES_MAX: u64 = 10_000_000;
const USAGE: &str = "promql('expression') or promql('expression', start, end, step), with times \
                     like '2024-02-03T04:05:06Z' and the step in seconds";

/// The function.
#[derive(Debug)]
pub(crate) struct PromqlFunction {
    snapshot: Snapshot,
    columns: Arc<MetricColumns>,
    engine: Arc<Engine>,
    now_ms: i64,
}

impl PromqlFunction {
    pub(crate) fn new(
        snapshot: Snapshot,
        columns: Arc<MetricColumns>,
        engine: Arc<Engine>,
        now_ms: i64,
    ) -> Self {
        Self { snapshot, columns, engine, now_ms }
    }
}

impl TableFunctionImpl for PromqlFunction {
    fn call_with_args(
        &self,
        arguments: TableFunctionArgs<'_, '_>,
    ) -> Result<Arc<dyn TableProvider>> {
        let (text, times) = match arguments.exprs() {
            [text] => (text, None),
            [text, start, end, step] => (text, Some((start, end, step))),
            _ => return Err(SqlError::invalid(USAGE).into()),
        };
        let wrong = || SqlError::invalid(USAGE);
        let text =
            literal(text).and_then(|value| value.try_as_str().flatten()).ok_or_else(wrong)?;
        let kind = match times {
            None => QueryKind::Instant { time_ms: self.now_ms },
            Some((start, end, step)) => QueryKind::Range {
                start_ms: literal(start).and_then(time_ms).ok_or_else(wrong)?,
                end_ms: literal(end).and_then(time_ms).ok_or_else(wrong)?,
                step_ms: literal(step).and_then(seconds_ms).ok_or_else(wrong)?,
            },
        };
        // Wrong expressions are told before anything is read.
        promql::parse(text).map_err(|error| SqlError::invalid(error.to_string()))?;
        Ok(Arc::new(PromqlTable {
            text: text.to_owned(),
            kind,
            snapshot: self.snapshot.clone(),
            columns: Arc::clone(&self.columns),
            engine: Arc::clone(&self.engine),
        }))
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Cast(cast) => literal(&cast.expr),
        _ => None,
    }
}

fn time_ms(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::TimestampNanosecond(Some(time_ns), _) => Some(time_ns.div_euclid(1_000_000)),
        ScalarValue::Int64(Some(seconds)) => seconds.checked_mul(1_000),
        other => {
            let text = other.try_as_str()??.to_owned();
            time_ms(&ScalarValue::try_from_string(text, &time_type()).ok()?)
        }
    }
}

fn seconds_ms(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(Some(seconds)) => seconds.checked_mul(1_000),
        ScalarValue::Float64(Some(seconds)) => Some((seconds * 1_000.0) as i64),
        _ => None,
    }
    .filter(|step| *step > 0)
}

/// One call of the function.
#[derive(Debug)]
struct PromqlTable {
    text: String,
    kind: QueryKind,
    snapshot: Snapshot,
    columns: Arc<MetricColumns>,
    engine: Arc<Engine>,
}

impl PromqlTable {
    async fn answer(&self) -> Result<QueryValue, SqlError> {
        let expr =
            promql::parse(&self.text).map_err(|error| SqlError::invalid(error.to_string()))?;
        let limits = QueryLimits {
            timeout: Some(TIMEOUT),
            samples_max: Some(SAMPLES_MAX),
            ..QueryLimits::default()
        };
        let request = QueryRequest { text: &self.text, expr: &expr, kind: self.kind, limits };
        Ok(self.engine.evaluate(&self.snapshot, request).await?.value)
    }
}

#[async_trait]
impl TableProvider for PromqlTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let everything: Vec<usize> = (0..self.columns.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&everything);
        let schema = Arc::new(self.columns.schema.project(wanted)?);
        let mut rows = Rows::new(&self.columns, wanted, Arc::clone(&schema));
        match self.answer().await? {
            QueryValue::Scalar { time_ms, value } => {
                rows.series(&Labels::empty());
                rows.push(time_ms, value, None);
            }
            QueryValue::String { .. } => {
                return Err(SqlError::invalid("this expression of PromQL gives text").into());
            }
            QueryValue::Vector(samples) => {
                for sample in samples {
                    rows.series(&sample.labels);
                    match sample.value {
                        SampleValue::Float(value) => rows.push(sample.timestamp_ms, value, None),
                        SampleValue::Histogram(histogram) => {
                            rows.push(sample.timestamp_ms, 0.0, Some(&histogram));
                        }
                    }
                }
            }
            QueryValue::Matrix(all) => {
                for series in all {
                    rows.series(&series.labels);
                    for (time, value) in series.timestamps_ms.iter().zip(&series.values) {
                        rows.push(*time, *value, None);
                    }
                    for (time, histogram) in &series.histograms {
                        rows.push(*time, 0.0, Some(histogram));
                    }
                }
            }
        }
        let batch = rows.batch()?;
        let exec = MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None)?;
        Ok(exec)
    }
}
