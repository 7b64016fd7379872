//! How far each file is read, on disk.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use vigie_journal::{Durable, Journal, Unknown};
use vigie_world::Disk;

use super::identity::{Head, Identity};

/// A file of an input. Several inputs may follow the same file, each in its own time.
type Key = (Arc<str>, Identity);

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Where it was last seen.
    pub(super) path: String,
    /// The first byte that is not durable yet.
    pub(super) offset: u64,
    /// How it begins.
    pub(super) head: Head,
    /// When this was noted, ms since the epoch.
    pub(super) at_ms: i64,
}

/// A line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    input: Arc<str>,
    file: Identity,
    /// `None`: it is forgotten.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    known: Option<Known>,
}

impl Durable for Record {
    const HEADER: &'static str = "vigie files 1";
    const UNKNOWN: Unknown = Unknown::LeftOut;

    /// After a loss of power a little is read again, which at-least-once allows.
    fn is_urgent(&self) -> bool {
        false
    }
}

/// How far all files are read.
#[derive(Debug)]
pub struct Registry {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    journal: Journal<Record>,
    files: BTreeMap<Key, Known>,
}

impl Registry {
    /// Opens what is kept in `folder`.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path) -> io::Result<Arc<Self>> {
        let (journal, records) = Journal::<Record>::open(disk, folder)?;
        let mut files = BTreeMap::new();
        for record in records {
            let key = (record.input, record.file);
            match record.known {
                Some(known) => files.insert(key, known),
                None => files.remove(&key),
            };
        }
        Ok(Arc::new(Self { state: Mutex::new(State { journal, files }) }))
    }

    pub(super) fn get(&self, input: &Arc<str>, file: Identity) -> Option<Known> {
        self.state.lock().files.get(&(Arc::clone(input), file)).cloned()
    }

    /// All files of `input`.
    pub(super) fn of(&self, input: &Arc<str>) -> Vec<(Identity, Known)> {
        let state = self.state.lock();
        let own = state.files.iter().filter(|((name, _), _)| name == input);
        own.map(|((_, file), known)| (*file, known.clone())).collect()
    }

    pub(super) fn set(&self, input: &Arc<str>, file: Identity, known: Option<Known>) {
        let mut state = self.state.lock();
        let key = (Arc::clone(input), file);
        match &known {
            Some(known) => state.files.insert(key, known.clone()),
            None => state.files.remove(&key),
        };
        let record = Record { input: Arc::clone(input), file, known };
        if let Err(error) = state.write(&record) {
            // What is read stays right; after a restart more of it comes again.
            tracing::warn!(%error, "how far files are read cannot be noted");
        }
    }
}

impl State {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        if !self.journal.is_broken() {
            self.journal.write(std::slice::from_ref(record))?;
        }
        if self.journal.is_long() {
            let all = self.files.iter().map(|((input, file), known)| Record {
                input: Arc::clone(input),
                file: *file,
                known: Some(known.clone()),
            });
            let all: Vec<Record> = all.collect();
            self.journal.replace(&all)?;
        }
        Ok(())
    }
}
