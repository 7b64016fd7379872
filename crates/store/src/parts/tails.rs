//! Tails of remote parts on the local disk: a part's last bytes hold its footer and much of its
//! index, so a restart needs no request to open parts that were read before.
//!
//! This is a cache: what is damaged or missing is fetched again, and nothing here is synced.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use vigie_world::{Disk, EntryKind};

/// Tails in files of a local folder.
#[derive(Debug)]
pub(crate) struct TailCache {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl TailCache {
    /// Tails in `root`.
    pub(crate) fn new(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        Self { disk, root }
    }

    /// The tail of the part at `path`, when it is here and whole.
    pub(super) fn get(&self, path: &str) -> Option<Bytes> {
        let file = Bytes::from(self.disk.read(&self.file_of(path)).ok()?);
        let checksum = u32::from_le_bytes(*file.first_chunk()?);
        let tail = file.slice(4..);
        (crc32c::crc32c(&tail) == checksum).then_some(tail)
    }

    /// Keeps the tail of the part at `path`. A failure only costs a request later.
    pub(super) fn put(&self, path: &str, tail: &[u8]) {
        let mut content = crc32c::crc32c(tail).to_le_bytes().to_vec();
        content.extend_from_slice(tail);
        let file = self.file_of(path);
        let written = self.disk.create_folder(&self.root).and_then(|()| {
            let mut new = self.disk.open_append(&file)?;
            new.truncate(0)?;
            new.append(&content)
        });
        if let Err(error) = written {
            tracing::debug!(path, %error, "cannot keep the tail of a part");
        }
    }

    /// Forgets the tail of the part at `path`.
    pub(super) fn remove(&self, path: &str) {
        self.disk.remove_file(&self.file_of(path)).ok();
    }

    /// Forgets all but the `known` paths.
    pub(super) fn retain(&self, known: &[&str]) {
        let known: hashbrown::HashSet<String> = known.iter().map(|path| name_of(path)).collect();
        for entry in self.disk.list(&self.root).unwrap_or_default() {
            if matches!(entry.kind, EntryKind::File(_)) && !known.contains(&entry.name) {
                self.disk.remove_file(&self.root.join(&entry.name)).ok();
            }
        }
    }

    fn file_of(&self, path: &str) -> PathBuf {
        self.root.join(name_of(path))
    }
}

/// Paths of remote parts have slashes, which would need folders.
fn name_of(path: &str) -> String {
    format!("{}.tail", path.replace('/', "+"))
}
