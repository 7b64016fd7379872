//! Metrics of spans: counted, and measured, step by step.

use std::collections::HashMap;

use vigie_language::traceql::{Expression, Field, MetricFunction, MetricQuery, Query};
use vigie_model::span::TraceId;
use vigie_store::logs::LogSnapshot;

use super::Budget;
use super::compare::compare_groups;
use super::evaluate::{Fields, Ready, is_true, prepare};
use super::pushdown::{Pushed, of_expression, of_pipeline};
use super::scan::{each_field, each_row, each_trace, log_query, single_span_filters};
use super::series::{Cells, MetricExemplar, MetricSeries, apply};
use super::spansets::prepare_pipeline;
use super::value::FieldValue;
use super::whole::Whole;
use crate::QueryError;
use crate::traces;

/// The steps of an answer: `[start, start + step)`, and so on to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRange {
    /// First nanosecond of the first step.
    pub start_ns: i64,
    /// The nanosecond after the last step.
    pub end_ns: i64,
    /// Length of a step.
    pub step_ns: i64,
    /// Exemplars that are wanted.
    pub exemplars_max: usize,
}

/// Steps that an answer may have.
const STEPS_MAX: i64 = 11_000;

impl MetricRange {
    /// How many steps there are.
    pub(super) fn steps(&self) -> Result<usize, QueryError> {
        if self.step_ns <= 0 || self.end_ns <= self.start_ns {
            return Err(QueryError::BadData("the end must be after the start".into()));
        }
        let steps = (self.end_ns.saturating_sub(self.start_ns) - 1) / self.step_ns + 1;
        if steps > STEPS_MAX {
            return Err(QueryError::BadData(format!(
                "more than {STEPS_MAX} steps: make the range smaller or the step larger"
            )));
        }
        Ok(steps as usize)
    }

    /// The step of a time.
    pub(super) const fn step_of(&self, time_ns: i64) -> Option<usize> {
        if time_ns < self.start_ns || time_ns >= self.end_ns {
            return None;
        }
        Some(((time_ns - self.start_ns) / self.step_ns) as usize)
    }
}

/// Evaluates a metrics query.
pub fn metrics(
    snapshot: &LogSnapshot,
    query: &Query,
    range: MetricRange,
    budget: Budget,
) -> Result<Vec<MetricSeries>, QueryError> {
    let Some(wanted) = &query.metrics else {
        return Err(QueryError::BadData(
            "not a metrics query: rate() or another is missing".into(),
        ));
    };
    let steps = range.steps()?;
    let mut series = if let MetricFunction::Compare { .. } = wanted.function {
        compare_groups(snapshot, query, &wanted.function, range, budget)?
    } else {
        let mut collector = Collector {
            wanted,
            range,
            steps,
            budget,
            known: HashMap::new(),
            cells: Vec::new(),
            key: Vec::new(),
        };
        each_span(snapshot, query, range, budget, |fields, time_ns| {
            collector.add(fields, time_ns)
        })?;
        let function = &wanted.function;
        let cells = collector.cells.into_iter();
        cells.flat_map(|cells| cells.series(function, range.step_ns)).collect()
    };
    for stage in &wanted.stages {
        apply(stage, &mut series);
    }
    series.sort_by_cached_key(|one| format!("{:?}", one.labels));
    Ok(series)
}

/// Who can be asked for a span's fields, whichever way it was read.
pub(super) trait AnyFields {
    fn ask(&self, field: &Field) -> Result<FieldValue, QueryError>;
}

impl<F: Fields> AnyFields for F {
    fn ask(&self, field: &Field) -> Result<FieldValue, QueryError> {
        self.value(field)
    }
}

/// Calls `visit` with each span that the pipeline leaves and that started in the range.
pub(super) fn each_span(
    snapshot: &LogSnapshot,
    query: &Query,
    range: MetricRange,
    budget: Budget,
    mut visit: impl FnMut(&dyn AnyFields, i64) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    if let Some(filters) = single_span_filters(query) {
        let (pushed, ready) = filter_of(&filters, snapshot)?;
        let asked = log_query(pushed, range.start_ns, range.end_ns - 1);
        let mut fields = vec![trace_id_field()];
        each_field(query, &mut |field| fields.push(field.clone()));
        return each_row(snapshot, &asked, &fields, budget.rows_max, |rows, time_ns, _| {
            for filter in &ready {
                if !is_true(filter, rows)? {
                    return Ok(());
                }
            }
            visit(rows, time_ns)
        });
    }
    let pushed = of_pipeline(&query.pipeline, snapshot)?;
    let pipeline = prepare_pipeline(&query.pipeline)?;
    let asked = log_query(pushed, range.start_ns, range.end_ns - 1);
    let mut count = 0;
    each_trace(snapshot, &asked, 4_096, |id: TraceId| {
        let spans = traces::trace(snapshot, id)?;
        count += spans.len();
        if count > budget.spans_max {
            return Err(QueryError::TooManySamples);
        }
        let whole = Whole::new(&spans);
        for set in pipeline.run(&whole)? {
            for at in set.spans {
                let Some(span) = spans.get(at) else { continue };
                visit(&whole.at(at), span.start_ns)?;
            }
        }
        Ok(true)
    })
}

