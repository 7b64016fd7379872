//! The machine's file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{AppendFile, Disk, EntryKind, FileLock, FolderEntry, ReadFile};

/// The machine's file system.
#[derive(Debug, Default)]
pub struct RealDisk {
    _private: (),
}

impl RealDisk {
    /// The machine's file system.
    pub fn new() -> Self {
        Self::default()
    }
}

#[derive(Debug)]
struct RealAppendFile {
    file: File,
    length: u64,
}

impl AppendFile for RealAppendFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.length = length;
        Ok(())
    }

    fn length(&self) -> u64 {
        self.length
    }
}

#[derive(Debug)]
struct RealReadFile {
    file: File,
    length: u64,
}

impl ReadFile for RealReadFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn length(&self) -> u64 {
        self.length
    }
}

/// The system's lock on an open file; closing the file ends it.
#[derive(Debug)]
struct RealLock {
    _file: File,
}

impl FileLock for RealLock {}

impl Disk for RealDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Box::new(RealAppendFile { file, length }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Arc::new(RealReadFile { file, length }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<FolderEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let kind =
                if metadata.is_dir() { EntryKind::Folder } else { EntryKind::File(metadata.len()) };
            entries.push(FolderEntry { name: entry.file_name().to_string_lossy().into(), kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealLock { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail * stat.f_frsize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let disk = RealDisk::new();
        disk.write_atomic(&path, b"first, and longer").unwrap();
        disk.write_atomic(&path, b"second").unwrap();
        assert_eq!(disk.read(&path).unwrap(), b"second");
        assert_eq!(disk.list(folder.path()).unwrap().len(), 1, "no temporary file stays");
    }
}
