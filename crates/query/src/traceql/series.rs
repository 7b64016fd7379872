//! Series that metrics queries make, and what becomes of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use vigie_language::traceql::{MetricFunction, MetricStage, Operator};
use vigie_model::span::TraceId;

use super::value::FieldValue;

/// A series of a metrics query.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// Its labels, in the order in which the query names them.
    pub labels: Vec<(String, FieldValue)>,
    /// A value for each step; NaN where there is none.
    pub values: Vec<f64>,
    /// Spans that stand for the others.
    pub exemplars: Vec<MetricExemplar>,
}

/// A span that stands for others.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricExemplar {
    /// Its trace.
    pub trace_id: TraceId,
    /// When it started, nanoseconds since the epoch.
    pub time_ns: i64,
    /// What was measured of it.
    pub value: f64,
}

/// Buckets of quantiles grow by this factor: an answer is off by half a percent at most.
const GROWTH: f64 = 1.01;

/// Values of one combination of labels, a cell a step.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) labels: Vec<(String, FieldValue)>,
    kind: Kind,
    pub(super) exemplars: Vec<MetricExemplar>,
}

#[derive(Debug)]
enum Kind {
    Count(Vec<f64>),
    Best(Vec<f64>, Ordering),
    Sum(Vec<f64>),
    Mean(Vec<(f64, f64)>),
    Buckets(Vec<BTreeMap<i32, f64>>),
    Powers(BTreeMap<i32, Vec<f64>>, usize),
}

impl Cells {
    pub(super) fn new(
        function: &MetricFunction,
        labels: Vec<(String, FieldValue)>,
        steps: usize,
    ) -> Self {
        let kind = match function {
            MetricFunction::Rate
            | MetricFunction::CountOverTime
            | MetricFunction::Compare { .. } => Kind::Count(vec![0.0; steps]),
            MetricFunction::MinOverTime(_) => Kind::Best(vec![f64::NAN; steps], Ordering::Less),
            MetricFunction::MaxOverTime(_) => Kind::Best(vec![f64::NAN; steps], Ordering::Greater),
            MetricFunction::SumOverTime(_) => Kind::Sum(vec![f64::NAN; steps]),
            MetricFunction::AvgOverTime(_) => Kind::Mean(vec![(0.0, 0.0); steps]),
            MetricFunction::QuantileOverTime(..) => Kind::Buckets(vec![BTreeMap::new(); steps]),
            MetricFunction::HistogramOverTime(_) => Kind::Powers(BTreeMap::new(), steps),
        };
        Self { labels, kind, exemplars: Vec::new() }
    }

    /// Adds a value that counts `weight` times.
    pub(super) fn add(&mut self, step: usize, value: f64, weight: f64) {
        match &mut self.kind {
            Kind::Count(cells) => {
                if let Some(cell) = cells.get_mut(step) {
                    *cell += weight;
                }
            }
            Kind::Best(cells, wanted) => {
                if let Some(cell) = cells.get_mut(step)
                    && (cell.is_nan() || value.partial_cmp(cell) == Some(*wanted))
                {
                    *cell = value;
                }
            }
            Kind::Sum(cells) => {
                if let Some(cell) = cells.get_mut(step) {
                    *cell = if cell.is_nan() { value * weight } else { *cell + value * weight };
                }
            }
            Kind::Mean(cells) => {
                if let Some((sum, count)) = cells.get_mut(step) {
                    *sum += value * weight;
                    *count += weight;
                }
            }
            Kind::Buckets(cells) => {
                if let Some(cell) = cells.get_mut(step) {
                    let bucket = if value > 0.0 {
                        (value.ln() / GROWTH.ln()).ceil() as i32
                    } else {
                        i32::MIN
                    };
                    *cell.entry(bucket).or_default() += weight;
                }
            }
            Kind::Powers(buckets, steps) => {
                let power = if value > 0.0 { value.log2().ceil() as i32 } else { i32::MIN };
                let cells = buckets.entry(power).or_insert_with(|| vec![0.0; *steps]);
                if let Some(cell) = cells.get_mut(step) {
                    *cell += weight;
                }
            }
        }
    }

