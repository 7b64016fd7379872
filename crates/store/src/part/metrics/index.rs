//! The index: label name → sorted values → the series that have the pair.
//!
//! The names are one small block that says where each name's values are. Values are in blocks,
//! each with the postings of its values, so that looking up a pair reads one block.

use std::collections::BTreeMap;

use bytes::Bytes;
use hashbrown::HashMap;
use roaring::RoaringBitmap;
use vigie_model::Labels;

use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_prefixed, put_varint};

const VALUES: usize = 128;
const BLOCK_BYTES: usize = 16 << 10;

const RUNS: u8 = 0;
const GAPS: u8 = 1;
const ROARING: u8 = 2;

/// The values of one label name with their series.
type Values<'a> = HashMap<&'a str, Vec<u32>, foldhash::fast::RandomState>;

/// Collects the postings of series that come in ascending order of id.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder<'a> {
    names: BTreeMap<&'a str, Values<'a>>,
}

impl<'a> IndexBuilder<'a> {
    /// Notes series `id`.
    pub(super) fn add(&mut self, id: u32, labels: &'a Labels) {
        for (name, value) in labels {
            self.names.entry(name).or_default().entry(value).or_default().push(id);
        }
    }

    /// The block of names, and the blocks of values.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<Vec<u8>>) {
        let (mut names, mut blocks) = (Vec::new(), Vec::new());
        put_varint(&mut names, self.names.len() as u64);
        for (name, values) in self.names {
            let mut values: Vec<(&str, Vec<u32>)> = values.into_iter().collect();
            values.sort_unstable_by_key(|(value, _)| *value);
            put_prefixed(&mut names, name.as_bytes());
            put_varint(&mut names, values.len() as u64);
            let (first_block, mut firsts) = (blocks.len(), Vec::new());
            let mut block = ValuesWriter::default();
            for (value, ids) in values {
                if block.is_full() {
                    blocks.push(std::mem::take(&mut block).finish());
                }
                if block.count == 0 {
                    put_prefixed(&mut firsts, value.as_bytes());
                }
                block.add(value, &ids);
            }
            blocks.push(block.finish());
            put_varint(&mut names, first_block as u64);
            put_varint(&mut names, (blocks.len() - first_block) as u64);
            names.append(&mut firsts);
        }
        (names, blocks)
    }
}

#[derive(Default)]
struct ValuesWriter {
    count: usize,
    last: String,
    header: Vec<u8>,
    postings: Vec<u8>,
}

impl ValuesWriter {
    fn is_full(&self) -> bool {
        self.count >= VALUES || self.header.len() + self.postings.len() >= BLOCK_BYTES
    }

    fn add(&mut self, value: &str, ids: &[u32]) {
        let shared = value.bytes().zip(self.last.bytes()).take_while(|(a, b)| a == b).count();
        put_varint(&mut self.header, shared as u64);
        put_prefixed(&mut self.header, &value.as_bytes()[shared..]);
        let start = self.postings.len();
        encode_postings(ids, &mut self.postings);
        put_varint(&mut self.header, ids.len() as u64);
        put_varint(&mut self.header, (self.postings.len() - start) as u64);
        value.clone_into(&mut self.last);
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let mut block = Vec::new();
        put_varint(&mut block, self.count as u64);
        block.append(&mut self.header);
        block.append(&mut self.postings);
        block
    }
}

/// Writes ascending ids in the smallest of three forms.
fn encode_postings(ids: &[u32], out: &mut Vec<u8>) {
    let start = out.len();
    out.push(RUNS);
    let mut next = 0;
    for run in ids.chunk_by(|a, b| a + 1 == *b) {
        put_varint(out, u64::from(run[0] - next));
        put_varint(out, run.len() as u64 - 1);
        next = run[run.len() - 1] + 1;
    }
    let mut other = vec![GAPS];
    let mut next = 0;
    for id in ids {
        put_varint(&mut other, u64::from(id - next));
        next = id + 1;
        if other.len() >= out.len() - start {
            break;
        }
    }
    if other.len() < out.len() - start {
        out.truncate(start);
        out.append(&mut other);
    }
    // Roaring decodes faster than varints, and is smaller where half of all series have a pair.
    let bitmap: RoaringBitmap = ids.iter().copied().collect();
    if bitmap.serialized_size() < out.len() - start {
        out.truncate(start);
        out.push(ROARING);
        // Writing to a `Vec` does not fail.
        if bitmap.serialize_into(&mut *out).is_err() {
            out.truncate(start);
        }
    }
}

