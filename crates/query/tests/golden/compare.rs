//! Whether an answer is the expected one.

use std::collections::BTreeMap;

use vigie_model::{Histogram, Labels};
use vigie_query::{InstantSample, QueryOutput, QueryValue, RangeSeries, SampleValue};

use crate::script::{Evaluation, Pattern, When};
use crate::value::Value;

const EPSILON: f64 = 1e-6;

pub(crate) fn close(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

fn same_value(expected: &Value, got: &SampleValue) -> Result<(), String> {
    match (expected, got) {
        (Value::Float(a), SampleValue::Float(b)) if close(*a, *b) => Ok(()),
        (Value::Histogram(a), SampleValue::Histogram(b)) if same_histogram(a, b) => Ok(()),
        (Value::Float(a), SampleValue::Float(b)) => Err(format!("got {b}, expected {a}")),
        (Value::Histogram(a), SampleValue::Histogram(b)) => Err(format!("got {b}, expected {a}")),
        (expected, got) => Err(format!("got {got:?}, expected {expected:?}")),
    }
}

fn same_histogram(a: &Histogram, b: &Histogram) -> bool {
    let populated = |histogram: &Histogram| {
        let mut buckets = histogram.buckets();
        buckets.retain(|bucket| bucket.count != 0.0);
        buckets
    };
    let (a_buckets, b_buckets) = (populated(a), populated(b));
    close(a.count, b.count)
        && close(a.sum, b.sum)
        && a_buckets.len() == b_buckets.len()
        && a_buckets.iter().zip(&b_buckets).all(|(a, b)| {
            close(a.lower, b.lower) && close(a.upper, b.upper) && close(a.count, b.count)
        })
}

pub(crate) fn output(evaluation: &Evaluation, output: &QueryOutput) -> Result<(), String> {
    annotations("warning", &evaluation.warns, evaluation.no_warn, &output.warnings)?;
    annotations("info", &evaluation.infos, evaluation.no_info, &output.infos)?;
    match &output.value {
        QueryValue::Scalar { value, .. } => match evaluation.scalar {
            Some(expected) if close(expected, *value) => Ok(()),
            expected => Err(format!("got scalar {value}, expected {expected:?}")),
        },
        QueryValue::String { value, .. } => match &evaluation.string {
            Some(expected) if expected == value => Ok(()),
            expected => Err(format!("got string {value:?}, expected {expected:?}")),
        },
        QueryValue::Vector(samples) if evaluation.scalar.is_some() => {
            Err(format!("got a vector of {}, expected a scalar", samples.len()))
        }
        QueryValue::Vector(samples) => vector(evaluation, samples, evaluation.ordered),
        QueryValue::Matrix(series) => {
            let (start_ms, step_ms) = match (evaluation.matrix, evaluation.when) {
                (Some(times), _) => times,
                (None, When::Range { start_ms, step_ms, .. }) => (start_ms, step_ms),
                (None, When::Instant(time_ms)) => (time_ms, 1),
            };
            matrix(evaluation, series, start_ms, step_ms)
        }
    }
}

fn annotations(kind: &str, expected: &[Pattern], none: bool, got: &[String]) -> Result<(), String> {
    if none && !got.is_empty() {
        return Err(format!("unexpected {kind} {got:?}"));
    }
    if expected.is_empty() {
        return Ok(());
    }
    if got.is_empty() {
        return Err(format!("no {kind}, expected {expected:?}"));
    }
    if let Some(missing) = expected.iter().find(|p| !got.iter().any(|text| p.matches(text))) {
        return Err(format!("no {kind} like {missing:?} in {got:?}"));
    }
    match got.iter().find(|text| !expected.iter().any(|p| p.matches(text))) {
        Some(text) => Err(format!("unexpected {kind} {text:?}")),
        None => Ok(()),
    }
}

pub(crate) fn vector(
    evaluation: &Evaluation,
    samples: &[InstantSample],
    ordered: bool,
) -> Result<(), String> {
    let mut missing: BTreeMap<&Labels, (usize, Option<&Value>)> = BTreeMap::new();
    for (at, (labels, values)) in evaluation.expected.iter().enumerate() {
        missing.insert(labels, (at, values.first().and_then(Option::as_ref)));
    }
    for (at, sample) in samples.iter().enumerate() {
        let labels = &sample.labels;
        let Some((place, value)) = missing.remove(labels) else {
            return Err(format!("unexpected series {labels}"));
        };
        if ordered && place != at {
            return Err(format!("{labels} is at {at}, expected at {place}"));
        }
        let Some(value) = value else { return Err(format!("unexpected value of {labels}")) };
        same_value(value, &sample.value).map_err(|error| format!("{labels}: {error}"))?;
    }
    match missing.keys().next() {
        Some(labels) => Err(format!("no series {labels}")),
        None => Ok(()),
    }
}

fn matrix(
    evaluation: &Evaluation,
    series: &[RangeSeries],
    start_ms: i64,
    step_ms: i64,
) -> Result<(), String> {
    let mut missing: BTreeMap<&Labels, &Vec<Option<Value>>> =
        evaluation.expected.iter().map(|(labels, values)| (labels, values)).collect();
    for one in series {
        let labels = &one.labels;
        let Some(values) = missing.remove(labels) else {
            return Err(format!("unexpected series {labels}"));
        };
        let floats = one.timestamps_ms.iter().zip(&one.values);
        let mut got: BTreeMap<i64, SampleValue> =
            floats.map(|(time, value)| (*time, SampleValue::Float(*value))).collect();
        for (time, histogram) in &one.histograms {
            got.insert(*time, SampleValue::Histogram(histogram.clone()));
        }
        for (at, value) in values.iter().enumerate() {
            let time_ms = start_ms + at as i64 * step_ms;
            match (value, got.remove(&time_ms)) {
                (None, None) => {}
                (Some(value), Some(got)) => same_value(value, &got)
                    .map_err(|error| format!("{labels} at {time_ms}: {error}"))?,
                (value, got) => {
                    return Err(format!("{labels} at {time_ms}: got {got:?}, expected {value:?}"));
                }
            }
        }
        if let Some((time_ms, value)) = got.pop_first() {
            return Err(format!("{labels} has an unexpected value {value:?} at {time_ms}"));
        }
    }
    match missing.keys().next() {
        Some(labels) => Err(format!("no series {labels}")),
        None => Ok(()),
    }
}

/// What a range query gave at `time_ms`, as an instant query's answer.
pub(crate) fn at_time(series: &[RangeSeries], time_ms: i64) -> Vec<InstantSample> {
    let mut samples = Vec::new();
    for one in series {
        let float = one.timestamps_ms.iter().position(|time| *time == time_ms);
        let histogram = one.histograms.iter().find(|(time, _)| *time == time_ms);
        let value = match (float, histogram) {
            (Some(at), _) => SampleValue::Float(one.values[at]),
            (None, Some((_, histogram))) => SampleValue::Histogram(histogram.clone()),
            (None, None) => continue,
        };
        samples.push(InstantSample { labels: one.labels.clone(), timestamp_ms: time_ms, value });
    }
    samples
}
