//! Reading texts that are kept as templates and variables.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use zstd::dict::DecoderDictionary;

use super::index::Index;
use super::{FRAME_BYTES, FRAME_ROWS, GAP};
use crate::StoreError;
use crate::codec::Input;
use crate::logs::chunk::Texts;
use crate::logs::part::file::PartFile;
use crate::logs::part::integers::{Integers, Place};
use crate::part::container::{BLOCK_BYTES_MAX, corrupt};

/// Texts by place.
#[derive(Debug)]
pub(in crate::logs::part) struct Text {
    file: Arc<PartFile>,
    template_count: usize,
    template_block: u32,
    /// The template of each text: 0 for one that is kept whole.
    pub(in crate::logs::part) codes: Integers,
    sample_block: u32,
    first: u32,
    frame_rows: Integers,
    block_frames: Integers,
    pub(in crate::logs::part) index: Option<Index>,
    templates: OnceLock<Templates>,
    frames: OnceLock<Frames>,
}

#[derive(Debug)]
struct Templates {
    texts: Texts,
    gaps: Vec<u16>,
}

struct Frames {
    dictionary: DecoderDictionary<'static>,
    rows: Vec<i64>,
    blocks: Vec<i64>,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

/// The frame that was read last.
#[derive(Debug, Default)]
struct Frame {
    /// Which one: part, block of the sample (which tells columns apart), number.
    key: Option<(u64, u32, usize)>,
    bytes: Vec<u8>,
    codes: Vec<i64>,
    starts: Vec<usize>,
}

thread_local! {
    static FRAME: RefCell<Frame> = RefCell::default();
    static CONTEXT: RefCell<Option<zstd::zstd_safe::DCtx<'static>>> = const { RefCell::new(None) };
}

impl Text {
    pub(in crate::logs::part) fn take(
        input: &mut Input<'_>,
        file: &Arc<PartFile>,
    ) -> Result<Self, StoreError> {
        let template_count = input.count(1 << 16)?;
        let template_block = input.count(u32::MAX as usize)? as u32;
        let integers = |input: &mut Input<'_>| -> Result<Integers, StoreError> {
            Ok(Integers::new(Arc::clone(file), Place::take(input)?))
        };
        let codes = integers(input)?;
        let sample_block = input.count(u32::MAX as usize)? as u32;
        let first = input.count(u32::MAX as usize)? as u32;
        let (frame_rows, block_frames) = (integers(input)?, integers(input)?);
        let index = match input.byte()? {
            0 => None,
            _ => Some(Index::take(input, codes.len(), file)?),
        };
        Ok(Self {
            file: Arc::clone(file),
            template_count,
            template_block,
            codes,
            sample_block,
            first,
            frame_rows,
            block_frames,
            index,
            templates: OnceLock::new(),
            frames: OnceLock::new(),
        })
    }

    /// Number of templates; their codes begin with 1.
    pub(in crate::logs::part) fn template_count(&self) -> usize {
        self.template_count
    }

    /// A template.
    pub(in crate::logs::part) fn template(&self, code: u32) -> Result<&[u8], StoreError> {
        let Some(at) = (code as usize).checked_sub(1) else { return Ok(&[]) };
        Ok(self.templates()?.texts.get(at))
    }

    fn templates(&self) -> Result<&Templates, StoreError> {
        if let Some(templates) = self.templates.get() {
            return Ok(templates);
        }
        let bytes = self.file.compressed(self.template_block)?;
        let mut input = Input::new(&bytes);
        let mut templates = Templates { texts: Texts::default(), gaps: Vec::new() };
        for _ in 0..self.template_count {
            let template = input.prefixed()?;
            templates.texts.push(template);
            templates.gaps.push(memchr::memchr_iter(GAP, template).count().min(65_535) as u16);
        }
        Ok(self.templates.get_or_init(|| templates))
    }

    fn frames(&self) -> Result<&Frames, StoreError> {
        if let Some(frames) = self.frames.get() {
            return Ok(frames);
        }
        let sample = self.file.compressed(self.sample_block)?;
        let frames = Frames {
            dictionary: DecoderDictionary::copy(&sample),
            rows: self.frame_rows.all()?,
            blocks: self.block_frames.all()?,
        };
        Ok(self.frames.get_or_init(|| frames))
    }

    /// Appends the text at a place.
    pub(in crate::logs::part) fn append(
        &self,
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        let frames = self.frames()?;
        let number = frames.rows.partition_point(|row| *row <= at as i64).wrapping_sub(1);
        let bounds = frames.rows.get(number).zip(frames.rows.get(number + 1));
        let Some((start, end)) = bounds else { return Err(corrupt("a text is missing")) };
        let (start, end) = (*start as usize, *end as usize);
        FRAME.with_borrow_mut(|frame| {
            let key = (self.file.number, self.sample_block, number);
            if frame.key != Some(key) {
                frame.key = None;
                self.load(frames, number, (start, end), frame)?;
                frame.key = Some(key);
            }
            self.row(frame, at - start, out)
        })
    }

