//! What clients say about indices: mappings, settings, aliases, templates, pipelines.
//!
//! One JSON file for each tenant, written whole at each change, which are rare. Documents know
//! nothing of it: an index that is only in the store is served all the same.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vigie_model::TenantId;
use vigie_world::World;

use super::error::ApiError;

/// Indices that one tenant may have.
const INDICES_MAX: usize = 50_000;

/// An index.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Index {
    pub(super) uuid: String,
    pub(super) created_ms: i64,
    pub(super) settings: Map<String, Value>,
    pub(super) mappings: Map<String, Value>,
    pub(super) aliases: BTreeMap<String, Value>,
    pub(super) is_closed: bool,
}

/// A data stream: the indices behind one name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DataStream {
    pub(super) template: String,
    pub(super) indices: Vec<String>,
    pub(super) generation: u64,
}

/// All that one tenant said.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) indices: BTreeMap<String, Index>,
    pub(super) data_streams: BTreeMap<String, DataStream>,
    /// Things that are named, by their kind: index and component templates, ILM policies,
    /// pipelines.
    pub(super) named: BTreeMap<String, BTreeMap<String, Value>>,
    pub(super) cluster_settings: Map<String, Value>,
    /// Names of indices that were deleted while documents of them may still be in the store.
    pub(super) deleted: std::collections::BTreeSet<String>,
}

impl Metadata {
    pub(super) fn named(&self, kind: &str) -> Option<&BTreeMap<String, Value>> {
        self.named.get(kind)
    }

    /// Whether `name` is an index, a data stream or an alias.
    pub(super) fn is_known(&self, name: &str) -> bool {
        self.indices.contains_key(name)
            || self.data_streams.contains_key(name)
            || self.indices.values().any(|index| index.aliases.contains_key(name))
    }

    pub(super) fn check_room(&self) -> Result<(), ApiError> {
        if self.indices.len() < INDICES_MAX {
            return Ok(());
        }
        let reason =
            format!("this action would add an index, but this tenant has [{INDICES_MAX}] already");
        Err(ApiError::new("validation_exception", reason, 400))
    }
}

/// The metadata of all tenants.
#[derive(Debug)]
pub(super) struct Tenants {
    folder: PathBuf,
    world: World,
    tenants: Mutex<HashMap<TenantId, Arc<Mutex<Arc<Metadata>>>>>,
}

impl Tenants {
    pub(super) fn new(folder: PathBuf, world: World) -> Self {
        Self { folder, world, tenants: Mutex::default() }
    }

    fn tenant(&self, id: &TenantId) -> Result<Arc<Mutex<Arc<Metadata>>>, ApiError> {
        let mut tenants = self.tenants.lock();
        if let Some(known) = tenants.get(id) {
            return Ok(Arc::clone(known));
        }
        let path = self.path(id);
        let metadata = match self.world.disk.read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| ApiError::internal(format!("{}: {error}", path.display())))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Metadata::default(),
            Err(error) => return Err(ApiError::internal(format!("{}: {error}", path.display()))),
        };
        let metadata = Arc::new(Mutex::new(Arc::new(metadata)));
        tenants.insert(id.clone(), Arc::clone(&metadata));
        Ok(metadata)
    }

    fn path(&self, id: &TenantId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// As it is now.
    pub(super) fn read(&self, id: &TenantId) -> Result<Arc<Metadata>, ApiError> {
        let tenant = self.tenant(id)?;
        let metadata = Arc::clone(&tenant.lock());
        Ok(metadata)
    }

    /// Changes it; what was changed is on disk when this ends, and nothing is when it fails.
    pub(super) fn change<T>(
        &self,
        id: &TenantId,
        change: impl FnOnce(&mut Metadata) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let tenant = self.tenant(id)?;
        let mut current = tenant.lock();
        let mut changed = Metadata::clone(&current);
        let told = change(&mut changed)?;
        let failed = |error: &dyn std::fmt::Display| {
            ApiError::internal(format!("writing the metadata of indices: {error}"))
        };
        let bytes = serde_json::to_vec(&changed).map_err(|error| failed(&error))?;
        self.world.disk.create_folder(&self.folder).map_err(|error| failed(&error))?;
        self.world.disk.write_atomic(&self.path(id), &bytes).map_err(|error| failed(&error))?;
        *current = Arc::new(changed);
        Ok(told)
    }
}
