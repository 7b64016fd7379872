//! `anchored` and `smoothed`: growth between the exact ends of a range, from the point before it
//! (anchored) or interpolated at its ends (smoothed).

use std::sync::Arc;

use vigie_language::promql::{Position, RangeExtension};
use vigie_model::{CounterResetHint, Histogram, Labels};

use super::rate::{Growth, add, subtract};
use super::{Window, WindowCall, mixed_schemas, reconciled};
use crate::eval::Evaluator;
use crate::eval::row::Cell;

/// Where the first and the last point that count stand.
fn bounds(call: &WindowCall<'_>, times: &[i64]) -> Option<(usize, usize)> {
    let last = times.len().checked_sub(1)?;
    let smoothed = call.extension == RangeExtension::Smoothed;
    let first = times[..last].partition_point(|time| *time <= call.start_ms).saturating_sub(1);
    let last =
        if smoothed { times[..last].partition_point(|time| *time < call.end_ms) } else { last };
    if times[last] <= call.start_ms || (smoothed && times[first] > call.end_ms) {
        return None;
    }
    Some((first, last))
}

pub(super) fn grown(call: &WindowCall<'_>, window: &Window<'_>, growth: Growth) -> Cell {
    if window.histograms.is_empty() {
        grown_floats(call, window, growth).map_or(Cell::Absent, Cell::Float)
    } else {
        let grown = grown_histograms(call, window, growth);
        grown.map_or(Cell::Absent, |grown| Cell::Histogram(Arc::new(grown)))
    }
}

fn grown_floats(call: &WindowCall<'_>, window: &Window<'_>, growth: Growth) -> Option<f64> {
    let (times, values) = (window.times, window.floats);
    let (mut first, mut last) = bounds(call, times)?;
    let smoothed = call.extension == RangeExtension::Smoothed;
    let between = |at: usize, time: i64| {
        interpolate((times[at], values[at]), (times[at + 1], values[at + 1]), time, growth.counter)
    };
    let left = if smoothed && times[first] < call.start_ms {
        between(first, call.start_ms)
    } else {
        values[first]
    };
    let right = if smoothed && last > 0 && times[last] > call.end_ms {
        between(last - 1, call.end_ms)
    } else {
        values[last]
    };
    let mut total = right - left;
    if growth.counter {
        // The ends account for what happened around them: only what lies between is left.
        if times[first] <= call.start_ms {
            first += 1;
        }
        let mut end = last + 1;
        if times[last] >= call.end_ms {
            end = last;
        }
        last = end.max(first);
        total += lost_by_resets(left, right, &values[first..last]);
    }
    Some(if growth.per_second { total / call.range_seconds() } else { total })
}

fn lost_by_resets(left: f64, right: f64, values: &[f64]) -> f64 {
    let (mut lost, mut previous) = (0.0, left);
    for value in values.iter().chain([&right]) {
        if *value < previous {
            lost += previous;
        }
        previous = *value;
    }
    lost
}

fn interpolate(before: (i64, f64), after: (i64, f64), time: i64, counter: bool) -> f64 {
    let reset = counter && after.1 < before.1;
    let from = if reset { 0.0 } else { before.1 };
    from + (after.1 - from) * (time - before.0) as f64 / (after.0 - before.0) as f64
}

/// Why two histograms give none in between: they do not fit.
struct Unfit;

/// The histogram between two at `time`; what is told on the way goes to `tell`.
fn interpolate_histograms(
    (before_ms, before): (i64, &Histogram),
    (after_ms, after): (i64, &Histogram),
    time_ms: i64,
    counter: bool,
    tell: &mut dyn FnMut(&str),
) -> Result<Histogram, Unfit> {
    if time_ms == before_ms {
        return Ok(before.clone());
    }
    if time_ms == after_ms {
        return Ok(after.clone());
    }
    let fraction = (time_ms - before_ms) as f64 / (after_ms - before_ms) as f64;
    let mut result = after.clone();
    if counter && after.detect_reset(before) {
        result.multiply(fraction);
        return Ok(result);
    }
    if result.subtract(before).map_err(|_| Unfit)?.bounds_reconciled {
        tell(&reconciled("subtraction"));
    }
    result.multiply(fraction);
    if result.add(before).map_err(|_| Unfit)?.bounds_reconciled {
        tell(&reconciled("addition"));
    }
    Ok(result)
}

