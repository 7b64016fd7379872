//! Opening a store: the catalog and its parts. What only the log has is replayed while they answer.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use parking_lot::RwLock;
use vigie_model::TenantId;
use vigie_world::{FileLock, ManualClock, Random, SimDisk, World};

use super::Store;
use super::age::Aging;
use super::replay::Replay;
use super::space::Space;
use crate::catalog::memory::MemoryCatalog;
#[cfg(feature = "catalog-sql")]
use crate::catalog::sql::{PostgresCatalog, SqliteCatalog};
use crate::catalog::{Catalog, CatalogState};
use crate::logs::{DocumentSignal, LogStore};
use crate::metrics::Counters;
use crate::part::PartCache;
#[cfg(feature = "objects")]
use crate::parts::locate;
use crate::parts::{
    DiskPlace, Located, ObjectPlace, PartFolder, PartList, PartPlace, StoredPart, TailCache,
    Tombstone,
};
use crate::view::Tenant;
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
        let identity = world.random.next_u64();
        let catalog: Arc<dyn Catalog> = match &options.catalog_url {
            None => Arc::new(SqliteCatalog::open(&options.data, identity).await?),
            Some(url) => {
                let instance = instance(&options, &world)?;
                Arc::new(PostgresCatalog::open(url, identity, instance).await?)
            }
        };
        let store = Self::open_locked(options, world, (catalog, None), lock).await?;
        Self::start_replay(&store);
        Self::start_background(&store);
        Ok(store)
    }

    /// A store that keeps nothing beyond its own life: for tests of rules and for trials. Points of
    /// any time are kept.
    pub async fn open_in_memory() -> Result<Arc<Self>, StoreError> {
        let disk = SimDisk::from_seed(0);
        let catalog = MemoryCatalog { state: Arc::default(), disk: disk.clone() };
        let world = World {
            clock: Arc::new(ManualClock::at(0)),
            disk: Arc::new(disk),
            random: Arc::new(Random::from_seed(0)),
        };
        let mut options = StoreOptions::new("memory");
        options.retention = None;
        options.free_bytes_min = 0;
        let lock = lock(&options, &world)?;
        let store = Self::open_locked(options, world, (Arc::new(catalog), None), lock).await?;
        Self::start_replay(&store);
        Ok(store)
    }

    /// Opens a store with another catalog, without background work and without replaying the log.
    #[cfg(test)]
    pub(crate) async fn open_with(
        options: StoreOptions,
        world: World,
        catalog: Arc<dyn Catalog>,
    ) -> Result<Arc<Self>, StoreError> {
        Self::open_at(options, world, catalog, None).await
    }

    /// The same, with parts on another object store.
    #[cfg(test)]
    pub(crate) async fn open_at(
        options: StoreOptions,
        world: World,
        catalog: Arc<dyn Catalog>,
        located: Option<Located>,
    ) -> Result<Arc<Self>, StoreError> {
        let lock = lock(&options, &world)?;
        Self::open_locked(options, world, (catalog, located), lock).await
    }

    async fn open_locked(
        options: StoreOptions,
        world: World,
        (catalog, located): (Arc<dyn Catalog>, Option<Located>),
        lock: Box<dyn FileLock>,
    ) -> Result<Arc<Self>, StoreError> {
        let state = catalog.load().await?;
        let cache_bytes = (options.memory_bytes_max / 16).min(CACHE_BYTES_MAX) as usize;
        let cache = Arc::new(PartCache::new(cache_bytes));
        let located = match (&options.parts_url, located) {
            (Some(url), None) => Some(locate(url, &options)?),
            (_, located) => located,
        };
        let place = place(&options, &world, (located, state.identity), &cache)?;
        let documents = state.documents.iter().map(|row| row.path.clone());
        let metrics = state.parts.iter().map(|row| row.path.clone());
        let known: Vec<String> = metrics.chain(documents).collect();
        let cleaned = Arc::clone(&place);
        let clean = move || {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            cleaned.remove_strangers(&known)
        };
        super::on_pool(clean).await?;
        let folder = Arc::new(PartFolder::new(place, cache));
        let aging = Arc::new(Aging::new(&options)?);
        let tenants = tenants_of(&state, &folder, aging.dedup_ms())?;
        let counters = Arc::new(Counters::default());
        let wal_folder = options.data.join("wal");
        let replay = Replay::plan(&world, &wal_folder, state.sealed_generation, &counters)?;
        let ids = state.parts.iter().map(|p| p.id).chain(state.tombstones.iter().map(|t| t.id));
        let ids = ids.chain(state.documents.iter().map(|part| part.id));
        let next_id = ids.max().unwrap_or(0) + 1;
        let last = replay.last_generation();
        let first = SegmentName { generation: last + 1, sequence: 0 };
        let wal = Wal::open(Arc::clone(&world.disk), wal_folder, first, Arc::clone(&counters))?;
        let parts = (&state, &folder);
        let logs = LogStore::open(DocumentSignal::Logs, &options, &world, &counters, parts)?;
        let spans = LogStore::open(DocumentSignal::Spans, &options, &world, &counters, parts)?;
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
            aging,
            maintenance: tokio::sync::Mutex::new(()),
            wake: Arc::default(),
            closed: AtomicBool::new(false),
            elsewhere: RwLock::default(),
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

/// Where parts are: on an object store, for the catalog of that identity, or in a local folder.
fn place(
    options: &StoreOptions,
    world: &World,
    (located, identity): (Option<Located>, u64),
    cache: &Arc<PartCache>,
) -> Result<Arc<dyn PartPlace>, StoreError> {
    let disk = Arc::clone(&world.disk);
    let Some(located) = located else {
        return Ok(Arc::new(DiskPlace::new(disk, options.data.join("parts"))));
    };
    let tails = TailCache::new(Arc::clone(&disk), options.data.join("tails"));
    Ok(Arc::new(ObjectPlace::new(located, identity, Arc::clone(cache), tails, disk)?))
}

#[cfg(not(feature = "objects"))]
fn locate(url: &str, _options: &StoreOptions) -> Result<Located, StoreError> {
    Err(StoreError::Invalid(format!("parts at {url}: this build has no object stores")))
}

/// A number that tells this data folder from all others that use one catalog.
#[cfg(feature = "catalog-sql")]
fn instance(options: &StoreOptions, world: &World) -> Result<u64, StoreError> {
    let path = options.data.join("instance");
    let failed = |source| StoreError::Io { what: format!("writing {}", path.display()), source };
    if let Ok(text) = world.disk.read(&path) {
        let text = String::from_utf8_lossy(&text);
        return u64::from_str_radix(text.trim(), 16).map_err(|_| StoreError::Corrupt {
            what: path.display().to_string(),
            detail: "it holds no hexadecimal number".to_owned(),
        });
    }
    let instance = world.random.next_u64();
    world.disk.write_atomic(&path, format!("{instance:016x}\n").as_bytes()).map_err(failed)?;
    Ok(instance)
}

fn tenants_of(
    state: &CatalogState,
    folder: &Arc<PartFolder>,
    dedup_ms: i64,
) -> Result<Tenants, StoreError> {
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
        let tenant = Tenant::new(id.clone(), dedup_ms);
        tenant.view.write().parts = Arc::new(list);
        tenants.insert(id, Arc::new(tenant));
    }
    Ok(tenants)
}
