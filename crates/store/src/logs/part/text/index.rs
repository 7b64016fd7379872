//! Which texts hold a token or a run of letters.
//!
//! Words point to templates, and to the rows of texts that are kept whole: exactly. Variables are
//! known by their hash: those that many rows hold with their rows, the others by a filter of
//! each group of rows, which says *perhaps*. Runs of letters in variables point to groups.

mod list;

use std::sync::{Arc, OnceLock};

use hashbrown::{HashMap, HashSet};
use roaring::RoaringBitmap;

use self::list::{List, ListPlace, put_ascending, take_ascending, write_list};
use super::{GAP, GROUP_ROWS, is_word, letter_runs};
use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_prefixed, put_varint};
use crate::codec::integers::Scratch;
use crate::logs::analysis::{standard_tokens, token_ranges};
use crate::logs::chunk::hash;
use crate::logs::part::file::{Data, PartFile};
use crate::part::container::corrupt;

/// Bits of a filter for each variable.
const FILTER_BITS: usize = 10;
/// Bits that each variable sets.
const FILTER_PROBES: u64 = 6;
/// Variables that more than one row in so many holds are indexed by row.
const FREQUENT_SHARE: usize = 400;
const FREQUENT_MIN: usize = 64;
/// More different runs of letters are not kept: then every group may hold any.
const RUNS_MAX: usize = 1 << 16;
/// A token of so many bytes may have been cut: its group may hold any run.
const LONG_TOKEN_BYTES: usize = 255;
/// Groups of a block of filters.
const FILTER_GROUPS: usize = 64;

/// Where words are found.
#[derive(Debug, Default)]
struct Postings {
    templates: Vec<u32>,
    rows: Vec<u32>,
}

/// Collects what the index says.
#[derive(Debug, Default)]
pub(super) struct IndexWriter {
    row: u32,
    rows: u32,
    words: HashMap<Vec<u8>, Postings>,
    /// Hash of each variable, and its row.
    variables: Vec<(u64, u32)>,
    runs: HashMap<Vec<u8>, Vec<u32>>,
    runs_overflow: bool,
    long: Vec<u32>,
    lowercase: Vec<u8>,
}

impl IndexWriter {
    pub(super) fn begin_row(&mut self, row: usize) {
        self.row = row as u32;
        self.rows = self.row + 1;
    }

    /// A variable of the row that was begun.
    #[inline]
    pub(super) fn variable(&mut self, token: &[u8]) {
        lowercase(token, &mut self.lowercase);
        self.variables.push((hash(&self.lowercase), self.row));
        let group = self.row / GROUP_ROWS as u32;
        if token.len() >= LONG_TOKEN_BYTES {
            push_new(&mut self.long, group);
        }
        let (runs, overflow) = (&mut self.runs, &mut self.runs_overflow);
        letter_runs(&self.lowercase, |run| {
            if let Some(groups) = runs.get_mut(run) {
                push_new(groups, group);
            } else if runs.len() < RUNS_MAX {
                runs.insert(run.to_vec(), vec![group]);
            } else {
                *overflow = true;
            }
        });
    }

    /// A template.
    pub(super) fn template(&mut self, code: u32, template: &[u8]) {
        let text = String::from_utf8_lossy(template);
        // The gap is no part of a token, so the words are those of the texts.
        standard_tokens(&text, |token| {
            push_new(&mut self.posting(token.text.as_bytes()).templates, code);
        });
    }

    /// A text that is kept whole.
    pub(super) fn whole(&mut self, row: u32, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let bytes = text.as_bytes();
        let mut word = Vec::new();
        token_ranges(&text, |from, to| {
            let token = bytes.get(from..to).unwrap_or_default();
            if is_word(token) {
                lowercase(token, &mut word);
                push_new(&mut self.posting(&word).rows, row);
            }
        });
    }

    fn posting(&mut self, word: &[u8]) -> &mut Postings {
        if !self.words.contains_key(word) {
            self.words.insert(word.to_vec(), Postings::default());
        }
        self.words.entry_ref(word).or_default()
    }

    /// Writes the index and appends where it is to `out`.
    pub(super) fn write(
        mut self,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        data: &mut Data<'_>,
    ) -> Result<(), StoreError> {
        let words = std::mem::take(&mut self.words);
        write_list(
            words.iter().map(|(word, postings)| {
                let mut bytes = Vec::new();
                put_ascending(&mut bytes, &postings.templates);
                put_ascending(&mut bytes, &postings.rows);
                (word.as_slice(), bytes)
            }),
            scratch,
            out,
            data,
        )?;
        let runs = std::mem::take(&mut self.runs);
        let entry = |(run, groups): (&'_ Vec<u8>, &Vec<u32>)| {
            let mut bytes = Vec::new();
            put_ascending(&mut bytes, groups);
            (run.clone(), bytes)
        };
        let entries: Vec<_> = runs.iter().map(entry).collect();
        let borrowed = entries.iter().map(|(run, bytes)| (run.as_slice(), bytes.clone()));
        write_list(borrowed, scratch, out, data)?;
        out.push(u8::from(self.runs_overflow));
        let mut long = Vec::new();
        put_ascending(&mut long, &self.long);
        put_prefixed(out, &long);
        self.write_frequent(out, data)?;
        self.write_filters(out, data)
    }