    /// The series of these cells.
    pub(super) fn series(self, function: &MetricFunction, step_ns: i64) -> Vec<MetricSeries> {
        let Self { labels, kind, exemplars } = self;
        let one =
            |values, exemplars| vec![MetricSeries { labels: labels.clone(), values, exemplars }];
        match kind {
            Kind::Count(mut cells) => {
                if *function == MetricFunction::Rate {
                    let seconds = step_ns as f64 / 1e9;
                    for cell in &mut cells {
                        *cell /= seconds;
                    }
                }
                one(cells, exemplars)
            }
            Kind::Best(cells, _) | Kind::Sum(cells) => one(cells, exemplars),
            Kind::Mean(cells) => {
                one(cells.into_iter().map(|(sum, count)| sum / count).collect(), exemplars)
            }
            Kind::Buckets(cells) => {
                let MetricFunction::QuantileOverTime(_, quantiles) = function else {
                    return Vec::new();
                };
                let mut exemplars = Some(exemplars);
                quantiles
                    .iter()
                    .map(|quantile| MetricSeries {
                        labels: with(&labels, "p", FieldValue::Float(*quantile)),
                        values: cells.iter().map(|cell| of_buckets(cell, *quantile)).collect(),
                        exemplars: exemplars.take().unwrap_or_default(),
                    })
                    .collect()
            }
            Kind::Powers(buckets, _) => {
                let mut exemplars = Some(exemplars);
                buckets
                    .into_iter()
                    .map(|(power, values)| {
                        let bound = if power == i32::MIN { 0.0 } else { 2_f64.powi(power) };
                        MetricSeries {
                            labels: with(&labels, "__bucket", FieldValue::Float(bound)),
                            values,
                            exemplars: exemplars.take().unwrap_or_default(),
                        }
                    })
                    .collect()
            }
        }
    }
}

fn with(
    labels: &[(String, FieldValue)],
    name: &str,
    value: FieldValue,
) -> Vec<(String, FieldValue)> {
    let mut labels = labels.to_vec();
    labels.push((name.to_owned(), value));
    labels
}

/// The quantile of what is in the buckets.
fn of_buckets(buckets: &BTreeMap<i32, f64>, quantile: f64) -> f64 {
    let total: f64 = buckets.values().sum();
    let wanted = (quantile * total).max(f64::MIN_POSITIVE);
    let mut below = 0.0;
    for (bucket, count) in buckets {
        below += count;
        if below >= wanted - 1e-9 {
            // The middle of the bucket, on the scale of its growth.
            return match *bucket {
                i32::MIN => 0.0,
                bucket => GROWTH.powf(f64::from(bucket) - 0.5),
            };
        }
    }
    f64::NAN
}

/// What becomes of all series.
pub(super) fn apply(stage: &MetricStage, series: &mut Vec<MetricSeries>) {
    match stage {
        MetricStage::TopK(count) => keep_best(series, *count, true),
        MetricStage::BottomK(count) => keep_best(series, *count, false),
        MetricStage::Filter(operator, bound) => {
            for one in series.iter_mut() {
                for value in &mut one.values {
                    let passes = (*value).partial_cmp(bound).is_some_and(|order| match operator {
                        Operator::Equal => order == Ordering::Equal,
                        Operator::NotEqual => order != Ordering::Equal,
                        Operator::Less => order == Ordering::Less,
                        Operator::LessEqual => order != Ordering::Greater,
                        Operator::Greater => order == Ordering::Greater,
                        Operator::GreaterEqual => order != Ordering::Less,
                        _ => true,
                    });
                    if !passes {
                        *value = f64::NAN;
                    }
                }
            }
        }
    }
    series.retain(|one| one.values.iter().any(|value| !value.is_nan()));
}

/// Keeps, at each step, the `count` largest (or smallest) values; of equal ones those whose labels
/// come first.
fn keep_best(series: &mut [MetricSeries], count: usize, is_largest: bool) {
    let names: Vec<String> = series.iter().map(|one| format!("{:?}", one.labels)).collect();
    let steps = series.first().map_or(0, |one| one.values.len());
    for step in 0..steps {
        let mut order: Vec<(f64, usize)> = series
            .iter()
            .enumerate()
            .filter_map(|(at, one)| one.values.get(step).map(|value| (*value, at)))
            .filter(|(value, _)| !value.is_nan())
            .collect();
        order.sort_by(|(a, a_at), (b, b_at)| {
            let by_value = if is_largest { b.total_cmp(a) } else { a.total_cmp(b) };
            by_value.then_with(|| names.get(*a_at).cmp(&names.get(*b_at)))
        });
        for (_, at) in order.into_iter().skip(count) {
            if let Some(value) = series.get_mut(at).and_then(|one| one.values.get_mut(step)) {
                *value = f64::NAN;
            }
        }
    }
}
