//! Aggregations that keep series (`topk`, `bottomk`, `limitk`, `limit_ratio`) and `count_values`.

use hashbrown::HashMap;
use vigie_language::promql::AggregateOp;
use vigie_model::{Labels, LabelsBuilder};

use super::aggregate::{Grouping, Groups};
use super::row::{Cell, Grid, Row, is_absent};
use super::{Evaluator, Node, Sink};
use crate::QueryError;
use crate::plan::AggregateNode;

impl Evaluator<'_> {
    pub(super) fn stream_aggregate_k(
        &self,
        node: &AggregateNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let params = match &node.param {
            Some(param) => self.scalar(param, grid)?,
            None => Vec::new(),
        };
        let mut rows = self.rows(&node.expr, grid)?;
        if !self.check_params(node, &params)? {
            return Ok(());
        }
        // Which of equal values stay must not depend on how the store orders series.
        rows.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        let mut index = Groups::new(Grouping::new(node));
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let (group, new) = index.find(&row.labels);
            if new {
                groups.push(Vec::new());
            }
            groups[group].push(at);
        }
        if node.op == AggregateOp::LimitRatio {
            return limit_ratio(&mut rows, &params, sink);
        }
        let picker = Picker { evaluator: self, node, rows: &rows };
        let mut order: Vec<usize> = Vec::new();
        let mut kept = vec![Vec::new(); rows.len()];
        for step in 0..grid.count {
            self.check()?;
            let k = params.get(step).map_or(0.0, |k| k.min(rows.len() as f64)) as usize;
            if k == 0 {
                continue;
            }
            for at in groups.iter().flat_map(|group| picker.pick(group, step, k)) {
                if kept[at].is_empty() {
                    order.push(at);
                }
                kept[at].push(step);
            }
        }
        for at in order {
            let mut row = Row::new(rows[at].labels.clone(), grid.count);
            row.drop_name = rows[at].drop_name;
            for step in &kept[at] {
                row.set(*step, rows[at].cell(*step));
            }
            sink(&mut row)?;
        }
        Ok(())
    }

    /// Whether anything can be kept.
    fn check_params(&self, node: &AggregateNode, params: &[f64]) -> Result<bool, QueryError> {
        let most = params.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = params.iter().copied().fold(f64::INFINITY, f64::min);
        let any_nan = params.iter().any(|param| param.is_nan());
        if node.op == AggregateOp::LimitRatio {
            if any_nan {
                return Err(QueryError::execution("Ratio value is NaN"));
            }
            for (ratio, limit) in [(most, 1.0), (least, -1.0)] {
                if ratio.abs() > 1.0 && ratio.signum() == limit {
                    let ratio = super::go_float(ratio);
                    let text = format!(
                        "ratio value should be between -1 and 1, got {ratio}, capping to {limit}"
                    );
                    self.warn(&text, node.param_position);
                }
            }
            return Ok(most != 0.0 || least != 0.0);
        }
        if any_nan {
            return Err(QueryError::execution("Parameter value is NaN"));
        }
        if most < 1.0 {
            return Ok(false);
        }
        if least <= i64::MIN as f64 {
            let text = format!("Scalar value {} underflows int64", super::go_float(least));
            return Err(QueryError::Execution(text));
        }
        if most >= i64::MAX as f64 {
            let text = format!("Scalar value {} overflows int64", super::go_float(most));
            return Err(QueryError::Execution(text));
        }
        Ok(true)
    }

    pub(super) fn stream_count_values(
        &self,
        node: &AggregateNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some(Node::String(label)) = node.param.as_deref() else {
            return Err(QueryError::Internal("count_values without a label".to_owned()));
        };
        if label.as_str().is_empty() || !label.is_utf8() {
            let text = format!("invalid label name {}", label.quoted());
            return Err(QueryError::execution(text));
        }
        let label = label.as_str();
        let keeps = |name: &str| {
            let listed = node.grouping.iter().any(|n| n == name);
            if node.without { !listed && name != "__name__" } else { listed || name == label }
        };
        let mut counted = Counted { places: HashMap::new(), rows: Vec::new(), steps: grid.count };
        self.stream(&node.expr, grid, &mut |row| {
            let mut builder = LabelsBuilder::from_labels(&row.labels);
            let mut known: Option<(u64, usize)> = None;
            for step in 0..grid.count {
                let value = row.values[step];
                if is_absent(value) {
                    continue;
                }
                let histogram = row.histogram(step);
                let place = match known {
                    Some((bits, place)) if bits == value.to_bits() && histogram.is_none() => place,
                    _ => {
                        let text = match histogram {
                            Some(histogram) => histogram.to_string(),
                            None => decimal(value),
                        };
                        let labels = builder.set(label, &text).build().filtered(keeps);
                        counted.place(labels, self)?
                    }
                };
                known = Some((value.to_bits(), place));
                let count = counted.rows[place].float(step).unwrap_or(0.0);
                counted.rows[place].values[step] = count + 1.0;
            }
            Ok(())
        })?;
        counted.rows.iter_mut().try_for_each(sink)
    }
}

