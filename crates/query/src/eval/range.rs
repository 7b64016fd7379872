//! Range functions over selectors and subqueries: each series is read once, then windows move
//! over its columns.

use vigie_language::promql::{RangeExtension, ValueType};
use vigie_model::{CounterResetHint, Labels, Points, TimeRange};
use vigie_store::SeriesSet;

use super::row::{ABSENT, Cell, Grid, Row};
use super::window::{Columns, Cursor, WindowCall, WindowFunction};
use super::{Evaluator, Sink, merge, without_metadata};
use crate::QueryError;
use crate::plan::{CallNode, Lookup, RangeNode, RangeSource, Selector};

/// Takes the labels of a series, whether its name is to be dropped, and its points.
type SeriesVisitor<'v> = &'v mut dyn FnMut(&Labels, bool, &Columns) -> Result<(), QueryError>;

/// The first step of a subquery whose range ends at `end_ms`: steps are multiples of `step_ms`,
/// and the range's start is excluded.
pub(crate) const fn subquery_start_ms(end_ms: i64, range_ms: i64, step_ms: i64) -> i64 {
    let start_ms = end_ms.saturating_sub(range_ms);
    let aligned = step_ms * (start_ms / step_ms);
    if aligned <= start_ms { aligned + step_ms } else { aligned }
}

