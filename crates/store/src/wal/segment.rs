//! Names of segments.

use std::io;
use std::path::Path;

use vigie_world::{Disk, EntryKind};

/// Which segment: the generation of heads it belongs to, and which of that generation's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SegmentName {
    pub(crate) generation: u64,
    pub(crate) sequence: u32,
}

impl SegmentName {
    /// `0000000012-000003.wal`
    pub(crate) fn file_name(self) -> String {
        format!("{:010}-{:06}.wal", self.generation, self.sequence)
    }

    fn parse(name: &str) -> Option<Self> {
        let (generation, sequence) = name.strip_suffix(".wal")?.split_once('-')?;
        Some(Self { generation: generation.parse().ok()?, sequence: sequence.parse().ok()? })
    }

    pub(super) const fn next(self) -> Self {
        Self { generation: self.generation, sequence: self.sequence + 1 }
    }
}

/// Segments in `folder` in the order in which they were written, with their lengths.
pub(crate) fn list_segments(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<(SegmentName, u64)>> {
    let mut found = Vec::new();
    for entry in disk.list(folder)? {
        if let (Some(name), EntryKind::File(bytes)) = (SegmentName::parse(&entry.name), entry.kind)
        {
            found.push((name, bytes));
        }
    }
    found.sort_unstable();
    Ok(found)
}
