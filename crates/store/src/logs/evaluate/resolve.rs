//! Filters become nodes for one part: dictionaries and indexes are asked once.

use std::sync::Arc;

use vigie_model::sequence_of_id;

use super::super::column::{BLOCK_ROWS, LogColumn, LogColumnKind, Plan, columns_of};
use super::super::filter::{LogFilter, LogTest};
use super::super::matching::CompiledTest;
use super::super::part_view::LogPart;
use super::super::rows::{RowSet, bits};
use super::{Node, and, codes_node, combine, or};
use crate::StoreError;

/// Filters are nested no deeper.
const FILTER_DEPTH_MAX: usize = 200;

pub(super) fn resolve<'a>(
    part: &'a LogPart,
    filter: &LogFilter,
    depth: usize,
) -> Result<Node<'a>, StoreError> {
    if depth > FILTER_DEPTH_MAX {
        return Err(StoreError::Invalid("the filter is nested too deeply".to_owned()));
    }
    let all = |filters: &[LogFilter]| -> Result<Vec<_>, StoreError> {
        filters.iter().map(|filter| resolve(part, filter, depth + 1)).collect()
    };
    Ok(match filter {
        LogFilter::All => Node::All,
        LogFilter::None => Node::None,
        LogFilter::And(filters) => and(all(filters)?),
        LogFilter::Or(filters) => or(all(filters)?),
        LogFilter::Not(filter) => match resolve(part, filter, depth + 1)? {
            Node::All => Node::None,
            Node::None => Node::All,
            node => Node::Not(Box::new(node)),
        },
        LogFilter::Ids(ids) => Node::Rows(rows_of_ids(part, ids)?),
        LogFilter::Field(path, test) => resolve_field(part, path, test)?,
    })
}

/// The rows of documents with these ids.
fn rows_of_ids(part: &LogPart, ids: &[String]) -> Result<RowSet, StoreError> {
    let mut rows = RowSet::empty(part.rows());
    let mut wanted = hashbrown::HashSet::new();
    let (least, most) = part.columns.sequence_range();
    for id in ids {
        part.columns.rows_of_id(id)?.into_iter().for_each(|row| rows.insert(row));
        if let Some(sequence) = sequence_of_id(id).filter(|s| least <= *s && *s <= most) {
            wanted.insert(sequence);
        }
    }
    if wanted.is_empty() {
        return Ok(rows);
    }
    let mut sequences = [0; BLOCK_ROWS];
    let own_ids = part.columns.ids()?;
    for block in 0..part.blocks() {
        part.sequences(block, &mut sequences)?;
        let mut mask = part.live(block);
        if let Some(ids) = own_ids {
            mask = combine(&mask, &ids.present(block)?, |live, own| live & !own);
        }
        for row in bits(&mask) {
            if sequences.get(row).is_some_and(|sequence| wanted.contains(sequence)) {
                rows.insert((block * BLOCK_ROWS + row) as u32);
            }
        }
    }
    Ok(rows)
}

fn resolve_field<'a>(
    part: &'a LogPart,
    path: &str,
    test: &LogTest,
) -> Result<Node<'a>, StoreError> {
    let mut nodes = Vec::new();
    for at in columns_of(&*part.columns, path) {
        nodes.push(resolve_column(part, at, test)?);
    }
    for at in columns_of(&*part.columns, "") {
        let column = part.columns.column(at)?;
        if column.kind() == LogColumnKind::List && !path.is_empty() {
            nodes.push(Node::Overflow(column, format!("{path}\0"), CompiledTest::new(test)?));
        }
    }
    Ok(or(nodes))
}

fn resolve_column<'a>(
    part: &'a LogPart,
    at: usize,
    test: &LogTest,
) -> Result<Node<'a>, StoreError> {
    let column = part.columns.column(at)?;
    let kind = column.kind();
    let compiled = CompiledTest::new(test)?;
    match kind {
        LogColumnKind::Raw => return Ok(Node::None),
        LogColumnKind::Time => return Ok(time_node(column, &compiled)),
        LogColumnKind::Number if compiled.is_numeric() => {
            return Ok(Node::Numbers(column, compiled));
        }
        _ => {}
    }
    if matches!(compiled, CompiledTest::Exists) && kind != LogColumnKind::List {
        return Ok(Node::Present(column));
    }
    if let Some(plan) = part.columns.plan(at, &compiled)? {
        return Ok(planned(plan, at, column, &Arc::new(compiled)));
    }
    let Some(length) = column.dictionary_len() else {
        return Ok(Node::Scan(column, Arc::new(compiled)));
    };
    let mut wanted = Vec::with_capacity(length);
    if let (CompiledTest::Equals { texts, .. }, LogColumnKind::Text) = (&compiled, kind) {
        wanted.resize(length, false);
        for text in texts {
            if let Some(code) = column.find(text.as_bytes())?
                && let Some(wanted) = wanted.get_mut(code as usize)
            {
                *wanted = true;
            }
        }
    } else {
        for code in 0..length as u32 {
            wanted.push(compiled.value(kind, column.dictionary_value(code)?));
        }
    }
    let first = wanted.iter().position(|wanted| *wanted).unwrap_or(0) as u32;
    let last = wanted.iter().rposition(|wanted| *wanted).unwrap_or(0) as u32;
    Ok(match codes_node(wanted, |wanted| Node::Codes(column, (first, last), wanted)) {
        Node::All => Node::Present(column),
        node => node,
    })
}

/// A plan of a column's index as nodes.
fn planned<'a>(
    plan: Plan,
    at: usize,
    column: &'a dyn LogColumn,
    test: &Arc<CompiledTest>,
) -> Node<'a> {
    let all = |plans: Vec<Plan>| plans.into_iter().map(|plan| planned(plan, at, column, test));
    match plan {
        Plan::All => Node::Present(column),
        Plan::None => Node::None,
        Plan::Templates(wanted) => Node::Templates(at, column, wanted),
        Plan::Rows(rows) => Node::Rows(rows),
        Plan::Ask => Node::Scan(column, Arc::clone(test)),
        Plan::And(plans) => and(all(plans).collect()),
        Plan::Or(plans) => or(all(plans).collect()),
        Plan::Not(plan) => match planned(*plan, at, column, test) {
            Node::None => Node::All,
            Node::All => Node::None,
            node => Node::Not(Box::new(node)),
        },
    }
}

/// Tests of the field that holds the document's own time.
fn time_node<'a>(column: &'a dyn LogColumn, test: &CompiledTest) -> Node<'a> {
    let times = match test {
        CompiledTest::Exists => Node::All,
        CompiledTest::Times { start_ns, end_ns } => Node::Times(*start_ns, *end_ns),
        CompiledTest::Equals { texts, .. } => {
            let times = texts.iter().filter_map(|text| vigie_model::parse_any_time(text));
            or(times.map(|time_ns| Node::Times(time_ns, time_ns)).collect())
        }
        _ => Node::None,
    };
    and(vec![Node::Present(column), times])
}
