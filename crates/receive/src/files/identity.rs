//! Which file a file is, whatever its name.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use serde::{Deserialize, Serialize};

/// Bytes at a file's beginning that tell it from another one of the same inode.
const HEAD_BYTES: u64 = 1_024;

/// Device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// The beginning of a file: inodes are used again, and a file may be cut and grow again between
/// two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Head {
    length: u64,
    hash: u64,
}

impl Head {
    /// That of `file`, of which `size` bytes are there.
    pub(super) fn of(file: &File, size: u64) -> io::Result<Self> {
        Self::with_length(file, size.min(HEAD_BYTES))
    }

    fn with_length(file: &File, length: u64) -> io::Result<Self> {
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Self { length, hash: crate::fingerprint(&bytes) })
    }

    /// Whether `file` still begins so.
    pub(super) fn is_of(&self, file: &File) -> bool {
        Self::with_length(file, self.length).is_ok_and(|now| now == *self)
    }

    /// Whether more of the beginning can be known by now.
    pub(super) const fn is_short(&self) -> bool {
        self.length < HEAD_BYTES
    }
}
