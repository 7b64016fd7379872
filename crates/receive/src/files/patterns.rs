//! The files that patterns of paths name.

use std::fs::Metadata;
use std::path::PathBuf;
use std::time::SystemTime;

use vigie_language::filebeat::FileRules;

use super::identity::Identity;

/// Files that one input looks at; more are left out with a warning.
const FILES_MAX: usize = 100_000;

/// A file that is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// What a look at all patterns gave.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) files: Vec<Found>,
    /// What could not be read.
    pub(super) errors: Vec<String>,
    /// Whether there are more than are looked at.
    pub(super) is_cut: bool,
}

/// Looks at the patterns of `rules`. A file with several names is found once.
pub(super) fn look(rules: &FileRules) -> Look {
    let mut look = Look::default();
    let mut known = std::collections::HashSet::new();
    for pattern in &rules.paths {
        let paths = match glob::glob(pattern) {
            Ok(paths) => paths,
            Err(error) => {
                look.errors.push(format!("{pattern}: {error}"));
                continue;
            }
        };
        for path in paths {
            let path = match path {
                Ok(path) => path,
                Err(error) => {
                    look.errors.push(error.to_string());
                    continue;
                }
            };
            if look.files.len() == FILES_MAX {
                look.is_cut = true;
                return look;
            }
            let Some(metadata) = wanted(rules, &path) else { continue };
            let identity = Identity::of(&metadata);
            if known.insert(identity) {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                look.files.push(Found { path, identity, size: metadata.len(), modified });
            }
        }
    }
    look
}

/// What `path` is, when it is a file that the input follows.
fn wanted(rules: &FileRules, path: &PathBuf) -> Option<Metadata> {
    let text = path.as_os_str().as_encoded_bytes();
    if rules.exclude.iter().any(|pattern| pattern.is_match(text)) {
        return None;
    }
    if !rules.include.is_empty() && !rules.include.iter().any(|pattern| pattern.is_match(text)) {
        return None;
    }
    let is_link = path.symlink_metadata().ok()?.file_type().is_symlink();
    if is_link && !rules.symlinks {
        return None;
    }
    // It may have gone since.
    let metadata = path.metadata().ok()?;
    metadata.is_file().then_some(metadata)
}
