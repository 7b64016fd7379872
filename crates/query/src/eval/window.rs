//! Range functions: from the points of a window to one value.

mod extended;
mod over_time;
mod rate;
mod regression;
mod table;

use std::sync::Arc;

use vigie_language::promql::{Position, RangeExtension};
use vigie_model::{Histogram, Labels, Points, is_stale_nan};

pub(crate) use extended::smoothed_at;
pub(crate) use table::{WindowFunction, window_function};

use super::Evaluator;

/// Points of a series without stale markers, floats apart from histograms.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) float_times: Vec<i64>,
    pub(crate) floats: Vec<f64>,
    /// Empty when no float has a start timestamp.
    pub(crate) float_starts: Vec<i64>,
    pub(crate) histogram_times: Vec<i64>,
    pub(crate) histograms: Vec<Arc<Histogram>>,
    /// Empty when no histogram has a start timestamp.
    pub(crate) histogram_starts: Vec<i64>,
    /// Whether it is known that no float is less than the one before it.
    never_falls: bool,
}

impl Columns {
    pub(crate) fn clear(&mut self) {
        self.float_times.clear();
        self.floats.clear();
        self.float_starts.clear();
        self.histogram_times.clear();
        self.histograms.clear();
        self.histogram_starts.clear();
        self.never_falls = false;
    }

    /// Takes the points; what is in `points` afterwards is unspecified.
    pub(crate) fn take(&mut self, points: &mut Points) {
        self.clear();
        let plain = points.histograms.is_empty();
        if plain && !points.values.iter().any(|value| is_stale_nan(*value)) {
            std::mem::swap(&mut self.float_times, &mut points.timestamps_ms);
            std::mem::swap(&mut self.floats, &mut points.values);
            std::mem::swap(&mut self.float_starts, &mut points.start_timestamps_ms);
        } else {
            self.split(points);
        }
        // One pass here saves a counter that never restarts one pass in each window.
        self.never_falls = self.floats.windows(2).all(|pair| pair[0] <= pair[1]);
        if self.float_starts.iter().all(|start| *start == 0) {
            self.float_starts.clear();
        }
        if self.histogram_starts.iter().all(|start| *start == 0) {
            self.histogram_starts.clear();
        }
    }

    fn split(&mut self, points: &Points) {
        let mut histograms = points.histograms.iter().peekable();
        for (at, time) in points.timestamps_ms.iter().enumerate() {
            let start = points.start_timestamp_ms(at);
            if let Some((_, histogram)) = histograms.next_if(|(index, _)| *index as usize == at) {
                if !is_stale_nan(histogram.sum) {
                    self.histogram_times.push(*time);
                    self.histograms.push(Arc::clone(histogram));
                    self.histogram_starts.push(start);
                }
            } else if !is_stale_nan(points.values[at]) {
                self.float_times.push(*time);
                self.floats.push(points.values[at]);
                self.float_starts.push(start);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }

    /// The points after `start_ms` until `end_ms`.
    pub(crate) fn window(&self, start_ms: i64, end_ms: i64) -> Window<'_> {
        let mut cursor = Cursor::default();
        cursor.advance(self, start_ms, end_ms);
        cursor.window(self)
    }
}

/// Finds windows whose ends only go forward.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cursor {
    floats: (usize, usize),
    histograms: (usize, usize),
}

impl Cursor {
    pub(crate) fn advance(&mut self, columns: &Columns, start_ms: i64, end_ms: i64) {
        advance(&mut self.floats, &columns.float_times, start_ms, end_ms);
        advance(&mut self.histograms, &columns.histogram_times, start_ms, end_ms);
    }

    pub(crate) fn window<'a>(&self, columns: &'a Columns) -> Window<'a> {
        let (from, to) = self.floats;
        let (hist_from, hist_to) = self.histograms;
        Window {
            times: &columns.float_times[from..to],
            floats: &columns.floats[from..to],
            starts: columns.float_starts.get(from..to).unwrap_or_default(),
            histogram_times: &columns.histogram_times[hist_from..hist_to],
            histograms: &columns.histograms[hist_from..hist_to],
            histogram_starts: columns.histogram_starts.get(hist_from..hist_to).unwrap_or_default(),
            never_falls: columns.never_falls,
        }
    }
}

fn advance(range: &mut (usize, usize), times: &[i64], start_ms: i64, end_ms: i64) {
    while range.1 < times.len() && times[range.1] <= end_ms {
        range.1 += 1;
    }
    while range.0 < range.1 && times[range.0] <= start_ms {
        range.0 += 1;
    }
}

/// Points of a series within a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) floats: &'a [f64],
    /// Empty or as long as `floats`.
    pub(crate) starts: &'a [i64],
    pub(crate) histogram_times: &'a [i64],
    pub(crate) histograms: &'a [Arc<Histogram>],
    /// Empty or as long as `histograms`.
    pub(crate) histogram_starts: &'a [i64],
    /// Whether it is known that no float is less than the one before it.
    pub(crate) never_falls: bool,
}

impl Window<'_> {
    pub(crate) fn len(&self) -> usize {
        self.floats.len() + self.histograms.len()
    }

    pub(crate) fn is_mixed(&self) -> bool {
        !self.floats.is_empty() && !self.histograms.is_empty()
    }
}

/// What a range function knows besides the window.
pub(crate) struct WindowCall<'a> {
    pub(crate) evaluator: &'a Evaluator<'a>,
    pub(crate) labels: &'a Labels,
    pub(crate) range_ms: i64,
    pub(crate) extension: RangeExtension,
    /// Where the first argument stands.
    pub(crate) position: Position,
    /// The range's ends: it excludes `start_ms`. With an extension, the window reaches further.
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// The time of the step.
    pub(crate) step_ms: i64,
    /// Values of the scalar arguments.
    pub(crate) params: [f64; 2],
    /// Whether resets are found by start timestamps too.
    pub(crate) use_starts: bool,
}

impl WindowCall<'_> {
    pub(crate) fn metric_name(&self) -> &str {
        self.labels.metric_name().unwrap_or("")
    }

    pub(crate) fn range_seconds(&self) -> f64 {
        self.range_ms as f64 / 1000.0
    }

    pub(crate) fn warn(&self, text: &str) {
        self.evaluator.warn(text, self.position);
    }

    pub(crate) fn info(&self, text: &str) {
        self.evaluator.info(text, self.position);
    }

    pub(crate) fn warn_mixed(&self) {
        let name = self.metric_name();
        self.warn(&format!("encountered a mix of histograms and floats for metric name {name:?}"));
    }

    pub(crate) fn warn_mixed_schemas(&self) {
        self.warn(&mixed_schemas(self.metric_name()));
    }

    pub(crate) fn warn_not_counter(&self) {
        let name = self.metric_name();
        self.warn(&format!("this native histogram metric is not a counter: {name:?}"));
    }

    pub(crate) fn warn_not_gauge(&self) {
        let name = self.metric_name();
        self.warn(&format!("this native histogram metric is not a gauge: {name:?}"));
    }

    pub(crate) fn info_ignored(&self) {
        let name = self.metric_name();
        self.info(&format!(
            "ignored histograms in a range containing both floats and histograms for metric name {name:?}"
        ));
    }

    pub(crate) fn info_reconciled(&self, operation: &str) {
        self.info(&reconciled(operation));
    }
}

pub(crate) fn mixed_schemas(name: &str) -> String {
    format!(
        "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {name:?}"
    )
}

pub(crate) fn reconciled(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}
