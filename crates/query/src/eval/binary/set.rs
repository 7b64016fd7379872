//! `and`, `or`, `unless`.

use vigie_language::promql::BinaryOp;

use super::signature;
use crate::QueryError;
use crate::eval::row::{Grid, Row};
use crate::eval::{Evaluator, Sink, merge};
use crate::plan::BinaryNode;

impl Evaluator<'_> {
    pub(super) fn stream_set(
        &self,
        node: &BinaryNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some(matching) = &node.matching else {
            return Err(QueryError::Internal("set operator without matching".to_owned()));
        };
        let mut lhs = self.rows(&node.lhs, grid)?;
        let mut rhs = self.rows(&node.rhs, grid)?;
        let (left, right, count) = signature::number(&lhs, &rhs, matching);
        if node.op == BinaryOp::Or {
            let present = presence(&lhs, &left, count, grid.count);
            for (row, number) in rhs.iter_mut().zip(&right) {
                clear_where(row, |step| present[*number][step]);
            }
            lhs.append(&mut rhs);
            lhs.retain(|row| !row.is_empty());
            let mut rows = merge::same_labels(lhs, |row| row.labels.clone())?;
            return rows.iter_mut().try_for_each(sink);
        }
        let present = presence(&rhs, &right, count, grid.count);
        let and = node.op == BinaryOp::And;
        for (row, number) in lhs.iter_mut().zip(&left) {
            clear_where(row, |step| present[*number][step] != and);
            if !row.is_empty() {
                sink(row)?;
            }
        }
        Ok(())
    }
}

fn clear_where(row: &mut Row, clear: impl Fn(usize) -> bool) {
    for step in 0..row.values.len() {
        if clear(step) {
            row.clear(step);
        }
    }
}

/// At which steps each match group has a value.
fn presence(rows: &[Row], numbers: &[usize], count: usize, steps: usize) -> Vec<Vec<bool>> {
    let mut present = vec![vec![false; steps]; count];
    for (row, number) in rows.iter().zip(numbers) {
        for (step, present) in present[*number].iter_mut().enumerate() {
            *present |= row.has(step);
        }
    }
    present
}