fn grown_histograms(
    call: &WindowCall<'_>,
    window: &Window<'_>,
    growth: Growth,
) -> Option<Histogram> {
    let (times, points) = (window.histogram_times, window.histograms);
    let (first, last) = bounds(call, times)?;
    let custom = points[first].uses_custom_buckets();
    for point in &points[first..=last] {
        if point.uses_custom_buckets() != custom {
            call.warn_mixed_schemas();
            return None;
        }
        if growth.counter && point.counter_reset_hint == CounterResetHint::Gauge {
            call.warn_not_counter();
        }
    }
    let smoothed = call.extension == RangeExtension::Smoothed;
    let between = |at: usize, time: i64| {
        let (before, after) = ((times[at], &*points[at]), (times[at + 1], &*points[at + 1]));
        let found = interpolate_histograms(before, after, time, growth.counter, &mut |text| {
            call.info(text);
        });
        found.map_err(|_| call.warn_mixed_schemas()).ok()
    };
    let left = if smoothed && times[first] < call.start_ms {
        between(first, call.start_ms)?
    } else {
        points[first].as_ref().clone()
    };
    let right = if smoothed && last > 0 && times[last] > call.end_ms {
        between(last - 1, call.end_ms)?
    } else {
        points[last].as_ref().clone()
    };
    let is_gauge = |h: &Histogram| h.counter_reset_hint == CounterResetHint::Gauge;
    if !(growth.counter || is_gauge(&left) && is_gauge(&right)) {
        call.warn_not_gauge();
    }
    let mut total = right.clone();
    subtract(call, &mut total, &left)?;
    if growth.counter {
        add_lost(call, window, (first, last), (&left, &right), &mut total)?;
    }
    if growth.per_second {
        total.divide(call.range_seconds());
    }
    total.counter_reset_hint = CounterResetHint::Gauge;
    total.compact();
    Some(total)
}

/// Adds to `total` what had been counted before each restart; `None` when histograms do not fit.
fn add_lost(
    call: &WindowCall<'_>,
    window: &Window<'_>,
    (first, last): (usize, usize),
    (left, right): (&Histogram, &Histogram),
    total: &mut Histogram,
) -> Option<()> {
    let (times, points) = (window.histogram_times, window.histograms);
    let mut begin = first + 1;
    let mut previous = left;
    let cut = call.extension == RangeExtension::Smoothed && times[first] < call.start_ms;
    if cut && let Some(second) = points.get(first + 1).filter(|p| p.detect_reset(&points[first])) {
        // The interpolation at the left end has accounted for this restart.
        previous = second;
        begin += 1;
    }
    // `right` stands for the last point: its hint must not be taken twice.
    if begin > last {
        return Some(());
    }
    let mut lost: Option<Histogram> = None;
    let between = points[begin..last].iter().map(AsRef::as_ref);
    for point in between.chain([right]) {
        if point.detect_reset(previous) {
            match &mut lost {
                Some(lost) => add(call, lost, previous)?,
                None => lost = Some(previous.clone()),
            }
        }
        previous = point;
    }
    match lost {
        Some(lost) => add(call, total, &lost),
        None => Some(()),
    }
}

/// The value at `at_ms` of a smoothed instant selector.
pub(crate) fn smoothed_at(
    evaluator: &Evaluator<'_>,
    window: &Window<'_>,
    at_ms: i64,
    labels: &Labels,
    position: Position,
) -> Cell {
    let name = labels.metric_name().unwrap_or("");
    if window.is_mixed() {
        let text = format!("encountered a mix of histograms and floats for metric name {name:?}");
        evaluator.warn(&text, position);
        return Cell::Absent;
    }
    if window.histograms.is_empty() {
        let (times, values) = (window.times, window.floats);
        let at = times.partition_point(|time| *time < at_ms);
        return match (at.checked_sub(1), times.get(at)) {
            (_, Some(time)) if *time == at_ms => Cell::Float(values[at]),
            (Some(before), Some(time)) => {
                let from = (times[before], values[before]);
                Cell::Float(interpolate(from, (*time, values[at]), at_ms, false))
            }
            (Some(before), None) => Cell::Float(values[before]),
            (None, _) => Cell::Absent,
        };
    }
    let (times, points) = (window.histogram_times, window.histograms);
    let at = times.partition_point(|time| *time < at_ms);
    match (at.checked_sub(1), times.get(at)) {
        (_, Some(time)) if *time == at_ms => Cell::Histogram(Arc::clone(&points[at])),
        (Some(before), Some(time)) => {
            let (from, to) = (&*points[before], &*points[at]);
            let is_gauge = |h: &Histogram| h.counter_reset_hint == CounterResetHint::Gauge;
            let counter = !(is_gauge(from) && is_gauge(to));
            if from.uses_custom_buckets() != to.uses_custom_buckets() {
                evaluator.warn(&mixed_schemas(name), position);
                return Cell::Absent;
            }
            let mut tell = |text: &str| evaluator.info(text, position);
            let ends = ((times[before], from), (*time, to));
            if let Ok(histogram) = interpolate_histograms(ends.0, ends.1, at_ms, counter, &mut tell)
            {
                Cell::Histogram(Arc::new(histogram))
            } else {
                evaluator.warn(&mixed_schemas(name), position);
                Cell::Absent
            }
        }
        (Some(before), None) => {
            let mut histogram = points[before].as_ref().clone();
            histogram.counter_reset_hint = CounterResetHint::Unknown;
            Cell::Histogram(Arc::new(histogram))
        }
        (None, _) => Cell::Absent,
    }
}
