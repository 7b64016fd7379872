//! The catalog: one writer at a time, readers who never wait for the disk.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use vigie_world::Disk;

use crate::journal::Journal;
use crate::{CatalogError, Change, Limits, State};

/// What people decided, durably.
#[derive(Debug)]
pub struct Catalog {
    journal: Mutex<Journal>,
    state: RwLock<Arc<State>>,
    limits: Limits,
}

impl Catalog {
    /// Opens what is kept in `folder`, which is made when it is not there.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, limits: Limits) -> io::Result<Self> {
        let (journal, state) = Journal::open(disk, folder)?;
        let state = RwLock::new(Arc::new(state));
        Ok(Self { journal: Mutex::new(journal), state, limits })
    }

    /// Everything as it is now.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read())
    }

    /// As many as there may be of everything.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Makes the changes that `decide` gives, all or none, and returns what else it gives. Nobody
    /// else changes anything between its look at the state and the end. Waits for the disk, so
    /// call it where that is allowed.
    pub fn change<T, E: From<CatalogError>>(
        &self,
        decide: impl FnOnce(&State) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, E> {
        let mut journal = self.journal.lock();
        let before = self.state();
        let (mut changes, result) = decide(&before)?;
        if changes.is_empty() {
            return Ok(result);
        }
        let mut after = (*before).clone();
        for change in &changes {
            let bytes = serde_json::to_vec(change).map_err(io::Error::other);
            let bytes = bytes.map_err(CatalogError::Disk)?.len();
            self.limits.check(&after, change, bytes)?;
            after.apply(change.clone());
        }
        for change in self.limits.outdated(&after) {
            after.apply(change.clone());
            changes.push(change);
        }
        journal.write(changes, &before).map_err(CatalogError::Disk)?;
        *self.state.write() = Arc::new(after);
        if journal.is_long()
            && let Err(error) = journal.replace(&self.state())
        {
            tracing::warn!(%error, "the catalog's snapshot could not be written, its log goes on");
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests;
