//! One series' values at all steps of a query.

use std::sync::Arc;

use vigie_model::{Histogram, Labels, STALE_NAN_BITS};

/// The steps of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start_ms: i64,
    /// At least 1.
    pub(crate) step_ms: i64,
    /// 0 for a subquery whose range holds no step.
    pub(crate) count: usize,
}

impl Grid {
    pub(crate) const fn instant(time_ms: i64) -> Self {
        Self { start_ms: time_ms, step_ms: 1, count: 1 }
    }

    pub(crate) fn new(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        let step_ms = step_ms.max(1);
        let count =
            if end_ms < start_ms { 0 } else { (end_ms.abs_diff(start_ms) / step_ms as u64) + 1 };
        Self { start_ms, step_ms, count: count as usize }
    }

    pub(crate) const fn time_ms(self, step: usize) -> i64 {
        self.start_ms + step as i64 * self.step_ms
    }

    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |step| self.time_ms(step))
    }

    /// The time of the last step.
    pub(crate) const fn end_ms(self) -> i64 {
        self.time_ms(self.count.saturating_sub(1))
    }

    pub(crate) const fn first_only(self) -> Self {
        Self { count: 1, ..self }
    }
}

/// Stands where a series has no value. The stale marker never leaves a selector, and as a
/// signalling NaN it is not the result of any arithmetic.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);
/// Stands where the value is in [`Row::histograms`].
const HISTOGRAM_BITS: u64 = STALE_NAN_BITS + 1;

pub(crate) const fn is_absent(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// Whether `value` is a number, as opposed to nothing or a histogram.
pub(crate) const fn is_float(value: f64) -> bool {
    let bits = value.to_bits();
    bits != STALE_NAN_BITS && bits != HISTOGRAM_BITS
}

/// A value at one step.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Absent,
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// A series with a place for a value at each step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pub(crate) labels: Labels,
    /// Whether the metric's name (and type, and unit) is to be dropped at the end.
    pub(crate) drop_name: bool,
    pub(crate) values: Vec<f64>,
    /// Empty unless a value is a histogram.
    pub(crate) histograms: Vec<Option<Arc<Histogram>>>,
}

impl Row {
    pub(crate) fn new(labels: Labels, steps: usize) -> Self {
        Self { labels, drop_name: false, values: vec![ABSENT; steps], histograms: Vec::new() }
    }

    /// Makes the row an empty one of these labels, keeping the allocations.
    pub(crate) fn reset(&mut self, labels: &Labels, steps: usize) {
        self.labels.clone_from(labels);
        self.drop_name = false;
        self.values.clear();
        self.values.resize(steps, ABSENT);
        self.histograms.clear();
    }

    pub(crate) fn set(&mut self, step: usize, cell: Cell) {
        match cell {
            Cell::Absent => self.clear(step),
            Cell::Float(value) => self.values[step] = value,
            Cell::Histogram(histogram) => self.set_histogram(step, histogram),
        }
    }

    pub(crate) fn set_histogram(&mut self, step: usize, histogram: Arc<Histogram>) {
        if self.histograms.is_empty() {
            self.histograms.resize(self.values.len(), None);
        }
        self.values[step] = f64::from_bits(HISTOGRAM_BITS);
        self.histograms[step] = Some(histogram);
    }

    pub(crate) fn clear(&mut self, step: usize) {
        self.values[step] = ABSENT;
        if let Some(histogram) = self.histograms.get_mut(step) {
            *histogram = None;
        }
    }

    pub(crate) fn has(&self, step: usize) -> bool {
        !is_absent(self.values[step])
    }

    pub(crate) fn float(&self, step: usize) -> Option<f64> {
        Some(self.values[step]).filter(|value| is_float(*value))
    }

    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<Histogram>> {
        if self.values[step].to_bits() != HISTOGRAM_BITS {
            return None;
        }
        self.histograms.get(step).and_then(Option::as_ref)
    }

    pub(crate) fn cell(&self, step: usize) -> Cell {
        match (self.float(step), self.histogram(step)) {
            (Some(value), _) => Cell::Float(value),
            (None, Some(histogram)) => Cell::Histogram(Arc::clone(histogram)),
            (None, None) => Cell::Absent,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.iter().all(|value| is_absent(*value))
    }

    pub(crate) fn present(&self) -> usize {
        self.values.iter().filter(|value| !is_absent(**value)).count()
    }

    /// Replaces each float by `change` of it, and removes histograms.
    pub(crate) fn map_floats(&mut self, change: impl Fn(f64) -> f64) {
        if self.histograms.is_empty() {
            for value in &mut self.values {
                if !is_absent(*value) {
                    *value = change(*value);
                }
            }
            return;
        }
        for value in &mut self.values {
            *value = if is_float(*value) { change(*value) } else { ABSENT };
        }
        self.histograms.clear();
    }

    /// Repeats the first step's value at all of `steps` steps.
    pub(crate) fn spread(&mut self, steps: usize) {
        let first = self.values.first().copied().unwrap_or(ABSENT);
        self.values.resize(steps, first);
        if let Some(histogram) = self.histograms.first().cloned() {
            self.histograms.resize(steps, histogram);
        }
    }
}
