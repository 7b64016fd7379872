//! `*_over_time`, `changes`, `resets`: what the points of a window amount to.

use std::sync::Arc;

use vigie_language::promql::RangeExtension;
use vigie_model::Histogram;

use super::rate::{restarted, sum_of};
use super::{Window, WindowCall};
use crate::eval::number::{Mean, Sum, Variance, quantile};
use crate::eval::row::Cell;

pub(super) fn sum(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if window.is_mixed() {
        call.warn_mixed();
        return Cell::Absent;
    }
    if window.floats.is_empty() {
        let total = sum_of(call, window.histograms);
        return total.map_or(Cell::Absent, |total| Cell::Histogram(Arc::new(total.total())));
    }
    let mut sum = Sum::default();
    for value in window.floats {
        sum.add(*value);
    }
    Cell::Float(sum.total())
}

pub(super) fn avg(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if window.is_mixed() {
        call.warn_mixed();
        return Cell::Absent;
    }
    let Some((first, rest)) = window.floats.split_first() else {
        return avg_histograms(call, window);
    };
    let mut mean = Mean::new(*first);
    for value in rest {
        mean.add(*value);
    }
    Cell::Float(mean.mean())
}

fn avg_histograms(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    let Some(sum) = sum_of(call, window.histograms) else { return Cell::Absent };
    let count = window.histograms.len() as f64;
    let mut total = sum.total();
    if total.has_overflow() {
        // Parts of the mean do not overflow where the sum does.
        let parts: Vec<Arc<Histogram>> = window.histograms.iter().map(|h| part(h, count)).collect();
        if let Some(sum) = sum_of(call, &parts) {
            return Cell::Histogram(Arc::new(sum.total()));
        }
    }
    total.divide(count);
    Cell::Histogram(Arc::new(total))
}

fn part(histogram: &Histogram, count: f64) -> Arc<Histogram> {
    let mut part = histogram.clone();
    part.divide(count);
    Arc::new(part)
}

pub(super) fn count(_: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    Cell::Float(window.len() as f64)
}

pub(super) fn present(_: &WindowCall<'_>, _: &Window<'_>) -> Cell {
    Cell::Float(1.0)
}

fn has_floats(call: &WindowCall<'_>, window: &Window<'_>) -> bool {
    if window.is_mixed() {
        call.info_ignored();
    }
    !window.floats.is_empty()
}

/// The place of the value that no other is better than. NaN is worse than all.
fn best(values: &[f64], better: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if better(*value, values[best]) || values[best].is_nan() {
            best = at;
        }
    }
    best
}

pub(super) fn max(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !has_floats(call, window) {
        return Cell::Absent;
    }
    Cell::Float(window.floats[best(window.floats, |a, b| a > b)])
}

pub(super) fn min(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !has_floats(call, window) {
        return Cell::Absent;
    }
    Cell::Float(window.floats[best(window.floats, |a, b| a < b)])
}

pub(super) fn time_of_max(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !has_floats(call, window) {
        return Cell::Absent;
    }
    seconds(window.times[best(window.floats, |a, b| a >= b)])
}

pub(super) fn time_of_min(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !has_floats(call, window) {
        return Cell::Absent;
    }
    seconds(window.times[best(window.floats, |a, b| a <= b)])
}

fn seconds(time_ms: i64) -> Cell {
    Cell::Float(time_ms as f64 / 1000.0)
}

pub(super) fn time_of_first(_: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    let first = window.times.first().into_iter().chain(window.histogram_times.first()).min();
    first.map_or(Cell::Absent, |time| seconds(*time))
}

pub(super) fn time_of_last(_: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    let last = window.times.last().into_iter().chain(window.histogram_times.last()).max();
    last.map_or(Cell::Absent, |time| seconds(*time))
}

pub(super) fn first(_: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    match (window.times.first(), window.histogram_times.first()) {
        (Some(time), Some(histogram_time)) if time >= histogram_time => {
            Cell::Histogram(Arc::clone(&window.histograms[0]))
        }
        (Some(_), _) => Cell::Float(window.floats[0]),
        (None, Some(_)) => Cell::Histogram(Arc::clone(&window.histograms[0])),
        (None, None) => Cell::Absent,
    }
}

