//! Reading documents: which rows, in which order, and their columns.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{DataFusionError, Result, cast::as_boolean_array};
use datafusion::physical_expr::PhysicalExpr;
use tokio::sync::mpsc::Sender;
use vigie_store::StoreError;
use vigie_store::logs::{BLOCK_ROWS, LogMatcher, LogOrder, LogPart, LogQuery, LogSnapshot, Mask};

use super::columns::Column;
use super::read::{Builder, PartReader, Run};
use crate::SqlError;

/// Rows of a batch, at most.
const BATCH_ROWS: usize = 8_192;
/// Rows of the first batch of an ordered scan: whoever wants the latest wants them soon.
const FIRST_ROWS: usize = 128;

/// What is read.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    pub(crate) snapshot: Arc<LogSnapshot>,
    pub(crate) query: Arc<LogQuery>,
    /// The columns that are given, and their schema.
    pub(crate) columns: Arc<[Column]>,
    pub(crate) schema: SchemaRef,
    /// What must be checked again.
    pub(crate) check: Option<Arc<Check>>,
    pub(crate) order: Option<LogOrder>,
    pub(crate) limit: Option<usize>,
}

/// A condition that the store cannot decide.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) expr: Arc<dyn PhysicalExpr>,
    /// The columns that it is about, and their schema.
    pub(crate) columns: Vec<Column>,
    pub(crate) schema: SchemaRef,
}

/// Whoever takes batches.
pub(crate) type Taker = Sender<Result<RecordBatch>>;

impl Scan {
    /// Reads these parts and hands the batches to `taker`, until all is read or nobody listens.
    pub(crate) fn run(&self, parts: &[usize], taker: &Taker) {
        if let Err(error) = self.read(parts, taker) {
            // Nobody listens: then nobody misses the error.
            taker.blocking_send(Err(error)).ok();
        }
    }

    fn read(&self, parts: &[usize], taker: &Taker) -> Result<()> {
        let mut output = Output::new(self, taker);
        match self.order {
            None => self.part_by_part(parts, &mut output)?,
            Some(order) => merge(self, parts, order, &mut output)?,
        }
        output.flush().map(drop)
    }

    fn part(&self, at: usize) -> Result<&LogPart> {
        let part = self.snapshot.parts().get(at);
        part.ok_or_else(|| DataFusionError::Internal("a part is missing".to_owned()))
    }

    fn part_by_part(&self, parts: &[usize], output: &mut Output<'_>) -> Result<()> {
        for at in parts {
            let part = self.part(*at)?;
            let matcher = part.matcher(&self.query).map_err(failed)?;
            for block in matcher.blocks() {
                let mask = matcher.block(block).map_err(failed)?;
                let rows: Vec<u16> = rows_of(&mask).collect();
                if output.is_closed() || !output.take(*at, block, &rows)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

pub(crate) fn failed(error: StoreError) -> DataFusionError {
    SqlError::from(error).into()
}

fn rows_of(mask: &Mask) -> impl Iterator<Item = u16> + '_ {
    mask.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = (rest != 0).then(|| rest.trailing_zeros() as u16)?;
            rest &= rest - 1;
            Some(at as u16 * 64 + bit)
        })
    })
}

/// Collects rows and gives batches.
struct Output<'a> {
    scan: &'a Scan,
    taker: &'a Taker,
    readers: Vec<Option<(PartReader<'a>, Option<PartReader<'a>>)>>,
    runs: Vec<Run>,
    pending: usize,
    /// Rows of the next batch.
    target: usize,
    left: usize,
}

impl<'a> Output<'a> {
    fn new(scan: &'a Scan, taker: &'a Taker) -> Self {
        let left = scan.limit.unwrap_or(usize::MAX);
        let target = if scan.order.is_some() { FIRST_ROWS.min(left.max(1)) } else { BATCH_ROWS };
        let mut readers = Vec::new();
        readers.resize_with(scan.snapshot.parts().len(), || None);
        Self { scan, taker, readers, runs: Vec::new(), pending: 0, target, left }
    }

    fn is_closed(&self) -> bool {
        self.taker.is_closed()
    }

