//! The files: a snapshot, and a log of what changed since.
//!
//! Both hold lines of `<crc32c of the rest, 8 hex digits> <JSON>`; the first line names the
//! version, each other one holds the changes that were made together. A torn last line, as a loss
//! of power leaves it, ends the reading; what was synced before it is kept. When the log has grown
//! a new snapshot replaces it: written whole, then renamed, under the next generation's number,
//! so that at any moment exactly one snapshot and its own log count. The format is documented in
//! `docs/formats/catalog-journal.md`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vigie_world::{AppendFile, Disk, FileLock};

use crate::{Change, State};

const HEADER: &str = "vigie-catalog 1";
/// A log shorter than this is not worth a new snapshot.
const LOG_BYTES_MIN: u64 = 4 << 20;
/// Bytes that a file may have when it is read.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// The two files, open for writing.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    generation: u64,
    log: Box<dyn AppendFile>,
    snapshot_bytes: u64,
    // After a failed write nothing is known of the log's end: a new generation follows it.
    is_broken: bool,
    _lock: Box<dyn FileLock>,
}

impl Journal {
    /// Opens the files in `folder` (made when it is not there) and reads what was kept.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> io::Result<(Self, State)> {
        disk.create_folder(folder)?;
        let lock = disk.lock(&folder.join("lock"))?;
        let generation = newest(&*disk, folder)?;
        let mut state = State::default();
        let mut snapshot_bytes = 0;
        if generation > 0 {
            let path = snapshot_path(folder, generation);
            snapshot_bytes = read_lines(&*disk, &path, &mut state)?.1;
        }
        let log_path = log_path(folder, generation);
        let valid =
            if disk.exists(&log_path) { read_lines(&*disk, &log_path, &mut state)?.0 } else { 0 };
        let mut log = disk.open_append(&log_path)?;
        if log.length() > valid {
            tracing::warn!(
                file = %log_path.display(), kept = valid, length = log.length(),
                "the end of the catalog's log is torn and left out"
            );
            log.truncate(valid)?;
        }
        if valid == 0 {
            log.append(line(HEADER).as_bytes())?;
        }
        log.sync()?;
        disk.sync_folder(folder)?;
        remove_others(&*disk, folder, generation);
        let folder = folder.to_path_buf();
        let journal =
            Self { disk, folder, generation, log, snapshot_bytes, is_broken: false, _lock: lock };
        Ok((journal, state))
    }

    /// Writes changes that belong together. They survive the loss of power when it returns.
    /// `before` is what was kept until now.
    pub(crate) fn write(&mut self, changes: &[Change], before: &State) -> io::Result<()> {
        if self.is_broken {
            self.replace(before)?;
        }
        let text = encode(changes)?;
        let written = self.log.append(text.as_bytes()).and_then(|()| self.log.sync());
        if let Err(error) = written {
            // What was refused must not come back after a restart.
            self.is_broken = true;
            self.replace(before).ok();
            return Err(error);
        }
        Ok(())
    }

    /// Whether the log has grown so much that a snapshot is due.
    pub(crate) fn is_long(&self) -> bool {
        self.log.length() > LOG_BYTES_MIN.max(self.snapshot_bytes.saturating_mul(2))
    }

    /// Starts anew with `state`, which is everything there is.
    pub(crate) fn replace(&mut self, state: &State) -> io::Result<()> {
        // Never a number that was tried before: whether a failed snapshot is on disk is not known,
        // and one that is would hide what its elder's log was given since. So nothing is written
        // there any more either.
        self.generation += 1;
        self.is_broken = true;
        let generation = self.generation;
        let mut text = line(HEADER);
        for change in state.as_changes() {
            text.push_str(&encode(std::slice::from_ref(&change))?);
        }
        // The log first: the changes that follow must have a file whose name is durable.
        let mut log = self.disk.open_append(&log_path(&self.folder, generation))?;
        log.truncate(0)?;
        log.append(line(HEADER).as_bytes())?;
        log.sync()?;
        self.disk.write_atomic(&snapshot_path(&self.folder, generation), text.as_bytes())?;
        self.log = log;
        self.snapshot_bytes = text.len() as u64;
        self.is_broken = false;
        remove_others(&*self.disk, &self.folder, generation);
        Ok(())
    }
}

fn snapshot_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("snapshot-{generation}"))
}

fn log_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("log-{generation}"))
}

/// The newest snapshot's generation; 0 when there is none yet.
fn newest(disk: &dyn Disk, folder: &Path) -> io::Result<u64> {
    let entries = disk.list(folder)?;
    let numbers = entries.iter().filter_map(|e| e.name.strip_prefix("snapshot-")?.parse().ok());
    Ok(numbers.max().unwrap_or(0))
}

/// Files of other generations; that they cannot be removed costs space only.
fn remove_others(disk: &dyn Disk, folder: &Path, generation: u64) {
    let Ok(entries) = disk.list(folder) else { return };
    let current = [format!("snapshot-{generation}"), format!("log-{generation}")];
    for entry in entries {
        let is_ours = entry.name.starts_with("snapshot-") || entry.name.starts_with("log-");
        if is_ours && !current.contains(&entry.name) {
            disk.remove_file(&folder.join(&entry.name)).ok();
        }
    }
}

fn encode(changes: &[Change]) -> io::Result<String> {
    serde_json::to_string(changes).map(|json| line(&json)).map_err(io::Error::other)
}

fn line(text: &str) -> String {
    format!("{:08x} {text}\n", crc32c::crc32c(text.as_bytes()))
}

/// Reads the lines of a file; gives how many of its bytes are sound, and how many it has.
fn read_lines(disk: &dyn Disk, path: &Path, state: &mut State) -> io::Result<(u64, u64)> {
    if disk.open_read(path)?.length() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("{} is too large", path.display())));
    }
    let bytes = disk.read(path)?;
    let mut valid = 0_u64;
    for (number, whole) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(text) = sound(whole) else { break };
        if number == 0 && text != HEADER {
            let message = format!("{} has a version that is not known: {text}", path.display());
            return Err(io::Error::other(message));
        }
        if number > 0 {
            // The checksum is right, so a newer version wrote what is not understood. Going on
            // would make it vanish with the next snapshot.
            let changes: Vec<Change> = serde_json::from_str(text).map_err(|error| {
                io::Error::other(format!("{}, line {}: {error}", path.display(), number + 1))
            })?;
            changes.into_iter().for_each(|change| state.apply(change));
        }
        valid += whole.len() as u64;
    }
    Ok((valid, bytes.len() as u64))
}

/// The text of a whole line whose checksum is right.
fn sound(whole: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(whole.strip_suffix(b"\n")?).ok()?;
    let (sum, text) = text.split_once(' ')?;
    let sum = u32::from_str_radix(sum, 16).ok()?;
    (sum == crc32c::crc32c(text.as_bytes())).then_some(text)
}
