//! Walks through the lines that a log expression selects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use vigie_language::logql::LogExpr;
use vigie_store::logs::{BLOCK_ROWS, LogPart, LogQuery, LogSnapshot, Mask};

use super::LogqlError;
use super::labels::{LineLabels, Origin};
use super::pipeline::Pipeline;
use super::push_down::push_down;
use super::streams::{Parts, Streams};

/// What stops a query.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) deadline: Instant,
    pub(super) stop: Arc<AtomicBool>,
}

impl Bounds {
    pub(super) fn check(&self) -> Result<(), LogqlError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(LogqlError::Cancelled);
        }
        if Instant::now() >= self.deadline { Err(LogqlError::Timeout) } else { Ok(()) }
    }
}

/// A line that was selected.
pub(super) struct Found<'f> {
    pub(super) time_ns: i64,
    /// Breaks ties between equal times: later writes have larger ones.
    pub(super) sequence: u64,
    pub(super) line: &'f str,
    pub(super) labels: &'f mut LineLabels,
    /// Its stream, by number.
    pub(super) stream: usize,
}

/// Reads what a log expression selects.
pub(super) struct Scan<'s> {
    snapshot: &'s LogSnapshot,
    query: LogQuery,
    pipeline: Pipeline,
    pub(super) streams: Streams,
    bounds: Bounds,
    packed: Vec<u8>,
    parts: Parts,
    labels: LineLabels,
}

impl<'s> Scan<'s> {
    /// From `start_ns` to `end_ns`, both included.
    pub(super) fn new(
        snapshot: &'s LogSnapshot,
        log: &LogExpr,
        (start_ns, end_ns): (i64, i64),
        bounds: &Bounds,
    ) -> Result<Self, LogqlError> {
        Ok(Self {
            snapshot,
            query: push_down(log, start_ns, end_ns),
            pipeline: Pipeline::new(log)?,
            streams: Streams::new(&log.matchers)?,
            bounds: bounds.clone(),
            packed: Vec::new(),
            parts: Parts::default(),
            labels: LineLabels::default(),
        })
    }

    /// Hands every line to `each`, in no particular order but newest or oldest parts and blocks
    /// first. What `each` gives says which times are still wanted.
    pub(super) fn each(
        &mut self,
        newest_first: bool,
        each: &mut dyn FnMut(Found<'_>) -> Result<Wanted, LogqlError>,
    ) -> Result<(), LogqlError> {
        let mut order: Vec<&LogPart> = self.snapshot.parts().iter().collect();
        order.sort_by_key(|part| part.time_range_ns().1);
        if newest_first {
            order.reverse();
        } else {
            order.sort_by_key(|part| part.time_range_ns().0);
        }
        let mut wanted = Wanted::default();
        for part in order {
            let (start_ns, end_ns) = part.time_range_ns();
            if !wanted.may_have(start_ns, end_ns) {
                continue;
            }
            self.part(part, newest_first, &mut wanted, each)?;
        }
        Ok(())
    }

    fn part(
        &mut self,
        part: &LogPart,
        newest_first: bool,
        wanted: &mut Wanted,
        each: &mut dyn FnMut(Found<'_>) -> Result<Wanted, LogqlError>,
    ) -> Result<(), LogqlError> {
        let query = self.query.clone();
        let matcher = part.matcher(&query)?;
        let blocks = matcher.blocks();
        let (mut times, mut sequences) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
        let mut indexes = [0; BLOCK_ROWS];
        let mut rows = Vec::new();
        for step in 0..blocks.len() {
            self.bounds.check()?;
            let block = if newest_first { blocks.end - 1 - step } else { blocks.start + step };
            rows_of(&matcher.block(block)?, &mut rows);
            if rows.is_empty() {
                continue;
            }
            part.times(block, &mut times)?;
            part.sequences(block, &mut sequences)?;
            part.index_codes(block, &mut indexes)?;
            if newest_first {
                rows.reverse();
            }
            for row in &rows {
                let time_ns = times.get(*row).copied().unwrap_or(0);
                if !wanted.may_have(time_ns, time_ns) {
                    continue;
                }
                let index = indexes.get(*row).and_then(|code| part.indexes().get(*code as usize));
                let at = (block * BLOCK_ROWS + row) as u32;
                let place = (at, time_ns, sequences.get(*row).copied().unwrap_or(0));
                let index = index.map_or("", String::as_str);
                if let Some(now) = self.row(part, place, index, each)? {
                    *wanted = now;
                }
            }
        }
        Ok(())
    }

    fn row(
        &mut self,
        part: &LogPart,
        (row, time_ns, sequence): (u32, i64, u64),
        index: &str,
        each: &mut dyn FnMut(Found<'_>) -> Result<Wanted, LogqlError>,
    ) -> Result<Option<Wanted>, LogqlError> {
        self.packed.clear();
        part.packed(row, &mut self.packed)?;
        self.parts.read(&self.packed);
        let number = self.streams.find(&self.parts, index);
        let Some(stream) = self.streams.all.get(number).filter(|stream| stream.is_selected) else {
            return Ok(None);
        };
        self.labels.clear();
        for (name, value) in &stream.labels {
            self.labels.push(name, value, Origin::Stream);
        }
        self.parts.add_metadata(&mut self.labels);
        let mut line = if let Some(line) = self.parts.line.take() {
            line
        } else {
            self.packed.clear();
            part.source(row, &mut self.packed)?;
            String::from_utf8_lossy(&self.packed).into_owned()
        };
        if !self.pipeline.run(time_ns, &mut line, &mut self.labels) {
            return Ok(None);
        }
        let found =
            Found { time_ns, sequence, line: &line, labels: &mut self.labels, stream: number };
        each(found).map(Some)
    }
}

/// Times of lines that are still wanted, both included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) start_ns: i64,
    pub(super) end_ns: i64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { start_ns: i64::MIN, end_ns: i64::MAX }
    }
}

impl Wanted {
    fn may_have(self, start_ns: i64, end_ns: i64) -> bool {
        start_ns <= self.end_ns && end_ns >= self.start_ns
    }
}

fn rows_of(mask: &Mask, rows: &mut Vec<usize>) {
    rows.clear();
    for (at, word) in mask.iter().enumerate() {
        let mut word = *word;
        while word != 0 {
            rows.push(at * 64 + word.trailing_zeros() as usize);
            word &= word - 1;
        }
    }
}
