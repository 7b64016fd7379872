//! Copies of all data that can be opened as stores of their own.

use std::path::Path;

use super::Store;
use crate::StoreError;
use crate::catalog::CatalogState;

impl Store {
    /// A copy (by hard links where the disk can) of all data that can be opened as a store of
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
            let list = std::sync::Arc::clone(&tenant.view.read().parts);
            state.parts.extend(list.parts.iter().map(|part| part.row.clone()));
            state.tombstones.extend(list.tombstones.iter().map(|t| t.row.clone()));
        }
        self.link_parts(&folder, &state).map_err(|source| StoreError::Io {
            what: format!("writing snapshot {name}"),
            source,
        })?;
        self.catalog.copy_to(&folder, &state).await?;
        Ok(name)
    }

    fn link_parts(&self, folder: &Path, state: &CatalogState) -> std::io::Result<()> {
        let disk = &self.world.disk;
        let parts = folder.join("parts");
        disk.create_folder(&parts)?;
        for row in &state.parts {
            let (from, to) = (self.folder.root().join(&row.path), parts.join(&row.path));
            if let Some(tenant) = to.parent() {
                disk.create_folder(tenant)?;
            }
            disk.hard_link(&from, &to)?;
        }
        for row in &state.parts {
            if let Some(tenant) = parts.join(&row.path).parent() {
                disk.sync_folder(tenant)?;
            }
        }
        disk.sync_folder(&parts)?;
        disk.sync_folder(folder)?;
        disk.sync_folder(&self.options.data.join("snapshots"))?;
        disk.sync_folder(&self.options.data)
    }
}
