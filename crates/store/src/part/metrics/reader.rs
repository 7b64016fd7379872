//! Reads parts of metrics: the tail at opening, then only the blocks that are asked for.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use roaring::RoaringBitmap;
use vigie_model::{Exemplar, Labels, Metadata, Points, TimeRange};

use super::chunk::{self, Scratch};
use super::index::{self, Name, ValuesBlock};
use super::series::{self, ChunkEntry, ChunksBlock, SERIES};
use super::times::{COLUMNS, Column, TimesBlock};
use super::{PartMeta, corrupt, extras, section, select};
use crate::codec::Input;
use crate::part::cache::BlockKey;
use crate::part::container::{Container, Section, Signal};
use crate::part::{PartCache, PartSource};
use crate::{CompiledMatcher, StoreError};

/// What a part opened by itself may cache.
const OWN_CACHE_BYTES: usize = 16 << 20;
/// Added to the kind of the section in the key of a decoded column of times.
const DECODED: u16 = 0x8000;
/// Decoded columns of times that a thread keeps at hand.
const TIMES_SLOTS: usize = 64;

static PARTS: AtomicU64 = AtomicU64::new(1);

/// An open part. A clone is the same part. May be read from several threads at once.
#[derive(Debug, Clone)]
pub struct MetricPart {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    number: u64,
    container: Container,
    cache: Arc<PartCache>,
    meta: PartMeta,
    series: u32,
    columns: usize,
}

/// A decoded column of times.
type Times = Arc<Box<[i64]>>;

/// What a thread keeps between reads: buffers, and the blocks that the next series needs too.
#[derive(Default)]
struct ReadState {
    scratch: Scratch,
    chunks: Option<(BlockKey, Arc<ChunksBlock>)>,
    data: Option<(BlockKey, Arc<Bytes>)>,
    times_block: Option<(BlockKey, Arc<TimesBlock>)>,
    times: Vec<Option<(BlockKey, Times)>>,
}

thread_local! {
    static READ_STATE: RefCell<ReadState> = RefCell::default();
}

impl MetricPart {
    /// Opens a part with a cache of its own: reads its tail only.
    pub fn open(source: Arc<dyn PartSource>) -> Result<Self, StoreError> {
        Self::open_cached(source, Arc::new(PartCache::new(OWN_CACHE_BYTES)))
    }

