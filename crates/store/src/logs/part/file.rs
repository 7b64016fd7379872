//! The blocks of a part's data section.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::{SECTION_DATA, ZSTD_LEVEL};
use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::put_varint;
use crate::part::PartCache;
use crate::part::cache::BlockKey;
use crate::part::container::{BLOCK_BYTES_MAX, Container, SectionWriter, corrupt};

/// Writes blocks one after another and says their numbers.
#[derive(Debug)]
pub(super) struct Data<'a> {
    section: SectionWriter<'a>,
    next: u32,
    raw: Vec<u8>,
}

impl<'a> Data<'a> {
    pub(super) fn new(section: SectionWriter<'a>) -> Self {
        Self { section, next: 0, raw: Vec::new() }
    }

    /// Appends a block as it is.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<u32, StoreError> {
        self.section.block(bytes)?;
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Appends a block, compressed by itself.
    pub(super) fn put_compressed(&mut self, bytes: &[u8]) -> Result<u32, StoreError> {
        let packed = zstd::bulk::compress(bytes, ZSTD_LEVEL)
            .map_err(|source| StoreError::Io { what: "compressing".to_owned(), source })?;
        let mut raw = std::mem::take(&mut self.raw);
        raw.clear();
        put_varint(&mut raw, bytes.len() as u64);
        raw.extend_from_slice(&packed);
        let number = self.put(&raw);
        self.raw = raw;
        number
    }

    pub(super) fn end(self) {
        self.section.end();
    }
}

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);
/// Tells blocks of log parts from those of other parts in the cache they share.
const CACHE_KIND: u16 = 0x100;

/// An open part's data.
#[derive(Debug)]
pub(super) struct PartFile {
    pub(super) container: Container,
    pub(super) number: u64,
    cache: Arc<PartCache>,
}

impl PartFile {
    pub(super) fn new(container: Container, cache: Arc<PartCache>) -> Self {
        Self { container, number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed), cache }
    }

    /// A block as it is.
    pub(super) fn block(&self, number: u32) -> Result<Arc<Bytes>, StoreError> {
        let key = BlockKey { part: self.number, kind: CACHE_KIND, number };
        if let Some(block) = self.cache.get::<Bytes>(key) {
            return Ok(block);
        }
        let block = Arc::new(self.block_uncached(number)?);
        self.cache.put(key, &block, block.len());
        Ok(block)
    }

    /// A block that is decoded once and kept elsewhere.
    pub(super) fn block_uncached(&self, number: u32) -> Result<Bytes, StoreError> {
        let section = self.container.section(SECTION_DATA)?;
        self.container.block(section, number as usize)
    }

    /// A block that was compressed by itself.
    pub(super) fn compressed(&self, number: u32) -> Result<Vec<u8>, StoreError> {
        let block = self.block_uncached(number)?;
        let mut input = Input::new(&block);
        let length = input.count(BLOCK_BYTES_MAX)?;
        match zstd::bulk::decompress(input.rest(), length) {
            Ok(raw) if raw.len() == length => Ok(raw),
            _ => Err(corrupt("a block does not decompress")),
        }
    }
}
