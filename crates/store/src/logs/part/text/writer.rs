//! Writing texts as templates and variables.

use hashbrown::HashTable;

use super::index::IndexWriter;
use super::{BLOCK_BYTES, BLOCK_FRAMES, FRAME_BYTES, FRAME_ROWS, GAP, is_word};
use crate::StoreError;
use crate::codec::input::{put_prefixed, put_varint};
use crate::codec::integers::Scratch;
use crate::logs::analysis::token_ranges;
use crate::logs::chunk::{Texts, hash};
use crate::logs::part::file::Data;
use crate::logs::part::integers;

/// How strongly variables are compressed.
const FRAME_LEVEL: i32 = 1;
/// Bytes of the dictionary for variables.
const SAMPLE_BYTES: usize = 48 << 10;
/// No more templates than these; texts with others are kept whole.
const TEMPLATES_MAX: usize = 1 << 16;

/// What the first pass finds.
#[derive(Debug, Default)]
struct Split {
    /// Templates as they were found, and how often.
    templates: Texts,
    counts: Vec<u32>,
    table: HashTable<(u64, u32)>,
    /// Of each text: its template; `u32::MAX` for one that has none.
    codes: Vec<u32>,
    /// Variables, each with a zero after it, and where those of each text end.
    variables: Vec<u8>,
    ends: Vec<usize>,
}

/// Writes texts and appends where they are to `out`. Without `indexed`, texts are kept whole and
/// no index is made.
pub(in crate::logs::part) fn write<'a>(
    texts: impl Iterator<Item = &'a [u8]> + Clone,
    indexed: bool,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
    data: &mut Data<'_>,
) -> Result<(), StoreError> {
    let mut split = Split::default();
    let mut index = IndexWriter::default();
    if indexed {
        for (row, text) in texts.clone().enumerate() {
            split.push(row, text, &mut index);
        }
    } else {
        split.codes.extend(texts.clone().map(|_| u32::MAX));
        split.ends.resize(split.codes.len(), 0);
    }
    let codes = split.number();
    let mut kept = Vec::new();
    let mut next = 1;
    for (at, count) in split.counts.iter().enumerate() {
        if *count > 1 && next < TEMPLATES_MAX {
            put_prefixed(&mut kept, split.templates.get(at));
            index.template(next as u32, split.templates.get(at));
            next += 1;
        }
    }
    put_varint(out, next as u64 - 1);
    put_varint(out, u64::from(data.put_compressed(&kept)?));
    integers::write(&codes, scratch, data)?.put(out);
    write_frames(&split, &codes, texts.clone(), (scratch, out), data)?;
    out.push(u8::from(indexed));
    if indexed {
        for (row, (text, code)) in texts.zip(&codes).enumerate() {
            if *code == 0 {
                index.whole(row as u32, text);
            }
        }
        index.write(scratch, out, data)?;
    }
    Ok(())
}

impl Split {
    fn push(&mut self, row: usize, text: &[u8], index: &mut IndexWriter) {
        index.begin_row(row);
        let text = std::str::from_utf8(text).unwrap_or_default();
        let bytes = text.as_bytes();
        let start = self.templates.bytes.len();
        let mut copied = 0;
        let template = &mut self.templates.bytes;
        let variables = &mut self.variables;
        token_ranges(text, |from, to| {
            let token = bytes.get(from..to).unwrap_or_default();
            if is_word(token) {
                return;
            }
            template.extend_from_slice(bytes.get(copied..from).unwrap_or_default());
            template.push(GAP);
            copied = to;
            variables.extend_from_slice(token);
            variables.push(0);
            index.variable(token);
        });
        template.extend_from_slice(bytes.get(copied..).unwrap_or_default());
        self.ends.push(variables.len());
        let code = if memchr::memchr(GAP, bytes).is_some() {
            self.templates.bytes.truncate(start);
            u32::MAX
        } else {
            self.code(start)
        };
        self.codes.push(code);
    }

