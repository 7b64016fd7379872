//! The container: sections of checksummed blocks, found through a footer at the end.
//!
//! A reader fetches the tail once, then only the blocks that it needs. The same container holds
//! parts of every signal; what the sections mean is the signal's business.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::PartSource;
use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_prefixed, put_varint};

/// The first and the last eight bytes of a part.
pub const MAGIC: [u8; 8] = *b"VIGIEPRT";
/// The version of the container that is written, and the only one that is read.
pub const VERSION: u32 = 1;
const HEADER_BYTES: usize = 12;
const TRAILER_BYTES: usize = 20;
/// What is fetched at once to find the footer.
pub(crate) const TAIL_BYTES: u64 = 64 << 10;
const SECTIONS_MAX: usize = 1 << 16;
/// No block is larger, compressed or not.
pub const BLOCK_BYTES_MAX: usize = 64 << 20;

/// What is in a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Signal {
    /// Series of samples.
    Metrics = 1,
    /// Documents of logs.
    Logs = 2,
}

/// How the blocks of a section are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Compression {
    /// Not at all.
    None = 0,
    /// Each by itself: its length as a varint, then a zstd frame.
    Zstd = 1,
}

/// Writes a container.
#[derive(Debug)]
pub struct ContainerWriter {
    out: Vec<u8>,
    footer: Vec<u8>,
    sections: u64,
    level: i32,
}

impl ContainerWriter {
    /// An empty container that will hold about `capacity` bytes.
    pub fn new(capacity: usize, level: i32) -> Self {
        let mut out = Vec::with_capacity(capacity);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        Self { out, footer: Vec::new(), sections: 0, level }
    }

    /// Begins a section; it ends with [`SectionWriter::end`].
    pub fn section(
        &mut self,
        kind: u16,
        name: &str,
        compression: Compression,
    ) -> SectionWriter<'_> {
        self.sections += 1;
        put_varint(&mut self.footer, u64::from(kind));
        put_prefixed(&mut self.footer, name.as_bytes());
        self.footer.push(compression as u8);
        let start = self.out.len();
        SectionWriter { container: self, compression, start, blocks: 0, index: Vec::new() }
    }

    /// The whole file.
    pub fn finish(mut self, signal: Signal) -> Result<Bytes, StoreError> {
        let mut footer = vec![signal as u8];
        put_varint(&mut footer, self.sections);
        footer.append(&mut self.footer);
        let length = u32::try_from(footer.len())
            .map_err(|_| StoreError::Invalid("a part has too many blocks".to_owned()))?;
        self.out.extend_from_slice(&footer);
        self.out.extend_from_slice(&length.to_le_bytes());
        self.out.extend_from_slice(&crc32c::crc32c(&footer).to_le_bytes());
        self.out.extend_from_slice(&VERSION.to_le_bytes());
        self.out.extend_from_slice(&MAGIC);
        Ok(Bytes::from(self.out))
    }
}

/// Writes the blocks of one section.
#[derive(Debug)]
pub struct SectionWriter<'a> {
    container: &'a mut ContainerWriter,
    compression: Compression,
    start: usize,
    blocks: u64,
    index: Vec<u8>,
}

impl SectionWriter<'_> {
    /// Appends a block.
    pub fn block(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let out = &mut self.container.out;
        let start = out.len();
        match self.compression {
            Compression::None => out.extend_from_slice(bytes),
            Compression::Zstd => {
                put_varint(out, bytes.len() as u64);
                let packed = zstd::bulk::compress(bytes, self.container.level)
                    .map_err(|source| StoreError::Io { what: "compressing".to_owned(), source })?;
                out.extend_from_slice(&packed);
            }
        }
        let block = &out[start..];
        if bytes.len().max(block.len()) > BLOCK_BYTES_MAX {
            return Err(StoreError::Invalid("a block of a part is too large".to_owned()));
        }
        put_varint(&mut self.index, block.len() as u64);
        self.index.extend_from_slice(&crc32c::crc32c(block).to_le_bytes());
        self.blocks += 1;
        Ok(())
    }

    /// Ends the section.
    pub fn end(self) {
        let length = self.container.out.len() - self.start;
        let footer = &mut self.container.footer;
        put_varint(footer, self.start as u64);
        put_varint(footer, length as u64);
        put_varint(footer, self.blocks);
        put_prefixed(footer, &self.index);
    }
}

