//! Arithmetic and comparisons between two vectors.

use hashbrown::HashMap;
use vigie_language::promql::{GroupSide, Matching};
use vigie_model::{Labels, LabelsBuilder};

use super::signature::{self, match_labels};
use crate::QueryError;
use crate::eval::binary_value::{Operation, Outcome, changes_kind};
use crate::eval::row::{Cell, Grid, Row};
use crate::eval::{Evaluator, Sink, is_metadata, merge};
use crate::plan::BinaryNode;

impl Evaluator<'_> {
    pub(super) fn stream_join(
        &self,
        node: &BinaryNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some(matching) = &node.matching else {
            return Err(QueryError::Internal("operator without matching".to_owned()));
        };
        let (mut many, mut one) = (self.rows(&node.lhs, grid)?, self.rows(&node.rhs, grid)?);
        if matching.group == GroupSide::Right {
            std::mem::swap(&mut many, &mut one);
        }
        let (many_numbers, one_numbers, groups) = signature::number(&many, &one, matching);
        let fills = matching.fill.left.is_some() || matching.fill.right.is_some();
        let mut join = Join {
            evaluator: self,
            node,
            matching,
            steps: grid.count,
            operation: Operation { evaluator: self, op: node.op, position: node.position },
            places: HashMap::default(),
            rows: Vec::new(),
            touched: Vec::new(),
            matched: vec![Vec::new(); groups],
        };
        // Without a fill value, steps at which the many side is empty are not looked at.
        let live: Vec<bool> =
            (0..grid.count).map(|step| fills || many.iter().any(|row| row.has(step))).collect();
        let ones = join.ones(&one, &one_numbers, groups, &live)?;
        for (row, group) in many.iter().zip(&many_numbers) {
            self.check()?;
            join.row(row, *group, &ones[*group], &one)?;
        }
        if let Some(fill) = matching.fill.left {
            for (row, group) in one.iter().zip(&one_numbers) {
                join.fill_many(row, *group, fill)?;
            }
        }
        for row in &mut join.rows {
            if !row.is_empty() {
                sink(row)?;
            }
        }
        Ok(())
    }
}

/// Which row of the "one" side stands for a match group at each step.
enum One {
    None,
    /// The same row at all steps.
    Row(usize),
    Rows(Vec<Option<usize>>),
}

impl One {
    fn at(&self, step: usize) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Row(row) => Some(*row),
            Self::Rows(rows) => rows[step],
        }
    }
}

struct Join<'a> {
    evaluator: &'a Evaluator<'a>,
    node: &'a BinaryNode,
    matching: &'a Matching,
    steps: usize,
    operation: Operation<'a>,
    places: HashMap<Labels, usize, foldhash::fast::RandomState>,
    rows: Vec<Row>,
    /// For each row and step, 1 + the match group that has given a result.
    touched: Vec<Vec<u32>>,
    /// For each match group, the steps at which there was a match; empty until the first.
    matched: Vec<Vec<bool>>,
}

