//! Functions of instant vectors and scalars.

use vigie_language::promql::ValueType;
use vigie_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};

use super::date::DatePart;
use super::number::{max, min};
use super::row::{Cell, Grid, Row};
use super::select::Take;
use super::window::window_function;
use super::{Evaluator, Sink};
use crate::QueryError;
use crate::plan::{Argument, CallNode, Node};

impl Evaluator<'_> {
    pub(super) fn stream_call(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let name = call.function.name;
        if name == "absent_over_time" {
            return self.stream_absent_over_time(call, grid, sink);
        }
        if let Some(function) = window_function(name) {
            return self.stream_range_call(call, function, grid, sink);
        }
        if let Some(function) = float_function(name) {
            return self.stream_mapped(first(call)?, grid, sink, function);
        }
        if let Some(part) = DatePart::of_function(name) {
            return self.stream_date(call, part, grid, sink);
        }
        match name {
            "time" => push_scalar(grid, |step| grid.time_ms(step) as f64 / 1000.0, sink),
            "pi" => push_scalar(grid, |_| std::f64::consts::PI, sink),
            "min_of" | "max_of" => {
                let a = self.scalar_argument(&call.args, 0, grid)?;
                let b = self.scalar_argument(&call.args, 1, grid)?;
                let pick = if name == "min_of" { min } else { max };
                push_scalar(grid, |step| pick(a[step], b[step]), sink)
            }
            "vector" => self.stream(first(call)?, grid, sink),
            "scalar" => self.stream_scalar(first(call)?, grid, sink),
            "absent" => self.stream_absent(first_argument(call)?, grid, sink),
            "timestamp" | "start_timestamp" => self.stream_time_of(call, grid, sink),
            "clamp" | "clamp_min" | "clamp_max" => self.stream_clamp(call, grid, sink),
            "round" => self.stream_round(call, grid, sink),
            "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => {
                self.stream_sorted(call, grid, sink)
            }
            "label_replace" => self.stream_label_replace(call, grid, sink),
            "label_join" => self.stream_label_join(call, grid, sink),
            "info" => self.stream_info(call, grid, sink),
            _ => self.stream_histogram_call(call, grid, sink),
        }
    }

    /// Pushes the rows of `node` with each float changed, without histograms and names.
    pub(super) fn stream_mapped(
        &self,
        node: &Node,
        grid: Grid,
        sink: Sink<'_>,
        change: impl Fn(f64) -> f64,
    ) -> Result<(), QueryError> {
        self.stream_nameless(node, grid, sink, |row| row.map_floats(&change))
    }

    /// Pushes the rows of `node` as `change` leaves them, without names.
    pub(super) fn stream_nameless(
        &self,
        node: &Node,
        grid: Grid,
        sink: Sink<'_>,
        change: impl Fn(&mut Row),
    ) -> Result<(), QueryError> {
        if self.features.delayed_name_removal {
            return self.stream(node, grid, &mut |row| {
                change(row);
                self.drop_name(row);
                if row.is_empty() { Ok(()) } else { sink(row) }
            });
        }
        let rows = self.rows(node, grid)?;
        for row in &mut super::merge::same_labels(rows, |row| super::without_metadata(&row.labels))?
        {
            change(row);
            self.drop_name(row);
            if !row.is_empty() {
                sink(row)?;
            }
        }
        Ok(())
    }

    fn stream_date(
        &self,
        call: &CallNode,
        part: DatePart,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some(arg) = call.args.first() else {
            let value = |step| part.of((grid.time_ms(step) / 1000) as f64);
            return push_scalar(grid, value, sink);
        };
        self.stream_mapped(&arg.node, grid, sink, |value| part.of(value))
    }

    fn stream_scalar(&self, node: &Node, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut found = vec![0_u32; grid.count];
        let mut values = vec![f64::NAN; grid.count];
        self.stream(node, grid, &mut |row| {
            for step in 0..grid.count {
                if let Some(value) = row.float(step) {
                    found[step] = found[step].saturating_add(1);
                    values[step] = value;
                }
            }
            Ok(())
        })?;
        push_scalar(grid, |step| if found[step] == 1 { values[step] } else { f64::NAN }, sink)
    }

    fn stream_absent(&self, arg: &Argument, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        let mut present = vec![false; grid.count];
        self.stream(&arg.node, grid, &mut |row| {
            for (step, present) in present.iter_mut().enumerate() {
                *present |= row.has(step);
            }
            Ok(())
        })?;
        push_absent(&present, &arg.matchers, false, sink)
    }

    fn stream_absent_over_time(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some(function) = window_function(call.function.name) else {
            return Err(QueryError::Internal("absent_over_time is missing".to_owned()));
        };
        let mut present = vec![false; grid.count];
        self.stream_range_call(call, function, grid, &mut |row| {
            for (step, present) in present.iter_mut().enumerate() {
                *present |= row.has(step);
            }
            Ok(())
        })?;
        let matchers = match &first_argument(call)?.node {
            Node::Range(range) => range.matchers.as_slice(),
            _ => &[],
        };
        push_absent(&present, matchers, true, sink)
    }

    fn stream_time_of(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let starts = call.function.name == "start_timestamp";
        let node = first(call)?;
        let inner = match node {
            Node::StepInvariant(inner) => inner.as_ref(),
            other => other,
        };
        if let Node::Selector(selector) = inner {
            if starts && !self.features.start_timestamps {
                return Ok(());
            }
            let take = if starts { Take::StartTime } else { Take::Time };
            return self.stream_points(selector, grid, take, &mut |row| {
                self.drop_name(row);
                sink(row)
            });
        }
        if starts {
            return Ok(());
        }
        self.stream_nameless(node, grid, sink, |row| {
            for step in 0..grid.count {
                if row.has(step) {
                    row.set(step, Cell::Float(grid.time_ms(step) as f64 / 1000.0));
                }
            }
        })
    }

    fn stream_clamp(&self, call: &CallNode, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        let bound = |at: usize, otherwise: f64| match call.args.get(at) {
            Some(_) => self.scalar_argument(&call.args, at, grid),
            None => Ok(vec![otherwise; grid.count]),
        };
        let (lower, upper) = match call.function.name {
            "clamp" => (bound(1, 0.0)?, bound(2, 0.0)?),
            "clamp_min" => (bound(1, 0.0)?, vec![f64::INFINITY; grid.count]),
            _ => (vec![f64::NEG_INFINITY; grid.count], bound(1, 0.0)?),
        };
        self.stream_nameless(first(call)?, grid, sink, |row| {
            for step in 0..grid.count {
                match row.float(step) {
                    Some(_) if upper[step] < lower[step] => row.clear(step),
                    Some(value) => {
                        row.values[step] = max(lower[step], min(upper[step], value));
                    }
                    None => row.clear(step),
                }
            }
        })
    }

    fn stream_round(&self, call: &CallNode, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        let nearest = match call.args.get(1) {
            Some(_) => self.scalar_argument(&call.args, 1, grid)?,
            None => vec![1.0; grid.count],
        };
        self.stream_nameless(first(call)?, grid, sink, |row| {
            for (step, nearest) in nearest.iter().enumerate() {
                match row.float(step) {
                    // Multiplying by the inverse is more exact for decimal fractions.
                    Some(value) => {
                        let inverse = 1.0 / nearest;
                        row.values[step] = (value * inverse + 0.5).floor() / inverse;
                    }
                    None => row.clear(step),
                }
            }
        })
    }

    fn stream_sorted(&self, call: &CallNode, grid: Grid, sink: Sink<'_>) -> Result<(), QueryError> {
        if grid.count > 1 {
            let text =
                "sort is ineffective for range queries since results are always ordered by labels";
            self.warn(text, call.position);
        }
        let mut rows = self.rows(first(call)?, grid)?;
        let name = call.function.name;
        let descending = name.ends_with("_desc");
        if name.starts_with("sort_by_label") {
            let labels: Vec<&str> = call.args[1..].iter().filter_map(text_of).collect();
            rows.sort_by(|a, b| {
                let order = super::labels_call::compare_by_labels(&a.labels, &b.labels, &labels);
                if descending { order.reverse() } else { order }
            });
        } else {
            for row in &mut rows {
                row.map_floats(|value| value);
            }
            rows.retain(|row| !row.is_empty());
            let value = |row: &Row| row.values.first().copied().unwrap_or(f64::NAN);
            // NaN comes last, in both directions.
            rows.sort_by(|a, b| {
                let (a, b) = (value(a), value(b));
                let order = a.partial_cmp(&b).map(|o| if descending { o.reverse() } else { o });
                order.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
            });
        }
        rows.iter_mut().try_for_each(sink)
    }
}

