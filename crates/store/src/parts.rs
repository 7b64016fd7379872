//! The parts of one tenant, and where they are stored.

mod disk;
#[cfg(feature = "objects")]
mod locate;
mod objects;
mod place;
mod runtime;
mod tails;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use vigie_model::{Labels, TimeRange};

use crate::catalog::{PartRow, TombstoneRow};
use crate::part::{MetricPart, PartCache};
use crate::{CompiledMatcher, StoreError};

pub(crate) use disk::{DiskPlace, local_path};
#[cfg(feature = "objects")]
pub(crate) use locate::locate;
pub(crate) use objects::{Located, ObjectPlace};
pub(crate) use place::PartPlace;
pub(crate) use tails::TailCache;

/// Where all parts are, and the cache of blocks that they share.
#[derive(Debug)]
pub(crate) struct PartFolder {
    place: Arc<dyn PartPlace>,
    cache: Arc<PartCache>,
}

impl PartFolder {
    /// Parts in `place` that share `cache`.
    pub(crate) fn new(place: Arc<dyn PartPlace>, cache: Arc<PartCache>) -> Self {
        Self { place, cache }
    }

    /// The cache of blocks.
    pub(crate) fn cache(&self) -> Arc<PartCache> {
        Arc::clone(&self.cache)
    }

    /// Where the parts are.
    pub(crate) fn place(&self) -> &Arc<dyn PartPlace> {
        &self.place
    }
}

/// A stored part, opened when it is first asked. Its file goes when it was [retired](Self::retire)
/// and nobody reads it any more.
#[derive(Debug)]
pub(crate) struct StoredPart {
    pub(crate) row: PartRow,
    folder: Arc<PartFolder>,
    opened: OnceLock<MetricPart>,
    retired: AtomicBool,
}

impl StoredPart {
    pub(crate) fn new(row: PartRow, folder: Arc<PartFolder>) -> Self {
        Self { row, folder, opened: OnceLock::new(), retired: AtomicBool::new(false) }
    }

    /// The same part with another note of the rules that it has been through.
    pub(crate) fn aged(&self, aged: u64) -> Self {
        let row = PartRow { aged, ..self.row.clone() };
        let opened = self.opened.clone();
        Self { row, folder: Arc::clone(&self.folder), opened, retired: AtomicBool::new(false) }
    }

    /// The open part.
    pub(crate) fn open(&self) -> Result<&MetricPart, StoreError> {
        if let Some(part) = self.opened.get() {
            return Ok(part);
        }
        let source = self.folder.place.open(&self.row.path, self.row.meta.bytes)?;
        let cache = Arc::clone(&self.folder.cache);
        let part = MetricPart::open_cached(source, cache)?;
        Ok(self.opened.get_or_init(|| part))
    }

    /// The part for somebody who will read all of it, once.
    pub(crate) fn open_whole(&self) -> Result<MetricPart, StoreError> {
        if self.folder.place.is_local() {
            return self.open().cloned();
        }
        let bytes: Bytes = self.folder.place.read(&self.row.path, self.row.meta.bytes)?;
        MetricPart::open(Arc::new(bytes))
    }

    /// The catalog does not have it any more.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
}

impl Drop for StoredPart {
    fn drop(&mut self) {
        if self.retired.load(Ordering::Acquire) {
            self.folder.place.remove(&self.row.path);
        }
    }
}

/// A deletion, ready to be asked.
#[derive(Debug)]
pub(crate) struct Tombstone {
    pub(crate) row: TombstoneRow,
    matchers: Vec<CompiledMatcher>,
}

impl Tombstone {
    pub(crate) fn new(row: TombstoneRow) -> Result<Self, StoreError> {
        let matchers = row.matchers.iter().map(CompiledMatcher::new).collect::<Result<_, _>>()?;
        Ok(Self { row, matchers })
    }

    /// Whether it is about the series with `labels`.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels))
    }
}

/// The parts of one tenant at one moment, in the order in which they were written.
#[derive(Debug, Default, Clone)]
pub(crate) struct PartList {
    pub(crate) parts: Vec<Arc<StoredPart>>,
    pub(crate) tombstones: Vec<Arc<Tombstone>>,
}

impl PartList {
    /// Ranges that are deleted from the series with `labels` in part `id`.
    pub(crate) fn deleted(&self, id: u64, labels: &Labels) -> Vec<TimeRange> {
        let relevant = self
            .tombstones
            .iter()
            .filter(|tombstone| id <= tombstone.row.part_id_max && tombstone.matches(labels));
        relevant.map(|tombstone| tombstone.row.range).collect()
    }
}