/// One section of an open container.
#[derive(Debug)]
pub struct Section {
    kind: u16,
    compression: Compression,
    offset: u64,
    length: u64,
    blocks: usize,
    index: Bytes,
    decoded: OnceLock<Option<BlockIndex>>,
}

#[derive(Debug)]
struct BlockIndex {
    starts: Vec<u64>,
    checksums: Vec<u32>,
}

impl Section {
    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// Bytes of the section in the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The block that holds byte `at` of the section (uncompressed sections), and the byte's
    /// place in it.
    pub fn find(&self, at: u64) -> Result<(usize, usize), StoreError> {
        let starts = &self.index()?.starts;
        let block = starts.partition_point(|start| *start <= at).wrapping_sub(1);
        match starts.get(block) {
            Some(start) if block < self.blocks => Ok((block, (at - start) as usize)),
            _ => Err(corrupt("a place is outside its section")),
        }
    }

    fn index(&self) -> Result<&BlockIndex, StoreError> {
        self.decoded
            .get_or_init(|| self.decode_index())
            .as_ref()
            .ok_or_else(|| corrupt("the index of a section is not well formed"))
    }

    fn decode_index(&self) -> Option<BlockIndex> {
        let mut input = Input::new(&self.index);
        // Each entry takes at least five bytes, so this allocates no more than the file's size.
        let capacity = self.blocks.min(self.index.len());
        let (mut starts, mut checksums) = (Vec::with_capacity(capacity + 1), Vec::new());
        checksums.reserve(capacity);
        let mut at = 0u64;
        starts.push(at);
        for _ in 0..self.blocks {
            at = at.checked_add(input.count(BLOCK_BYTES_MAX).ok()? as u64)?;
            starts.push(at);
            checksums.push(u32::from_le_bytes(input.array().ok()?));
        }
        (at == self.length && input.is_empty()).then_some(BlockIndex { starts, checksums })
    }
}

/// An open container.
#[derive(Debug)]
pub struct Container {
    source: Arc<dyn PartSource>,
    sections: Vec<Section>,
    tail: Bytes,
    tail_offset: u64,
}

impl Container {
    /// Opens the container that `source` holds, which must be of `signal`.
    pub fn open(source: Arc<dyn PartSource>, signal: Signal) -> Result<Self, StoreError> {
        let length = source.length();
        if length < (HEADER_BYTES + TRAILER_BYTES) as u64 {
            return Err(corrupt("too short to be a part"));
        }
        let tail_offset = length.saturating_sub(TAIL_BYTES);
        let tail = source.read_at(tail_offset, (length - tail_offset) as usize)?;
        let (footer_length, checksum) = read_trailer(&tail)?;
        let footer_end = length - TRAILER_BYTES as u64;
        let footer_offset = footer_end
            .checked_sub(footer_length)
            .filter(|offset| *offset >= HEADER_BYTES as u64)
            .ok_or_else(|| corrupt("the footer is longer than the part"))?;
        let footer = if footer_offset >= tail_offset {
            let start = (footer_offset - tail_offset) as usize;
            tail.slice(start..start + footer_length as usize)
        } else {
            source.read_at(footer_offset, footer_length as usize)?
        };
        if crc32c::crc32c(&footer) != checksum {
            return Err(corrupt("the footer's checksum is wrong"));
        }
        let sections = read_footer(&footer, signal, footer_offset)?;
        Ok(Self { source, sections, tail, tail_offset })
    }

    /// The section of that kind.
    pub fn section(&self, kind: u16) -> Result<&Section, StoreError> {
        self.optional(kind).ok_or_else(|| corrupt("a section is missing"))
    }

