//! Goes through what the store lets through: spans one by one, or their traces, newest first.

use std::collections::HashSet;

use vigie_language::traceql::{
    Expression, Field, MetricFunction, Pipeline, Query, Scalar, SpansetExpression, Stage,
};
use vigie_model::span::TraceId;
use vigie_store::logs::{BLOCK_ROWS, LogOrder, LogQuery, LogSnapshot};

use super::evaluate::fields_of;
use super::pushdown::Pushed;
use super::rows::{Rows, is_of_row};
use crate::QueryError;
use crate::traces::trace_id_of;

/// The question to the store.
pub(super) fn log_query(pushed: Pushed, start_ns: i64, end_ns: i64) -> LogQuery {
    LogQuery { indexes: pushed.services, start_ns, end_ns, filter: pushed.filter }
}

/// Calls `visit` with each trace that has a span for which `query` holds, those first whose span
/// started last, until it says `false`.
pub(super) fn each_trace(
    snapshot: &LogSnapshot,
    query: &LogQuery,
    first_chunk: usize,
    mut visit: impl FnMut(TraceId) -> Result<bool, QueryError>,
) -> Result<(), QueryError> {
    let (mut seen, mut after, mut bytes) = (HashSet::new(), None, Vec::new());
    let mut chunk = first_chunk.clamp(64, 65_536);
    loop {
        let hits = snapshot.hits(query, LogOrder::Newest, chunk, after)?;
        for hit in &hits {
            let Some(part) = snapshot.parts().get(hit.part as usize) else { continue };
            let Some(id) = trace_id_of(part, hit.row, &mut bytes)? else { continue };
            if seen.insert(id) && !visit(id)? {
                return Ok(());
            }
        }
        match hits.last() {
            Some(last) if hits.len() == chunk => after = Some((last.time_ns, last.sequence)),
            _ => return Ok(()),
        }
        chunk = chunk.saturating_mul(2).min(262_144);
    }
}

/// Calls `visit` with each span for which `query` holds, at its row, and its start.
pub(super) fn each_row(
    snapshot: &LogSnapshot,
    query: &LogQuery,
    fields: &[Field],
    rows_max: usize,
    mut visit: impl FnMut(&Rows<'_>, i64, u32) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let mut count = 0_usize;
    let mut times = [0; BLOCK_ROWS];
    for part in snapshot.parts() {
        let matcher = part.matcher(query)?;
        if matcher.is_empty() {
            continue;
        }
        let mut rows = Rows::new(part, fields)?;
        for block in matcher.blocks() {
            let mask = matcher.block(block)?;
            let found: usize = mask.iter().map(|word| word.count_ones() as usize).sum();
            if found == 0 {
                continue;
            }
            count += found;
            if count > rows_max {
                return Err(QueryError::TooManySamples);
            }
            part.times(block, &mut times)?;
            for (at, time_ns) in times.iter().enumerate() {
                if mask.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1) {
                    let row = (block * BLOCK_ROWS + at) as u32;
                    rows.at(row)?;
                    visit(&rows, *time_ns, row)?;
                }
            }
        }
    }
    Ok(())
}

/// The filters of a pipeline that only looks at spans one by one: those that are left pass all.
/// `None` when it needs whole traces.
pub(super) fn single_span_filters(query: &Query) -> Option<Vec<&Expression>> {
    let mut filters = Vec::new();
    for stage in &query.pipeline.stages {
        match stage {
            Stage::Spansets(SpansetExpression::Filter(filter)) => filters.push(filter),
            Stage::Select(_) | Stage::Coalesce => {}
            _ => return None,
        }
    }
    let mut fields = Vec::new();
    each_field(query, &mut |field| fields.push(field.clone()));
    fields.iter().all(is_of_row).then_some(filters)
}

/// Calls `visit` with every field that a query names.
pub(super) fn each_field(query: &Query, visit: &mut impl FnMut(&Field)) {
    of_pipeline(&query.pipeline, visit);
    let Some(metrics) = &query.metrics else { return };
    metrics.by.iter().for_each(&mut *visit);
    match &metrics.function {
        MetricFunction::Rate | MetricFunction::CountOverTime => {}
        MetricFunction::MinOverTime(field)
        | MetricFunction::MaxOverTime(field)
        | MetricFunction::AvgOverTime(field)
        | MetricFunction::SumOverTime(field)
        | MetricFunction::QuantileOverTime(field, _)
        | MetricFunction::HistogramOverTime(field) => visit(field),
        MetricFunction::Compare { selection, .. } => fields_of(selection, visit),
    }
}

fn of_pipeline(pipeline: &Pipeline, visit: &mut impl FnMut(&Field)) {
    for stage in &pipeline.stages {
        match stage {
            Stage::Spansets(expression) => of_spansets(expression, visit),
            Stage::Filter(filter) => {
                of_scalar(&filter.left, visit);
                of_scalar(&filter.right, visit);
            }
            Stage::By(by) => fields_of(by, visit),
            Stage::Select(fields) => fields.iter().for_each(&mut *visit),
            Stage::Coalesce => {}
        }
    }
}

fn of_spansets(expression: &SpansetExpression, visit: &mut impl FnMut(&Field)) {
    match expression {
        SpansetExpression::Filter(filter) => fields_of(filter, visit),
        SpansetExpression::Operation(_, left, right) => {
            of_spansets(left, visit);
            of_spansets(right, visit);
        }
        SpansetExpression::Pipeline(pipeline) => of_pipeline(pipeline, visit),
    }
}

fn of_scalar(scalar: &Scalar, visit: &mut impl FnMut(&Field)) {
    match scalar {
        Scalar::Static(_) | Scalar::Aggregate(_, None) => {}
        Scalar::Aggregate(_, Some(expression)) => fields_of(expression, visit),
        Scalar::Operation(_, left, right) => {
            of_scalar(left, visit);
            of_scalar(right, visit);
        }
        Scalar::Pipeline(pipeline, aggregate) => {
            of_pipeline(pipeline, visit);
            of_scalar(aggregate, visit);
        }
    }
}
