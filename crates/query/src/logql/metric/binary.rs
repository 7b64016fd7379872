//! Operations between two expressions.

use std::collections::BTreeMap;

use vigie_language::logql::Binary;
use vigie_language::promql::{BinaryOp, GroupSide, Matching};
use vigie_model::{Labels, LabelsBuilder};

use super::{Evaluation, MetricSeries, MetricValue, check_size};
use crate::logql::LogqlError;

impl Evaluation<'_> {
    pub(super) fn binary(&self, binary: &Binary) -> Result<MetricValue, LogqlError> {
        let (left, right) = (self.expr(&binary.lhs)?, self.expr(&binary.rhs)?);
        let op = Operation { op: binary.op, return_bool: binary.return_bool };
        Ok(match (left, right) {
            (MetricValue::Scalar(a), MetricValue::Scalar(b)) => {
                // Between two numbers a comparison is always 0 or 1.
                let always = Operation { return_bool: true, ..op };
                MetricValue::Scalar(always.of(a, b).unwrap_or(f64::NAN))
            }
            (MetricValue::Series(series), MetricValue::Scalar(b)) => {
                MetricValue::Series(each(series, |a| op.keeping(a, b, a)))
            }
            (MetricValue::Scalar(a), MetricValue::Series(series)) => {
                MetricValue::Series(each(series, |b| op.keeping(a, b, b)))
            }
            (MetricValue::Series(left), MetricValue::Series(right)) => {
                let matching = &binary.matching;
                MetricValue::Series(match binary.op {
                    BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
                        set(binary.op, left, right, matching)
                    }
                    _ => joined(op, left, right, matching)?,
                })
            }
        })
    }
}

fn each(series: Vec<MetricSeries>, value: impl Fn(f64) -> Option<f64>) -> Vec<MetricSeries> {
    let change = |mut series: MetricSeries| {
        for slot in &mut series.values {
            *slot = slot.and_then(&value);
        }
        series
    };
    series.into_iter().map(change).collect()
}

#[derive(Clone, Copy)]
struct Operation {
    op: BinaryOp,
    return_bool: bool,
}

impl Operation {
    /// The result for two numbers. `None`: a comparison that does not hold and filters.
    fn of(self, a: f64, b: f64) -> Option<f64> {
        self.keeping(a, b, a)
    }

    /// The same; a comparison that holds and filters keeps `kept`.
    fn keeping(self, a: f64, b: f64, kept: f64) -> Option<f64> {
        let compared = |holds: bool| {
            if self.return_bool { Some(f64::from(u8::from(holds))) } else { holds.then_some(kept) }
        };
        match self.op {
            BinaryOp::Add => Some(a + b),
            BinaryOp::Sub => Some(a - b),
            BinaryOp::Mul => Some(a * b),
            // Loki gives no number where Prometheus gives infinity.
            BinaryOp::Div => Some(if b == 0.0 { f64::NAN } else { a / b }),
            BinaryOp::Mod => Some(if b == 0.0 { f64::NAN } else { a % b }),
            BinaryOp::Pow => Some(a.powf(b)),
            BinaryOp::Equal => compared(a == b),
            BinaryOp::NotEqual => compared(a != b),
            BinaryOp::Greater => compared(a > b),
            BinaryOp::Less => compared(a < b),
            BinaryOp::GreaterEqual => compared(a >= b),
            BinaryOp::LessEqual => compared(a <= b),
            _ => None,
        }
    }
}

/// What two series must have in common.
fn key(labels: &Labels, matching: &Matching) -> Labels {
    labels.filtered(|name| matching.labels.iter().any(|label| label == name) == matching.on)
}

fn by_key(series: &[MetricSeries], matching: &Matching) -> BTreeMap<Labels, Vec<usize>> {
    let mut found: BTreeMap<Labels, Vec<usize>> = BTreeMap::new();
    for (at, one) in series.iter().enumerate() {
        found.entry(key(&one.labels, matching)).or_default().push(at);
    }
    found
}