    /// The section of that kind, if there is one.
    pub fn optional(&self, kind: u16) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    /// Block `number` of a section, checked and decompressed.
    pub fn block(&self, section: &Section, number: usize) -> Result<Bytes, StoreError> {
        let index = section.index()?;
        let bounds = index.starts.get(number).zip(index.starts.get(number + 1));
        let (Some((start, end)), Some(checksum)) = (bounds, index.checksums.get(number)) else {
            return Err(corrupt("a block is missing"));
        };
        let bytes = self.read_at(section.offset + start, (end - start) as usize)?;
        if crc32c::crc32c(&bytes) != *checksum {
            return Err(corrupt("the checksum of a block is wrong"));
        }
        match section.compression {
            Compression::None => Ok(bytes),
            Compression::Zstd => decompress(&bytes),
        }
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        match offset.checked_sub(self.tail_offset) {
            Some(start) if start as usize + length <= self.tail.len() => {
                Ok(self.tail.slice(start as usize..start as usize + length))
            }
            _ => self.source.read_at(offset, length),
        }
    }
}

fn read_trailer(tail: &[u8]) -> Result<(u64, u32), StoreError> {
    let trailer = tail.last_chunk::<TRAILER_BYTES>().ok_or_else(|| corrupt("no trailer"))?;
    let (numbers, magic) = trailer.split_at(TRAILER_BYTES - MAGIC.len());
    if magic != MAGIC {
        return Err(corrupt("it does not end as a part does"));
    }
    let number = |at: usize| {
        let bytes = numbers.get(at * 4..).and_then(|rest| rest.first_chunk::<4>());
        u32::from_le_bytes(bytes.copied().unwrap_or_default())
    };
    if number(2) != VERSION {
        return Err(StoreError::Invalid(format!(
            "a part has format version {}; this Vigie reads version {VERSION}",
            number(2)
        )));
    }
    Ok((u64::from(number(0)), number(1)))
}

fn read_footer(
    footer: &Bytes,
    signal: Signal,
    sections_end: u64,
) -> Result<Vec<Section>, StoreError> {
    let mut input = Input::new(footer);
    if input.byte()? != signal as u8 {
        return Err(corrupt("it holds another signal"));
    }
    let count = input.count(SECTIONS_MAX)?;
    let mut sections = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let kind = input.count(usize::from(u16::MAX))? as u16;
        input.text()?;
        let compression = match input.byte()? {
            0 => Compression::None,
            1 => Compression::Zstd,
            _ => return Err(corrupt("a section has an unknown compression")),
        };
        let (offset, length) = (input.varint()?, input.varint()?);
        let blocks = input.count(usize::MAX)?;
        let index = footer.slice_ref(input.prefixed()?);
        if offset.checked_add(length).is_none_or(|end| end > sections_end) {
            return Err(corrupt("a section is outside the part"));
        }
        let decoded = OnceLock::new();
        sections.push(Section { kind, compression, offset, length, blocks, index, decoded });
    }
    if input.is_empty() { Ok(sections) } else { Err(corrupt("the footer is too long")) }
}

thread_local! {
    // A context is some hundred kilobytes: made once a thread, not once a block.
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        const { RefCell::new(None) };
}

fn decompress(bytes: &[u8]) -> Result<Bytes, StoreError> {
    let mut input = Input::new(bytes);
    let length = input.count(BLOCK_BYTES_MAX)?;
    let result = DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(zstd::bulk::Decompressor::new()?),
        };
        decompressor.decompress(input.rest(), length)
    });
    match result {
        Ok(raw) if raw.len() == length => Ok(Bytes::from(raw)),
        _ => Err(corrupt("a block does not decompress")),
    }
}

/// The error for bytes that are not as they were written.
pub(crate) fn corrupt(detail: &str) -> StoreError {
    StoreError::Corrupt { what: "part".to_owned(), detail: detail.to_owned() }
}
