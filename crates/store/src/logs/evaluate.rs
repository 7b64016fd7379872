//! Finding the rows of a part for which a query holds.
//!
//! A filter is resolved against a part once: tests of dictionaries become sets of codes, what an
//! index knows becomes rows. Then blocks are asked one by one, cheap conditions first, so that a
//! reader who has enough can stop.

mod resolve;

use std::ops::Range;
use std::sync::Arc;

use vigie_model::{ListReader, Scalar};

use self::resolve::resolve;
use super::column::{BLOCK_ROWS, LogColumn, LogColumnKind, Mask};
use super::filter::LogQuery;
use super::matching::{CompiledTest, Number};
use super::part_view::LogPart;
use super::rows::{RowSet, bits, is_empty};
use crate::StoreError;

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

    /// The rows for which the query holds.
    pub fn rows(&self) -> Result<RowSet, StoreError> {
        let mut rows = RowSet::empty(self.part.rows());
        for block in self.blocks() {
            rows.set_block(block, &self.block(block)?);
        }
        Ok(rows)
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
