//! Joining rows that have come to have the same labels.

use hashbrown::HashMap;
use vigie_model::Labels;

use super::row::{Cell, Row};
use crate::QueryError;

pub(crate) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// Gives each row the labels that `labels` says, and joins those that have the same then; an
/// error if two of them have a value at the same step.
pub(crate) fn same_labels(
    rows: Vec<Row>,
    labels: impl Fn(&Row) -> Labels,
) -> Result<Vec<Row>, QueryError> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for mut row in rows {
        row.labels = labels(&row);
        let next = merged.len();
        let place = *places.entry(row.labels.clone()).or_insert(next);
        if place == next {
            merged.push(row);
        } else {
            join(&mut merged[place], &row)?;
        }
    }
    Ok(merged)
}

fn join(into: &mut Row, from: &Row) -> Result<(), QueryError> {
    for step in 0..from.values.len() {
        match from.cell(step) {
            Cell::Absent => {}
            _ if into.has(step) => return Err(QueryError::execution(SAME_LABELS)),
            cell => into.set(step, cell),
        }
    }
    Ok(())
}