impl Join<'_> {
    fn ones(
        &self,
        rows: &[Row],
        numbers: &[usize],
        groups: usize,
        live: &[bool],
    ) -> Result<Vec<One>, QueryError> {
        let mut ones: Vec<One> = (0..groups).map(|_| One::None).collect();
        for (at, (row, group)) in rows.iter().zip(numbers).enumerate() {
            let one = &mut ones[*group];
            match one {
                One::None => *one = One::Row(at),
                One::Row(first) => {
                    let first = *first;
                    let steps = (0..self.steps).map(|s| rows[first].has(s).then_some(first));
                    let mut by_step: Vec<Option<usize>> = steps.collect();
                    self.place_one(&mut by_step, at, row, rows, live)?;
                    *one = One::Rows(by_step);
                }
                One::Rows(by_step) => self.place_one(by_step, at, row, rows, live)?,
            }
        }
        Ok(ones)
    }

    fn place_one(
        &self,
        by_step: &mut [Option<usize>],
        at: usize,
        row: &Row,
        rows: &[Row],
        live: &[bool],
    ) -> Result<(), QueryError> {
        for (step, place) in by_step.iter_mut().enumerate() {
            if !row.has(step) {
                continue;
            }
            if let Some(other) = place.filter(|_| live[step]) {
                return Err(self.duplicate(&row.labels, &rows[other].labels));
            }
            *place = Some(at);
        }
        Ok(())
    }

    fn duplicate(&self, labels: &Labels, other: &Labels) -> QueryError {
        let side = if self.matching.group == GroupSide::Right { "left" } else { "right" };
        let group = go_labels(&match_labels(labels, self.matching));
        let (mut first, mut second) = (go_labels(labels), go_labels(other));
        if first > second {
            std::mem::swap(&mut first, &mut second);
        }
        QueryError::Execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    }

    /// Joins a row of the "many" side (of the left side, one to one).
    fn row(&mut self, many: &Row, group: usize, one: &One, ones: &[Row]) -> Result<(), QueryError> {
        let mut place: Option<(Option<usize>, usize)> = None;
        for step in 0..self.steps {
            let value = many.cell(step);
            if matches!(value, Cell::Absent) {
                continue;
            }
            let partner = one.at(step).filter(|at| ones[*at].has(step));
            let other = match (partner, self.matching.fill.right) {
                (Some(at), _) => ones[at].cell(step),
                (None, Some(fill)) => Cell::Float(fill),
                (None, None) => continue,
            };
            let at = match place {
                Some((known, at)) if known == partner => at,
                _ => {
                    let filled;
                    let other = if let Some(at) = partner {
                        &ones[at].labels
                    } else {
                        filled = match_labels(&many.labels, self.matching);
                        &filled
                    };
                    self.place(&many.labels, other)?
                }
            };
            place = Some((partner, at));
            self.set(at, step, group, &value, &other)?;
        }
        Ok(())
    }

    /// Gives rows of the "one" side that have found no partner a filled one.
    fn fill_many(&mut self, one: &Row, group: usize, fill: f64) -> Result<(), QueryError> {
        let many = match_labels(&one.labels, self.matching);
        let mut place = None;
        for step in 0..self.steps {
            let unmatched = !self.matched[group].get(step).copied().unwrap_or(false);
            if !one.has(step) || !unmatched {
                continue;
            }
            let at = match place {
                Some(at) => at,
                None => self.place(&many, &one.labels)?,
            };
            place = Some(at);
            self.set(at, step, group, &Cell::Float(fill), &one.cell(step))?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        at: usize,
        step: usize,
        group: usize,
        many: &Cell,
        one: &Cell,
    ) -> Result<(), QueryError> {
        let outcome = if self.matching.group == GroupSide::Right {
            self.operation.apply(one, many)
        } else {
            self.operation.apply(many, one)
        };
        if matches!(outcome, Outcome::Unfit) {
            return Ok(());
        }
        if self.matched[group].is_empty() {
            self.matched[group].resize(self.steps, false);
        }
        let matched = std::mem::replace(&mut self.matched[group][step], true);
        if self.matching.group == GroupSide::None && matched {
            return Err(QueryError::execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            ));
        }
        let touched = &mut self.touched[at][step];
        if *touched == group as u32 + 1 {
            return Err(QueryError::execution(
                "multiple matches for labels: grouping labels must ensure unique matches",
            ));
        }
        *touched = group as u32 + 1;
        let cell = match outcome {
            Outcome::Keep(_) if self.node.return_bool => Cell::Float(1.0),
            Outcome::Drop if self.node.return_bool => Cell::Float(0.0),
            Outcome::Keep(cell) => cell,
            Outcome::Drop | Outcome::Unfit => return Ok(()),
        };
        if self.rows[at].has(step) {
            return Err(QueryError::execution(merge::SAME_LABELS));
        }
        self.rows[at].set(step, cell);
        Ok(())
    }

    /// The place of the result row of a pair of series.
    fn place(&mut self, many: &Labels, one: &Labels) -> Result<usize, QueryError> {
        let labels = self.result_labels(many, one);
        let next = self.rows.len();
        let at = *self.places.entry(labels.clone()).or_insert(next);
        if at == next {
            self.evaluator.hold(self.steps)?;
            let mut row = Row::new(labels, self.steps);
            row.drop_name = self.node.return_bool;
            self.rows.push(row);
            self.touched.push(vec![0; self.steps]);
        }
        Ok(at)
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = self.matching;
        let now = self.node.return_bool && !self.evaluator.features.delayed_name_removal;
        let drops = changes_kind(self.node.op) || now;
        let one_to_one = matching.group == GroupSide::None;
        let kept = many.filtered(|name| {
            if drops && is_metadata(name) {
                return false;
            }
            !one_to_one || matching.labels.iter().any(|n| n == name) == matching.on
        });
        if matching.include.is_empty() {
            return kept;
        }
        let mut builder = LabelsBuilder::from_labels(&kept);
        for name in &matching.include {
            builder.set(name, one.get(name).unwrap_or(""));
        }
        builder.build()
    }
}

/// Labels as Go prints them: the name among the others.
pub(crate) fn go_labels(labels: &Labels) -> String {
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
