//! Builds and tests the page.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::shell::{check, installed, root};

/// Installs the page's dependencies when package-lock.json changed since the last time.
fn install() -> Result<()> {
    if !installed("npm") {
        bail!("npm is not installed: the page needs Node.js 20 or newer");
    }
    let web = root().join("web");
    let marker = web.join("node_modules/.package-lock.json");
    if modified(&marker) >= modified(&web.join("package-lock.json")) && marker.exists() {
        return Ok(());
    }
    check(npm().args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
}

/// Builds the page into web/dist, from where the binary embeds it.
pub(crate) fn build() -> Result<()> {
    let web = root().join("web");
    if !web.join("package.json").exists() {
        return Ok(());
    }
    let built = modified(&web.join("dist/index.html"));
    if built > newest(&web.join("src"))? && built > modified(&web.join("package-lock.json")) {
        return Ok(());
    }
    install()?;
    check(npm().args(["run", "build", "--silent"]))
}

/// Type check, lint and unit tests of the page.
pub(crate) fn test() -> Result<()> {
    if !root().join("web/package.json").exists() {
        return Ok(());
    }
    install()?;
    check(npm().args(["run", "check", "--silent"]))?;
    check(npm().args(["test", "--silent"]))
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.current_dir(root().join("web"));
    command
}

fn modified(path: &Path) -> SystemTime {
    let time = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// When the newest file below `folder` was changed.
fn newest(folder: &Path) -> Result<SystemTime> {
    let mut latest = SystemTime::UNIX_EPOCH;
    for entry in
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?
    {
        let path = entry?.path();
        latest = latest.max(if path.is_dir() { newest(&path)? } else { modified(&path) });
    }
    Ok(latest)
}
