//! `compare()`: how often each value of each attribute stands in the spans that are selected, and
//! how often in the others.

use std::collections::{BTreeMap, HashMap};

use vigie_language::traceql::{MetricFunction, Query};
use vigie_store::logs::LogSnapshot;

use super::Budget;
use super::evaluate::{Ready, is_true, prepare};
use super::metrics::{MetricRange, filter_of};
use super::pushdown::of_pipeline;
use super::scan::{each_row, each_trace, log_query, single_span_filters};
use super::series::MetricSeries;
use super::spansets::prepare_pipeline;
use super::value::FieldValue;
use super::whole::Whole;
use crate::QueryError;
use crate::traces::{self, TraceSpan, read_span};

/// Values of one attribute that are counted; the rest is not told apart.
const VALUES_MAX: usize = 10_000;

/// Counts of one value, a cell a step.
type Counts = HashMap<Vec<u8>, (FieldValue, Vec<f64>)>;

#[derive(Default)]
struct Group {
    attributes: BTreeMap<String, Counts>,
    totals: BTreeMap<String, Vec<f64>>,
}

impl Group {
    fn add(&mut self, span: &TraceSpan, step: usize, steps: usize) {
        self.count("name", &FieldValue::Text(span.name.clone()), step, steps);
        self.count("kind", &FieldValue::of_kind(span.kind), step, steps);
        self.count("status", &FieldValue::of_status(span.status), step, steps);
        if !span.status_message.is_empty() {
            let message = FieldValue::Text(span.status_message.clone());
            self.count("statusMessage", &message, step, steps);
        }
        let service = FieldValue::Text(span.service.clone());
        self.count("resource.service.name", &service, step, steps);
        for (scope, attributes) in [("resource", &span.resource), ("span", &span.attributes)] {
            for (name, value) in attributes {
                let value = FieldValue::of_json(value);
                self.count(&format!("{scope}.{name}"), &value, step, steps);
            }
        }
    }

    fn count(&mut self, name: &str, value: &FieldValue, step: usize, steps: usize) {
        let total = match self.totals.get_mut(name) {
            Some(total) => total,
            None => self.totals.entry(name.to_owned()).or_insert_with(|| vec![0.0; steps]),
        };
        if let Some(cell) = total.get_mut(step) {
            *cell += 1.0;
        }
        let counts = self.attributes.entry(name.to_owned()).or_default();
        let mut key = Vec::new();
        value.write_key(&mut key);
        if counts.len() >= VALUES_MAX && !counts.contains_key(&key) {
            return;
        }
        let (_, cells) = counts.entry(key).or_insert_with(|| (value.clone(), vec![0.0; steps]));
        if let Some(cell) = cells.get_mut(step) {
            *cell += 1.0;
        }
    }

    /// The series of the group, and the names of attributes with more than `top` values.
    fn series(self, kind: &str, top: usize) -> (Vec<MetricSeries>, Vec<String>) {
        let (mut series, mut crowded) = (Vec::new(), Vec::new());
        let labels = |kind: String, name: &str, value: FieldValue| {
            vec![("__meta_type".to_owned(), FieldValue::Text(kind)), (name.to_owned(), value)]
        };
        for (name, counts) in self.attributes {
            let mut counts: Vec<(FieldValue, Vec<f64>)> = counts.into_values().collect();
            if counts.len() > top {
                crowded.push(name.clone());
            }
            let sum = |cells: &[f64]| cells.iter().sum::<f64>();
            counts.sort_by(|(a, a_cells), (b, b_cells)| {
                let by_count = sum(b_cells).total_cmp(&sum(a_cells));
                by_count.then_with(|| a.text().cmp(&b.text()))
            });
            for (value, values) in counts.into_iter().take(top) {
                let labels = labels(kind.to_owned(), &name, value);
                series.push(MetricSeries { labels, values, exemplars: Vec::new() });
            }
        }
        for (name, values) in self.totals {
            let labels = labels(format!("{kind}_total"), &name, FieldValue::Nil);
            series.push(MetricSeries { labels, values, exemplars: Vec::new() });
        }
        (series, crowded)
    }
}

/// Evaluates `compare()`.
pub(super) fn compare_groups(
    snapshot: &LogSnapshot,
    query: &Query,
    function: &MetricFunction,
    range: MetricRange,
    budget: Budget,
) -> Result<Vec<MetricSeries>, QueryError> {
    let MetricFunction::Compare { selection, top, window_ns } = function else {
        return Ok(Vec::new());
    };
    let steps = range.steps()?;
    let selection = prepare(selection)?;
    let (mut selected, mut others) = (Group::default(), Group::default());
    each_whole_span(snapshot, query, range, budget, |whole, at| {
        let Some(span) = whole.spans.get(at) else { return Ok(()) };
        let Some(step) = range.step_of(span.start_ns) else { return Ok(()) };
        let in_window = *window_ns == (0, 0) || (window_ns.0..window_ns.1).contains(&span.start_ns);
        let is_selected = in_window && is_true(&selection, &whole.at(at))?;
        let group = if is_selected { &mut selected } else { &mut others };
        group.add(span, step, steps);
        Ok(())
    })?;
    let (mut series, mut crowded) = selected.series("selection", *top);
    let (other_series, other_crowded) = others.series("baseline", *top);
    series.extend(other_series);
    crowded.extend(other_crowded);
    crowded.sort();
    crowded.dedup();
    for name in crowded {
        let error = FieldValue::Text("__too_many_values__".to_owned());
        let labels = vec![("__meta_error".to_owned(), error), (name, FieldValue::Nil)];
        series.push(MetricSeries { labels, values: vec![0.0; steps], exemplars: Vec::new() });
    }
    Ok(series)
}

/// Calls `visit` with each span that the pipeline leaves, read whole.
fn each_whole_span(
    snapshot: &LogSnapshot,
    query: &Query,
    range: MetricRange,
    budget: Budget,
    mut visit: impl FnMut(&Whole<'_>, usize) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let (start_ns, end_ns) = (range.start_ns, range.end_ns - 1);
    let Some(filters) = single_span_filters(query) else {
        let pushed = of_pipeline(&query.pipeline, snapshot)?;
        let pipeline = prepare_pipeline(&query.pipeline)?;
        let asked = log_query(pushed, start_ns, end_ns);
        let mut count = 0;
        return each_trace(snapshot, &asked, 4_096, |id| {
            let spans = traces::trace(snapshot, id)?;
            count += spans.len();
            if count > budget.spans_max {
                return Err(QueryError::TooManySamples);
            }
            let whole = Whole::new(&spans);
            for set in pipeline.run(&whole)? {
                for at in set.spans {
                    visit(&whole, at)?;
                }
            }
            Ok(true)
        });
    };
    let (pushed, ready): (_, Vec<Ready>) = filter_of(&filters, snapshot)?;
    let asked = log_query(pushed, start_ns, end_ns);
    let mut buffer = Vec::new();
    each_row(snapshot, &asked, &[], budget.spans_max, |rows, _, row| {
        let span = [read_span(rows.part(), row, &mut buffer)?];
        let whole = Whole::new(&span);
        for filter in &ready {
            if !is_true(filter, &whole.at(0))? {
                return Ok(());
            }
        }
        visit(&whole, 0)
    })
}
