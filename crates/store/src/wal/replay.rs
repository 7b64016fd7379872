//! Reading the log after a store was opened.

use std::io;
use std::path::Path;

use vigie_world::Disk;

use super::frame::{self, RecordType, SEGMENT_HEADER_BYTES};
use super::record::{Entry, read_record};
use super::segment::SegmentName;
use crate::StoreError;

/// What reading the log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ReplayReport {
    /// Records read.
    pub(crate) records: u64,
    /// Damaged places with good records after them.
    pub(crate) corrupt: u64,
    /// Records of a type or version unknown to this program.
    pub(crate) unknown: u64,
    /// Bytes cut off at the ends of segments.
    pub(crate) torn_bytes: u64,
}

impl ReplayReport {
    /// Adds what was found in another segment.
    pub(crate) fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.corrupt += other.corrupt;
        self.unknown += other.unknown;
        self.torn_bytes += other.torn_bytes;
    }
}

/// Hands all entries of segment `name` to `each`, in the order in which they were written. Ids
/// of series are defined anew in each segment. A torn tail is cut off. Reading a segment again
/// after an error does no harm.
pub(crate) fn replay_segment(
    disk: &dyn Disk,
    folder: &Path,
    name: SegmentName,
    mut each: impl FnMut(&str, Entry),
) -> Result<ReplayReport, StoreError> {
    replay_payloads(disk, folder, name, &mut |kind, payload| read_record(kind, payload, &mut each))
}

/// Hands all payloads of segment `name` to `each`, which gives `None` for one that is not well
/// formed. A torn tail is cut off.
pub(super) fn replay_payloads(
    disk: &dyn Disk,
    folder: &Path,
    name: SegmentName,
    each: &mut dyn FnMut(RecordType, &[u8]) -> Option<()>,
) -> Result<ReplayReport, StoreError> {
    let failed = |what: &str| {
        let what = format!("{what} {}", name.file_name());
        move |source: io::Error| StoreError::Io { what, source }
    };
    let mut report = ReplayReport::default();
    let path = folder.join(name.file_name());
    let bytes = disk.read(&path).map_err(failed("reading log segment"))?;
    let damage = read_payloads(&bytes, &mut report, each);
    if let Some(torn_at) = damage.torn_at {
        report.torn_bytes += (bytes.len() - torn_at) as u64;
        cut(disk, &path, torn_at).map_err(failed("cutting the torn tail of log segment"))?;
    }
    Ok(report)
}

fn read_payloads(
    bytes: &[u8],
    report: &mut ReplayReport,
    each: &mut dyn FnMut(RecordType, &[u8]) -> Option<()>,
) -> frame::Damage {
    let (mut ill_formed, mut records) = (0, 0);
    let damage = frame::read_segment(bytes, |kind, payload| {
        records += 1;
        ill_formed += u64::from(each(kind, payload).is_none());
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
    read_payloads(bytes, &mut ReplayReport::default(), &mut |kind, payload| {
        read_record(kind, payload, |_, _| count += 1)
    });
    count
}
