//! Queries that give lines.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use vigie_language::logql::LogExpr;
use vigie_model::Labels;
use vigie_store::logs::LogSnapshot;

use super::LogqlError;
use super::labels::Origin;
use super::scan::{Bounds, Scan, Wanted};
use super::streams::StreamCount;

/// Which lines come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The latest.
    Backward,
    /// The earliest.
    Forward,
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogEntry {
    /// When, nanoseconds since the epoch.
    pub time_ns: i64,
    /// Breaks ties.
    pub sequence: u64,
    /// The line.
    pub line: String,
    /// Labels of its stream.
    pub stream: Labels,
    /// Labels that came with it.
    pub metadata: Labels,
    /// Labels that the pipeline made.
    pub parsed: Labels,
}

/// Lines with the same labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStreamAnswer {
    /// The labels.
    pub labels: Labels,
    /// The lines, in the order that was asked for.
    pub entries: Vec<LogEntry>,
}

/// Bytes of lines in one answer.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// The first `limit` lines from `start_ns` (included) to `end_ns` (excluded).
pub(super) fn entries(
    snapshot: &LogSnapshot,
    log: &LogExpr,
    (start_ns, end_ns): (i64, i64),
    (direction, limit): (Direction, usize),
    bounds: &Bounds,
) -> Result<Vec<LogEntry>, LogqlError> {
    if limit == 0 || end_ns <= start_ns {
        return Ok(Vec::new());
    }
    let newest_first = direction == Direction::Backward;
    let mut scan = Scan::new(snapshot, log, (start_ns, end_ns - 1), bounds)?;
    let mut best = Best { heap: BinaryHeap::new(), newest_first, limit, bytes: 0 };
    scan.each(newest_first, &mut |found| {
        let of = |origin: Origin| found.labels.to_labels(|_, from| from == origin);
        best.push(LogEntry {
            time_ns: found.time_ns,
            sequence: found.sequence,
            line: found.line.to_owned(),
            stream: of(Origin::Stream),
            metadata: of(Origin::Metadata),
            parsed: of(Origin::Parsed),
        })
    })?;
    Ok(best.into_sorted())
}

/// The best lines so far; the top of the heap is the one to drop first.
struct Best {
    heap: BinaryHeap<Ranked>,
    newest_first: bool,
    limit: usize,
    bytes: usize,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Ranked {
    Newest(Reverse<LogEntry>),
    Oldest(LogEntry),
}

impl Ranked {
    fn entry(&self) -> &LogEntry {
        match self {
            Self::Newest(Reverse(entry)) | Self::Oldest(entry) => entry,
        }
    }

    fn into_entry(self) -> LogEntry {
        match self {
            Self::Newest(Reverse(entry)) | Self::Oldest(entry) => entry,
        }
    }
}

impl Best {
    fn push(&mut self, entry: LogEntry) -> Result<Wanted, LogqlError> {
        self.bytes += entry.line.len();
        self.heap.push(if self.newest_first {
            Ranked::Newest(Reverse(entry))
        } else {
            Ranked::Oldest(entry)
        });
        if self.heap.len() > self.limit
            && let Some(dropped) = self.heap.pop()
        {
            self.bytes -= dropped.entry().line.len();
        }
        if self.bytes > ANSWER_BYTES_MAX {
            return Err(LogqlError::TooMuch);
        }
        let mut wanted = Wanted::default();
        if let Some(worst) = self.heap.peek().filter(|_| self.heap.len() >= self.limit) {
            if self.newest_first {
                wanted.start_ns = worst.entry().time_ns;
            } else {
                wanted.end_ns = worst.entry().time_ns;
            }
        }
        Ok(wanted)
    }

    fn into_sorted(self) -> Vec<LogEntry> {
        let newest_first = self.newest_first;
        let mut entries: Vec<_> = self.heap.into_iter().map(Ranked::into_entry).collect();
        entries.sort_by_key(|entry| (entry.time_ns, entry.sequence));
        if newest_first {
            entries.reverse();
        }
        entries
    }
}

/// Puts lines of the same labels together: of all labels, or of the stream's alone.
pub(super) fn grouped(entries: Vec<LogEntry>, by_stream: bool) -> Vec<LogStreamAnswer> {
    let mut found: BTreeMap<Labels, Vec<LogEntry>> = BTreeMap::new();
    for entry in entries {
        let labels = if by_stream {
            entry.stream.clone()
        } else {
            let all = entry.stream.iter().chain(&entry.metadata).chain(&entry.parsed);
            Labels::from_pairs(all)
        };
        found.entry(labels).or_default().push(entry);
    }
    let answer = |(labels, entries)| LogStreamAnswer { labels, entries };
    found.into_iter().map(answer).collect()
}

/// The streams that have lines from `start_ns` to `end_ns`, both included.
pub(super) fn streams(
    snapshot: &LogSnapshot,
    log: &LogExpr,
    times: (i64, i64),
    bounds: &Bounds,
) -> Result<Vec<StreamCount>, LogqlError> {
    let mut scan = Scan::new(snapshot, log, times, bounds)?;
    let mut counts: Vec<(u64, u64)> = Vec::new();
    scan.each(true, &mut |found| {
        if counts.len() <= found.stream {
            counts.resize(found.stream + 1, (0, 0));
        }
        if let Some((lines, bytes)) = counts.get_mut(found.stream) {
            *lines += 1;
            *bytes += found.line.len() as u64;
        }
        Ok(Wanted::default())
    })?;
    let counted = scan.streams.all.iter().zip(counts).filter(|(_, (lines, _))| *lines > 0);
    let count = |(stream, (lines, bytes)): (&super::streams::Stream, (u64, u64))| StreamCount {
        labels: stream.labels.clone(),
        lines,
        bytes,
    };
    Ok(counted.map(count).collect())
}
