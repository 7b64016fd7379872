//! Who calls whom: counted from every span whose parent belongs to another service.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use vigie_store::StoreError;
use vigie_store::logs::{BLOCK_ROWS, LogColumnKind, LogFilter, LogPart, LogQuery, LogSnapshot};
use vigie_store::spans;

/// Calls from one service to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The one that calls.
    pub parent: String,
    /// The one that is called.
    pub child: String,
    /// How often.
    pub calls: u64,
}

/// Spans that are looked at; with more, the rest is not counted.
const SPANS_MAX: usize = 50_000_000;

/// The key of a span: of its trace and its own id, mixed. Two spans of 50 million have the same one
/// with a chance of one in ten thousand.
type Key = u64;

/// Keys are mixed already.
#[derive(Debug, Clone, Copy, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

fn key_of(trace: u64, span: u64) -> Key {
    let mut mixed = trace ^ span.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// Hexadecimal digits as a number; what is none counts as 0.
fn number_of(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => 0,
        };
        number << 4 | u64::from(value)
    })
}

#[derive(Default)]
struct Table {
    /// Services, by number.
    services: Vec<String>,
    numbers: HashMap<String, u32>,
    /// The service of each span.
    spans: HashMap<Key, u32, BuildHasherDefault<AsItIs>>,
    /// Spans with a parent: its key, and the child's service.
    children: Vec<(Key, u32)>,
}

/// The calls whose child started in this range of time.
pub fn dependencies(
    snapshot: &LogSnapshot,
    start_ns: i64,
    end_ns: i64,
) -> Result<Vec<Dependency>, StoreError> {
    let query = LogQuery { indexes: None, start_ns, end_ns, filter: LogFilter::All };
    let mut table = Table::default();
    for part in snapshot.parts() {
        table.add(part, &query)?;
    }
    let mut calls: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for (parent, child) in &table.children {
        if let Some(parent) = table.spans.get(parent)
            && parent != child
        {
            *calls.entry((*parent, *child)).or_default() += 1;
        }
    }
    let name = |number: u32| table.services.get(number as usize).cloned().unwrap_or_default();
    let dependency =
        |((parent, child), calls)| Dependency { parent: name(parent), child: name(child), calls };
    let mut all: Vec<_> = calls.into_iter().map(dependency).collect();
    all.sort_by(|a, b| (&a.parent, &a.child).cmp(&(&b.parent, &b.child)));
    Ok(all)
}

impl Table {
    fn service(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.services.len() as u32;
        self.services.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn add(&mut self, part: &LogPart, query: &LogQuery) -> Result<(), StoreError> {
        let column = |path| part.column(path, LogColumnKind::Text);
        let (Some(traces), Some(ids)) = (column(spans::TRACE_ID)?, column(spans::SPAN_ID)?) else {
            return Ok(());
        };
        let parents = column(spans::PARENT_SPAN_ID)?;
        let numbers: Vec<u32> = part.indexes().iter().map(|name| self.service(name)).collect();
        let matcher = part.matcher(query)?;
        let mut codes = [0; BLOCK_ROWS];
        let mut bytes = Vec::new();
        let mut half = |column: &dyn vigie_store::logs::LogColumn, row: u32| {
            bytes.clear();
            let is_there = column.value(row, &mut bytes)?;
            // The last 16 digits: the random ones also of ids that were padded.
            let tail = bytes.get(bytes.len().saturating_sub(16)..).unwrap_or_default();
            Ok::<_, StoreError>(is_there.then(|| number_of(tail)).filter(|id| *id != 0))
        };
        for block in matcher.blocks() {
            let mask = matcher.block(block)?;
            if mask.iter().all(|word| *word == 0) {
                continue;
            }
            part.index_codes(block, &mut codes)?;
            for (at, code) in codes.iter().enumerate() {
                if mask[at / 64] >> (at % 64) & 1 == 0 || self.spans.len() >= SPANS_MAX {
                    continue;
                }
                let row = (block * BLOCK_ROWS + at) as u32;
                let service = numbers.get(*code as usize).copied().unwrap_or(0);
                let (Some(trace), Some(id)) = (half(traces, row)?, half(ids, row)?) else {
                    continue;
                };
                self.spans.insert(key_of(trace, id), service);
                if let Some(parents) = parents
                    && let Some(parent) = half(parents, row)?
                {
                    self.children.push((key_of(trace, parent), service));
                }
            }
        }
        Ok(())
    }
}
