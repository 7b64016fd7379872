//! A catalog in memory, for tests and trials: it survives a simulated crash, and fails when told to.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::{Catalog, CatalogState, Change};
use vigie_world::SimDisk;

use crate::StoreError;

/// A catalog in memory; clones share their content. It fails with the disk that it is given.
#[derive(Debug, Clone)]
pub(crate) struct MemoryCatalog {
    pub(crate) state: Arc<Mutex<CatalogState>>,
    pub(crate) disk: SimDisk,
}

#[async_trait]
impl Catalog for MemoryCatalog {
    async fn load(&self) -> Result<CatalogState, StoreError> {
        Ok(self.state.lock().clone())
    }

    async fn commit(&self, change: &Change) -> Result<(), StoreError> {
        let failed = |source| StoreError::Io { what: "commit".to_owned(), source };
        let succeeds = self.disk.foreign_operation().map_err(failed)?;
        let mut state = self.state.lock();
        state.parts.retain(|part| !change.remove.contains(&part.id));
        state.parts.extend(change.add.iter().cloned());
        for (id, aged) in &change.aged {
            for part in state.parts.iter_mut().filter(|part| part.id == *id) {
                part.aged = *aged;
            }
        }
        state.tombstones.retain(|row| !change.remove_tombstones.contains(&row.id));
        state.tombstones.extend(change.add_tombstones.iter().cloned());
        if let Some(generation) = change.sealed_generation {
            state.sealed_generation = generation;
        }
        let documents = &change.documents;
        state.documents.retain(|part| !documents.remove.contains(&part.id));
        state.documents.extend(documents.add.iter().cloned());
        for (id, deleted) in &documents.deleted {
            let part = state.documents.iter_mut().find(|part| part.id == *id);
            part.into_iter().for_each(|part| part.deleted.clone_from(deleted));
        }
        if let Some((signal, generation)) = &documents.sealed {
            state.documents_sealed.retain(|(known, _)| known != signal);
            state.documents_sealed.push((signal.clone(), *generation));
        }
        if succeeds { Ok(()) } else { Err(failed(std::io::Error::other("done, but never told"))) }
    }

    async fn copy_to(&self, _folder: &Path, _state: &CatalogState) -> Result<(), StoreError> {
        Ok(())
    }
}
