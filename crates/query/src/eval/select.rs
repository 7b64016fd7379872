//! Instant selectors: the latest point of each series, not older than the lookback.

use std::sync::Arc;

use vigie_language::promql::RangeExtension;
use vigie_model::{CounterResetHint, Histogram, Points, is_stale_nan};

use super::row::{Grid, Row};
use super::window::{Window, smoothed_at};
use super::{Evaluator, Sink};
use crate::QueryError;
use crate::plan::Selector;

/// What of a point the row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    Value,
    Time,
    StartTime,
    /// The time; an error for a histogram: infos have none.
    InfoTime,
}

impl Evaluator<'_> {
    pub(crate) fn stream_selector(
        &self,
        selector: &Selector,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        if selector.extension == RangeExtension::Smoothed {
            return self.stream_smoothed(selector, grid, sink);
        }
        self.stream_points(selector, grid, Take::Value, sink)
    }

    /// Pushes the latest point of each series at each step.
    pub(crate) fn stream_points(
        &self,
        selector: &Selector,
        grid: Grid,
        take: Take,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let (set, range) = self.selected(selector);
        let (mut points, mut row) = (Points::default(), Row::default());
        for index in 0..set.len() {
            if index % 64 == 0 {
                self.check()?;
            }
            set.read(index, range, &mut points, self.budget)?;
            if selector.stats_only {
                histogram_stats(&mut points);
            }
            if take == Take::InfoTime && !points.histograms.is_empty() {
                return Err(QueryError::Execution(format!(
                    "this should be an info metric, with float samples: {}",
                    super::binary_labels(set.labels(index))
                )));
            }
            row.reset(set.labels(index), grid.count);
            if self.fill(&points, selector, grid, take, &mut row) > 0 {
                sink(&mut row)?;
            }
        }
        Ok(())
    }

    /// Fills `row`; returns how many steps have a value.
    fn fill(
        &self,
        points: &Points,
        selector: &Selector,
        grid: Grid,
        take: Take,
        row: &mut Row,
    ) -> usize {
        let times = &points.timestamps_ms;
        let (mut after, mut filled) = (0_usize, 0_usize);
        for step in 0..grid.count {
            let at_ms = selector.lookup.time_ms(grid.time_ms(step));
            while after < times.len() && times[after] <= at_ms {
                after += 1;
            }
            let Some(at) = after.checked_sub(1) else { continue };
            if times[at] <= at_ms - self.lookback_ms {
                continue;
            }
            let histogram = points.histogram_at(at);
            let stale = match histogram {
                Some(histogram) => is_stale_nan(histogram.sum),
                None => is_stale_nan(points.values[at]),
            };
            if stale {
                continue;
            }
            filled += 1;
            match (take, histogram) {
                (Take::Value, Some(histogram)) => row.set_histogram(step, Arc::clone(histogram)),
                (Take::Value, None) => row.values[step] = points.values[at],
                (Take::Time | Take::InfoTime, _) => row.values[step] = times[at] as f64 / 1000.0,
                (Take::StartTime, _) => {
                    row.values[step] = points.start_timestamp_ms(at) as f64 / 1000.0;
                }
            }
        }
        self.count_samples(filled);
        filled
    }

    fn stream_smoothed(
        &self,
        selector: &Selector,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let lookback_ms = self.lookback_ms;
        self.for_each_series(selector, &mut |labels, columns| {
            let mut row = Row::new(labels.clone(), grid.count);
            for step in 0..grid.count {
                let at_ms = selector.lookup.time_ms(grid.time_ms(step));
                let window: Window<'_> =
                    columns.window(at_ms.saturating_sub(lookback_ms), at_ms + lookback_ms);
                row.set(step, smoothed_at(self, &window, at_ms, labels, selector.position));
            }
            if row.is_empty() { Ok(()) } else { sink(&mut row) }
        })
    }
}

/// Leaves of each histogram its count, its sum and whether the counter restarted before it.
pub(super) fn histogram_stats(points: &mut Points) {
    let mut previous: Option<Arc<Histogram>> = None;
    for (_, histogram) in &mut points.histograms {
        let full = Arc::clone(histogram);
        if is_stale_nan(full.sum) {
            continue;
        }
        let hint = match (full.counter_reset_hint, &previous) {
            (CounterResetHint::Unknown, Some(previous)) if full.detect_reset(previous) => {
                CounterResetHint::CounterReset
            }
            (CounterResetHint::Unknown, Some(_)) => CounterResetHint::NotCounterReset,
            (hint, _) => hint,
        };
        *histogram = Arc::new(Histogram {
            counter_reset_hint: hint,
            schema: full.schema,
            count: full.count,
            sum: full.sum,
            ..Histogram::default()
        });
        previous = Some(full);
    }
}
