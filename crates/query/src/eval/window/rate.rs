//! `rate`, `increase`, `delta`, `irate`, `idelta`: how much a series grew.

use std::sync::Arc;

use vigie_model::{CounterResetHint, Histogram, HistogramSum};

use super::{Window, WindowCall, extended};
use crate::eval::row::Cell;
use vigie_language::promql::RangeExtension;

/// What is told of a series' growth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    /// Whether a smaller value means a restart.
    pub(super) counter: bool,
    pub(super) per_second: bool,
}

pub(super) fn rate(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    grown(call, window, Growth { counter: true, per_second: true })
}

pub(super) fn increase(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    grown(call, window, Growth { counter: true, per_second: false })
}

pub(super) fn delta(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    grown(call, window, Growth { counter: false, per_second: false })
}

fn grown(call: &WindowCall<'_>, window: &Window<'_>, growth: Growth) -> Cell {
    if window.is_mixed() {
        call.warn_mixed();
        return Cell::Absent;
    }
    if call.extension != RangeExtension::None {
        return extended::grown(call, window, growth);
    }
    if window.histograms.is_empty() {
        grown_floats(call, window, growth).map_or(Cell::Absent, Cell::Float)
    } else {
        grown_histograms(call, window, growth).map_or(Cell::Absent, Cell::Histogram)
    }
}

fn grown_floats(call: &WindowCall<'_>, window: &Window<'_>, growth: Growth) -> Option<f64> {
    let values = window.floats;
    let (first, last) = (*values.first()?, *values.last()?);
    let mut total = last - first;
    let starts = if growth.counter && call.use_starts { window.starts } else { &[] };
    if growth.counter {
        // Added one by one, as Prometheus does: large values make the order matter.
        if !starts.is_empty() {
            total = lost_by_resets_and_starts(call, window, total);
        } else if !window.never_falls {
            total = lost_by_resets(values, total);
        }
    }
    let mut extent = Extent::new(call, window.times)?;
    if extent.begins_with_start(call, starts) {
        total += first;
    } else if values.len() == 1 {
        return None;
    } else {
        extent.reach_to_start(growth.counter, (total > 0.0 && first >= 0.0).then(|| first / total));
    }
    Some(total * extent.factor(call, growth))
}

/// Adds what the counter had counted before each restart to `grown`.
fn lost_by_resets(values: &[f64], grown: f64) -> f64 {
    let mut lost = grown;
    let mut previous = values.first().copied().unwrap_or(0.0);
    for value in values {
        if *value < previous {
            lost += previous;
        }
        previous = *value;
    }
    lost
}

fn lost_by_resets_and_starts(call: &WindowCall<'_>, window: &Window<'_>, grown: f64) -> f64 {
    let (values, times, starts) = (window.floats, window.times, window.starts);
    let (mut lost, mut told) = (grown, false);
    for at in 1..values.len() {
        if !told && starts_overlap(starts[at - 1], times[at - 1], starts[at]) {
            warn_overlap(call);
            told = true;
        }
        if values[at] < values[at - 1] || started_between(starts, times, at) {
            lost += values[at - 1];
        }
    }
    lost
}

fn warn_overlap(call: &WindowCall<'_>) {
    let mut annotations = call.evaluator.annotations.borrow_mut();
    annotations.start_overlap(call.metric_name(), call.position);
}

const fn starts_overlap(previous_start: i64, previous_time: i64, start: i64) -> bool {
    start != 0 && start < previous_time && start != previous_start
}

/// Whether the start timestamps say that the counter restarted between point `at - 1` and `at`.
pub(super) fn started_between(starts: &[i64], times: &[i64], at: usize) -> bool {
    match (starts.get(at - 1), starts.get(at)) {
        (Some(previous), Some(start)) => restarted(*previous, times[at - 1], *start, times[at]),
        _ => false,
    }
}

pub(super) const fn restarted(
    previous_start: i64,
    previous_time: i64,
    start: i64,
    time: i64,
) -> bool {
    if start == 0 || start >= time || start < previous_time {
        return false;
    }
    // A start at the very time of the previous point continues it (delta temporality), unless
    // that one had begun earlier.
    start > previous_time
        || (previous_start <= previous_time
            && previous_start != 0
            && previous_start != previous_time)
}

/// The time that the points of a window cover, and how far beyond them growth is assumed.
struct Extent {
    to_start: f64,
    to_end: f64,
    sampled: f64,
    interval: f64,
    first_ms: i64,
    last_ms: i64,
}

