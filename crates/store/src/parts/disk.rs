//! Parts in a folder of the local disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use vigie_world::Disk;

use super::PartPlace;
use crate::StoreError;
use crate::part::{FileSource, PartSource};

/// The name of a part below its folder.
pub(crate) fn local_path(tenant: &str, id: u64) -> String {
    format!("{tenant}/{id:010}.part")
}

/// A folder of the local disk.
#[derive(Debug)]
pub(crate) struct DiskPlace {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl DiskPlace {
    /// Parts in `root`.
    pub(crate) fn new(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        Self { disk, root }
    }
}

impl PartPlace for DiskPlace {
    fn is_local(&self) -> bool {
        true
    }

    fn path_of(&self, tenant: &str, id: u64, _random: u64) -> String {
        local_path(tenant, id)
    }

    fn store(&self, path: &str, bytes: &Bytes) -> Result<(), StoreError> {
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

    fn open(&self, path: &str, _bytes: u64) -> Result<Arc<dyn PartSource>, StoreError> {
        let failed = |source| StoreError::Io { what: format!("opening part {path}"), source };
        let file = self.disk.open_read(&self.root.join(path)).map_err(failed)?;
        Ok(Arc::new(FileSource::new(file)))
    }

    fn read(&self, path: &str, _bytes: u64) -> Result<Bytes, StoreError> {
        let failed = |source| StoreError::Io { what: format!("reading part {path}"), source };
        self.disk.read(&self.root.join(path)).map(Bytes::from).map_err(failed)
    }

    fn copy_to(&self, path: &str, _bytes: u64, to: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { what: format!("linking part {path}"), source };
        self.disk.hard_link(&self.root.join(path), to).map_err(failed)
    }

    fn remove(&self, path: &str) {
        if let Err(error) = self.disk.remove_file(&self.root.join(path)) {
            tracing::warn!(path, %error, "cannot remove a part");
        }
    }

    fn remove_strangers(&self, known: &[&str]) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { what: "listing parts".to_owned(), source };
        let known: hashbrown::HashSet<&str> = known.iter().copied().collect();
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