    fn load(
        &self,
        frames: &Frames,
        number: usize,
        (start, end): (usize, usize),
        frame: &mut Frame,
    ) -> Result<(), StoreError> {
        let damaged = || corrupt("a frame of texts is not well formed");
        if end < start || end - start > FRAME_ROWS {
            return Err(damaged());
        }
        let block = frames.blocks.partition_point(|first| *first <= number as i64).wrapping_sub(1);
        let bounds = frames.blocks.get(block).zip(frames.blocks.get(block + 1));
        let (first, next) = bounds.ok_or_else(damaged)?;
        let (in_block, count) = (number - *first as usize, (next - first) as usize);
        let bytes = self.file.block(self.first + block as u32)?;
        let tail = bytes.len().checked_sub(count * 8).ok_or_else(damaged)?;
        let number_at = |at: usize| {
            let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map(|bytes| u32::from_le_bytes(bytes) as usize)
        };
        let from = match in_block {
            0 => 0,
            _ => number_at(tail + (in_block - 1) * 8).ok_or_else(damaged)?,
        };
        let to = number_at(tail + in_block * 8).ok_or_else(damaged)?;
        let length = number_at(tail + in_block * 8 + 4).filter(|length| *length <= BLOCK_BYTES_MAX);
        let packed = bytes.get(from..to).filter(|_| to <= tail).ok_or_else(damaged)?;
        let length = length.ok_or_else(damaged)?;
        frame.bytes.clear();
        // One large text must not keep its memory for ever.
        if frame.bytes.capacity() > FRAME_BYTES * 8 {
            frame.bytes = Vec::new();
        }
        frame.bytes.reserve(length);
        decompress(packed, &mut frame.bytes, &frames.dictionary)?;
        if frame.bytes.len() != length {
            return Err(damaged());
        }
        frame.codes.clear();
        self.codes.range(start, end, |_, code| frame.codes.push(code))?;
        self.find_starts(frame)
    }

    /// Where each text of the frame begins.
    fn find_starts(&self, frame: &mut Frame) -> Result<(), StoreError> {
        let templates = self.templates()?;
        frame.starts.clear();
        let mut at = 0_usize;
        for code in &frame.codes {
            frame.starts.push(at);
            let rest = frame.bytes.get(at..).unwrap_or_default();
            let Some(template) = (*code as usize).checked_sub(1) else {
                let mut input = Input::new(rest);
                input.prefixed()?;
                at += rest.len() - input.rest().len();
                continue;
            };
            let gaps = templates.gaps.get(template);
            let gaps = usize::from(*gaps.ok_or_else(|| corrupt("a template is missing"))?);
            if let Some(last) = gaps.checked_sub(1) {
                let end = memchr::memchr_iter(0, rest).nth(last);
                at += end.ok_or_else(|| corrupt("a variable is missing"))? + 1;
            }
        }
        Ok(())
    }

    fn row(&self, frame: &Frame, row: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let place = frame.starts.get(row).zip(frame.codes.get(row));
        let Some((start, code)) = place else { return Err(corrupt("a text is missing")) };
        let mut rest = frame.bytes.get(*start..).unwrap_or_default();
        let Some(template) = (*code as usize).checked_sub(1) else {
            out.extend_from_slice(Input::new(rest).prefixed()?);
            return Ok(());
        };
        let template = self.templates()?.texts.get(template);
        let mut from = 0;
        for gap in memchr::memchr_iter(GAP, template) {
            out.extend_from_slice(template.get(from..gap).unwrap_or_default());
            from = gap + 1;
            let end = memchr::memchr(0, rest).ok_or_else(|| corrupt("a variable is missing"))?;
            let (variable, after) = rest.split_at(end);
            out.extend_from_slice(variable);
            rest = after.get(1..).unwrap_or_default();
        }
        out.extend_from_slice(template.get(from..).unwrap_or_default());
        Ok(())
    }
}

fn decompress(
    packed: &[u8],
    out: &mut Vec<u8>,
    dictionary: &DecoderDictionary<'static>,
) -> Result<(), StoreError> {
    CONTEXT.with_borrow_mut(|slot| {
        let context = slot.get_or_insert_with(zstd::zstd_safe::DCtx::create);
        context
            .decompress_using_ddict(out, packed, dictionary.as_ddict())
            .map(|_| ())
            .map_err(|_| corrupt("a frame of texts does not decompress"))
    })
}
