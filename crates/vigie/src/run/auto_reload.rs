//! `--config.auto-reload`: reloads when a file of the configuration has changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigie_receive::config::{LoadedConfig, expand_path_pattern};
use vigie_world::World;

use super::operator::Process;

/// What is compared: the content of each file, or nothing where it cannot be read. Kubernetes and
/// editors replace files, so neither times nor inodes tell.
type Contents = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Looks `every` so often until `stop`; a change that cannot be loaded is told once, and tried
/// again when the files change again.
pub(super) fn start(
    path: PathBuf,
    every: Duration,
    process: Arc<Process>,
    stop: CancellationToken,
) {
    tokio::spawn(async move {
        let mut seen = look(&path, &process).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every.max(Duration::from_secs(1))) => {}
            }
            let now = look(&path, &process).await;
            if now == seen {
                continue;
            }
            tracing::info!("Configuration file change detected, reloading the configuration.");
            // The outcome is logged where it is known.
            process.reload_now().await.ok();
            // Files that only the new configuration names are among them from now on.
            seen = look(&path, &process).await;
        }
    });
}

async fn look(path: &Path, process: &Arc<Process>) -> Contents {
    let (path, world) = (path.to_path_buf(), process.world.clone());
    let loaded = process.loaded();
    let reading = tokio::task::spawn_blocking(move || contents(&path, &loaded, &world));
    reading.await.unwrap_or_default()
}

fn contents(path: &Path, loaded: &LoadedConfig, world: &World) -> Contents {
    let patterns = loaded.config.rule_files.iter().chain(&loaded.config.scrape_config_files);
    let named = patterns.flat_map(|pattern| expand_path_pattern(pattern, world));
    let files = std::iter::once(path.to_path_buf()).chain(named);
    files.map(|file| (file.clone(), world.disk.read(&file).ok())).collect()
}
