//! Finding the rows of a part for which a query holds.
//!
//! A filter is resolved against a part once: tests of dictionaries become sets of codes, what an
//! index knows becomes rows. Then blocks are asked one by one, cheap conditions first, so that a
//! reader who has enough can stop.

use std::ops::Range;
use std::sync::Arc;

use vigie_model::{ListReader, Scalar, sequence_of_id};

use super::column::{BLOCK_ROWS, LogColumn, LogColumnKind, Mask, Plan, columns_of};
use super::filter::{LogFilter, LogQuery, LogTest};
use super::matching::{CompiledTest, Number};
use super::part_view::LogPart;
use super::rows::{RowSet, bits, is_empty};
use crate::StoreError;

/// Filters are nested no deeper.
const FILTER_DEPTH_MAX: usize = 200;

/// A query made ready for one part.
#[derive(Debug)]
pub struct Matcher<'a> {
    part: &'a LogPart,
    node: Node<'a>,
    blocks: Range<usize>,
}

#[derive(Debug)]
enum Node<'a> {
    All,
    None,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Times(i64, i64),
    /// By code of the index.
    Indexes(Vec<bool>),
    Rows(RowSet),
    Present(&'a dyn LogColumn),
    /// Least and greatest wanted code, and which are.
    Codes(&'a dyn LogColumn, (u32, u32), Vec<bool>),
    /// The column's place, and the wanted templates.
    Templates(usize, &'a dyn LogColumn, Vec<bool>),
    Numbers(&'a dyn LogColumn, CompiledTest),
    Scan(&'a dyn LogColumn, Arc<CompiledTest>),
    /// The overflow column, the path with a zero, the test.
    Overflow(&'a dyn LogColumn, String, CompiledTest),
}

impl<'a> Matcher<'a> {
    pub(super) fn new(part: &'a LogPart, query: &LogQuery) -> Result<Self, StoreError> {
        let mut nodes = Vec::new();
        let (start_ns, end_ns) = part.time_range_ns();
        if query.start_ns <= end_ns && start_ns <= query.end_ns {
            part.columns.check()?;
        }
        if query.start_ns > start_ns || query.end_ns < end_ns {
            nodes.push(Node::Times(query.start_ns, query.end_ns));
        }
        if query.start_ns > end_ns || query.end_ns < start_ns {
            nodes.push(Node::None);
        }
        if let Some(wanted) = &query.indexes {
            let is_wanted = |name: &String| wanted.contains(name);
            nodes.push(codes_node(part.indexes().iter().map(is_wanted).collect(), Node::Indexes));
        }
        nodes.push(resolve(part, &query.filter, 0)?);
        let node = and(nodes);
        let blocks = match node {
            Node::None => 0..0,
            _ if part.is_sorted() => blocks_within(part, query.start_ns, query.end_ns)?,
            _ => 0..part.blocks(),
        };
        Ok(Self { part, node, blocks })
    }

    /// Blocks that may hold rows; no other does.
    pub fn blocks(&self) -> Range<usize> {
        self.blocks.clone()
    }

    /// Whether no row can be in.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The rows of a block for which the query holds.
    pub fn block(&self, block: usize) -> Result<Mask, StoreError> {
        let live = self.part.live(block);
        if is_empty(&live) {
            return Ok(live);
        }
        self.ask(&self.node, block, &live)
    }

    /// Number of rows for which the query holds.
    pub fn count(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        for block in self.blocks() {
            count += super::rows::count(&self.block(block)?);
        }
        Ok(count)
    }

    /// The rows of `among` for which `node` holds.
    fn ask(&self, node: &Node<'a>, block: usize, among: &Mask) -> Result<Mask, StoreError> {
        match node {
            Node::All => Ok(*among),
            Node::None => Ok(Mask::default()),
            Node::And(nodes) => {
                let mut mask = *among;
                for node in nodes {
                    if is_empty(&mask) {
                        break;
                    }
                    mask = self.ask(node, block, &mask)?;
                }
                Ok(mask)
            }
            Node::Or(nodes) => {
                let (mut found, mut rest) = (Mask::default(), *among);
                for node in nodes {
                    if is_empty(&rest) {
                        break;
                    }
                    let mask = self.ask(node, block, &rest)?;
                    for ((found, rest), mask) in found.iter_mut().zip(&mut rest).zip(&mask) {
                        *found |= mask;
                        *rest &= !mask;
                    }
                }
                Ok(found)
            }
            Node::Not(node) => {
                let mask = self.ask(node, block, among)?;
                Ok(combine(among, &mask, |among, mask| among & !mask))
            }
            Node::Rows(rows) => Ok(combine(among, &rows.block(block), |a, b| a & b)),
            Node::Present(column) => Ok(combine(among, &column.present(block)?, |a, b| a & b)),
            _ => self.ask_values(node, block, among),
        }
    }

    fn ask_values(&self, node: &Node<'a>, block: usize, among: &Mask) -> Result<Mask, StoreError> {
        match node {
            Node::Times(start_ns, end_ns) => {
                let mut times = [0; BLOCK_ROWS];
                self.part.times(block, &mut times)?;
                Ok(keep(among, |row| times.get(row).is_some_and(|t| start_ns <= t && t <= end_ns)))
            }
            Node::Indexes(wanted) => {
                let mut codes = [0; BLOCK_ROWS];
                self.part.index_codes(block, &mut codes)?;
                Ok(keep(among, |row| has_code(wanted, &codes, row)))
            }
            Node::Templates(at, column, wanted) => {
                let mask = combine(among, &column.present(block)?, |a, b| a & b);
                if is_empty(&mask) {
                    return Ok(mask);
                }
                let mut codes = [0; BLOCK_ROWS];
                self.part.columns.templates(*at, block, &mut codes)?;
                Ok(keep(&mask, |row| has_code(wanted, &codes, row)))
            }
            Node::Codes(column, (first, last), wanted) => {
                let range = column.code_range(block)?;
                if range.is_some_and(|(least, most)| *first > most || *last < least) {
                    return Ok(Mask::default());
                }
                let mask = combine(among, &column.present(block)?, |a, b| a & b);
                if is_empty(&mask) {
                    return Ok(mask);
                }
                let mut codes = [0; BLOCK_ROWS];
                column.codes(block, &mut codes)?;
                Ok(keep(&mask, |row| has_code(wanted, &codes, row)))
            }
            Node::Numbers(column, test) => self.ask_numbers(*column, test, block, among),
            Node::Scan(column, test) => {
                let kind = column.kind();
                self.scan(*column, block, among, |bytes| test.value(kind, bytes))
            }
            Node::Overflow(column, path, test) => self.scan(*column, block, among, |bytes| {
                ListReader::new(bytes).any(|item| match item {
                    Scalar::String(text) => text
                        .strip_prefix(path.as_str())
                        .is_some_and(|text| test.text(text) || test.number_text(text)),
                    _ => false,
                })
            }),
            _ => Ok(Mask::default()),
        }
    }

    fn ask_numbers(
        &self,
        column: &dyn LogColumn,
        test: &CompiledTest,
        block: usize,
        among: &Mask,
    ) -> Result<Mask, StoreError> {
        let mask = combine(among, &column.present(block)?, |a, b| a & b);
        if is_empty(&mask) {
            return Ok(mask);
        }
        let mut decimals = [None; BLOCK_ROWS];
        column.decimals(block, &mut decimals)?;
        let mut failed = None;
        let mut text = Vec::new();
        let found = keep(&mask, |row| match decimals.get(row) {
            Some(Some(decimal)) => test.number(Number::Exact(*decimal)),
            _ => {
                text.clear();
                match column.value((block * BLOCK_ROWS + row) as u32, &mut text) {
                    Ok(found) => found && test.value(LogColumnKind::Number, &text),
                    Err(error) => {
                        failed.get_or_insert(error);
                        false
                    }
                }
            }
        });
        failed.map_or(Ok(found), Err)
    }

    /// Asks row by row.
    fn scan(
        &self,
        column: &dyn LogColumn,
        block: usize,
        among: &Mask,
        mut test: impl FnMut(&[u8]) -> bool,
    ) -> Result<Mask, StoreError> {
        let mask = combine(among, &column.present(block)?, |a, b| a & b);
        let (mut found, mut bytes) = (Mask::default(), Vec::new());
        for row in bits(&mask) {
            bytes.clear();
            if column.value((block * BLOCK_ROWS + row) as u32, &mut bytes)? && test(&bytes) {
                set(&mut found, row);
            }
        }
        Ok(found)
    }
}

#[inline]
fn has_code(wanted: &[bool], codes: &[u32; BLOCK_ROWS], row: usize) -> bool {
    codes.get(row).and_then(|code| wanted.get(*code as usize)).copied().unwrap_or(false)
}

#[inline]
fn set(mask: &mut Mask, row: usize) {
    if let Some(word) = mask.get_mut(row / 64) {
        *word |= 1 << (row % 64);
    }
}

#[inline]
fn keep(among: &Mask, mut test: impl FnMut(usize) -> bool) -> Mask {
    let mut found = Mask::default();
    for row in bits(among) {
        if test(row) {
            set(&mut found, row);
        }
    }
    found
}

#[inline]
fn combine(a: &Mask, b: &Mask, with: impl Fn(u64, u64) -> u64) -> Mask {
    let mut out = Mask::default();
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = with(*a, *b);
    }
    out
}

/// The blocks of a sorted part that overlap a range of time.
fn blocks_within(part: &LogPart, start_ns: i64, end_ns: i64) -> Result<Range<usize>, StoreError> {
    let (first_ns, last_ns) = part.time_range_ns();
    if start_ns <= first_ns && last_ns <= end_ns {
        return Ok(0..part.blocks());
    }
    let mut times = [0; BLOCK_ROWS];
    let mut first_of = |block: usize| -> Result<i64, StoreError> {
        part.times(block, &mut times)?;
        Ok(times[0])
    };
    // The first block that begins at or after the start, less one; the first that begins after the end.
    let mut search = |wanted: &dyn Fn(i64) -> bool| -> Result<usize, StoreError> {
        let (mut low, mut high) = (0, part.blocks());
        while low < high {
            let middle = low.midpoint(high);
            if wanted(first_of(middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    };
    let start = search(&|first| first < start_ns)?.saturating_sub(1);
    let end = search(&|first| first <= end_ns)?;
    Ok(start..end.max(start))
}

fn and(nodes: Vec<Node<'_>>) -> Node<'_> {
    let mut nodes: Vec<_> = nodes.into_iter().filter(|node| !matches!(node, Node::All)).collect();
    if nodes.iter().any(|node| matches!(node, Node::None)) {
        return Node::None;
    }
    nodes.sort_by_key(cost);
    match nodes.len() {
        0 => Node::All,
        1 => nodes.pop().unwrap_or(Node::None),
        _ => Node::And(nodes),
    }
}

fn or(nodes: Vec<Node<'_>>) -> Node<'_> {
    let mut nodes: Vec<_> = nodes.into_iter().filter(|node| !matches!(node, Node::None)).collect();
    if nodes.iter().any(|node| matches!(node, Node::All)) {
        return Node::All;
    }
    nodes.sort_by_key(cost);
    match nodes.len() {
        0 => Node::None,
        1 => nodes.pop().unwrap_or(Node::None),
        _ => Node::Or(nodes),
    }
}

/// How dear it is to ask, roughly.
fn cost(node: &Node<'_>) -> u32 {
    match node {
        Node::All | Node::None => 0,
        Node::Rows(_) => 1,
        Node::Times(..) | Node::Indexes(_) | Node::Present(_) => 2,
        Node::Codes(..) | Node::Templates(..) => 3,
        Node::Numbers(..) => 4,
        Node::Not(node) => cost(node),
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().map(cost).max().unwrap_or(0),
        Node::Scan(..) | Node::Overflow(..) => 10,
    }
}

fn codes_node<'a>(wanted: Vec<bool>, node: impl FnOnce(Vec<bool>) -> Node<'a>) -> Node<'a> {
    if wanted.iter().all(|wanted| *wanted) {
        Node::All
    } else if wanted.contains(&true) {
        node(wanted)
    } else {
        Node::None
    }
}

fn resolve<'a>(
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
pub(super) fn rows_of_ids(part: &LogPart, ids: &[String]) -> Result<RowSet, StoreError> {
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
