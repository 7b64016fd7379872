//! Guards the structure: what a reviewer would otherwise have to say again and again.

mod edges;
mod files;
mod links;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::root;

/// Checks everything and reports all findings at once.
pub(crate) fn run() -> Result<()> {
    let findings = findings(&root())?;
    if findings.is_empty() {
        println!("tidy: nothing to say");
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("tidy: {} findings", findings.len())
}

fn findings(root: &Path) -> Result<Vec<String>> {
    let mut findings = edges::check(root)?;
    findings.extend(files::check(root)?);
    findings.extend(links::check(root)?);
    Ok(findings)
}

/// Files below `folder` that end in `.{extension}`, without what is built or installed.
fn walk(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let skipped = name.starts_with('.')
                || ["target", "node_modules", "dist"].contains(&name.as_str());
            if path.is_dir() && !skipped {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let findings = findings(&root()).unwrap();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