fn decode_postings(bytes: &[u8], series: u32) -> Result<RoaringBitmap, StoreError> {
    let mut input = Input::new(bytes);
    let mut bitmap = RoaringBitmap::new();
    let mut next = 0u32;
    let outside = || super::corrupt("a posting is out of bounds");
    let kind = input.byte()?;
    match kind {
        RUNS | GAPS => {
            while !input.is_empty() {
                let first = next.checked_add(input.count(series as usize)? as u32);
                let more = if kind == RUNS { input.count(series as usize)? as u32 } else { 0 };
                let last = first.and_then(|first| first.checked_add(more));
                let last = last.filter(|last| *last < series).ok_or_else(outside)?;
                bitmap.insert_range(first.unwrap_or(last)..=last);
                next = last + 1;
            }
        }
        ROARING => {
            bitmap = RoaringBitmap::deserialize_from(input.rest()).map_err(|_| outside())?;
            if bitmap.max().is_some_and(|last| last >= series) {
                return Err(outside());
            }
        }
        _ => return Err(outside()),
    }
    Ok(bitmap)
}

/// What is known of one label name.
#[derive(Debug)]
pub(super) struct Name {
    /// The name itself.
    pub(super) label: String,
    /// Number of distinct values.
    pub(super) values: usize,
    /// The first block of values.
    pub(super) block: usize,
    /// The first value of each block.
    pub(super) firsts: Vec<String>,
}

/// Reads the block of names.
pub(super) fn decode_names(bytes: &[u8], blocks: usize) -> Result<Vec<Name>, StoreError> {
    let mut input = Input::new(bytes);
    let count = input.count(bytes.len())?;
    let mut names = Vec::with_capacity(count.min(1024));
    for _ in 0..count {
        let name = input.text()?.to_owned();
        let values = input.count(usize::MAX)?;
        let block = input.count(blocks)?;
        let firsts = input.count(blocks - block)?;
        let firsts = (0..firsts)
            .map(|_| Ok(input.text()?.to_owned()))
            .collect::<Result<Vec<String>, StoreError>>()?;
        names.push(Name { label: name, values, block, firsts });
    }
    Ok(names)
}

/// A block of values: their text and where the postings of each are.
#[derive(Debug)]
pub(super) struct ValuesBlock {
    text: String,
    entries: Vec<ValueEntry>,
    bytes: Bytes,
}

#[derive(Debug)]
struct ValueEntry {
    text_end: usize,
    series: u64,
    start: usize,
    length: usize,
}

impl ValuesBlock {
    /// Reads the block.
    pub(super) fn read(bytes: Bytes) -> Result<Self, StoreError> {
        let mut input = Input::new(&bytes);
        let count = input.count(bytes.len())?;
        let (mut text, mut entries) = (Vec::new(), Vec::with_capacity(count));
        let (mut last, mut start) = (0, 0usize);
        for _ in 0..count {
            let shared = input.count(text.len() - last)?;
            // A block of values is a few kilobytes; front coding must not blow it up.
            if text.len() > super::BLOCK_BYTES_MAX {
                return Err(super::corrupt("a block of values is too large"));
            }
            let begin = text.len();
            text.extend_from_within(last..last + shared);
            text.extend_from_slice(input.prefixed()?);
            last = begin;
            let series = input.varint()?;
            let length = input.count(bytes.len())?;
            entries.push(ValueEntry { text_end: text.len(), series, start, length });
            start += length;
        }
        if input.rest().len() != start {
            return Err(super::corrupt("postings do not fill their block"));
        }
        let payload = bytes.len() - start;
        let text = String::from_utf8(text).map_err(|_| super::corrupt("a value is not UTF-8"))?;
        for entry in &mut entries {
            entry.start += payload;
            if !text.is_char_boundary(entry.text_end) {
                return Err(super::corrupt("a value is not UTF-8"));
            }
        }
        Ok(Self { text, entries, bytes })
    }

    /// Number of values.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Value `at`.
    pub(super) fn value(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.entries.get(at - 1).map_or(0, |e| e.text_end) };
        let end = self.entries.get(at).map_or(start, |entry| entry.text_end);
        self.text.get(start..end).unwrap_or_default()
    }

    /// How many series have value `at`.
    pub(super) fn series(&self, at: usize) -> u64 {
        self.entries.get(at).map_or(0, |entry| entry.series)
    }

    /// Where `value` is, or would be.
    pub(super) fn find(&self, value: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.value(middle).cmp(value) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The series that have value `at`, of `series` that there are.
    pub(super) fn postings(&self, at: usize, series: u32) -> Result<RoaringBitmap, StoreError> {
        let bytes = self.entries.get(at).and_then(|e| self.bytes.get(e.start..e.start + e.length));
        decode_postings(bytes.unwrap_or_default(), series)
    }

    /// Bytes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.text.len() + self.entries.len() * size_of::<ValueEntry>()
    }
}