    /// Takes rows of a block. `false`: no more are wanted.
    fn take(&mut self, part: usize, block: usize, rows: &[u16]) -> Result<bool> {
        if rows.is_empty() {
            return Ok(self.left > 0);
        }
        self.pending += rows.len();
        match self.runs.last_mut() {
            Some(run) if run.part == part && run.block == block => run.rows.extend(rows),
            _ => self.runs.push(Run { part, block, rows: rows.to_vec() }),
        }
        // What must be checked again may lose many rows.
        let enough =
            if self.scan.check.is_some() { self.target } else { self.target.min(self.left) };
        if self.pending >= enough { self.flush() } else { Ok(true) }
    }

    /// Gives what was taken. `false`: no more is wanted.
    fn flush(&mut self) -> Result<bool> {
        let mut runs = std::mem::take(&mut self.runs);
        self.pending = 0;
        self.target = (self.target * 4).min(BATCH_ROWS);
        if let Some(check) = &self.scan.check {
            self.check(check, &mut runs)?;
        }
        let mut room = self.left;
        for run in &mut runs {
            run.rows.truncate(room);
            room -= run.rows.len();
        }
        runs.retain(|run| !run.rows.is_empty());
        self.left = room;
        if !runs.is_empty() {
            let batch = self.batch(&runs, &self.scan.schema.clone(), false)?;
            if self.taker.blocking_send(Ok(batch)).is_err() {
                return Ok(false);
            }
        }
        Ok(self.left > 0)
    }

    /// Keeps the rows for which the condition holds.
    fn check(&mut self, check: &Check, runs: &mut [Run]) -> Result<()> {
        let batch = self.batch(runs, &check.schema, true)?;
        let held = check.expr.evaluate(&batch)?.into_array(batch.num_rows())?;
        let held: &BooleanArray = as_boolean_array(&held)?;
        let mut at = 0;
        for run in runs {
            run.rows.retain(|_| {
                at += 1;
                at <= held.len() && held.is_valid(at - 1) && held.value(at - 1)
            });
        }
        Ok(())
    }

    fn batch(&mut self, runs: &[Run], schema: &SchemaRef, checked: bool) -> Result<RecordBatch> {
        let mut builders: Vec<Builder> =
            schema.fields().iter().map(|field| Builder::new(field.data_type())).collect();
        for run in runs {
            let (plain, check) = self.reader(run.part)?;
            let reader = if checked { check.as_ref() } else { Some(plain) };
            if let Some(reader) = reader {
                reader.read(run.block, &run.rows, &mut builders).map_err(failed)?;
            }
        }
        let arrays: Vec<ArrayRef> = builders.iter_mut().map(Builder::finish).collect();
        let rows = runs.iter().map(|run| run.rows.len()).sum();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
    }

    fn reader(&mut self, at: usize) -> Result<&(PartReader<'a>, Option<PartReader<'a>>)> {
        let missing = || DataFusionError::Internal("a part is missing".to_owned());
        let scan = self.scan;
        let slot = self.readers.get_mut(at).ok_or_else(missing)?;
        if slot.is_none() {
            let part = scan.part(at)?;
            let plain = PartReader::new(part, &scan.columns).map_err(failed)?;
            let check = match &scan.check {
                Some(check) => Some(PartReader::new(part, &check.columns).map_err(failed)?),
                None => None,
            };
            *slot = Some((plain, check));
        }
        slot.as_ref().ok_or_else(missing)
    }
}

/// A row on its way into the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time_ns: i64,
    sequence: u64,
}

/// A part with rows left, by the key of its next one; the greatest is the next of all.
struct Queued {
    key: Key,
    order: LogOrder,
    at: usize,
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.key.cmp(&other.key).then(self.at.cmp(&other.at));
        if self.order == LogOrder::Newest { order } else { order.reverse() }
    }
}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Queued {}

/// The rows of one part that match, in order, read as they are needed.
struct Cursor<'a> {
    part: &'a LogPart,
    matcher: Option<LogMatcher<'a>>,
    /// Blocks not read yet, the next one last.
    blocks: Vec<usize>,
    /// Rows read, the next one last.
    rows: Vec<(Key, u32)>,
}

