//! What must survive a restart and fits in memory: a snapshot, and a log of what changed since.
//!
//! Both files hold lines of `<CRC32C of the rest, 8 hex digits> <JSON>`; the first line names whose
//! they are and their version. A torn last line, as a loss of power leaves it, ends the reading;
//! what was synced before it is kept. When the log has grown, a new snapshot replaces it: written
//! whole, then renamed, under the next generation's number, so that at any moment exactly one
//! snapshot and its own log count. What the lines hold is documented by who writes them, in
//! `docs/formats/respond-journal.md` and `docs/formats/catalog-journal.md`.

use std::borrow::Borrow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vigie_world::{AppendFile, Disk, FileLock};

/// What a journal keeps, a line each.
pub trait Durable: Serialize + DeserializeOwned {
    /// The first line of its files: whose they are, and the version.
    const HEADER: &'static str;
    /// What becomes of a line that is sound and not understood.
    const UNKNOWN: Unknown;

    /// Whether it must be on disk before anybody hears of it.
    fn is_urgent(&self) -> bool;
}

/// What becomes of a line whose checksum is right and that is not understood: a newer version wrote
/// it, and the next snapshot would not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It is reported and left out.
    LeftOut,
    /// The journal is not opened.
    Refused,
}

/// A log shorter than this is not worth a new snapshot.
const LOG_BYTES_MIN: u64 = 4 << 20;
/// Bytes that a file may have when it is read.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// The two files, open for writing.
#[derive(Debug)]
pub struct Journal<R> {
    record: std::marker::PhantomData<fn(R)>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    generation: u64,
    log: Box<dyn AppendFile>,
    /// Bytes of the log that are whole records; what follows is of a failed write.
    log_bytes: u64,
    snapshot_bytes: u64,
    /// A snapshot could not be written, or whether it was is not known: what follows must not go
    /// to the log of its elder, which it would hide.
    is_broken: bool,
    _lock: Box<dyn FileLock>,
}