/// What the store is asked for spans that pass all of `filters`, and the filters.
pub(super) fn filter_of(
    filters: &[&Expression],
    snapshot: &LogSnapshot,
) -> Result<(Pushed, Vec<Ready>), QueryError> {
    let all = filters.iter().map(|filter| (*filter).clone()).reduce(|left, right| {
        Expression::Binary(vigie_language::traceql::Operator::And, Box::new(left), Box::new(right))
    });
    let pushed = match &all {
        Some(all) => of_expression(all, snapshot)?,
        None => Pushed { filter: vigie_store::logs::LogFilter::All, services: None },
    };
    let ready = filters.iter().map(|filter| prepare(filter)).collect::<Result<_, _>>()?;
    Ok((pushed, ready))
}

fn trace_id_field() -> Field {
    Field::Intrinsic(vigie_language::traceql::Intrinsic::TraceId)
}

struct Collector<'a> {
    wanted: &'a MetricQuery,
    range: MetricRange,
    steps: usize,
    budget: Budget,
    known: HashMap<Vec<u8>, usize>,
    cells: Vec<Cells>,
    key: Vec<u8>,
}

impl Collector<'_> {
    fn add(&mut self, fields: &dyn AnyFields, time_ns: i64) -> Result<(), QueryError> {
        let Some(step) = self.range.step_of(time_ns) else { return Ok(()) };
        let value = match &self.wanted.function {
            MetricFunction::MinOverTime(field)
            | MetricFunction::MaxOverTime(field)
            | MetricFunction::AvgOverTime(field)
            | MetricFunction::SumOverTime(field)
            | MetricFunction::QuantileOverTime(field, _)
            | MetricFunction::HistogramOverTime(field) => match fields.ask(field)?.measure() {
                Some(value) => value,
                None => return Ok(()),
            },
            _ => 1.0,
        };
        let at = self.place(fields)?;
        let exemplars_max = self.range.exemplars_max.div_ceil(self.cells.len().max(1));
        let Some(cells) = self.cells.get_mut(at) else { return Ok(()) };
        cells.add(step, value, 1.0);
        let is_next = cells
            .exemplars
            .last()
            .is_none_or(|last| self.range.step_of(last.time_ns) != Some(step));
        if is_next && cells.exemplars.len() < exemplars_max {
            let id = fields.ask(&trace_id_field())?.text();
            let trace_id = TraceId::parse(&id).unwrap_or_default();
            cells.exemplars.push(MetricExemplar { trace_id, time_ns, value });
        }
        Ok(())
    }

    /// The place of the cells for this span's labels.
    fn place(&mut self, fields: &dyn AnyFields) -> Result<usize, QueryError> {
        self.key.clear();
        let mut values = Vec::with_capacity(self.wanted.by.len());
        for field in &self.wanted.by {
            let value = fields.ask(field)?;
            value.write_key(&mut self.key);
            values.push(value);
        }
        if let Some(at) = self.known.get(&self.key) {
            return Ok(*at);
        }
        if self.cells.len() >= self.budget.series_max {
            let message = format!("the query makes more than {} series", self.budget.series_max);
            return Err(QueryError::Execution(message));
        }
        let mut labels: Vec<(String, FieldValue)> =
            self.wanted.by.iter().map(ToString::to_string).zip(values).collect();
        if labels.is_empty() {
            labels.extend(name_label(&self.wanted.function));
        }
        self.cells.push(Cells::new(&self.wanted.function, labels, self.steps));
        self.known.insert(self.key.clone(), self.cells.len() - 1);
        Ok(self.cells.len() - 1)
    }
}

/// The label of the only series of a query that groups by nothing.
fn name_label(function: &MetricFunction) -> Option<(String, FieldValue)> {
    let name = match function {
        MetricFunction::Rate => "rate",
        MetricFunction::CountOverTime => "count_over_time",
        MetricFunction::MinOverTime(_) => "min_over_time",
        MetricFunction::MaxOverTime(_) => "max_over_time",
        MetricFunction::AvgOverTime(_) => "avg_over_time",
        MetricFunction::SumOverTime(_) => "sum_over_time",
        _ => return None,
    };
    Some(("__name__".to_owned(), FieldValue::Text(name.to_owned())))
}
