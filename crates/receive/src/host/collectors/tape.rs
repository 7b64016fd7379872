//! `tapestats`: tape drives.

use super::{CollectError, Context, Families};
use crate::host::family::Kind::{self, Counter, Gauge};
use crate::host::reader;

/// File below `stats`, metric, help, kind, factor.
/// See the kernel's Documentation/ABI/testing/sysfs-class-scsi_tape.
const STATISTICS: &[(&str, &str, &str, Kind, f64)] = &[
    ("in_flight", "io_now", "The number of I/Os currently outstanding to this device.", Gauge, 1.0),
    (
        "io_ns",
        "io_time_seconds_total",
        "The amount of time spent waiting for all I/O to complete (including read and write). This includes tape movement commands such as seeking between file or set marks and implicit tape movement such as when rewind on close tape devices are used.",
        Counter,
        1e-9,
    ),
    (
        "other_cnt",
        "io_others_total",
        "The number of I/Os issued to the tape drive other than read or write commands. The time taken to complete these commands uses the following calculation io_time_seconds_total-read_time_seconds_total-write_time_seconds_total",
        Counter,
        1.0,
    ),
    (
        "read_byte_cnt",
        "read_bytes_total",
        "The number of bytes read from the tape drive.",
        Counter,
        1.0,
    ),
    (
        "read_cnt",
        "reads_completed_total",
        "The number of read requests issued to the tape drive.",
        Counter,
        1.0,
    ),
    (
        "read_ns",
        "read_time_seconds_total",
        "The amount of time spent waiting for read requests to complete.",
        Counter,
        1e-9,
    ),
    (
        "resid_cnt",
        "residual_total",
        "The number of times during a read or write we found the residual amount to be non-zero. This should mean that a program is issuing a read larger thean the block size on tape. For write not all data made it to tape.",
        Counter,
        1.0,
    ),
    (
        "write_byte_cnt",
        "written_bytes_total",
        "The number of bytes written to the tape drive.",
        Counter,
        1.0,
    ),
    (
        "write_cnt",
        "writes_completed_total",
        "The number of write requests issued to the tape drive.",
        Counter,
        1.0,
    ),
    (
        "write_ns",
        "write_time_seconds_total",
        "The amount of time spent waiting for write requests to complete.",
        Counter,
        1e-9,
    ),
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/scsi_tape");
    for device in reader::names_or_no_data(&folder)? {
        // Each drive has several entries (nst0, st0a); one of them counts.
        let number = device.strip_prefix("st").and_then(|rest| rest.parse::<u32>().ok());
        if number.is_none() || context.options.tapes.ignores(&device) {
            continue;
        }
        let folder = folder.join(&device).join("stats");
        for (file, name, help, kind, factor) in STATISTICS {
            if let Some(value) = reader::number(&folder, file) {
                let labels = [("device", device.as_str())];
                out.add(*kind, format!("node_tape_{name}"), *help, &labels, value * factor);
            }
        }
    }
    Ok(())
}
