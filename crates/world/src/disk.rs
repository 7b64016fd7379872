//! Files, as a value.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What a folder's entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file of that many bytes.
    File(u64),
    /// A folder.
    Folder,
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderEntry {
    /// The entry's name, without the folder's path.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// A file that is written at its end.
pub trait AppendFile: Send + fmt::Debug {
    /// Writes all of `bytes` at the end. After an error, how much was written is unknown.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything written would survive the loss of power. After an error nothing
    /// may be assumed of what was written since the last success: do not try again, reopen.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `length` bytes.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// The file's length in bytes.
    fn length(&self) -> u64;
}

/// A file that is read anywhere, by many at once.
pub trait ReadFile: Send + Sync + fmt::Debug {
    /// Fills `buffer` from `offset` on, or fails with `UnexpectedEof`.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// The file's length in bytes when it was opened.
    fn length(&self) -> u64;
}

/// A lock that ends when it is dropped.
pub trait FileLock: Send + Sync + fmt::Debug {}

/// A file system. Paths are the caller's; nothing is resolved or canonicalised.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes `path` and its parents. Nothing happens when it is there.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Opens `path` to write at its end, and makes it when it is not there.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>>;
    /// Opens `path` to read.
    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>>;
    /// Renames a file, over another when there is one. Durable after [`sync_folder`](Self::sync_folder).
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A second name for a file, so that a snapshot costs no copy.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and all in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Entries of a folder, by name.
    fn list(&self, path: &Path) -> io::Result<Vec<FolderEntry>>;
    /// Makes the names in a folder survive the loss of power.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Locks the file `path` (made when it is not there) against every other process and opener
    /// until the returned value is dropped. `WouldBlock` when another has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>>;
    /// Bytes that can still be written below `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// The whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open_read(path)?;
        let mut bytes = vec![0; usize::try_from(file.length()).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Whether a file is there.
    fn exists(&self, path: &Path) -> bool {
        self.open_read(path).is_ok()
    }

    /// Puts `bytes` at `path`, durably and all or nothing: a reader finds the old content or the
    /// new, also after a loss of power.
    fn write_atomic(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = std::path::PathBuf::from(temporary);
        let mut file = self.open_append(&temporary)?;
        file.truncate(0)?;
        file.append(bytes)?;
        file.sync()?;
        drop(file);
        self.rename(&temporary, path)?;
        match path.parent() {
            Some(folder) => self.sync_folder(folder),
            None => Ok(()),
        }
    }
}
