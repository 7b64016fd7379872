//! Running other programs, and where things are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The workspace's root folder.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map_or_else(|| manifest.to_path_buf(), Path::to_path_buf)
}

/// A cargo command in the workspace that builds where [`target_folder`] says.
pub(crate) fn cargo(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()).env("CARGO_TARGET_DIR", target_folder()?);
    if in_ci() {
        // Each checkout is built once: what a next build would reuse costs time and gigabytes.
        command.env("CARGO_INCREMENTAL", "0");
    }
    Ok(command)
}

/// Where cargo builds: in continuous integration a folder outside of the checkout, one for each
/// Cargo.lock, so that dependencies are compiled once and not for every clean checkout.
pub(crate) fn target_folder() -> Result<PathBuf> {
    if let Some(chosen) = std::env::var_os("CARGO_TARGET_DIR") {
        return Ok(chosen.into());
    }
    let Some(home) = std::env::var_os("HOME").filter(|_| in_ci()) else {
        return Ok(root().join("target"));
    };
    let lock = std::fs::read(root().join("Cargo.lock")).context("reading Cargo.lock")?;
    // FNV-1a: a name for a folder, nothing that must withstand anybody.
    let key = lock.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let caches = PathBuf::from(home).join(".cache/vigie-target");
    let folder = caches.join(format!("{key:016x}"));
    if !folder.exists() {
        take_over(&caches, &folder);
    }
    Ok(folder)
}

fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Renames the newest folder of `caches` to `folder`: most dependencies are those of the
/// Cargo.lock before, and a folder for each would fill the disk.
fn take_over(caches: &Path, folder: &Path) {
    let Ok(entries) = std::fs::read_dir(caches) else { return };
    let newest = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .max();
    if let Some((_, path)) = newest
        && let Err(error) = std::fs::rename(&path, folder)
    {
        eprintln!("building from nothing: {} cannot be taken over: {error}", path.display());
    }
}

/// Runs `command` to its end; an error names it when it fails.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Whether a program of that name can be started.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
