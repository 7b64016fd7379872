//! Aggregations over series.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use vigie_language::logql::{Grouping, MetricExpr, VectorAggregation, VectorOp};
use vigie_model::Labels;

use super::range::variance;
use super::{Evaluation, MetricSeries};
use crate::logql::LogqlError;

impl Evaluation<'_> {
    pub(super) fn vector(
        &self,
        vector: &VectorAggregation,
    ) -> Result<Vec<MetricSeries>, LogqlError> {
        let all = Grouping { labels: Vec::new(), without: false };
        let grouping = vector.grouping.as_ref().unwrap_or(&all);
        let series = match &*vector.expr {
            MetricExpr::Range(range) if vector.op == VectorOp::Sum => {
                self.range(range, Some(grouping))?
            }
            expr => self.series(expr)?,
        };
        let steps = self.steps.count;
        Ok(match vector.op {
            VectorOp::Sort => sorted(series, false),
            VectorOp::SortDesc => sorted(series, true),
            VectorOp::Topk | VectorOp::ApproxTopk | VectorOp::Bottomk => {
                let most = usize::try_from(vector.parameter).unwrap_or(usize::MAX);
                let largest = vector.op != VectorOp::Bottomk;
                let mut kept = Vec::new();
                for (_, group) in grouped(series, grouping) {
                    kept.extend(extremes(group, steps, most, largest));
                }
                if steps == 1 { sorted(kept, largest) } else { kept }
            }
            op => {
                let each = |(labels, group): (Labels, Vec<MetricSeries>)| {
                    let values = (0..steps).map(|at| {
                        let now = group.iter().filter_map(|series| *series.values.get(at)?);
                        aggregate(op, now)
                    });
                    MetricSeries { labels, values: values.collect() }
                };
                grouped(series, grouping).into_iter().map(each).collect()
            }
        })
    }
}

/// The labels that a group has of a series.
fn kept(labels: &Labels, grouping: &Grouping) -> Labels {
    labels.filtered(|name| grouping.labels.iter().any(|l| l == name) != grouping.without)
}

fn grouped(series: Vec<MetricSeries>, grouping: &Grouping) -> BTreeMap<Labels, Vec<MetricSeries>> {
    let mut groups: BTreeMap<Labels, Vec<MetricSeries>> = BTreeMap::new();
    for one in series {
        groups.entry(kept(&one.labels, grouping)).or_default().push(one);
    }
    groups
}

fn aggregate(op: VectorOp, values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = values.clone().count();
    let first = values.clone().next()?;
    // No number loses against any.
    let best = |better: fn(&f64, &f64) -> bool| {
        values.clone().fold(first, |best, value| {
            if best.is_nan() || better(&value, &best) { value } else { best }
        })
    };
    Some(match op {
        VectorOp::Sum => values.sum(),
        VectorOp::Avg => values.sum::<f64>() / count as f64,
        VectorOp::Count => count as f64,
        VectorOp::Max => best(|value, best| value > best),
        VectorOp::Min => best(|value, best| value < best),
        VectorOp::Stdvar => variance(values),
        VectorOp::Stddev => variance(values).sqrt(),
        _ => first,
    })
}

/// Largest or smallest first, no numbers last.
fn order(one: f64, other: f64, largest: bool) -> Ordering {
    match (one.is_nan(), other.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ if largest => other.total_cmp(&one),
        _ => one.total_cmp(&other),
    }
}

fn sorted(mut series: Vec<MetricSeries>, largest: bool) -> Vec<MetricSeries> {
    let value = |series: &MetricSeries| series.values.first().copied().flatten();
    series.sort_by(|one, other| match (value(one), value(other)) {
        (Some(a), Some(b)) => order(a, b, largest).then_with(|| one.labels.cmp(&other.labels)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    series
}

/// The `most` largest or smallest at each step.
fn extremes(
    mut group: Vec<MetricSeries>,
    steps: usize,
    most: usize,
    largest: bool,
) -> Vec<MetricSeries> {
    group.sort_by(|one, other| one.labels.cmp(&other.labels));
    for at in 0..steps {
        let mut now: Vec<(usize, f64)> = group
            .iter()
            .enumerate()
            .filter_map(|(place, series)| Some((place, (*series.values.get(at)?)?)))
            .collect();
        now.sort_by(|(_, one), (_, other)| order(*one, *other, largest));
        for (place, _) in now.into_iter().skip(most) {
            if let Some(value) = group.get_mut(place).and_then(|s| s.values.get_mut(at)) {
                *value = None;
            }
        }
    }
    group.retain(|series| series.values.iter().any(Option::is_some));
    group
}