/// Rows of `count_values` by their labels.
struct Counted {
    places: HashMap<Labels, usize>,
    rows: Vec<Row>,
    steps: usize,
}

impl Counted {
    fn place(&mut self, labels: Labels, evaluator: &Evaluator<'_>) -> Result<usize, QueryError> {
        let next = self.rows.len();
        let place = *self.places.entry(labels.clone()).or_insert(next);
        if place == next {
            evaluator.hold(self.steps)?;
            self.rows.push(Row::new(labels, self.steps));
        }
        Ok(place)
    }
}

/// A number as Go formats it with 'f': all digits, no exponent.
fn decimal(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    value.to_string()
}

fn limit_ratio(rows: &mut [Row], params: &[f64], sink: Sink<'_>) -> Result<(), QueryError> {
    for row in rows {
        let offset = label_hash(&row.labels) as f64 / u64::MAX as f64;
        for step in 0..row.values.len() {
            let ratio = params.get(step).copied().unwrap_or(0.0).clamp(-1.0, 1.0);
            let kept = if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio };
            if !kept {
                row.clear(step);
            }
        }
        if !row.is_empty() {
            sink(row)?;
        }
    }
    Ok(())
}

/// The hash by which Prometheus samples series: XXH64 over its own packing of labels, where
/// lengths of 255 and more take four bytes.
fn label_hash(labels: &Labels) -> u64 {
    let mut packed = Vec::with_capacity(labels.as_packed().len() + 8);
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        if text.len() < 255 {
            packed.push(text.len() as u8);
        } else {
            packed.push(255);
            packed.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
        }
        packed.extend_from_slice(text.as_bytes());
    }
    xxhash_rust::xxh64::xxh64(&packed, 0)
}

struct Picker<'a> {
    evaluator: &'a Evaluator<'a>,
    node: &'a AggregateNode,
    rows: &'a [Row],
}

impl Picker<'_> {
    /// The rows of `group` that are kept at `step`, in the order of the answer.
    fn pick(&self, group: &[usize], step: usize, k: usize) -> Vec<usize> {
        if self.node.op == AggregateOp::Limitk {
            return group.iter().copied().filter(|at| self.rows[*at].has(step)).take(k).collect();
        }
        let top = self.node.op == AggregateOp::Topk;
        let mut floats: Vec<(f64, usize)> = Vec::with_capacity(group.len());
        for at in group {
            match self.rows[*at].cell(step) {
                Cell::Float(value) => floats.push((value, *at)),
                Cell::Histogram(_) => {
                    let name = if top { "topk" } else { "bottomk" };
                    let text = format!("ignored histogram in {name} aggregation");
                    self.evaluator.info(&text, self.node.position);
                }
                Cell::Absent => {}
            }
        }
        // NaN is worse than all, in both directions.
        let compare = |(a, _): &(f64, usize), (b, _): &(f64, usize)| match (a.is_nan(), b.is_nan())
        {
            (false, false) if top => b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal),
            (false, false) => a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal),
            (a, b) => a.cmp(&b),
        };
        floats.sort_by(compare);
        floats.truncate(k);
        floats.into_iter().map(|(_, at)| at).collect()
    }
}