impl Extent {
    fn new(call: &WindowCall<'_>, times: &[i64]) -> Option<Self> {
        let (first_ms, last_ms) = (*times.first()?, *times.last()?);
        let sampled = (last_ms - first_ms) as f64 / 1000.0;
        let gaps = times.len() - 1;
        Some(Self {
            to_start: (first_ms - call.start_ms) as f64 / 1000.0,
            to_end: (call.end_ms - last_ms) as f64 / 1000.0,
            sampled,
            interval: if gaps > 0 { sampled / gaps as f64 } else { 0.0 },
            first_ms,
            last_ms,
        })
    }

    /// When the counter started from zero within the range, nothing is to be guessed there.
    fn begins_with_start(&mut self, call: &WindowCall<'_>, starts: &[i64]) -> bool {
        match starts.first() {
            Some(start) if *start != 0 && *start > call.start_ms && *start < self.first_ms => {
                self.to_start = 0.0;
                self.sampled = (self.last_ms - start) as f64 / 1000.0;
                true
            }
            _ => false,
        }
    }

    /// `share`: the first value as a share of the growth; a counter cannot have been below zero.
    fn reach_to_start(&mut self, counter: bool, share: Option<f64>) {
        if self.to_start >= self.threshold() {
            self.to_start = self.interval / 2.0;
        }
        if let Some(share) = share.filter(|_| counter) {
            let to_zero = self.sampled * share;
            if to_zero < self.to_start {
                self.to_start = to_zero;
            }
        }
    }

    fn threshold(&self) -> f64 {
        self.interval * 1.1
    }

    fn factor(&self, call: &WindowCall<'_>, growth: Growth) -> f64 {
        let to_end =
            if self.to_end >= self.threshold() { self.interval / 2.0 } else { self.to_end };
        let mut factor = 1.0;
        if self.sampled != 0.0 {
            factor = (self.sampled + self.to_start + to_end) / self.sampled;
        }
        if growth.per_second { factor / call.range_seconds() } else { factor }
    }
}

fn grown_histograms(
    call: &WindowCall<'_>,
    window: &Window<'_>,
    growth: Growth,
) -> Option<Arc<Histogram>> {
    let first = window.histograms.first()?;
    let starts = if growth.counter && call.use_starts { window.histogram_starts } else { &[] };
    let mut total = match window.histograms.len() {
        1 => None,
        _ => Some(histogram_growth(call, window, starts, growth)?),
    };
    let mut extent = Extent::new(call, window.histogram_times)?;
    if extent.begins_with_start(call, starts) {
        match &mut total {
            None => total = Some(first.as_ref().clone()),
            Some(total) => add(call, total, first)?,
        }
    } else {
        let grown = total.as_ref()?;
        let share = (grown.count > 0.0 && first.count >= 0.0).then(|| first.count / grown.count);
        extent.reach_to_start(growth.counter, share);
    }
    let mut total = total?;
    total.multiply(extent.factor(call, growth));
    Some(Arc::new(total))
}

fn histogram_growth(
    call: &WindowCall<'_>,
    window: &Window<'_>,
    starts: &[i64],
    growth: Growth,
) -> Option<Histogram> {
    let (points, times) = (window.histograms, window.histogram_times);
    let (first, last) = (points.first()?, points.last()?);
    let is_gauge = |h: &Histogram| h.counter_reset_hint == CounterResetHint::Gauge;
    if growth.counter && (is_gauge(first) || is_gauge(last)) {
        call.warn_not_counter();
    }
    // A reset right after the first point makes that point's layout irrelevant.
    let empty;
    let mut previous: &Histogram = first;
    if growth.counter
        && let Some(second) = points.get(1)
        && (started_between(starts, times, 1) || second.detect_reset(first))
    {
        empty = Histogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..Histogram::default()
        };
        previous = &empty;
    }
    let custom = previous.uses_custom_buckets();
    let middle = points.get(1..points.len() - 1).unwrap_or_default();
    if growth.counter && middle.iter().any(|h| is_gauge(h)) {
        call.warn_not_counter();
    }
    let mixed = growth.counter && middle.iter().any(|h| h.uses_custom_buckets() != custom);
    if mixed || last.uses_custom_buckets() != custom {
        call.warn_mixed_schemas();
        return None;
    }
    let mut schema = last.schema.min(previous.schema);
    if growth.counter {
        schema = middle.iter().map(|h| h.schema).fold(schema, i32::min);
    }
    let mut total = last.as_ref().clone();
    total.reduce_to_schema(schema);
    subtract(call, &mut total, previous)?;
    if growth.counter {
        let mut told = false;
        for at in 1..points.len() {
            if !told
                && starts.len() == points.len()
                && starts_overlap(starts[at - 1], times[at - 1], starts[at])
            {
                warn_overlap(call);
                told = true;
            }
            if started_between(starts, times, at) || points[at].detect_reset(previous) {
                add(call, &mut total, previous)?;
            }
            previous = &points[at];
        }
    } else if !is_gauge(first) || !is_gauge(last) {
        call.warn_not_gauge();
    }
    total.counter_reset_hint = CounterResetHint::Gauge;
    total.compact();
    Some(total)
}

