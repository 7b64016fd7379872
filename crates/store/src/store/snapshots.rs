//! Copies of all data that can be opened as stores of their own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vigie_world::Disk;

use super::Store;
use crate::StoreError;
use crate::catalog::{CatalogState, PartRow};
use crate::parts::{PartFolder, local_path};

impl Store {
    /// A copy (by hard links of local parts) of all data that can be opened as a store of
    /// its own; in `snapshots/<name>` of the data folder. Returns the name. With `skip_head`,
    /// only what is in parts.
    pub async fn create_snapshot(&self, skip_head: bool) -> Result<String, StoreError> {
        if !skip_head {
            self.replayed().await?;
        }
        let _alone = self.maintenance.lock().await;
        if !skip_head {
            self.seal().await?;
            self.seal().await?;
        }
        let now_ms = self.world.clock.now_ms();
        let time = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
        let random = self.world.random.next_u64();
        let name = format!("{}-{random:016x}", time.strftime("%Y%m%dT%H%M%SZ"));
        let folder = self.options.data.join("snapshots").join(&name);
        let mut state = CatalogState::default();
        let tenants: Vec<_> = self.tenants.read().values().cloned().collect();
        for tenant in tenants {
            let list = Arc::clone(&tenant.view.read().parts);
            state.parts.extend(list.parts.iter().map(|part| part.row.clone()));
            state.tombstones.extend(list.tombstones.iter().map(|t| t.row.clone()));
        }
        let (copied, disk) = (Arc::clone(&self.folder), Arc::clone(&self.world.disk));
        let target = folder.clone();
        let (rows, linked) = (state.parts.clone(), name.clone());
        state.parts =
            self.on_pool(move || copy_parts(&copied, &*disk, &target, rows, &linked)).await?;
        self.catalog.copy_to(&folder, &state).await?;
        Ok(name)
    }
}

/// Puts all parts below `folder`, as a store keeps them there, and gives their rows.
fn copy_parts(
    from: &PartFolder,
    disk: &dyn Disk,
    folder: &Path,
    mut rows: Vec<PartRow>,
    name: &str,
) -> Result<Vec<PartRow>, StoreError> {
    let failed = |source| StoreError::Io { what: format!("writing snapshot {name}"), source };
    let parts = folder.join("parts");
    disk.create_folder(&parts).map_err(failed)?;
    let mut tenants = BTreeSet::new();
    for row in &mut rows {
        let (tenant, path) = (parts.join(&row.tenant), local_path(&row.tenant, row.id));
        if tenants.insert(tenant.clone()) {
            disk.create_folder(&tenant).map_err(failed)?;
        }
        from.place().copy_to(&row.path, row.meta.bytes, &parts.join(&path))?;
        row.path = path;
    }
    let snapshots = folder.parent().unwrap_or(folder);
    let data = snapshots.parent().unwrap_or(snapshots);
    let above = [&*parts, folder, snapshots, data];
    for folder in tenants.iter().map(PathBuf::as_path).chain(above) {
        disk.sync_folder(folder).map_err(failed)?;
    }
    Ok(rows)
}
