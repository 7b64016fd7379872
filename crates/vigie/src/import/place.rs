//! How far an import has come, in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use vigie_world::World;

/// How far an import has come.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    noted: Noted,
    world: World,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Noted {
    /// What is imported, and where to.
    import: String,
    /// For each part of the source, how many of its items are durable.
    done: BTreeMap<String, u64>,
}

impl Place {
    /// The place of the import `key`; in a file in this folder when none is named.
    pub(super) fn open(path: Option<&Path>, key: &str) -> Result<Self> {
        let world = World::real();
        let path = match path {
            Some(path) => path.to_owned(),
            None => PathBuf::from(format!("vigie-import-{:016x}.json", hash(key))),
        };
        // Its folder is synced after a write, so it must have a name.
        let path = std::path::absolute(&path)?;
        let noted = match world.disk.read(&path) {
            Ok(bytes) => {
                let noted: Noted = serde_json::from_slice(&bytes)
                    .with_context(|| format!("{} is no state of an import", path.display()))?;
                if noted.import != key {
                    bail!(
                        "{} is the state of another import ({}); name another file with --state",
                        path.display(),
                        noted.import
                    );
                }
                noted
            }
            Err(_) => Noted { import: key.to_owned(), done: BTreeMap::new() },
        };
        Ok(Self { path, noted, world })
    }

    /// Where it is noted.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many items of a part are durable.
    pub(super) fn of(&self, part: &str) -> u64 {
        self.noted.done.get(part).copied().unwrap_or(0)
    }

    /// Notes, durably, how many are.
    pub(super) fn note(&mut self, part: &str, done: u64) -> Result<()> {
        self.noted.done.insert(part.to_owned(), done);
        let bytes = serde_json::to_vec_pretty(&self.noted)?;
        self.world
            .disk
            .write_atomic(&self.path, &bytes)
            .with_context(|| format!("writing {}", self.path.display()))
    }
}

/// FNV-1a: a name for a file, no more.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_for_its_import_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        let mut place = Place::open(Some(&path), "a").unwrap();
        assert_eq!(place.of("part"), 0);
        place.note("part", 7).unwrap();
        assert_eq!(Place::open(Some(&path), "a").unwrap().of("part"), 7);
        assert!(Place::open(Some(&path), "b").unwrap_err().to_string().contains("another import"));
    }
}
