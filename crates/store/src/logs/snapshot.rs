//! A tenant's documents at one moment, and the usual ways to ask.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

use super::column::{BLOCK_ROWS, LogColumnKind};
use super::filter::LogQuery;
use super::part_view::LogPart;
use super::rows::bits;
use crate::StoreError;

/// A tenant's documents at one moment.
#[derive(Debug, Clone, Default)]
pub struct LogSnapshot {
    parts: Vec<LogPart>,
}

/// An index, as far as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIndex {
    /// Its name.
    pub name: String,
    /// Documents in it.
    pub documents: u64,
    /// Bytes that they take, about: the share of the parts they are in.
    pub bytes: u64,
    /// Earliest time, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Latest time.
    pub end_ns: i64,
}

/// A field with values of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogField {
    /// Its dotted path.
    pub path: String,
    /// What its values are.
    pub kind: LogColumnKind,
    /// How many there are.
    pub values: u64,
}

/// Which of the documents that are found come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrder {
    /// The latest.
    Newest,
    /// The earliest.
    Oldest,
}

/// A document that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHit {
    /// The part it is in: its place in [`LogSnapshot::parts`].
    pub part: u32,
    /// Its row there.
    pub row: u32,
    /// Its time, nanoseconds since the epoch.
    pub time_ns: i64,
    /// Its sequence number.
    pub sequence: u64,
}

impl LogHit {
    fn key(&self) -> (i64, u64) {
        (self.time_ns, self.sequence)
    }
}

impl LogSnapshot {
    pub(crate) fn new(parts: Vec<LogPart>) -> Self {
        Self { parts }
    }

    /// All parts, for whoever reads columns.
    pub fn parts(&self) -> &[LogPart] {
        &self.parts
    }

    /// The indices, by name.
    pub fn indexes(&self) -> Result<Vec<LogIndex>, StoreError> {
        let mut found: BTreeMap<&str, LogIndex> = BTreeMap::new();
        for part in &self.parts {
            let counts = part.index_counts()?;
            let rows = u64::from(part.rows()).max(1);
            for (name, count) in part.indexes().iter().zip(counts) {
                let index = found.entry(name).or_insert_with(|| LogIndex {
                    name: name.clone(),
                    documents: 0,
                    bytes: 0,
                    start_ns: i64::MAX,
                    end_ns: i64::MIN,
                });
                index.documents += count.documents;
                index.bytes += part.bytes * count.documents / rows;
                index.start_ns = index.start_ns.min(count.start_ns);
                index.end_ns = index.end_ns.max(count.end_ns);
            }
        }
        Ok(found.into_values().filter(|index| index.documents > 0).collect())
    }

    /// The fields of all documents, by path. Counts include deleted documents.
    pub fn fields(&self) -> Result<Vec<LogField>, StoreError> {
        let mut found: BTreeMap<(String, LogColumnKind), u64> = BTreeMap::new();
        for part in &self.parts {
            for (path, kind, values) in part.fields()? {
                *found.entry((path, kind)).or_default() += values;
            }
        }
        let field = |((path, kind), values)| LogField { path, kind, values };
        Ok(found.into_iter().map(field).collect())
    }

    /// How many documents there are for which `query` holds.
    pub fn count(&self, query: &LogQuery) -> Result<u64, StoreError> {
        let mut count = 0;
        for part in &self.parts {
            count += part.matcher(query)?.count()?;
        }
        Ok(count)
    }