impl<R: Durable> Journal<R> {
    /// Opens the files in `folder` (made when it is not there) and reads what was kept.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path) -> io::Result<(Self, Vec<R>)> {
        disk.create_folder(folder)?;
        let lock = disk.lock(&folder.join("lock"))?;
        let generation = newest(&*disk, folder)?;
        let mut records = Vec::new();
        let mut snapshot_bytes = 0;
        if generation > 0 {
            let path = snapshot_path(folder, generation);
            snapshot_bytes = read_lines(&*disk, &path, &mut records)?.1;
        }
        let log_path = log_path(folder, generation);
        let valid =
            if disk.exists(&log_path) { read_lines(&*disk, &log_path, &mut records)?.0 } else { 0 };
        let mut log = disk.open_append(&log_path)?;
        if log.length() > valid {
            tracing::warn!(
                file = %log_path.display(), kept = valid, length = log.length(),
                "the end of the journal is torn and left out"
            );
            log.truncate(valid)?;
        }
        if valid == 0 {
            log.append(line(R::HEADER).as_bytes())?;
            log.sync()?;
        }
        disk.sync_folder(folder)?;
        remove_others(&*disk, folder, generation);
        let folder = folder.to_path_buf();
        let log_bytes = log.length();
        let journal = Self {
            log_bytes,
            record: std::marker::PhantomData,
            disk,
            folder,
            generation,
            log,
            snapshot_bytes,
            is_broken: false,
            _lock: lock,
        };
        Ok((journal, records))
    }

    /// Writes records; they survive the loss of power when it returns and one was urgent. When it
    /// fails they may be there or not until the next one is written, or all is replaced.
    pub fn write(&mut self, records: &[R]) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("the last snapshot failed; another one must be written"));
        }
        let mut text = String::new();
        for record in records {
            text.push_str(&encode(record)?);
        }
        if self.log.length() > self.log_bytes {
            // Behind a torn record nothing would be read.
            self.log.truncate(self.log_bytes)?;
        }
        self.log.append(text.as_bytes())?;
        if records.iter().any(Durable::is_urgent) {
            self.log.sync()?;
        }
        self.log_bytes = self.log.length();
        Ok(())
    }

    /// Whether the last snapshot failed: nothing can be written before another one.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether a snapshot is due: the log has grown so much, or the last one failed.
    pub fn is_long(&self) -> bool {
        self.is_broken
            || self.log.length() > LOG_BYTES_MIN.max(self.snapshot_bytes.saturating_mul(2))
    }

    /// Starts anew with `records`, which are everything there is.
    pub fn replace(&mut self, records: impl IntoIterator<Item = impl Borrow<R>>) -> io::Result<()> {
        // Never a number that was tried before: whether a failed snapshot is on disk is not known,
        // and one that is would hide what its elder's log was given since. So nothing is written
        // there any more either.
        self.generation += 1;
        self.is_broken = true;
        let generation = self.generation;
        let mut text = line(R::HEADER);
        for record in records {
            text.push_str(&encode(record.borrow())?);
        }
        // The log first: a snapshot without its log would be read as one without changes, but
        // the changes that follow must have a file whose name is durable.
        let mut log = self.disk.open_append(&log_path(&self.folder, generation))?;
        log.truncate(0)?;
        log.append(line(R::HEADER).as_bytes())?;
        log.sync()?;
        self.disk.write_atomic(&snapshot_path(&self.folder, generation), text.as_bytes())?;
        self.log_bytes = log.length();
        self.log = log;
        self.is_broken = false;
        self.snapshot_bytes = text.len() as u64;
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

fn encode<R: Serialize>(record: &R) -> io::Result<String> {
    serde_json::to_string(record).map(|json| line(&json)).map_err(io::Error::other)
}

fn line(text: &str) -> String {
    format!("{:08x} {text}\n", crc32c::crc32c(text.as_bytes()))
}

/// Reads the lines of a file; gives how many of its bytes are sound, and how many it has.
fn read_lines<R: Durable>(
    disk: &dyn Disk,
    path: &Path,
    records: &mut Vec<R>,
) -> io::Result<(u64, u64)> {
    if disk.open_read(path)?.length() > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("{} is too large", path.display())));
    }
    let bytes = disk.read(path)?;
    let mut valid = 0_u64;
    for (number, whole) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(text) = sound(whole) else { break };
        if number == 0 && text != R::HEADER {
            let message = format!("{} has a version that is not known: {text}", path.display());
            return Err(io::Error::other(message));
        }
        if number > 0 {
            let line = number + 1;
            match serde_json::from_str(text) {
                Ok(record) => records.push(record),
                Err(error) if R::UNKNOWN == Unknown::Refused => {
                    let message = format!("{}, line {line}: {error}", path.display());
                    return Err(io::Error::other(message));
                }
                Err(error) => tracing::warn!(
                    file = %path.display(), line, %error,
                    "a line of the journal is not understood and left out"
                ),
            }
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

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use vigie_world::SimDisk;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
    enum Record {
        Gone(usize),
    }

    impl Durable for Record {
        const HEADER: &'static str = "vigie-test 1";
        const UNKNOWN: Unknown = Unknown::LeftOut;

        fn is_urgent(&self) -> bool {
            false
        }
    }

    /// The same, for who must not lose what is not understood.
    #[derive(Debug, Serialize, serde::Deserialize)]
    struct Strict(Record);

    impl Durable for Strict {
        const HEADER: &'static str = Record::HEADER;
        const UNKNOWN: Unknown = Unknown::Refused;

        fn is_urgent(&self) -> bool {
            true
        }
    }

    fn gone(number: usize) -> Record {
        Record::Gone(number)
    }

    fn open(disk: &SimDisk) -> (Journal<Record>, Vec<Record>) {
        Journal::open(Arc::new(disk.clone()), Path::new("/data/respond")).unwrap()
    }

    #[test]
    fn what_was_written_is_read_again() {
        let disk = SimDisk::from_seed(1);
        let (mut journal, records) = open(&disk);
        assert!(records.is_empty());
        journal.write(&[gone(1), gone(2)]).unwrap();
        let busy = Journal::<Record>::open(Arc::new(disk.clone()), Path::new("/data/respond"))
            .unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::WouldBlock, "one process at a time");
        drop(journal);
        let (mut journal, records) = open(&disk);
        assert_eq!(records, [gone(1), gone(2)]);
        journal.replace(&[gone(3)]).unwrap();
        journal.write(&[gone(4)]).unwrap();
        drop(journal);
        assert_eq!(open(&disk).1, [gone(3), gone(4)]);
        let files = disk.list(Path::new("/data/respond")).unwrap();
        assert_eq!(files.len(), 2, "old files are gone: {files:?}");
    }

    #[test]
    fn a_line_that_is_not_understood_is_left_out_or_refused() {
        let disk = SimDisk::from_seed(1);
        let (mut journal, _) = open(&disk);
        journal.write(&[gone(1)]).unwrap();
        journal.log.append(line(r#"{"Newer":1}"#).as_bytes()).unwrap();
        journal.log_bytes = journal.log.length();
        journal.write(&[gone(2)]).unwrap();
        drop(journal);
        assert_eq!(open(&disk).1, [gone(1), gone(2)]);
        let folder = Path::new("/data/respond");
        let error = Journal::<Strict>::open(Arc::new(disk.clone()), folder).unwrap_err();
        assert!(error.to_string().contains("log-0, line 3: unknown variant"), "{error}");
    }

    /// Whatever operation of a snapshot fails: what is acknowledged later is read again.
    #[test]
    fn a_snapshot_that_fails_hides_nothing() {
        for operation in 0..12 {
            let disk = SimDisk::from_seed(operation);
            let (mut journal, _) = open(&disk);
            journal.write(&[gone(1)]).unwrap();
            disk.set_fault(disk.operations() + operation, vigie_world::Fault::Error);
            let replaced = journal.replace(&[gone(1)]);
            // As whoever writes does: a snapshot first where one is due.
            let all = [gone(1), gone(2)];
            let written = match journal.is_long() {
                true => journal.replace(&all),
                false => journal.write(&all[1..]),
            };
            if written.is_err() {
                journal.replace(&all).unwrap();
            }
            journal.log.sync().unwrap();
            disk.crash();
            drop(journal);
            let found = open(&disk).1;
            assert_eq!(found, all, "operation {operation}, the snapshot was {replaced:?}");
        }
    }

    /// Whatever moment the power fails at, what is read is what was written, up to some point
    /// not before the last sync.
    #[test]
    fn a_crash_loses_at_most_what_was_not_synced() {
        for seed in 0..200 {
            let disk = SimDisk::from_seed(seed);
            let (mut journal, _) = open(&disk);
            let mut written = Vec::new();
            let mut synced = 0;
            let steps = 3 + seed as usize % 23;
            for step in 0..steps {
                if step % 7 == 6 {
                    journal.replace(&written).unwrap();
                    synced = written.len();
                    continue;
                }
                let record = gone(step);
                journal.write(std::slice::from_ref(&record)).unwrap();
                written.push(record);
                if step % 3 == 0 {
                    journal.log.sync().unwrap();
                    synced = written.len();
                }
            }
            disk.crash();
            drop(journal);
            let (_, found) = open(&disk);
            assert!(found.len() >= synced, "seed {seed}: {} of {synced}", found.len());
            assert_eq!(found, written[..found.len()], "seed {seed}");
        }
    }
}