    /// Takes the variables that many rows hold, and writes their rows.
    fn write_frequent(&mut self, out: &mut Vec<u8>, data: &mut Data<'_>) -> Result<(), StoreError> {
        let mut counts: HashMap<u64, u32> = HashMap::new();
        for (hash, _) in &self.variables {
            *counts.entry(*hash).or_default() += 1;
        }
        let least = (self.rows as usize / FREQUENT_SHARE).max(FREQUENT_MIN) as u32;
        counts.retain(|_, count| *count >= least);
        let mut frequent: HashMap<u64, RoaringBitmap> = HashMap::new();
        self.variables.retain(|(hash, row)| {
            let is_frequent = counts.contains_key(hash);
            if is_frequent {
                frequent.entry(*hash).or_default().insert(*row);
            }
            !is_frequent
        });
        let mut frequent: Vec<_> = frequent.into_iter().collect();
        frequent.sort_by_key(|(hash, _)| *hash);
        let mut bytes = Vec::new();
        put_varint(&mut bytes, frequent.len() as u64);
        for (hash, rows) in &frequent {
            bytes.extend_from_slice(&hash.to_le_bytes());
            let mut packed = Vec::with_capacity(rows.serialized_size());
            rows.serialize_into(&mut packed)
                .map_err(|source| StoreError::Io { what: "writing postings".to_owned(), source })?;
            put_prefixed(&mut bytes, &packed);
        }
        put_varint(out, u64::from(data.put_compressed(&bytes)?));
        Ok(())
    }

    fn write_filters(&self, out: &mut Vec<u8>, data: &mut Data<'_>) -> Result<(), StoreError> {
        let groups = (self.rows as usize).div_ceil(GROUP_ROWS);
        let (mut block, mut first, mut hashes) = (Vec::new(), None, HashSet::new());
        let mut variables = self.variables.iter().peekable();
        for group in 0..groups {
            hashes.clear();
            let is_of_group = |(_, row): &&(_, u32)| *row as usize / GROUP_ROWS == group;
            hashes.extend(
                std::iter::from_fn(|| variables.next_if(is_of_group)).map(|(hash, _)| *hash),
            );
            let bytes = (hashes.len() * FILTER_BITS).div_ceil(8);
            put_varint(&mut block, bytes as u64);
            let start = block.len();
            block.resize(start + bytes, 0);
            let filter = block.get_mut(start..).unwrap_or_default();
            for hash in &hashes {
                probes(*hash, bytes * 8, |bit| {
                    let Some(byte) = filter.get_mut(bit / 8) else { return };
                    *byte |= 1 << (bit % 8);
                });
            }
            if (group + 1).is_multiple_of(FILTER_GROUPS) || group + 1 == groups {
                let number = data.put(&block)?;
                first.get_or_insert(number);
                block.clear();
            }
        }
        put_varint(out, u64::from(first.unwrap_or(0)));
        Ok(())
    }
}

fn lowercase(token: &[u8], out: &mut Vec<u8>) {
    out.clear();
    if token.is_ascii() {
        out.extend(token.iter().map(u8::to_ascii_lowercase));
    } else {
        out.extend_from_slice(String::from_utf8_lossy(token).to_lowercase().as_bytes());
    }
}

fn push_new(list: &mut Vec<u32>, value: u32) {
    if list.last() != Some(&value) {
        list.push(value);
    }
}

#[inline]
fn probes(hash: u64, bits: usize, mut each: impl FnMut(usize)) {
    let step = hash.rotate_left(32) | 1;
    for probe in 0..FILTER_PROBES {
        let mixed = hash.wrapping_add(step.wrapping_mul(probe));
        // The upper half, scaled to the number of bits.
        each((((mixed >> 32) * bits as u64) >> 32) as usize);
    }
}

/// Where something was found.
#[derive(Debug, Clone, Default)]
pub(in crate::logs::part) struct Found {
    /// Templates: all their texts.
    pub(in crate::logs::part) templates: Vec<u32>,
    /// Single texts, by place.
    pub(in crate::logs::part) places: Vec<u32>,
}

/// Which texts may hold something.
#[derive(Debug, Clone)]
pub(in crate::logs::part) enum Perhaps {
    /// These places do, and no other.
    Exactly(RoaringBitmap),
    /// Texts of these groups may.
    Groups(Vec<u32>),
    /// Any may.
    Any,
}

/// Reads the index.
#[derive(Debug)]
pub(in crate::logs::part) struct Index {
    file: Arc<PartFile>,
    rows: usize,
    words: ListPlace,
    runs: ListPlace,
    runs_overflow: bool,
    long: Vec<u32>,
    frequent_block: u32,
    frequent: OnceLock<HashMap<u64, RoaringBitmap>>,
    filters: u32,
}