/// Adds `other`, telling what happened on the way; `None` when the two do not fit.
pub(super) fn add(call: &WindowCall<'_>, total: &mut Histogram, other: &Histogram) -> Option<()> {
    match total.add(other) {
        Ok(combined) if combined.bounds_reconciled => call.info_reconciled("addition"),
        Ok(_) => {}
        Err(_) => {
            call.warn_mixed_schemas();
            return None;
        }
    }
    Some(())
}

/// Subtracts `other`, telling what happened on the way; `None` when the two do not fit.
pub(super) fn subtract(
    call: &WindowCall<'_>,
    total: &mut Histogram,
    other: &Histogram,
) -> Option<()> {
    match total.subtract(other) {
        Ok(combined) if combined.bounds_reconciled => call.info_reconciled("subtraction"),
        Ok(_) => {}
        Err(_) => {
            call.warn_mixed_schemas();
            return None;
        }
    }
    Some(())
}

#[derive(Clone)]
struct Point<'a> {
    time: i64,
    start: i64,
    value: f64,
    histogram: Option<&'a Arc<Histogram>>,
}

pub(super) fn irate(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    last_growth(call, window, true).unwrap_or(Cell::Absent)
}

pub(super) fn idelta(call: &WindowCall<'_>, window: &Window<'_>) -> Cell {
    last_growth(call, window, false).unwrap_or(Cell::Absent)
}

/// The growth between the last two points.
fn last_growth(call: &WindowCall<'_>, window: &Window<'_>, is_rate: bool) -> Option<Cell> {
    let (before, after) = last_two(window)?;
    let interval = (after.time - before.time) as f64 / 1000.0;
    if interval == 0.0 {
        return None;
    }
    let use_starts = is_rate && call.use_starts;
    let restarted = use_starts && restarted(before.start, before.time, after.start, after.time);
    match (before.histogram, after.histogram) {
        (None, None) => {
            let reset = is_rate && (after.value < before.value || restarted);
            let grown = if reset { after.value } else { after.value - before.value };
            Some(Cell::Float(if is_rate { grown / interval } else { grown }))
        }
        (Some(first), Some(last)) => {
            let is_gauge = |h: &Histogram| h.counter_reset_hint == CounterResetHint::Gauge;
            if is_rate && (is_gauge(first) || is_gauge(last)) {
                call.warn_not_counter();
            }
            if !is_rate && (!is_gauge(first) || !is_gauge(last)) {
                call.warn_not_gauge();
            }
            let mut grown = last.as_ref().clone();
            if !is_rate || !(restarted || last.detect_reset(first)) {
                subtract(call, &mut grown, first)?;
            }
            grown.counter_reset_hint = CounterResetHint::Gauge;
            grown.compact();
            if is_rate {
                grown.divide(interval);
            }
            Some(Cell::Histogram(Arc::new(grown)))
        }
        _ => {
            call.warn_mixed();
            None
        }
    }
}

fn last_two<'a>(window: &Window<'a>) -> Option<(Point<'a>, Point<'a>)> {
    let float = |back: usize| {
        let at = window.floats.len().checked_sub(back)?;
        Some(Point {
            time: window.times[at],
            start: window.starts.get(at).copied().unwrap_or(0),
            value: window.floats[at],
            histogram: None,
        })
    };
    let histogram = |back: usize| {
        let at = window.histograms.len().checked_sub(back)?;
        Some(Point {
            time: window.histogram_times[at],
            start: window.histogram_starts.get(at).copied().unwrap_or(0),
            value: 0.0,
            histogram: Some(&window.histograms[at]),
        })
    };
    let mut last: Vec<Point<'a>> =
        [float(2), float(1), histogram(2), histogram(1)].into_iter().flatten().collect();
    last.sort_by_key(|point| point.time);
    let after = last.pop()?;
    Some((last.pop()?, after))
}

/// The sum of histograms of a window.
pub(super) fn sum_of(call: &WindowCall<'_>, histograms: &[Arc<Histogram>]) -> Option<HistogramSum> {
    let (first, rest) = histograms.split_first()?;
    let mut sum = HistogramSum::new(first);
    let mut reconciled = false;
    for histogram in rest {
        if let Ok(combined) = sum.add(histogram) {
            reconciled |= combined.bounds_reconciled;
        } else {
            call.warn_mixed_schemas();
            return None;
        }
    }
    let has = |hint| histograms.iter().any(|h| h.counter_reset_hint == hint);
    if has(CounterResetHint::CounterReset) && has(CounterResetHint::NotCounterReset) {
        call.warn("conflicting counter resets during histogram aggregation");
    }
    if reconciled {
        call.info_reconciled("aggregation");
    }
    Some(sum)
}