impl Evaluator<'_> {
    /// The series of `selector` and the range to read.
    pub(super) fn selected(&self, selector: &Selector) -> (&SeriesSet, TimeRange) {
        (&self.series[selector.index], self.plan.selectors[selector.index].range)
    }

    /// Visits the points of each series of `selector`.
    pub(super) fn for_each_series(
        &self,
        selector: &Selector,
        visit: &mut dyn FnMut(&Labels, &Columns) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (set, range) = self.selected(selector);
        let (mut points, mut columns) = (Points::default(), Columns::default());
        for index in 0..set.len() {
            if index % 64 == 0 {
                self.check()?;
            }
            set.read(index, range, &mut points, self.budget)?;
            if selector.stats_only {
                super::select::histogram_stats(&mut points);
            }
            columns.take(&mut points);
            visit(set.labels(index), &columns)?;
        }
        Ok(())
    }

    fn for_each_source(
        &self,
        node: &RangeNode,
        grid: Grid,
        visit: SeriesVisitor<'_>,
    ) -> Result<(), QueryError> {
        match &node.source {
            RangeSource::Selector(selector) => {
                self.for_each_series(selector, &mut |labels, columns| visit(labels, false, columns))
            }
            RangeSource::Subquery { expr, step_ms, lookup } => {
                let inner = subquery_grid(grid, node.range_ms, *step_ms, *lookup);
                let mut columns = Columns::default();
                self.stream(expr, inner, &mut |row| {
                    columns_of_row(row, inner, &mut columns);
                    visit(&row.labels, row.drop_name, &columns)
                })
            }
        }
    }

    /// The points of a range selector or subquery at the top of a query, one row a series, as
    /// they are.
    pub(crate) fn range_rows(
        &self,
        node: &RangeNode,
        time_ms: i64,
    ) -> Result<Vec<crate::RangeSeries>, QueryError> {
        let mut found = Vec::new();
        let (lookup, subquery) = match &node.source {
            RangeSource::Selector(selector) => (selector.lookup, false),
            RangeSource::Subquery { lookup, .. } => (*lookup, true),
        };
        let end_ms = lookup.time_ms(time_ms);
        self.for_each_source(node, Grid::instant(time_ms), &mut |labels, drop_name, columns| {
            let window = columns.window(end_ms.saturating_sub(node.range_ms), end_ms);
            if window.len() == 0 {
                return Ok(());
            }
            self.hold(window.len())?;
            let labels =
                if drop_name && subquery { without_metadata(labels) } else { labels.clone() };
            let histograms = window.histogram_times.iter().copied();
            found.push(crate::RangeSeries {
                labels,
                timestamps_ms: window.times.to_vec(),
                values: window.floats.to_vec(),
                histograms: histograms.zip(window.histograms.iter().cloned()).collect(),
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// Pushes the rows of range function `function`.
    pub(super) fn stream_range_call(
        &self,
        call: &CallNode,
        function: WindowFunction,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        if self.features.delayed_name_removal || keeps_name(call.function.name) {
            return self.stream_windows(call, function, grid, sink);
        }
        let mut rows = Vec::new();
        self.stream_windows(call, function, grid, &mut |row| {
            rows.push(std::mem::take(row));
            Ok(())
        })?;
        let mut seen = hashbrown::HashSet::with_capacity(rows.len());
        if !rows.iter().all(|row| seen.insert(row.labels.clone())) {
            return Err(QueryError::execution(merge::SAME_LABELS));
        }
        rows.iter_mut().try_for_each(sink)
    }

    fn stream_windows(
        &self,
        call: &CallNode,
        function: WindowFunction,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some((node, position)) = call.args.iter().find_map(|arg| match &arg.node {
            crate::plan::Node::Range(range) => Some((range, call.args[0].position)),
            _ => None,
        }) else {
            return Err(QueryError::Internal("range function without a range".to_owned()));
        };
        let mut params: Vec<Vec<f64>> = Vec::new();
        for (at, arg) in call.args.iter().enumerate() {
            if arg.value_type == ValueType::Scalar {
                params.push(self.scalar_argument(&call.args, at, grid)?);
            }
        }
        check_factors(call, &params)?;
        let (lookup, extension) = match &node.source {
            RangeSource::Selector(selector) => (selector.lookup, selector.extension),
            RangeSource::Subquery { lookup, .. } => (*lookup, RangeExtension::None),
        };
        check_extension(call.function.name, extension)?;
        let windows = Windows { node, lookup, extension, lookback_ms: self.lookback_ms };
        let keeps = keeps_name(call.function.name);
        let use_starts = self.features.start_timestamps;
        let mut row = Row::default();
        self.for_each_source(node, grid, &mut |labels, drop_name, columns| {
            if columns.is_empty() {
                return Ok(());
            }
            row.reset(labels, grid.count);
            let mut window_call = WindowCall {
                evaluator: self,
                labels,
                range_ms: node.range_ms,
                extension,
                position,
                start_ms: 0,
                end_ms: 0,
                step_ms: 0,
                params: [0.0; 2],
                use_starts,
            };
            let any = windows.apply(function, columns, &params, grid, &mut window_call, &mut row);
            if matches!(call.function.name, "rate" | "increase") {
                self.tell_non_counter(labels, node, &row);
            }
            if !any {
                return Ok(());
            }
            if !keeps || drop_name {
                self.drop_name(&mut row);
            }
            sink(&mut row)
        })
    }

    fn tell_non_counter(&self, labels: &Labels, node: &RangeNode, row: &Row) {
        if !row.values.iter().any(|value| super::row::is_float(*value)) {
            return;
        }
        let Some(name) = labels.metric_name() else { return };
        let looks_like_counter =
            ["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix));
        if self.features.type_and_unit_labels {
            let kind = labels.get("__type__").unwrap_or("");
            if kind != "counter" && kind != "histogram" {
                let text = format!(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {kind:?}: {name:?}"
                );
                self.info(&text, node.position);
            }
        } else if !looks_like_counter {
            let text = format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            );
            self.info(&text, node.position);
        }
    }
}

fn subquery_grid(grid: Grid, range_ms: i64, step_ms: i64, lookup: Lookup) -> Grid {
    if grid.count == 0 {
        return Grid { start_ms: 0, step_ms, count: 0 };
    }
    let start_ms = subquery_start_ms(lookup.time_ms(grid.start_ms), range_ms, step_ms);
    Grid::new(start_ms, lookup.time_ms(grid.end_ms()), step_ms)
}

/// A row's values as points. What is known of restarts between points does not hold between
/// the points that a subquery picks.
fn columns_of_row(row: &Row, grid: Grid, columns: &mut Columns) {
    columns.clear();
    for (step, time_ms) in grid.times().enumerate() {
        match row.cell(step) {
            Cell::Absent => {}
            Cell::Float(value) => {
                columns.float_times.push(time_ms);
                columns.floats.push(value);
            }
            Cell::Histogram(mut histogram) => {
                use CounterResetHint::{CounterReset, NotCounterReset};
                if matches!(histogram.counter_reset_hint, CounterReset | NotCounterReset) {
                    let changed = std::sync::Arc::make_mut(&mut histogram);
                    changed.counter_reset_hint = CounterResetHint::Unknown;
                }
                columns.histogram_times.push(time_ms);
                columns.histograms.push(histogram);
            }
        }
    }
}

fn keeps_name(function: &str) -> bool {
    matches!(function, "last_over_time" | "first_over_time")
}

fn check_factors(call: &CallNode, params: &[Vec<f64>]) -> Result<(), QueryError> {
    if call.function.name != "double_exponential_smoothing" {
        return Ok(());
    }
    for (values, (name, short)) in params.iter().zip([("smoothing", "sf"), ("trend", "tf")]) {
        if let Some(value) = values.iter().find(|value| **value <= 0.0 || **value >= 1.0) {
            return Err(QueryError::Execution(format!(
                "invalid {name} factor. Expected: 0 < {short} < 1, got: {value:.6}"
            )));
        }
    }
    Ok(())
}

fn check_extension(function: &str, extension: RangeExtension) -> Result<(), QueryError> {
    let (name, allowed): (_, &[&str]) = match extension {
        RangeExtension::None => return Ok(()),
        RangeExtension::Anchored => {
            ("anchored", &["changes", "delta", "increase", "rate", "resets"])
        }
        RangeExtension::Smoothed => ("smoothed", &["delta", "increase", "rate"]),
    };
    if allowed.contains(&function) {
        return Ok(());
    }
    Err(QueryError::Execution(format!(
        "{name} modifier can only be used with: {} - not with {function}",
        allowed.join(", ")
    )))
}

/// Where the windows of a range lie.
struct Windows<'a> {
    node: &'a RangeNode,
    lookup: Lookup,
    extension: RangeExtension,
    lookback_ms: i64,
}

impl Windows<'_> {
    /// Fills `row` with `function` of the window at each step; false when nothing came out.
    fn apply(
        &self,
        function: WindowFunction,
        columns: &Columns,
        params: &[Vec<f64>],
        grid: Grid,
        call: &mut WindowCall<'_>,
        row: &mut Row,
    ) -> bool {
        let (before_ms, after_ms) = match self.extension {
            RangeExtension::None => (0, 0),
            RangeExtension::Anchored => (self.lookback_ms, 0),
            RangeExtension::Smoothed => (self.lookback_ms, self.lookback_ms),
        };
        let mut cursor = Cursor::default();
        let (mut any, mut samples) = (false, 0);
        for step in 0..grid.count {
            call.step_ms = grid.time_ms(step);
            call.end_ms = self.lookup.time_ms(call.step_ms);
            call.start_ms = call.end_ms.saturating_sub(self.node.range_ms);
            cursor.advance(columns, call.start_ms - before_ms, call.end_ms + after_ms);
            let window = cursor.window(columns);
            if window.len() == 0 {
                continue;
            }
            samples += window.len();
            for (at, values) in params.iter().take(2).enumerate() {
                call.params[at] = values[step];
            }
            match function(call, &window) {
                Cell::Absent => continue,
                Cell::Float(value) if value.to_bits() == ABSENT.to_bits() => continue,
                cell => row.set(step, cell),
            }
            any = true;
        }
        call.evaluator.count_samples(samples);
        any
    }
}