impl Index {
    pub(super) fn take(
        input: &mut Input<'_>,
        rows: usize,
        file: &Arc<PartFile>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            file: Arc::clone(file),
            rows,
            words: ListPlace::take(input)?,
            runs: ListPlace::take(input)?,
            runs_overflow: input.byte()? != 0,
            long: take_ascending(&mut Input::new(input.prefixed()?))?,
            frequent_block: input.count(u32::MAX as usize)? as u32,
            frequent: OnceLock::new(),
            filters: input.count(u32::MAX as usize)? as u32,
        })
    }

    /// Where a word is, exactly.
    pub(in crate::logs::part) fn word(&self, word: &[u8]) -> Result<Found, StoreError> {
        let list = self.words.list(&self.file)?;
        list.find(word).map_or(Ok(Found::default()), |at| found(list.entry(at)))
    }

    /// Where any word is for which `test` holds, exactly.
    pub(in crate::logs::part) fn words(
        &self,
        mut test: impl FnMut(&str) -> bool,
    ) -> Result<Found, StoreError> {
        let list = self.words.list(&self.file)?;
        let all =
            (0..list.len()).filter(|at| std::str::from_utf8(list.text(*at)).is_ok_and(&mut test));
        gather(list, all)
    }

    /// Where any word is that holds `piece`.
    pub(in crate::logs::part) fn words_holding(&self, piece: &[u8]) -> Result<Found, StoreError> {
        let list = self.words.list(&self.file)?;
        gather(list, list.holding(piece).into_iter())
    }

    /// Where a variable that holds this run of letters may be.
    pub(in crate::logs::part) fn run(&self, piece: Option<&[u8]>) -> Result<Perhaps, StoreError> {
        let Some(piece) = piece.filter(|_| !self.runs_overflow) else { return Ok(Perhaps::Any) };
        let list = self.runs.list(&self.file)?;
        let mut groups: Vec<u32> = self.long.clone();
        for at in list.holding(piece) {
            groups.extend(take_ascending(&mut list.entry(at))?);
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(Perhaps::Groups(groups))
    }

    /// Where a variable may be.
    pub(in crate::logs::part) fn variable(&self, token: &[u8]) -> Result<Perhaps, StoreError> {
        let hash = hash(token);
        if let Some(rows) = self.frequent()?.get(&hash) {
            return Ok(Perhaps::Exactly(rows.clone()));
        }
        let groups = self.rows.div_ceil(GROUP_ROWS);
        let mut found = Vec::new();
        for start in (0..groups).step_by(FILTER_GROUPS) {
            let block = self.file.block(self.filters + (start / FILTER_GROUPS) as u32)?;
            let mut input = Input::new(&block);
            for group in start..(start + FILTER_GROUPS).min(groups) {
                let filter = input.prefixed()?;
                let mut holds = !filter.is_empty();
                probes(hash, filter.len() * 8, |bit| {
                    holds &= filter.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
                });
                if holds {
                    found.push(group as u32);
                }
            }
        }
        Ok(Perhaps::Groups(found))
    }

    fn frequent(&self) -> Result<&HashMap<u64, RoaringBitmap>, StoreError> {
        if let Some(frequent) = self.frequent.get() {
            return Ok(frequent);
        }
        let bytes = self.file.compressed(self.frequent_block)?;
        let mut input = Input::new(&bytes);
        let count = input.count(bytes.len())?;
        let mut frequent = HashMap::with_capacity(count);
        for _ in 0..count {
            let hash = u64::from_le_bytes(input.array()?);
            let rows = RoaringBitmap::deserialize_from(input.prefixed()?)
                .map_err(|_| corrupt("postings are not well formed"))?;
            frequent.insert(hash, rows);
        }
        Ok(self.frequent.get_or_init(|| frequent))
    }
}

fn found(mut input: Input<'_>) -> Result<Found, StoreError> {
    Ok(Found { templates: take_ascending(&mut input)?, places: take_ascending(&mut input)? })
}

fn gather(list: &List, all: impl Iterator<Item = usize>) -> Result<Found, StoreError> {
    let mut gathered = Found::default();
    for at in all {
        let one = found(list.entry(at))?;
        gathered.templates.extend(one.templates);
        gathered.places.extend(one.places);
    }
    for list in [&mut gathered.templates, &mut gathered.places] {
        list.sort_unstable();
        list.dedup();
    }
    Ok(gathered)
}

/// A template as text in which each gap is a token of its own that no word equals: an ideograph,
/// which joins to nothing.
pub(in crate::logs::part) fn with_gaps_filled(template: &[u8]) -> String {
    let mut filled = String::with_capacity(template.len() + 16);
    for (at, piece) in template.split(|byte| *byte == GAP).enumerate() {
        if at > 0 {
            filled.push('\u{4e00}');
        }
        filled.push_str(&String::from_utf8_lossy(piece));
    }
    filled
}