fn push_scalar(grid: Grid, value: impl Fn(usize) -> f64, sink: Sink<'_>) -> Result<(), QueryError> {
    let mut row = Row::new(Labels::empty(), grid.count);
    for (step, place) in row.values.iter_mut().enumerate() {
        *place = value(step);
    }
    sink(&mut row)
}

/// The first argument of a call.
pub(super) fn first(call: &CallNode) -> Result<&Node, QueryError> {
    first_argument(call).map(|arg| &arg.node)
}

fn first_argument(call: &CallNode) -> Result<&Argument, QueryError> {
    let missing = || QueryError::Internal(format!("{} without arguments", call.function.name));
    call.args.first().ok_or_else(missing)
}

/// The text of a string argument.
pub(super) fn text_of(arg: &Argument) -> Option<&str> {
    match (&arg.node, arg.value_type) {
        (Node::String(text), ValueType::String) => Some(text.as_str()),
        _ => None,
    }
}

/// Pushes a series of ones for the steps at which nothing is present.
fn push_absent(
    present: &[bool],
    matchers: &[Matcher],
    drop_name: bool,
    sink: Sink<'_>,
) -> Result<(), QueryError> {
    if present.iter().all(|present| *present) {
        return Ok(());
    }
    let mut row = Row::new(absent_labels(matchers), present.len());
    row.drop_name = drop_name;
    for (value, present) in row.values.iter_mut().zip(present) {
        if !present {
            *value = 1.0;
        }
    }
    sink(&mut row)
}

/// Labels that the absent series surely would have: those with exactly one `=`.
fn absent_labels(matchers: &[Matcher]) -> Labels {
    let mut builder = LabelsBuilder::new();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|m| m.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&matcher.name.as_str()) {
            builder.set(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}

fn float_function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "sgn" => |value| {
            if value < 0.0 {
                -1.0
            } else if value > 0.0 {
                1.0
            } else {
                value
            }
        },
        _ => return None,
    })
}