pub(super) fn last(_: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    let float = window.floats.last().zip(window.times.last());
    let histogram = window.histograms.last().zip(window.histogram_times.last());
    match (float, histogram) {
        (Some((value, time)), Some((_, histogram_time))) if histogram_time < time => {
            Cell::Float(*value)
        }
        (_, Some((histogram, _))) => Cell::Histogram(Arc::clone(histogram)),
        (Some((value, _)), None) => Cell::Float(*value),
        (None, None) => Cell::Absent,
    }
}

pub(super) fn stdvar(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !has_floats(call, window) {
        return Cell::Absent;
    }
    let mut variance = Variance::default();
    for value in window.floats {
        variance.add(*value);
    }
    Cell::Float(variance.variance())
}

pub(super) fn stddev(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    match stdvar(call, window) {
        Cell::Float(variance) => Cell::Float(variance.sqrt()),
        other => other,
    }
}

pub(super) fn quantile_of(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if window.floats.is_empty() {
        return Cell::Absent;
    }
    let q = call.params[0];
    if !(0.0..=1.0).contains(&q) {
        call.warn(&crate::eval::invalid_quantile(q));
    }
    has_floats(call, window);
    Cell::Float(quantile(q, &mut window.floats.to_vec()))
}

pub(super) fn median_deviation(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    if !has_floats(call, window) {
        return Cell::Absent;
    }
    if window.floats.iter().any(|value| value.is_nan()) {
        return Cell::Float(f64::NAN);
    }
    let mut values = window.floats.to_vec();
    let median = quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    Cell::Float(quantile(0.5, &mut values))
}

struct Step<'a> {
    time: i64,
    start: i64,
    value: f64,
    histogram: Option<&'a Histogram>,
}

/// All points by time, floats and histograms together. Anchored windows begin with the last
/// point at or before the range's start, and are `None` when no point lies within the range.
fn steps<'a>(call: &WindowCall<'_>, window: &Window<'a>) -> Option<Vec<Step<'a>>> {
    let floats = window.times.iter().zip(window.floats).enumerate();
    let mut steps: Vec<Step<'a>> = floats
        .map(|(at, (time, value))| {
            let start = window.starts.get(at).copied().unwrap_or(0);
            Step { time: *time, start, value: *value, histogram: None }
        })
        .collect();
    if !window.histograms.is_empty() {
        let histograms = window.histogram_times.iter().zip(window.histograms).enumerate();
        steps.extend(histograms.map(|(at, (time, histogram))| {
            let start = window.histogram_starts.get(at).copied().unwrap_or(0);
            Step { time: *time, start, value: 0.0, histogram: Some(histogram) }
        }));
        steps.sort_by_key(|step| step.time);
    }
    if call.extension == RangeExtension::Anchored {
        let within = steps.partition_point(|step| step.time <= call.start_ms);
        if within == steps.len() {
            return None;
        }
        steps.drain(..within.saturating_sub(1));
    }
    Some(steps)
}

pub(super) fn changes(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    let changed = |before: &Step<'_>, after: &Step<'_>| match (before.histogram, after.histogram) {
        (None, None) => {
            after.value != before.value && !(after.value.is_nan() && before.value.is_nan())
        }
        (Some(before), Some(after)) => !after.same_data(before),
        _ => true,
    };
    count_pairs(call, window, changed)
}

pub(super) fn resets(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    let use_starts = call.use_starts;
    let reset = |before: &Step<'_>, after: &Step<'_>| {
        let started = use_starts && restarted(before.start, before.time, after.start, after.time);
        match (before.histogram, after.histogram) {
            (None, None) => after.value < before.value || started,
            (Some(before), Some(after)) => started || after.detect_reset(before),
            _ => true,
        }
    };
    count_pairs(call, window, reset)
}

fn count_pairs(
    call: &WindowCall<'_>,
    window: &Window<'_>,
    counts: impl Fn(&Step<'_>, &Step<'_>) -> bool,
) -> Cell {
    let Some(steps) = steps(call, window) else { return Cell::Absent };
    let pairs = steps.windows(2).filter(|pair| counts(&pair[0], &pair[1]));
    Cell::Float(pairs.count() as f64)
}
