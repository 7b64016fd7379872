//! The parts of one tenant, and where they are stored.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use vigie_model::{Labels, TimeRange};
use vigie_world::Disk;

use crate::catalog::{PartRow, TombstoneRow};
use crate::part::{FileSource, MetricPart, PartCache};
use crate::{CompiledMatcher, StoreError};

/// The folder of parts.
#[derive(Debug)]
pub(crate) struct PartFolder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    cache: Arc<PartCache>,
}

impl PartFolder {
    /// Parts in `root` that share a cache of `cache_bytes`.
    pub(crate) fn new(disk: Arc<dyn Disk>, root: PathBuf, cache_bytes: usize) -> Self {
        Self { disk, root, cache: Arc::new(PartCache::new(cache_bytes)) }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path, below the root, of a tenant's part.
    pub(crate) fn path_of(tenant: &str, id: u64) -> String {
        format!("{tenant}/{id:010}.part")
    }

    /// Stores a part so that it survives the loss of power.
    pub(crate) fn store(&self, path: &str, bytes: &Bytes) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { what: format!("writing part {path}"), source };
        let full = self.root.join(path);
        if let Some(folder) = full.parent()
            && self.disk.list(folder).is_err()
        {
            self.disk.create_folder(folder).map_err(failed)?;
            self.disk.sync_folder(&self.root).map_err(failed)?;
        }
        self.disk.write_atomic(&full, bytes).map_err(failed)
    }

    /// Removes files that are no part of the catalog: what a crash left behind.
    pub(crate) fn remove_strangers(&self, known: &[PartRow]) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { what: "listing parts".to_owned(), source };
        let known: hashbrown::HashSet<&str> = known.iter().map(|row| row.path.as_str()).collect();
        self.disk.create_folder(&self.root).map_err(failed)?;
        for tenant in self.disk.list(&self.root).map_err(failed)? {
            let folder = self.root.join(&tenant.name);
            for file in self.disk.list(&folder).unwrap_or_default() {
                let path = format!("{}/{}", tenant.name, file.name);
                if !known.contains(path.as_str()) {
                    tracing::info!(path, "removing a file that is no part of the catalog");
                    self.disk.remove_file(&self.root.join(path)).map_err(failed)?;
                }
            }
        }
        Ok(())
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

    /// The open part.
    pub(crate) fn open(&self) -> Result<&MetricPart, StoreError> {
        if let Some(part) = self.opened.get() {
            return Ok(part);
        }
        let what = || format!("opening part {}", self.row.path);
        let file = self
            .folder
            .disk
            .open_read(&self.folder.root.join(&self.row.path))
            .map_err(|source| StoreError::Io { what: what(), source })?;
        let cache = Arc::clone(&self.folder.cache);
        let part = MetricPart::open_cached(Arc::new(FileSource::new(file)), cache)?;
        Ok(self.opened.get_or_init(|| part))
    }

    /// The catalog does not have it any more.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
}

impl Drop for StoredPart {
    fn drop(&mut self) {
        if self.retired.load(Ordering::Acquire) {
            let path = self.folder.root.join(&self.row.path);
            if let Err(error) = self.folder.disk.remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove a part");
            }
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
