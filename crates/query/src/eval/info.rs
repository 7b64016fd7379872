//! `info`: adds the labels of info metrics (`target_info` and the like) to series of the same
//! target.

use hashbrown::{HashMap, HashSet};
use vigie_model::{Labels, LabelsBuilder, METRIC_NAME, Matcher};
use vigie_store::CompiledMatcher;

use super::call::first;
use super::row::{Cell, Grid, Row};
use super::select::Take;
use super::{Evaluator, Sink, merge};
use crate::QueryError;
use crate::plan::{CallNode, Node};

/// The labels by which targets are told apart.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

impl Evaluator<'_> {
    pub(super) fn stream_info(
        &self,
        call: &CallNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let base = self.rows(first(call)?, grid)?;
        let Some(info) = call.args.get(1) else {
            return Err(QueryError::Internal("info without its series".to_owned()));
        };
        let Node::Selector(selector) = &info.node else {
            return Err(QueryError::Internal("info without a selector".to_owned()));
        };
        let names = compile(&self.plan.selectors[selector.index].matchers)?;
        let written: Vec<Matcher> =
            info.matchers.iter().filter(|m| m.name != METRIC_NAME).cloned().collect();
        let data = compile(&written)?;
        let ignored: Vec<bool> =
            base.iter().map(|row| names.iter().all(|m| m.matches(&row.labels))).collect();
        let mut targets: [HashSet<&str>; 2] = [HashSet::new(), HashSet::new()];
        for (row, _) in base.iter().zip(&ignored).filter(|(_, ignored)| !**ignored) {
            for (values, name) in targets.iter_mut().zip(IDENTIFYING) {
                values.extend(row.labels.get(name));
            }
        }
        let mut infos: Vec<Row> = Vec::new();
        if targets.iter().any(|values| !values.is_empty()) {
            self.stream_points(selector, grid, Take::InfoTime, &mut |row| {
                let known = targets.iter().zip(IDENTIFYING).all(|(values, name)| {
                    values.is_empty() || values.contains(row.labels.get(name).unwrap_or(""))
                });
                if known && data.iter().all(|m| m.matches(&row.labels)) {
                    infos.push(std::mem::take(row));
                }
                Ok(())
            })?;
        }
        let index = InfoIndex::new(&infos);
        let join = Join { data: &data, infos: &infos, index: &index, steps: grid.count };
        let mut joined = Vec::new();
        for (row, ignored) in base.iter().zip(&ignored) {
            if *ignored {
                joined.push(row.clone());
            } else {
                join.row(row, &mut joined)?;
            }
        }
        let mut rows = merge::same_labels(joined, |row| row.labels.clone())?;
        rows.iter_mut().try_for_each(sink)
    }
}

fn compile(matchers: &[Matcher]) -> Result<Vec<CompiledMatcher>, QueryError> {
    matchers.iter().map(|matcher| Ok(CompiledMatcher::new(matcher)?)).collect()
}

/// Info series by target: for each target, by metric name.
struct InfoIndex<'a> {
    by_target: HashMap<Labels, Vec<(&'a str, Vec<usize>)>>,
}

impl<'a> InfoIndex<'a> {
    fn new(infos: &'a [Row]) -> Self {
        let mut by_target: HashMap<Labels, Vec<(&str, Vec<usize>)>> = HashMap::new();
        for (at, row) in infos.iter().enumerate() {
            let name = row.labels.metric_name().unwrap_or("");
            let metrics = by_target.entry(target(&row.labels)).or_default();
            match metrics.iter_mut().find(|(other, _)| *other == name) {
                Some((_, rows)) => rows.push(at),
                None => metrics.push((name, vec![at])),
            }
        }
        Self { by_target }
    }
}

fn target(labels: &Labels) -> Labels {
    labels.filtered(|name| IDENTIFYING.contains(&name))
}

struct Join<'a> {
    data: &'a [CompiledMatcher],
    infos: &'a [Row],
    index: &'a InfoIndex<'a>,
    steps: usize,
}

impl Join<'_> {
    fn row(&self, base: &Row, joined: &mut Vec<Row>) -> Result<(), QueryError> {
        let metrics = self.index.by_target.get(&target(&base.labels));
        let metrics = metrics.map(Vec::as_slice).unwrap_or_default();
        let needs_info = !self.data.iter().all(|matcher| matcher.matches_value(""));
        let mut known: Option<(Vec<usize>, usize)> = None;
        for step in 0..self.steps {
            let cell = base.cell(step);
            if matches!(cell, Cell::Absent) {
                continue;
            }
            let mut chosen = Vec::new();
            for (_, rows) in metrics {
                chosen.extend(self.latest(rows, step)?);
            }
            if chosen.is_empty() && needs_info {
                continue;
            }
            let place = match &known {
                Some((infos, place)) if *infos == chosen => *place,
                _ => {
                    let labels = self.labels(&base.labels, &chosen)?;
                    let own = joined.iter().rposition(|row| row.labels == labels);
                    own.unwrap_or_else(|| {
                        let mut row = Row::new(labels, self.steps);
                        row.drop_name = base.drop_name;
                        joined.push(row);
                        joined.len() - 1
                    })
                }
            };
            known = Some((chosen, place));
            if joined[place].has(step) {
                return Err(QueryError::execution(merge::SAME_LABELS));
            }
            joined[place].set(step, cell);
        }
        Ok(())
    }

    /// Of the info series of one metric and target, the one with the latest point.
    fn latest(&self, rows: &[usize], step: usize) -> Result<Option<usize>, QueryError> {
        let mut latest: Option<(f64, usize)> = None;
        for at in rows {
            let Some(time) = self.infos[*at].float(step) else { continue };
            match latest {
                Some((other, _)) if other > time => {}
                Some((other, first)) if other == time => {
                    let (a, b) = (&self.infos[first].labels, &self.infos[*at].labels);
                    let time = (time * 1000.0) as i64;
                    return Err(QueryError::Execution(format!(
                        "found duplicate series for info metric: existing {} @ {time}, new {} @ {time}",
                        super::binary_labels(a),
                        super::binary_labels(b),
                    )));
                }
                _ => latest = Some((time, *at)),
            }
        }
        Ok(latest.map(|(_, at)| at))
    }

    fn labels(&self, base: &Labels, infos: &[usize]) -> Result<Labels, QueryError> {
        let mut added = LabelsBuilder::new();
        for at in infos {
            for (name, value) in &self.infos[*at].labels {
                let wanted = self.data.is_empty() || self.data.iter().any(|m| m.name() == name);
                if name == METRIC_NAME || !wanted {
                    continue;
                }
                if added.get(name).is_some_and(|other| other != value) {
                    return Err(QueryError::Execution(format!("conflicting label: {name}")));
                }
                if base.get(name).is_none() {
                    added.set(name, value);
                }
            }
        }
        let mut builder = LabelsBuilder::from_labels(base);
        for (name, value) in added.iter() {
            builder.set(name, value);
        }
        Ok(builder.build())
    }
}