/// Merges the parts' rows. A part is opened when its time comes.
fn merge(scan: &Scan, parts: &[usize], order: LogOrder, output: &mut Output<'_>) -> Result<()> {
    let mut heap = BinaryHeap::new();
    let mut cursors: Vec<Cursor<'_>> = Vec::with_capacity(parts.len());
    for at in parts {
        let part = scan.part(*at)?;
        let (start_ns, end_ns) = part.time_range_ns();
        if start_ns > scan.query.end_ns || end_ns < scan.query.start_ns {
            continue;
        }
        let key = match order {
            LogOrder::Newest => Key { time_ns: end_ns, sequence: u64::MAX },
            LogOrder::Oldest => Key { time_ns: start_ns, sequence: 0 },
        };
        heap.push((Queued { key, order, at: cursors.len() }, *at));
        cursors.push(Cursor { part, matcher: None, blocks: Vec::new(), rows: Vec::new() });
    }
    while let Some((queued, part)) = heap.pop() {
        let Some(cursor) = cursors.get_mut(queued.at) else { continue };
        if output.is_closed() {
            return Ok(());
        }
        // The rows that come before the next part's.
        let bound = heap.peek().map(|(next, _)| next.key);
        let mut run: Vec<(usize, u16)> = Vec::new();
        let mut again = None;
        while let Some(key) = cursor.peek(scan, order)? {
            let is_before = match (bound, order) {
                (None, _) => true,
                (Some(bound), LogOrder::Newest) => key >= bound,
                (Some(bound), LogOrder::Oldest) => key <= bound,
            };
            if !is_before || run.len() >= BLOCK_ROWS {
                again = Some(key);
                break;
            }
            if let Some((_, row)) = cursor.rows.pop() {
                run.push((row as usize / BLOCK_ROWS, (row as usize % BLOCK_ROWS) as u16));
            }
            if run.len() >= output.target.min(output.left) {
                again = cursor.peek(scan, order)?;
                break;
            }
        }
        for chunk in run.chunk_by(|one, other| one.0 == other.0) {
            let rows: Vec<u16> = chunk.iter().map(|(_, row)| *row).collect();
            let block = chunk.first().map_or(0, |(block, _)| *block);
            if !output.take(part, block, &rows)? {
                return Ok(());
            }
        }
        if let Some(key) = again {
            heap.push((Queued { key, order, at: queued.at }, part));
        }
    }
    Ok(())
}

impl Cursor<'_> {
    /// The key of the next row.
    fn peek(&mut self, scan: &Scan, order: LogOrder) -> Result<Option<Key>> {
        if self.matcher.is_none() {
            let matcher = self.part.matcher(&scan.query).map_err(failed)?;
            self.blocks = matcher.blocks().collect();
            if order == LogOrder::Oldest {
                self.blocks.reverse();
            }
            self.matcher = Some(matcher);
            if !self.part.is_sorted() {
                while let Some(block) = self.blocks.pop() {
                    self.read(block)?;
                }
                self.sort(order);
            }
        }
        while self.rows.is_empty() {
            let Some(block) = self.blocks.pop() else { return Ok(None) };
            self.read(block)?;
            self.sort(order);
        }
        Ok(self.rows.last().map(|(key, _)| *key))
    }

    fn sort(&mut self, order: LogOrder) {
        self.rows.sort_unstable_by_key(|(key, _)| *key);
        if order == LogOrder::Oldest {
            self.rows.reverse();
        }
    }

    fn read(&mut self, block: usize) -> Result<()> {
        let Some(matcher) = &self.matcher else { return Ok(()) };
        let mask = matcher.block(block).map_err(failed)?;
        if mask.iter().all(|word| *word == 0) {
            return Ok(());
        }
        let (mut times, mut sequences) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
        self.part.times(block, &mut times).map_err(failed)?;
        self.part.sequences(block, &mut sequences).map_err(failed)?;
        for row in rows_of(&mask) {
            let at = usize::from(row);
            let (Some(time_ns), Some(sequence)) = (times.get(at), sequences.get(at)) else {
                continue;
            };
            let key = Key { time_ns: *time_ns, sequence: *sequence };
            self.rows.push((key, (block * BLOCK_ROWS + at) as u32));
        }
        Ok(())
    }
}