    /// The first `limit` documents in this order for which `query` holds, after the one of that
    /// time and sequence number. Equal times are in the order of sequence numbers.
    pub fn hits(
        &self,
        query: &LogQuery,
        order: LogOrder,
        limit: usize,
        after: Option<(i64, u64)>,
    ) -> Result<Vec<LogHit>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut best = Best { heap: BinaryHeap::new(), order, limit, after };
        let mut parts: Vec<_> = self.parts.iter().enumerate().collect();
        match order {
            LogOrder::Newest => {
                parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.time_range_ns().1));
            }
            LogOrder::Oldest => parts.sort_by_key(|(_, part)| part.time_range_ns().0),
        }
        for (at, part) in parts {
            let (start_ns, end_ns) = part.time_range_ns();
            if !best.may_take(start_ns, end_ns) {
                continue;
            }
            best.part(at as u32, part, query)?;
        }
        let mut hits: Vec<_> = best.heap.into_iter().map(|ranked| ranked.hit).collect();
        hits.sort_by_key(LogHit::key);
        if order == LogOrder::Newest {
            hits.reverse();
        }
        Ok(hits)
    }

    /// Appends the document of a hit as JSON.
    pub fn source(&self, hit: &LogHit, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.parts.get(hit.part as usize).map_or(Ok(()), |part| part.source(hit.row, out))
    }

    /// The name of the index of a hit.
    pub fn index(&self, hit: &LogHit) -> Result<&str, StoreError> {
        self.parts.get(hit.part as usize).map_or(Ok(""), |part| part.index_of(hit.row))
    }

    /// The id of a hit.
    pub fn id(&self, hit: &LogHit) -> Result<String, StoreError> {
        let part = self.parts.get(hit.part as usize);
        part.map_or(Ok(String::new()), |part| part.id_of(hit.row))
    }
}

/// A hit; the greatest is the one to drop first.
#[derive(Debug)]
struct Ranked {
    hit: LogHit,
    order: LogOrder,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.hit.key().cmp(&other.hit.key());
        match self.order {
            LogOrder::Newest => order.reverse(),
            LogOrder::Oldest => order,
        }
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.hit.key() == other.hit.key()
    }
}

impl Eq for Ranked {}

/// The best hits so far.
#[derive(Debug)]
struct Best {
    heap: BinaryHeap<Ranked>,
    order: LogOrder,
    limit: usize,
    after: Option<(i64, u64)>,
}

impl Best {
    /// Whether documents in this range of time may still be among the best.
    fn may_take(&self, start_ns: i64, end_ns: i64) -> bool {
        let within = match (self.after, self.order) {
            (Some((time_ns, _)), LogOrder::Newest) => start_ns <= time_ns,
            (Some((time_ns, _)), LogOrder::Oldest) => end_ns >= time_ns,
            (None, _) => true,
        };
        let worst = self.heap.peek().filter(|_| self.heap.len() >= self.limit);
        within
            && worst.is_none_or(|worst| match self.order {
                LogOrder::Newest => end_ns >= worst.hit.time_ns,
                LogOrder::Oldest => start_ns <= worst.hit.time_ns,
            })
    }

    fn take(&mut self, hit: LogHit) {
        let is_after = self.after.is_none_or(|after| match self.order {
            LogOrder::Newest => hit.key() < after,
            LogOrder::Oldest => hit.key() > after,
        });
        if !is_after {
            return;
        }
        self.heap.push(Ranked { hit, order: self.order });
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    fn part(&mut self, number: u32, part: &LogPart, query: &LogQuery) -> Result<(), StoreError> {
        let matcher = part.matcher(query)?;
        let blocks = matcher.blocks();
        let backwards = self.order == LogOrder::Newest;
        let (mut times, mut sequences) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
        for step in 0..blocks.len() {
            let block = if backwards { blocks.end - 1 - step } else { blocks.start + step };
            let mask = matcher.block(block)?;
            if super::rows::is_empty(&mask) {
                continue;
            }
            part.times(block, &mut times)?;
            part.sequences(block, &mut sequences)?;
            if part.is_sorted() {
                let last = ((part.rows() as usize) - block * BLOCK_ROWS).min(BLOCK_ROWS) - 1;
                let (first, last) = (times[0], times.get(last).copied().unwrap_or(i64::MAX));
                let worst = self.heap.peek().filter(|_| self.heap.len() >= self.limit);
                let done = worst.is_some_and(|worst| match self.order {
                    LogOrder::Newest => last < worst.hit.time_ns,
                    LogOrder::Oldest => first > worst.hit.time_ns,
                });
                if done {
                    return Ok(());
                }
            }
            for row in bits(&mask) {
                let (Some(time_ns), Some(sequence)) = (times.get(row), sequences.get(row)) else {
                    continue;
                };
                self.take(LogHit {
                    part: number,
                    row: (block * BLOCK_ROWS + row) as u32,
                    time_ns: *time_ns,
                    sequence: *sequence,
                });
            }
        }
        Ok(())
    }
}
