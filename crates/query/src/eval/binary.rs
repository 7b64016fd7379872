//! Binary operators.

mod join;
mod set;
mod signature;

pub(crate) use join::go_labels;

use vigie_language::promql::{BinaryOp, ValueType};
use vigie_model::Labels;

use super::binary_value::{Operation, Outcome, changes_kind, scalar_op};
use super::row::{Cell, Grid, Row, is_float};
use super::{Evaluator, Sink};
use crate::QueryError;
use crate::plan::{BinaryNode, Node};

impl Evaluator<'_> {
    pub(crate) fn stream_binary(
        &self,
        node: &BinaryNode,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        match (node.lhs_type, node.rhs_type) {
            (ValueType::Scalar, ValueType::Scalar) => {
                let mut row = Row::new(Labels::empty(), grid.count);
                let (lhs, rhs) = (self.scalar(&node.lhs, grid)?, self.scalar(&node.rhs, grid)?);
                for ((value, a), b) in row.values.iter_mut().zip(lhs).zip(rhs) {
                    *value = scalar_op(node.op, a, b);
                }
                sink(&mut row)
            }
            (ValueType::Scalar, _) => {
                let scalar = self.scalar(&node.lhs, grid)?;
                self.stream_with_scalar(node, (&node.rhs, &scalar), true, grid, sink)
            }
            (_, ValueType::Scalar) => {
                let scalar = self.scalar(&node.rhs, grid)?;
                self.stream_with_scalar(node, (&node.lhs, &scalar), false, grid, sink)
            }
            _ if node.op.is_set() => self.stream_set(node, grid, sink),
            _ => self.stream_join(node, grid, sink),
        }
    }

    /// A vector and a scalar; `swapped` when the scalar is on the left.
    fn stream_with_scalar(
        &self,
        node: &BinaryNode,
        (vector, scalar): (&Node, &[f64]),
        swapped: bool,
        grid: Grid,
        sink: Sink<'_>,
    ) -> Result<(), QueryError> {
        let operation = Operation { evaluator: self, op: node.op, position: node.position };
        let drops = changes_kind(node.op) || node.return_bool;
        let mut push = |row: &mut Row| {
            if row.histograms.is_empty() && changes_kind(node.op) {
                floats_with_scalar(node.op, &mut row.values, scalar, swapped);
            } else {
                for (step, number) in scalar.iter().enumerate() {
                    let result = with_scalar(&operation, node, row.cell(step), *number, swapped);
                    row.set(step, result);
                }
            }
            if drops {
                self.drop_name(row);
            }
            if row.is_empty() { Ok(()) } else { sink(row) }
        };
        if self.features.delayed_name_removal || !drops {
            return self.stream(vector, grid, &mut push);
        }
        let mut rows = Vec::new();
        self.stream(vector, grid, &mut |row| {
            rows.push(std::mem::take(row));
            Ok(())
        })?;
        let mut rows = super::merge::same_labels(rows, |row| super::without_metadata(&row.labels))?;
        rows.iter_mut().try_for_each(push)
    }
}

fn floats_with_scalar(op: BinaryOp, values: &mut [f64], scalar: &[f64], swapped: bool) {
    for (value, number) in values.iter_mut().zip(scalar) {
        if is_float(*value) {
            let (a, b) = if swapped { (*number, *value) } else { (*value, *number) };
            *value = scalar_op(op, a, b);
        }
    }
}

fn with_scalar(
    operation: &Operation<'_>,
    node: &BinaryNode,
    cell: Cell,
    number: f64,
    swapped: bool,
) -> Cell {
    if matches!(cell, Cell::Absent) {
        return cell;
    }
    let number = Cell::Float(number);
    let outcome =
        if swapped { operation.apply(&number, &cell) } else { operation.apply(&cell, &number) };
    let truth = |holds: bool| Cell::Float(f64::from(u8::from(holds)));
    match outcome {
        Outcome::Keep(_) if node.return_bool => truth(true),
        Outcome::Drop if node.return_bool => truth(false),
        // A filter leaves the vector's value, on whichever side it stands.
        Outcome::Keep(_) if node.op.is_comparison() => cell,
        Outcome::Keep(value) => value,
        Outcome::Drop | Outcome::Unfit => Cell::Absent,
    }
}
