//! The journal: a line holds the changes that were made together.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vigie_journal::{Durable, Unknown};
use vigie_world::Disk;

use crate::{Change, State};

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct Together(Vec<Change>);

impl Durable for Together {
    const HEADER: &'static str = "vigie-catalog 1";
    const UNKNOWN: Unknown = Unknown::Refused;

    fn is_urgent(&self) -> bool {
        true
    }
}

#[derive(Debug)]
pub(crate) struct Journal(vigie_journal::Journal<Together>);

impl Journal {
    /// Opens the files in `folder` (made when it is not there) and reads what was kept.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> io::Result<(Self, State)> {
        let (journal, lines) = vigie_journal::Journal::open(disk, folder)?;
        let mut state = State::default();
        lines.into_iter().flat_map(|Together(changes)| changes).for_each(|c| state.apply(c));
        Ok((Self(journal), state))
    }

    /// Writes changes that belong together. They survive the loss of power when it returns, and
    /// none of them comes back when it fails. `before` is what was kept until now.
    pub(crate) fn write(&mut self, changes: Vec<Change>, before: &State) -> io::Result<()> {
        if self.0.is_broken() {
            self.replace(before)?;
        }
        let written = self.0.write(&[Together(changes)]);
        if written.is_err() {
            // Whether it is on disk is not known, and what was refused must not come back after a
            // restart.
            self.replace(before).ok();
        }
        written
    }

    /// Whether the log has grown so much that a snapshot is due, or the last one failed.
    pub(crate) fn is_long(&self) -> bool {
        self.0.is_long()
    }

    /// Starts anew with `state`, which is everything there is.
    pub(crate) fn replace(&mut self, state: &State) -> io::Result<()> {
        self.0.replace(state.as_changes().map(|change| Together(vec![change])))
    }
}
