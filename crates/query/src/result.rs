//! From rows to the value of a query.

use vigie_language::promql::ValueType;

use crate::eval::{Cell, Evaluator, Grid, Row, same_labels, without_metadata};
use crate::plan::Node;
use crate::{InstantSample, QueryError, QueryValue, RangeSeries, SampleValue};

/// Evaluates the plan of `evaluator`.
pub(crate) fn value(
    evaluator: &Evaluator<'_>,
    grid: Grid,
    instant: bool,
) -> Result<QueryValue, QueryError> {
    let (root, time_ms) = (&evaluator.plan.root, grid.start_ms);
    match (evaluator.plan.root_type, instant) {
        (ValueType::String, _) => {
            let Node::String(value) = root else {
                return Err(QueryError::Internal("string of an unexpected kind".to_owned()));
            };
            Ok(QueryValue::String { time_ms, value: value.as_str().to_owned() })
        }
        (ValueType::Matrix, _) => {
            let Node::Range(range) = root else {
                return Err(QueryError::Internal("matrix of an unexpected kind".to_owned()));
            };
            let mut series = evaluator.range_rows(range, time_ms)?;
            series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
            Ok(QueryValue::Matrix(series))
        }
        (ValueType::Scalar, true) => {
            let value = evaluator.scalar(root, grid)?.first().copied().unwrap_or(f64::NAN);
            Ok(QueryValue::Scalar { time_ms, value })
        }
        (ValueType::Scalar | ValueType::Vector, false) => {
            let mut series: Vec<RangeSeries> =
                named(evaluator.rows(root, grid)?)?.into_iter().map(|r| range(r, grid)).collect();
            series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
            Ok(QueryValue::Matrix(series))
        }
        (ValueType::Vector, true) => {
            let samples = named(evaluator.rows(root, grid)?)?.into_iter().filter_map(|row| {
                let value = match row.cell(0) {
                    Cell::Absent => return None,
                    Cell::Float(value) => SampleValue::Float(value),
                    Cell::Histogram(histogram) => SampleValue::Histogram(histogram),
                };
                Some(InstantSample { labels: row.labels, timestamp_ms: time_ms, value })
            });
            Ok(QueryValue::Vector(samples.collect()))
        }
    }
}

/// The rows with the names removed that are to be; an error if two series become one.
fn named(mut rows: Vec<Row>) -> Result<Vec<Row>, QueryError> {
    rows.retain(|row| !row.is_empty());
    same_labels(rows, |row| {
        if row.drop_name { without_metadata(&row.labels) } else { row.labels.clone() }
    })
}

fn range(row: Row, grid: Grid) -> RangeSeries {
    let present = row.present();
    let mut series = RangeSeries { labels: row.labels.clone(), ..RangeSeries::default() };
    if present == grid.count && row.histograms.is_empty() {
        series.timestamps_ms = grid.times().collect();
        series.values = row.values;
        return series;
    }
    series.timestamps_ms.reserve(present);
    series.values.reserve(present);
    for (step, time_ms) in grid.times().enumerate() {
        match row.cell(step) {
            Cell::Absent => {}
            Cell::Float(value) => {
                series.timestamps_ms.push(time_ms);
                series.values.push(value);
            }
            Cell::Histogram(histogram) => series.histograms.push((time_ms, histogram)),
        }
    }
    series
}
