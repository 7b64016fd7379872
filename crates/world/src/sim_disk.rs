//! A disk in memory that fails as disks do: it tears writes, forgets what was not synced, runs
//! full and breaks, all from a seed.
//!
//! Every operation that changes something has a number, counted from zero; a [`Fault`] can be set
//! for one of them. [`SimDisk::crash`] is the loss of power: of what was written after a file's
//! last sync a random beginning stays, sometimes followed by zeros; of names that were made,
//! renamed or removed after their folder's last sync each stays or not. Folders themselves are
//! durable at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::Random;
use crate::disk::{AppendFile, Disk, EntryKind, FileLock, FolderEntry, ReadFile};

/// What happens at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails. An append has written a random part, a sync has synced nothing.
    Error,
    /// The disk is full; as [`Error`](Self::Error), with that reason.
    Full,
    /// The power is lost: it and everything after it fails, until [`SimDisk::crash`].
    PowerLoss,
}

/// A simulated disk; clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    random: Arc<Random>,
}

#[derive(Debug, Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    locks: BTreeSet<PathBuf>,
    /// Raised by each crash; handles of an earlier life do nothing.
    life: u64,
    operations: u64,
    fault: Option<(u64, Fault)>,
    is_off: bool,
    capacity_bytes: Option<u64>,
}

#[derive(Debug, Default)]
struct File {
    content: Vec<u8>,
    durable: Vec<u8>,
}

impl SimDisk {
    /// An empty disk.
    pub fn from_seed(seed: u64) -> Self {
        Self { state: Arc::default(), random: Arc::new(Random::from_seed(seed)) }
    }

    /// Operations so far that changed something.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Sets what happens at operation number `at`.
    pub fn set_fault(&self, at: u64, fault: Fault) {
        self.state.lock().fault = Some((at, fault));
    }

    /// Lets the disk hold at most this many bytes.
    pub fn set_capacity_bytes(&self, capacity_bytes: Option<u64>) {
        self.state.lock().capacity_bytes = capacity_bytes;
    }

    /// Whether the power was lost.
    pub fn is_off(&self) -> bool {
        self.state.lock().is_off
    }