    /// The code of the template at the end of the templates' bytes.
    fn code(&mut self, start: usize) -> u32 {
        let Texts { bytes, ends } = &mut self.templates;
        let (known, template) = bytes.split_at(start);
        let key = hash(template);
        let found = self.table.find(key, |(other, code)| {
            let from = (*code as usize).checked_sub(1).and_then(|at| ends.get(at)).copied();
            let to = ends.get(*code as usize).copied().unwrap_or(0);
            *other == key && known.get(from.unwrap_or(0) as usize..to as usize) == Some(template)
        });
        if let Some((_, code)) = found.copied() {
            bytes.truncate(start);
            if let Some(count) = self.counts.get_mut(code as usize) {
                *count += 1;
            }
            return code;
        }
        let code = ends.len() as u32;
        self.table.insert_unique(key, (key, code), |(key, _)| *key);
        ends.push(bytes.len() as u32);
        self.counts.push(1);
        code
    }

    /// The codes as they are written: 0 for texts kept whole, then templates as they were found.
    fn number(&self) -> Vec<i64> {
        let (mut numbers, mut next) = (Vec::with_capacity(self.counts.len()), 1);
        for count in &self.counts {
            let kept = *count > 1 && next < TEMPLATES_MAX as i64;
            numbers.push(if kept { next } else { 0 });
            next += i64::from(kept);
        }
        let number = |code: &u32| numbers.get(*code as usize).copied().unwrap_or(0);
        self.codes.iter().map(number).collect()
    }

    fn variables_of(&self, row: usize) -> &[u8] {
        let start =
            row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(row).copied().unwrap_or(start);
        self.variables.get(start..end).unwrap_or_default()
    }
}

/// Writes the variables, and texts that are kept whole.
fn write_frames<'a>(
    split: &Split,
    codes: &[i64],
    texts: impl Iterator<Item = &'a [u8]> + Clone,
    (scratch, out): (&mut Scratch, &mut Vec<u8>),
    data: &mut Data<'_>,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io { what: "compressing".to_owned(), source };
    let mut raw = Vec::new();
    let sample = sample(split, codes, texts.clone());
    let dictionary = zstd::dict::EncoderDictionary::copy(&sample, FRAME_LEVEL);
    let mut compressor =
        zstd::bulk::Compressor::with_prepared_dictionary(&dictionary).map_err(failed)?;
    put_varint(out, u64::from(data.put_compressed(&sample)?));
    let (mut block, mut tail, mut first) = (Vec::new(), Vec::new(), None);
    let (mut frame_rows, mut block_frames) = (vec![0], vec![0]);
    let mut texts = texts.enumerate().peekable();
    while let Some((row, text)) = texts.next() {
        put_row(split, codes, row, text, &mut raw);
        let is_last = texts.peek().is_none();
        let rows = row as i64 + 1 - frame_rows.last().copied().unwrap_or(0);
        if rows < FRAME_ROWS as i64 && raw.len() < FRAME_BYTES && !is_last {
            continue;
        }
        block.extend_from_slice(&compressor.compress(&raw).map_err(failed)?);
        tail.extend_from_slice(&(block.len() as u32).to_le_bytes());
        tail.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        raw.clear();
        frame_rows.push(row as i64 + 1);
        if tail.len() == BLOCK_FRAMES * 8 || block.len() > BLOCK_BYTES || is_last {
            block.extend_from_slice(&tail);
            let number = data.put(&block)?;
            first.get_or_insert(number);
            block_frames.push(frame_rows.len() as i64 - 1);
            block.clear();
            tail.clear();
        }
    }
    put_varint(out, u64::from(first.unwrap_or(0)));
    integers::write(&frame_rows, scratch, data)?.put(out);
    integers::write(&block_frames, scratch, data)?.put(out);
    Ok(())
}

fn put_row(split: &Split, codes: &[i64], row: usize, text: &[u8], raw: &mut Vec<u8>) {
    match codes.get(row) {
        Some(0) | None => put_prefixed(raw, text),
        Some(_) => raw.extend_from_slice(split.variables_of(row)),
    }
}

/// Rows from all over the part, for the compressor to refer to.
fn sample<'a>(split: &Split, codes: &[i64], texts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let frames = codes.len().div_ceil(FRAME_ROWS);
    let per_frame = split.variables.len().max(1) / frames.max(1) + 1;
    let step = (frames * per_frame / SAMPLE_BYTES).max(2);
    let mut sample = Vec::with_capacity(SAMPLE_BYTES);
    for (row, text) in texts.enumerate() {
        if (row / FRAME_ROWS).is_multiple_of(step) && sample.len() < SAMPLE_BYTES {
            put_row(split, codes, row, text, &mut sample);
        }
    }
    sample.truncate(SAMPLE_BYTES);
    sample
}
