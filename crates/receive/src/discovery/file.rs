//! Targets in files: looked at often, read when something about them changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use vigie_world::World;

use super::{Discoverer, DiscoveryState, groups};
use crate::config::{FileSdConfig, Source, expand_path_pattern};

/// How often the files are looked at. Polling works on every file system, also where a
/// container's mounts send no notifications.
const POLL: Duration = Duration::from_secs(2);

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Targets in files.
#[derive(Debug)]
pub(super) struct FileDiscovery {
    config: FileSdConfig,
    world: World,
}

impl FileDiscovery {
    /// Targets of `config`.
    pub(super) fn new(config: FileSdConfig, world: &World) -> Self {
        Self { config, world: world.clone() }
    }

    /// Reads all files again; one that cannot be read keeps its last targets.
    fn refresh(&self, known: &mut BTreeMap<PathBuf, u64>, state: &DiscoveryState) {
        let mut paths = Vec::new();
        for pattern in &self.config.files {
            paths.extend(expand_path_pattern(pattern, &self.world));
        }
        let mut error = None;
        for path in &paths {
            error = self.refresh_file(path, known, state).err().or(error);
        }
        let gone: Vec<PathBuf> =
            known.keys().filter(|path| !paths.contains(path)).cloned().collect();
        for path in gone {
            known.remove(&path);
            let prefix = format!("{}:", path.display());
            state.remove(|source| source.starts_with(&prefix));
        }
        if let Some(message) = error {
            state.fail(message);
        }
    }

    fn refresh_file(
        &self,
        path: &Path,
        known: &mut BTreeMap<PathBuf, u64>,
        state: &DiscoveryState,
    ) -> Result<(), String> {
        let bytes = self.read(path)?;
        let fingerprint = crate::fingerprint(&bytes);
        if known.get(path) == Some(&fingerprint) {
            return Ok(());
        }
        let groups = parse(path, &bytes)?;
        let (prefix, count) = (format!("{}:", path.display()), groups.len());
        state.remove(|source| {
            let index = source.strip_prefix(&prefix).map(str::parse::<usize>);
            matches!(index, Some(Ok(index)) if index >= count)
        });
        state.update(groups);
        known.insert(path.to_path_buf(), fingerprint);
        Ok(())
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let file = self.world.disk.open_read(path).map_err(failed)?;
        if file.length() > FILE_BYTES_MAX {
            return Err(format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display()));
        }
        self.world.disk.read(path).map_err(failed)
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<super::TargetGroup>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    let source = Source { file: Some(path.to_path_buf()), folder: PathBuf::new() };
    let name = path.display().to_string();
    groups::parse(text, &source, &name, ("__meta_filepath", &name))
        .map_err(|error| error.to_string())
}

#[async_trait]
impl Discoverer for FileDiscovery {
    async fn run(self: Box<Self>, state: DiscoveryState) {
        let mut known = BTreeMap::new();
        let pause =
            POLL.min(self.config.refresh_interval.duration().max(Duration::from_millis(100)));
        loop {
            self.refresh(&mut known, &state);
            self.world.clock.sleep(pause).await;
        }
    }
}
