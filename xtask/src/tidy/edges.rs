//! Which crate may know which: nouns know `model` and `world` at most, verbs look leftward.

use std::path::Path;

use anyhow::{Context, Result};

/// Allowed dependencies between our crates. A new edge is a decision: add it here with its reason
/// in docs/decisions.
const ALLOWED: [(&str, &[&str]); 18] = [
    ("model", &[]),
    ("world", &[]),
    ("formats", &["model"]),
    ("language", &["model"]),
    ("journal", &["world"]),
    ("catalog", &["model", "world", "journal"]),
    ("dial", &["world", "language"]),
    ("receive", &["model", "world", "journal", "formats", "language", "dial"]),
    ("process", &["model", "world", "formats", "language", "dial"]),
    ("store", &["model", "world"]),
    ("query", &["model", "language", "store"]),
    ("sql", &["model", "world", "language", "store", "query"]),
    ("alert", &["model", "world", "language", "store", "query"]),
    ("respond", &["model", "world", "language", "journal", "dial"]),
    (
        "show",
        &[
            "model", "world", "formats", "language", "catalog", "store", "query", "sql", "receive",
            "process", "alert", "respond",
        ],
    ),
    ("testkit", &["model"]),
    (
        "vigie",
        &[
            "model", "world", "formats", "language", "catalog", "dial", "receive", "process",
            "store", "query", "sql", "alert", "respond", "show",
        ],
    ),
    ("xtask", &[]),
];

/// Each crate's manifest: edges, description, shared lints, shared versions.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut folders: Vec<_> = std::fs::read_dir(root.join("crates"))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    folders.push(root.join("xtask"));
    folders.sort();
    for folder in folders {
        let path = folder.join("Cargo.toml");
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let manifest: toml::Table =
            text.parse().with_context(|| format!("parsing {}", path.display()))?;
        check_manifest(&name, &manifest, &mut findings);
    }
    Ok(findings)
}

fn check_manifest(name: &str, manifest: &toml::Table, findings: &mut Vec<String>) {
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        findings.push(format!(
            "crates/{name}: not in xtask/src/tidy/edges.rs: which crates may it know?"
        ));
        return;
    };
    if manifest.get("package").and_then(|p| p.get("description")).is_none() {
        findings.push(format!("{name}/Cargo.toml: a description is missing"));
    }
    let inherits = manifest.get("lints").and_then(|l| l.get("workspace"));
    if inherits.and_then(toml::Value::as_bool) != Some(true) {
        findings.push(format!("{name}/Cargo.toml: [lints] workspace = true is missing"));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(table) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
        for (dependency, value) in table {
            if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                findings.push(format!(
                    "{name}/Cargo.toml: {dependency}: its version belongs to the workspace"
                ));
            }
            let Some(ours) = dependency.strip_prefix("vigie-") else { continue };
            // Tests may look at more: testkit, and the stages they drive.
            if section == "dependencies" && !allowed.contains(&ours) {
                findings.push(format!("{name} must not know {ours} (xtask/src/tidy/edges.rs)"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_to_the_right_is_found() {
        let manifest = "[package]\ndescription = 'x'\n[lints]\nworkspace = true\n\
                        [dependencies]\nvigie-show = { workspace = true }"
            .parse()
            .unwrap();
        let mut findings = Vec::new();
        check_manifest("store", &manifest, &mut findings);
        assert_eq!(findings, ["store must not know show (xtask/src/tidy/edges.rs)"]);
    }
}