fn set(
    op: BinaryOp,
    mut left: Vec<MetricSeries>,
    mut right: Vec<MetricSeries>,
    matching: &Matching,
) -> Vec<MetricSeries> {
    // Whether any series of the other side has a value there at a step.
    let is_there = |others: &[MetricSeries], places: Option<&Vec<usize>>, at: usize| {
        places.into_iter().flatten().any(|place| {
            others.get(*place).is_some_and(|other| matches!(other.values.get(at), Some(Some(_))))
        })
    };
    let restrict = |side: &mut [MetricSeries], others: &[MetricSeries], keeps: bool| {
        let places = by_key(others, matching);
        for series in side {
            let partners = places.get(&key(&series.labels, matching));
            for (at, value) in series.values.iter_mut().enumerate() {
                if value.is_some() && is_there(others, partners, at) != keeps {
                    *value = None;
                }
            }
        }
    };
    match op {
        BinaryOp::And => restrict(&mut left, &right, true),
        BinaryOp::Unless => restrict(&mut left, &right, false),
        _ => {
            restrict(&mut right, &left, false);
            left.extend(right);
            // The same labels on both sides are one series.
            let mut merged: BTreeMap<Labels, MetricSeries> = BTreeMap::new();
            for series in left {
                match merged.get_mut(&series.labels) {
                    Some(known) => {
                        for (value, other) in known.values.iter_mut().zip(series.values) {
                            *value = value.or(other);
                        }
                    }
                    None => drop(merged.insert(series.labels.clone(), series)),
                }
            }
            left = merged.into_values().collect();
        }
    }
    left
}

fn joined(
    op: Operation,
    left: Vec<MetricSeries>,
    right: Vec<MetricSeries>,
    matching: &Matching,
) -> Result<Vec<MetricSeries>, LogqlError> {
    let swapped = matching.group == GroupSide::Right;
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let partners = by_key(&one, matching);
    let mut out: BTreeMap<Labels, MetricSeries> = BTreeMap::new();
    for series in many {
        let key = key(&series.labels, matching);
        let Some(places) = partners.get(&key) else { continue };
        let mut labels = None;
        let mut values = vec![None; series.values.len()];
        for (at, value) in series.values.iter().enumerate() {
            let Some(value) = value else { continue };
            let mut found = places.iter().filter_map(|place| {
                let partner = one.get(*place)?;
                Some(((*partner.values.get(at)?)?, &partner.labels))
            });
            let Some((other, partner)) = found.next() else { continue };
            if found.next().is_some() {
                return Err(duplicate(swapped));
            }
            let (a, b) = if swapped { (other, *value) } else { (*value, other) };
            if let Some(slot) = values.get_mut(at) {
                *slot = op.keeping(a, b, a);
            }
            labels.get_or_insert_with(|| result_labels(&series.labels, partner, matching));
        }
        let Some(labels) = labels else { continue };
        if let Some(known) = out.get_mut(&labels) {
            for (slot, value) in known.values.iter_mut().zip(values) {
                if slot.is_some() && value.is_some() {
                    return Err(ambiguous(matching));
                }
                *slot = slot.or(value);
            }
            continue;
        }
        check_size(out.len() + 1, values.len())?;
        out.insert(labels.clone(), MetricSeries { labels, values });
    }
    Ok(out.into_values().collect())
}

fn duplicate(swapped: bool) -> LogqlError {
    let side = if swapped { "left" } else { "right" };
    LogqlError::BadRequest(format!(
        "found duplicate series on the {side} hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
    ))
}

fn ambiguous(matching: &Matching) -> LogqlError {
    LogqlError::BadRequest(if matching.group == GroupSide::None {
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)".to_owned()
    } else {
        "multiple matches for labels: grouping labels must ensure unique matches".to_owned()
    })
}

fn result_labels(many: &Labels, one: &Labels, matching: &Matching) -> Labels {
    if matching.group == GroupSide::None {
        return key(many, matching);
    }
    let mut labels = LabelsBuilder::from_labels(many);
    for name in &matching.include {
        match one.get(name).filter(|value| !value.is_empty()) {
            Some(value) => drop(labels.set(name, value)),
            None => drop(labels.remove(name)),
        }
    }
    labels.build()
}
