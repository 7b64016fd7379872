//! Opening a store: the catalog and its parts. What only the log has is replayed while they answer.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::RwLock;
use vigie_model::TenantId;
use vigie_world::{FileLock, World};

use super::Store;
use super::replay::Replay;
use super::space::Space;
#[cfg(feature = "catalog-sql")]
use crate::catalog::sql::SqliteCatalog;
use crate::catalog::{Catalog, CatalogState};
use crate::logs::{DocumentSignal, LogStore};
use crate::metrics::Counters;
use crate::parts::{PartFolder, PartList, StoredPart, Tombstone};
use crate::view::{Tenant, View};
use crate::wal::{SegmentName, Wal};
use crate::{StoreError, StoreOptions};

/// The cache of parts takes at most this, and at most a sixteenth of the memory there is.
const CACHE_BYTES_MAX: u64 = 64 << 20;

type Tenants = HashMap<TenantId, Arc<Tenant>>;

impl Store {
    /// Opens the store in `options.data`, and makes it when it is not there.
    #[cfg(feature = "catalog-sql")]
    pub async fn open(options: StoreOptions, world: World) -> Result<Arc<Self>, StoreError> {
        let lock = lock(&options, &world)?;
        let url = options.catalog_url.as_deref();
        let catalog = SqliteCatalog::open_any(url, &options.data).await?;
        let store = Self::open_locked(options, world, catalog, lock).await?;
        Self::start_replay(&store);
        Self::start_background(&store);
        Ok(store)
    }

    /// Opens a store with another catalog, without background work and without replaying the log.
    #[cfg(test)]
    pub(crate) async fn open_with(
        options: StoreOptions,
        world: World,
        catalog: Arc<dyn Catalog>,
    ) -> Result<Arc<Self>, StoreError> {
        let lock = lock(&options, &world)?;
        Self::open_locked(options, world, catalog, lock).await
    }

    async fn open_locked(
        options: StoreOptions,
        world: World,
        catalog: Arc<dyn Catalog>,
        lock: Box<dyn FileLock>,
    ) -> Result<Arc<Self>, StoreError> {
        if let Some(url) = &options.parts_url {
            let message = format!("parts at {url}: only the local folder is served yet");
            return Err(StoreError::Invalid(message));
        }
        let state = catalog.load().await?;
        let root = options.data.join("parts");
        let folder = Arc::new(PartFolder::new(
            Arc::clone(&world.disk),
            root,
            (options.memory_bytes_max / 16).min(CACHE_BYTES_MAX) as usize,
        ));
        folder.remove_strangers(&state.parts)?;
        let tenants = tenants_of(&state, &folder)?;
        let counters = Arc::new(Counters::default());
        let wal_folder = options.data.join("wal");
        let replay = Replay::plan(&world, &wal_folder, state.sealed_generation, &counters)?;
        let ids = state.parts.iter().map(|p| p.id).chain(state.tombstones.iter().map(|t| t.id));
        let next_id = ids.max().unwrap_or(0) + 1;
        let last = replay.last_generation();
        let first = SegmentName { generation: last + 1, sequence: 0 };
        let wal = Wal::open(Arc::clone(&world.disk), wal_folder, first, Arc::clone(&counters))?;
        let logs = LogStore::open(DocumentSignal::Logs, &options, &world, &counters, 0)?;
        let spans = LogStore::open(DocumentSignal::Spans, &options, &world, &counters, 0)?;
        Ok(Arc::new(Self {
            logs,
            spans,
            options,
            world,
            tenants: RwLock::new(tenants),
            generation: RwLock::new(()),
            wal,
            catalog,
            folder,
            counters,
            space: Space::default(),
            next_id: AtomicU64::new(next_id),
            sealed_generation: AtomicU64::new(state.sealed_generation),
            sealing_generation: AtomicU64::new(last),
            replay,
            maintenance: tokio::sync::Mutex::new(()),
            wake: Arc::default(),
            closed: AtomicBool::new(false),
            _lock: lock,
        }))
    }
}

fn lock(options: &StoreOptions, world: &World) -> Result<Box<dyn FileLock>, StoreError> {
    let folder = options.data.display();
    let failed = |source| StoreError::Io { what: format!("opening {folder}"), source };
    world.disk.create_folder(&options.data).map_err(failed)?;
    match world.disk.lock(&options.data.join("lock")) {
        Ok(lock) => Ok(lock),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(StoreError::Unavailable(
            format!("the data folder {folder} is in use by another process"),
        )),
        Err(source) => Err(failed(source)),
    }
}

fn tenants_of(state: &CatalogState, folder: &Arc<PartFolder>) -> Result<Tenants, StoreError> {
    let mut lists: HashMap<&str, PartList> = HashMap::new();
    for row in &state.parts {
        let part = StoredPart::new(row.clone(), Arc::clone(folder));
        lists.entry(&row.tenant).or_default().parts.push(Arc::new(part));
    }
    for row in &state.tombstones {
        let tombstone = Arc::new(Tombstone::new(row.clone())?);
        lists.entry(&row.tenant).or_default().tombstones.push(tombstone);
    }
    let mut tenants = Tenants::new();
    for (name, list) in lists {
        let id = TenantId::new(name).map_err(|error| StoreError::Corrupt {
            what: "catalog".to_owned(),
            detail: error.to_string(),
        })?;
        let tenant = Tenant::new(id.clone());
        *tenant.view.write() = View { parts: Arc::new(list), ..View::default() };
        tenants.insert(id, Arc::new(tenant));
    }
    Ok(tenants)
}