    /// An operation of something else that shares the disk's fate, such as a database: counted,
    /// and subject to faults. With the power it may be done or not: `Ok(false)` says that it is
    /// done although it shall fail.
    pub fn foreign_operation(&self) -> io::Result<bool> {
        let mut state = self.state.lock();
        match state.count() {
            Ok(()) => Ok(true),
            Err(_) if state.is_off && state.operations_end() && self.random.below(2) == 0 => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The power is lost and comes back.
    pub fn crash(&self) {
        let mut state = self.state.lock();
        let state = &mut *state;
        state.life += 1;
        state.is_off = false;
        state.fault = None;
        state.locks.clear();
        for file in &mut state.files {
            if file.content.starts_with(&file.durable) {
                self.tear(file);
            } else {
                file.content.clone_from(&file.durable);
            }
            file.durable.clone_from(&file.content);
        }
        let paths: BTreeSet<_> =
            state.names.keys().chain(state.durable_names.keys()).cloned().collect();
        for path in paths {
            let (now, durable) = (state.names.get(&path), state.durable_names.get(&path));
            if now == durable || self.random.below(2) == 0 {
                continue;
            }
            match durable.copied() {
                Some(file) => state.names.insert(path, file),
                None => state.names.remove(&path),
            };
        }
        state.durable_names.clone_from(&state.names);
    }

    fn tear(&self, file: &mut File) {
        let unsynced = (file.content.len() - file.durable.len()) as u64;
        let kept = file.durable.len() + self.random.below(unsynced + 1) as usize;
        let zeros = self.random.below(4) == 0;
        let zeros_from = kept - self.random.below((kept - file.durable.len()) as u64 + 1) as usize;
        file.content.truncate(kept);
        if zeros {
            file.content[zeros_from..].fill(0);
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        state.count()?;
        change(&mut state)
    }
}

impl State {
    /// Counts an operation, and fails when it shall.
    fn count(&mut self) -> io::Result<()> {
        if self.is_off {
            return Err(io::Error::other("the power is off"));
        }
        let at = self.operations;
        self.operations += 1;
        match self.fault {
            Some((when, fault)) if when == at => {
                self.is_off = fault == Fault::PowerLoss;
                Err(match fault {
                    Fault::Full => io::ErrorKind::StorageFull.into(),
                    Fault::Error => io::Error::from_raw_os_error(5),
                    Fault::PowerLoss => io::Error::other("the power is lost"),
                })
            }
            _ => Ok(()),
        }
    }

    /// Whether the last counted operation was the one at which the power was lost.
    fn operations_end(&self) -> bool {
        self.fault.is_some_and(|(at, _)| at + 1 == self.operations)
    }

    fn used_bytes(&self) -> u64 {
        let files: BTreeSet<usize> = self.names.values().copied().collect();
        files.iter().filter_map(|at| self.files.get(*at)).map(|f| f.content.len() as u64).sum()
    }

    fn free_bytes(&self) -> u64 {
        let capacity = self.capacity_bytes.unwrap_or(1 << 50);
        capacity.saturating_sub(self.used_bytes())
    }

    fn file_at(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn has_folder_of(&self, path: &Path) -> bool {
        path.parent().is_none_or(|folder| self.folders.contains(folder))
    }
}

#[derive(Debug)]
struct SimAppendFile {
    disk: SimDisk,
    file: usize,
    life: u64,
}

impl SimAppendFile {
    fn change(&self, change: impl FnOnce(&mut State, usize) -> io::Result<()>) -> io::Result<()> {
        self.disk.change(|state| {
            if state.life != self.life {
                return Err(io::Error::other("the file was open before the power was lost"));
            }
            change(state, self.file)
        })
    }
}

impl AppendFile for SimAppendFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let part = self.disk.random.below(bytes.len() as u64 + 1) as usize;
        let mut state = self.disk.state.lock();
        if state.life != self.life {
            return Err(io::Error::other("the file was open before the power was lost"));
        }
        let was_off = state.is_off;
        let counted = state.count();
        let room = usize::try_from(state.free_bytes()).unwrap_or(usize::MAX);
        let written = match &counted {
            Ok(()) => bytes.len().min(room),
            Err(_) if was_off => 0,
            Err(_) => part.min(room),
        };
        if let Some(file) = state.files.get_mut(self.file) {
            file.content.extend_from_slice(&bytes[..written]);
        }
        counted?;
        if written < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.change(|state, file| {
            if let Some(file) = state.files.get_mut(file) {
                file.durable.clone_from(&file.content);
            }
            Ok(())
        })
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.change(|state, file| {
            if let Some(file) = state.files.get_mut(file) {
                file.content.resize(length as usize, 0);
            }
            Ok(())
        })
    }

    fn length(&self) -> u64 {
        self.disk.state.lock().files.get(self.file).map_or(0, |file| file.content.len() as u64)
    }
}

#[derive(Debug)]
struct SimReadFile {
    disk: SimDisk,
    file: usize,
    length: u64,
}

impl ReadFile for SimReadFile {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.disk.state.lock();
        let content = state.files.get(self.file).map_or(&[][..], |file| &file.content);
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = from.checked_add(buffer.len()).and_then(|end| content.get(from..end));
        let bytes = bytes.ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn length(&self) -> u64 {
        self.length
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    life: u64,
}

impl FileLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

impl Disk for SimDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        if self.state.lock().folders.contains(path) {
            return Ok(());
        }
        self.change(|state| {
            state.folders.extend(path.ancestors().map(Path::to_path_buf));
            Ok(())
        })
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        let there = self.state.lock().names.get(path).copied();
        let file = match there {
            Some(file) => file,
            None => self.change(|state| {
                if !state.has_folder_of(path) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                state.files.push(File::default());
                let file = state.files.len() - 1;
                state.names.insert(path.to_path_buf(), file);
                Ok(file)
            })?,
        };
        let life = self.state.lock().life;
        Ok(Box::new(SimAppendFile { disk: self.clone(), file, life }))
    }

    fn open_read(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let state = self.state.lock();
        let file = state.file_at(path)?;
        let length = state.files.get(file).map_or(0, |file| file.content.len() as u64);
        Ok(Arc::new(SimReadFile { disk: self.clone(), file, length }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|state| {
            let file = state.file_at(from)?;
            state.names.remove(from);
            state.names.insert(to.to_path_buf(), file);
            Ok(())
        })
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(|state| {
            let file = state.file_at(from)?;
            state.names.insert(to.to_path_buf(), file);
            Ok(())
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            state.file_at(path)?;
            state.names.remove(path);
            Ok(())
        })
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            state.names.retain(|name, _| !name.starts_with(path));
            state.folders.retain(|name| !name.starts_with(path));
            Ok(())
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<FolderEntry>> {
        let state = self.state.lock();
        if !state.folders.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let within = |name: &Path| name.parent() == Some(path);
        let name_of =
            |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let files = state.names.iter().filter(|(name, _)| within(name)).map(|(name, file)| {
            let length = state.files.get(*file).map_or(0, |file| file.content.len() as u64);
            (name_of(name), EntryKind::File(length))
        });
        let folders = state.folders.iter().filter(|name| within(name));
        let all = files.chain(folders.map(|name| (name_of(name), EntryKind::Folder)));
        let mut entries: Vec<_> =
            all.filter_map(|(name, kind)| Some(FolderEntry { name: name?, kind })).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.change(|state| {
            state.durable_names.retain(|name, _| name.parent() != Some(path));
            let now = state.names.iter().filter(|(name, _)| name.parent() == Some(path));
            state.durable_names.extend(now.map(|(name, file)| (name.clone(), *file)));
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn FileLock>> {
        let mut state = self.state.lock();
        if !state.locks.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock { disk: self.clone(), path: path.to_path_buf(), life: state.life }))
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.state.lock().free_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_synced_is_sure_to_survive() {
        let mut lengths = BTreeSet::new();
        let mut named = BTreeSet::new();
        for seed in 0..50 {
            let disk = SimDisk::from_seed(seed);
            disk.create_folder(Path::new("/d")).unwrap();
            let path = Path::new("/d/file");
            let mut file = disk.open_append(path).unwrap();
            file.append(b"synced").unwrap();
            file.sync().unwrap();
            disk.sync_folder(Path::new("/d")).unwrap();
            file.append(b" not synced").unwrap();
            disk.open_append(Path::new("/d/other")).unwrap();
            disk.crash();
            let content = disk.read(path).unwrap();
            assert!(content.starts_with(b"synced"));
            lengths.insert(content.len());
            named.insert(disk.exists(Path::new("/d/other")));
            assert!(file.append(b"x").is_err(), "a handle from before the crash is dead");
        }
        assert!(lengths.len() > 5, "tails are torn anywhere: {lengths:?}");
        assert_eq!(named.len(), 2, "an unsynced name survives only sometimes");
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_recovers() {
        let disk = SimDisk::from_seed(1);
        disk.create_folder(Path::new("/d")).unwrap();
        let mut file = disk.open_append(Path::new("/d/file")).unwrap();
        disk.set_capacity_bytes(Some(4));
        let error = file.append(b"123456").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(file.length(), 4);
        disk.set_capacity_bytes(None);
        file.append(b"56").unwrap();
        assert_eq!(file.length(), 6);
    }
}