    /// Opens a part that shares `cache` with others.
    pub fn open_cached(
        source: Arc<dyn PartSource>,
        cache: Arc<PartCache>,
    ) -> Result<Self, StoreError> {
        let bytes = source.length();
        let container = Container::open(source, Signal::Metrics)?;
        let block = container.block(container.section(section::META)?, 0)?;
        let mut input = Input::new(&block);
        let (start_ms, end_ms) = (input.signed()?, input.signed()?);
        let series = input.count(u32::MAX as usize)? as u32;
        let (samples, exemplars) = (input.varint()?, input.varint()?);
        let columns = input.count(u32::MAX as usize)?;
        let meta =
            PartMeta { start_ms, end_ms, series: u64::from(series), samples, exemplars, bytes };
        let number = PARTS.fetch_add(1, Ordering::Relaxed);
        let inner = Inner { number, container, cache, meta, series, columns };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the part holds.
    pub fn meta(&self) -> &PartMeta {
        &self.inner.meta
    }

    /// Number of series; their ids are all smaller.
    pub fn series(&self) -> u32 {
        self.inner.series
    }

    /// Ids of the series that satisfy all `matchers`, ascending. Ids are ranks in the order of
    /// (metric name, labels). Empty when the part has nothing in `range`; otherwise series
    /// without a point in `range` may be among them.
    pub fn select(
        &self,
        matchers: &[CompiledMatcher],
        range: TimeRange,
    ) -> Result<RoaringBitmap, StoreError> {
        if self.inner.series == 0 || !self.inner.meta.range().overlaps(&range) {
            return Ok(RoaringBitmap::new());
        }
        select::select(self, matchers)
    }

    /// Labels of series `id`.
    pub fn labels(&self, id: u32) -> Result<Labels, StoreError> {
        let inner = &*self.inner;
        let (block, at) = Inner::series_place(id);
        let count = inner.series_in_block(block);
        let labels: Arc<Vec<Labels>> = inner.cached(section::LABELS, block, |bytes| {
            let labels = series::decode_labels(&bytes, count)?;
            // Each set is an allocation of its own, with counters and a pointer to it.
            Ok((labels, bytes.len() + count * 48))
        })?;
        labels.get(at).cloned().ok_or_else(|| corrupt("a series is missing"))
    }

    /// Whether series `id` has a chunk whose time range overlaps `range`.
    pub fn overlaps(&self, id: u32, range: TimeRange) -> Result<bool, StoreError> {
        READ_STATE.with_borrow_mut(|state| {
            let (chunks, at) = self.inner.chunks(id, state)?;
            for chunk in chunks.chunks(at) {
                let column = self.inner.column(chunk.times, state)?.1;
                if range.overlaps(&TimeRange::new(column.first, column.last)) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// How many points the chunks of series `id` that overlap `range` hold.
    pub fn points_upper_bound(&self, id: u32, range: TimeRange) -> Result<usize, StoreError> {
        READ_STATE.with_borrow_mut(|state| {
            let (chunks, at) = self.inner.chunks(id, state)?;
            let mut points = 0;
            for chunk in chunks.chunks(at) {
                let column = self.inner.column(chunk.times, state)?.1;
                if range.overlaps(&TimeRange::new(column.first, column.last)) {
                    points += column.count;
                }
            }
            Ok(points)
        })
    }

    /// Appends the points of series `id` in `range` to `points`. After an error, what was
    /// appended is unspecified.
    pub fn read(&self, id: u32, range: TimeRange, points: &mut Points) -> Result<(), StoreError> {
        READ_STATE.with_borrow_mut(|state| {
            let (chunks, at) = self.inner.chunks(id, state)?;
            for chunk in chunks.chunks(at) {
                self.inner.read_chunk(chunk, range, state, points)?;
            }
            Ok(())
        })
    }

    /// Names of all labels, ascending.
    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.names()?.iter().map(|name| name.label.clone()).collect())
    }

    /// Values of label `name` over all series, ascending.
    pub fn label_values(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let counts = self.label_value_counts(name)?;
        Ok(counts.into_iter().map(|(value, _)| value).collect())
    }

    /// Values of label `name` with the number of series that have each, ascending by value.
    pub fn label_value_counts(&self, name: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let names = self.names()?;
        let mut found = Vec::new();
        if let Some(name) = select::find_name(&names, name) {
            for block in name.block..name.block + name.firsts.len() {
                let values = self.values(block)?;
                let value = |at| (values.value(at).to_owned(), values.series(at));
                found.extend((0..values.len()).map(value));
            }
        }
        Ok(found)
    }

    /// Exemplars in `range` of the series that satisfy all `matchers`, each series' ascending by
    /// time.
    pub fn exemplars(
        &self,
        matchers: &[CompiledMatcher],
        range: TimeRange,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StoreError> {
        let mut found = Vec::new();
        let container = &self.inner.container;
        let Some(section) = container.optional(section::EXEMPLARS) else { return Ok(found) };
        for block in 0..section.blocks() {
            let bytes = container.block(section, block)?;
            for (labels, mut exemplars) in extras::decode_exemplars(&bytes)? {
                exemplars.retain(|exemplar| range.contains(exemplar.timestamp_ms));
                if !exemplars.is_empty() && matchers.iter().all(|m| m.matches(&labels)) {
                    found.push((labels, exemplars));
                }
            }
        }
        Ok(found)
    }

    /// Metadata by metric family name.
    pub fn metadata(&self) -> Result<BTreeMap<String, Vec<Metadata>>, StoreError> {
        match self.inner.container.optional(section::METADATA) {
            Some(section) => extras::decode_metadata(&self.inner.container.block(section, 0)?),
            None => Ok(BTreeMap::new()),
        }
    }

    /// All label names.
    pub(super) fn names(&self) -> Result<Arc<Box<[Name]>>, StoreError> {
        let blocks = self.inner.container.section(section::VALUES)?.blocks();
        self.inner.cached(section::NAMES, 0, |bytes| {
            let names = index::decode_names(&bytes, blocks)?;
            Ok((names.into_boxed_slice(), 2 * bytes.len()))
        })
    }

    /// One block of label values.
    pub(super) fn values(&self, block: usize) -> Result<Arc<ValuesBlock>, StoreError> {
        self.inner.cached(section::VALUES, block, |bytes| {
            let values = ValuesBlock::read(bytes)?;
            let size = values.bytes();
            Ok((values, size))
        })
    }
}

impl Inner {
    fn key(&self, kind: u16, number: usize) -> BlockKey {
        BlockKey { part: self.number, kind, number: number as u32 }
    }

    /// The decoded block of that kind and number; `decode` also says how large it is.
    fn cached<T: Any + Send + Sync>(
        &self,
        kind: u16,
        number: usize,
        decode: impl FnOnce(Bytes) -> Result<(T, usize), StoreError>,
    ) -> Result<Arc<T>, StoreError> {
        let key = self.key(kind, number);
        if let Some(block) = self.cache.get(key) {
            return Ok(block);
        }
        let section = self.container.section(kind)?;
        let (block, bytes) = decode(self.container.block(section, number)?)?;
        let block = Arc::new(block);
        self.cache.put(key, &block, bytes);
        Ok(block)
    }

    fn series_place(id: u32) -> (usize, usize) {
        (id as usize / SERIES, id as usize % SERIES)
    }

    fn series_in_block(&self, block: usize) -> usize {
        (self.series as usize).saturating_sub(block * SERIES).min(SERIES)
    }

    fn chunks(
        &self,
        id: u32,
        state: &mut ReadState,
    ) -> Result<(Arc<ChunksBlock>, usize), StoreError> {
        let (block, at) = Self::series_place(id);
        let key = self.key(section::CHUNKS, block);
        let chunks = keep(&mut state.chunks, key, || {
            self.cached(section::CHUNKS, block, |bytes| {
                let chunks = ChunksBlock::read(&bytes, self.series_in_block(block))?;
                let size = chunks.bytes();
                Ok((chunks, size))
            })
        })?;
        Ok((chunks, at))
    }

    fn column(
        &self,
        number: u32,
        state: &mut ReadState,
    ) -> Result<(Arc<TimesBlock>, Column), StoreError> {
        let (block, at) = (number as usize / COLUMNS, number as usize % COLUMNS);
        let count = self.columns.saturating_sub(block * COLUMNS).min(COLUMNS);
        let key = self.key(section::TIMES, block);
        let times = keep(&mut state.times_block, key, || {
            self.cached(section::TIMES, block, |bytes| {
                let times = TimesBlock::read(bytes, count)?;
                let size = times.bytes();
                Ok((times, size))
            })
        })?;
        let column = times.column(at)?;
        Ok((times, column))
    }

    fn times(
        &self,
        number: u32,
        block: &TimesBlock,
        column: Column,
        state: &mut ReadState,
    ) -> Result<Times, StoreError> {
        let key = self.key(section::TIMES | DECODED, number as usize);
        if state.times.is_empty() {
            state.times.resize(TIMES_SLOTS, None);
        }
        let slot = number as usize % TIMES_SLOTS;
        if let Some(Some((kept, times))) = state.times.get(slot)
            && *kept == key
        {
            return Ok(Arc::clone(times));
        }
        let times: Times = if let Some(times) = self.cache.get(key) {
            times
        } else {
            let times = block.decode(column, state.scratch.floats.integers())?;
            let times = Arc::new(times.into_boxed_slice());
            self.cache.put(key, &times, times.len() * 8);
            times
        };
        if let Some(slot) = state.times.get_mut(slot) {
            *slot = Some((key, Arc::clone(&times)));
        }
        Ok(times)
    }

    fn read_chunk(
        &self,
        chunk: &ChunkEntry,
        range: TimeRange,
        state: &mut ReadState,
        points: &mut Points,
    ) -> Result<(), StoreError> {
        let (block, column) = self.column(chunk.times, state)?;
        if !range.overlaps(&TimeRange::new(column.first, column.last)) {
            return Ok(());
        }
        let times = self.times(chunk.times, &block, column, state)?;
        let from = times.partition_point(|time| *time < range.start_ms);
        let to = times.partition_point(|time| *time <= range.end_ms);
        if from == to {
            return Ok(());
        }
        if points.timestamps_ms.last().is_some_and(|last| *last >= times[from]) {
            return Err(corrupt("the chunks of a series overlap"));
        }
        let data = self.container.section(section::DATA)?;
        let (block, at) = data.find(chunk.offset)?;
        let bytes = self.data(data, block, state)?;
        let bytes = at.checked_add(chunk.length as usize).and_then(|end| bytes.get(at..end));
        let bytes = bytes.ok_or_else(|| corrupt("a chunk is longer than its block"))?;
        points.timestamps_ms.extend_from_slice(&times[from..to]);
        chunk::decode(bytes, times.len(), (from, to), &mut state.scratch, points)
    }

    fn data(
        &self,
        section: &Section,
        block: usize,
        state: &mut ReadState,
    ) -> Result<Arc<Bytes>, StoreError> {
        let key = self.key(section::DATA, block);
        keep(&mut state.data, key, || {
            if let Some(bytes) = self.cache.get(key) {
                return Ok(bytes);
            }
            let bytes = Arc::new(self.container.block(section, block)?);
            self.cache.put(key, &bytes, bytes.len());
            Ok(bytes)
        })
    }
}

/// What `slot` keeps if that is `key`, else what `load` gives, which is kept then.
fn keep<T>(
    slot: &mut Option<(BlockKey, Arc<T>)>,
    key: BlockKey,
    load: impl FnOnce() -> Result<Arc<T>, StoreError>,
) -> Result<Arc<T>, StoreError> {
    if let Some((kept, block)) = slot
        && *kept == key
    {
        return Ok(Arc::clone(block));
    }
    let block = load()?;
    *slot = Some((key, Arc::clone(&block)));
    Ok(block)
}
