//! Reading the log when a store is opened.

use std::io;
use std::path::Path;

use vigie_world::Disk;

use super::frame::{self, SEGMENT_HEADER_BYTES};
use super::record::{Entry, read_record};
use super::segment::{SegmentName, list_segments};
use crate::StoreError;

/// What reading the log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReplayReport {
    /// Segments read.
    pub(crate) segments: u64,
    /// Records read.
    pub(crate) records: u64,
    /// Damaged places with good records after them.
    pub(crate) corrupt: u64,
    /// Records of a type or version unknown to this program.
    pub(crate) unknown: u64,
    /// Bytes cut off at the ends of segments.
    pub(crate) torn_bytes: u64,
    /// The last segment there is.
    pub(crate) last: Option<SegmentName>,
}

/// Hands all entries of the segments of generations after `sealed` to `each`, in the order in
/// which they were written; `None` as entry announces a new segment, in which series ids are
/// defined anew. Segments of sealed generations are removed. Torn tails are cut off.
pub(crate) fn replay(
    disk: &dyn Disk,
    folder: &Path,
    sealed: u64,
    mut each: impl FnMut(Option<(&str, Entry)>),
) -> Result<ReplayReport, StoreError> {
    let failed = |what: String| move |source: io::Error| StoreError::Io { what, source };
    let mut report = ReplayReport::default();
    disk.create_folder(folder).map_err(failed("making the log's folder".into()))?;
    let segments = list_segments(disk, folder).map_err(failed("listing the log".into()))?;
    for (name, _) in segments {
        report.last = Some(name);
        let path = folder.join(name.file_name());
        if name.generation <= sealed {
            disk.remove_file(&path).map_err(failed(format!("removing {}", name.file_name())))?;
            continue;
        }
        let bytes = disk.read(&path).map_err(failed(format!("reading {}", name.file_name())))?;
        each(None);
        let damage = read_bytes(&bytes, &mut report, &mut each);
        if let Some(torn_at) = damage.torn_at {
            report.torn_bytes += (bytes.len() - torn_at) as u64;
            cut(disk, &path, torn_at)
                .map_err(failed(format!("cutting the torn tail of {}", name.file_name())))?;
        }
    }
    Ok(report)
}

fn read_bytes(
    bytes: &[u8],
    report: &mut ReplayReport,
    each: &mut impl FnMut(Option<(&str, Entry)>),
) -> frame::Damage {
    report.segments += 1;
    let mut ill_formed = 0;
    let mut records = 0;
    let damage = frame::read_segment(bytes, |kind, payload| {
        records += 1;
        let read = read_record(kind, payload, |tenant, entry| each(Some((tenant, entry))));
        ill_formed += u64::from(read.is_none());
    });
    report.records += records;
    report.corrupt += damage.corrupt + ill_formed;
    report.unknown += damage.unknown;
    damage
}

fn cut(disk: &dyn Disk, path: &Path, torn_at: usize) -> io::Result<()> {
    if torn_at <= SEGMENT_HEADER_BYTES {
        return disk.remove_file(path);
    }
    let mut file = disk.open_append(path)?;
    file.truncate(torn_at as u64)?;
    file.sync()
}

/// Reads `bytes` as a segment and gives the number of entries: for fuzzing.
pub(crate) fn count_entries(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut each = |entry: Option<(&str, Entry)>| count += usize::from(entry.is_some());
    read_bytes(bytes, &mut ReplayReport::default(), &mut each);
    count
}
