//! `diskstats`: what block devices did, and what udev knows of them.

use std::collections::HashMap;

use super::{CollectError, Context, Families};
use crate::host::family::Kind::{self, Counter, Gauge};
use crate::host::reader;

const SECTOR_BYTES: f64 = 512.0;
const MILLISECONDS: f64 = 1.0 / 1000.0;

/// Columns of /proc/diskstats after the name, in order: metric, help, kind, factor.
/// See the kernel's Documentation/admin-guide/iostats.rst.
const COLUMNS: &[(&str, &str, Kind, f64)] = &[
    ("reads_completed_total", "The total number of reads completed successfully.", Counter, 1.0),
    ("reads_merged_total", "The total number of reads merged.", Counter, 1.0),
    ("read_bytes_total", "The total number of bytes read successfully.", Counter, SECTOR_BYTES),
    (
        "read_time_seconds_total",
        "The total number of seconds spent by all reads.",
        Counter,
        MILLISECONDS,
    ),
    ("writes_completed_total", "The total number of writes completed successfully.", Counter, 1.0),
    ("writes_merged_total", "The number of writes merged.", Counter, 1.0),
    (
        "written_bytes_total",
        "The total number of bytes written successfully.",
        Counter,
        SECTOR_BYTES,
    ),
    (
        "write_time_seconds_total",
        "This is the total number of seconds spent by all writes.",
        Counter,
        MILLISECONDS,
    ),
    ("io_now", "The number of I/Os currently in progress.", Gauge, 1.0),
    ("io_time_seconds_total", "Total seconds spent doing I/Os.", Counter, MILLISECONDS),
    (
        "io_time_weighted_seconds_total",
        "The weighted # of seconds spent doing I/Os.",
        Counter,
        MILLISECONDS,
    ),
    (
        "discards_completed_total",
        "The total number of discards completed successfully.",
        Counter,
        1.0,
    ),
    ("discards_merged_total", "The total number of discards merged.", Counter, 1.0),
    (
        "discarded_sectors_total",
        "The total number of sectors discarded successfully.",
        Counter,
        1.0,
    ),
    (
        "discard_time_seconds_total",
        "This is the total number of seconds spent by all discards.",
        Counter,
        MILLISECONDS,
    ),
    (
        "flush_requests_total",
        "The total number of flush requests completed successfully",
        Counter,
        1.0,
    ),
    (
        "flush_requests_time_seconds_total",
        "This is the total number of seconds spent by all flush requests.",
        Counter,
        MILLISECONDS,
    ),
];

/// What udev says of ATA disks.
const ATA: &[(&str, &str, &str)] = &[
    ("ID_ATA_WRITE_CACHE", "node_disk_ata_write_cache", "ATA disk has a write cache."),
    (
        "ID_ATA_WRITE_CACHE_ENABLED",
        "node_disk_ata_write_cache_enabled",
        "ATA disk has its write cache enabled.",
    ),
    (
        "ID_ATA_ROTATION_RATE_RPM",
        "node_disk_ata_rotation_rate_rpm",
        "ATA disk rotation rate in RPMs (0 for SSDs).",
    ),
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let options = context.options;
    let text = reader::read(&options.proc("diskstats"))?;
    for disk in parse(&text) {
        if options.disks.ignores(disk.name) {
            continue;
        }
        disk.add_statistics(out);
        let udev = format!("b{}:{}", disk.major, disk.minor);
        let udev = reader::read(&options.path_udev_data.join(udev)).unwrap_or_default();
        let queue = options.sys("block").join(disk.name).join("queue");
        let rotational = reader::number(&queue, "rotational") == Some(1.0);
        disk.add_properties(&parse_udev(&udev), rotational, out);
    }
    Ok(())
}

struct Disk<'a> {
    major: &'a str,
    minor: &'a str,
    name: &'a str,
    values: Vec<u64>,
}

fn parse(text: &str) -> Vec<Disk<'_>> {
    let disk = |line| {
        let mut fields = str::split_ascii_whitespace(line);
        Some(Disk {
            major: fields.next()?,
            minor: fields.next()?,
            name: fields.next()?,
            values: fields.map_while(|field| field.parse().ok()).collect(),
        })
    };
    text.lines().filter_map(disk).collect()
}

/// Properties of a udev record: its `E:NAME=value` lines.
fn parse_udev(text: &str) -> HashMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('=')).collect()
}

impl Disk<'_> {
    fn add_statistics(&self, out: &mut Families) {
        for ((metric, help, kind, factor), value) in COLUMNS.iter().zip(&self.values) {
            let name = format!("node_disk_{metric}");
            out.add(*kind, name, *help, &[("device", self.name)], *value as f64 * factor);
        }
    }

    fn add_properties(&self, udev: &HashMap<&str, &str>, rotational: bool, out: &mut Families) {
        let get = |name: &str| udev.get(name).copied().unwrap_or_default();
        let serial = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"];
        let serial = serial.into_iter().map(get).find(|serial| !serial.is_empty());
        let labels = [
            ("device", self.name),
            ("major", self.major),
            ("minor", self.minor),
            ("path", get("ID_PATH")),
            ("wwn", get("ID_WWN")),
            ("model", get("ID_MODEL")),
            ("serial", serial.unwrap_or_default()),
            ("revision", get("ID_REVISION")),
            ("rotational", if rotational { "1" } else { "0" }),
        ];
        out.gauge("node_disk_info", "Info of /sys/block/<block_device>.", &labels, 1.0);
        if !get("ID_FS_TYPE").is_empty() {
            let labels = [
                ("device", self.name),
                ("type", get("ID_FS_TYPE")),
                ("usage", get("ID_FS_USAGE")),
                ("uuid", get("ID_FS_UUID")),
                ("version", get("ID_FS_VERSION")),
            ];
            out.gauge("node_disk_filesystem_info", "Info about disk filesystem.", &labels, 1.0);
        }
        if !get("DM_NAME").is_empty() {
            let labels = [
                ("device", self.name),
                ("name", get("DM_NAME")),
                ("uuid", get("DM_UUID")),
                ("vg_name", get("DM_VG_NAME")),
                ("lv_name", get("DM_LV_NAME")),
                ("lv_layer", get("DM_LV_LAYER")),
            ];
            let help = "Info about disk device mapper.";
            out.gauge("node_disk_device_mapper_info", help, &labels, 1.0);
        }
        if !get("ID_ATA").is_empty() {
            for (property, metric, help) in ATA {
                if let Ok(value) = get(property).parse() {
                    out.gauge(*metric, *help, &[("device", self.name)], value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_an_older_kernel_lacks_are_left_out() {
        let text = "   8       0 sda 25354637 34367663 1003346126 18492372 28444756 11134226 \
            505697032 63877960 0 9653880 82621804\n";
        let mut out = Families::new();
        for disk in parse(text) {
            disk.add_statistics(&mut out);
        }
        assert_eq!(out.len(), 11);
        let read = out.get("node_disk_read_bytes_total").unwrap();
        assert_eq!(read.samples[0].value, 1_003_346_126.0 * 512.0);
        assert!(out.get("node_disk_discards_completed_total").is_none());
    }

    #[test]
    fn udev_names_the_disk() {
        let udev = parse_udev(
            "S:disk/x\nE:ID_MODEL=M1\nE:ID_SERIAL=S_1\nE:ID_SERIAL_SHORT=1\n\
            E:ID_FS_TYPE=ext4\nE:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\n",
        );
        let disk = Disk { major: "8", minor: "0", name: "sda", values: Vec::new() };
        let mut out = Families::new();
        disk.add_properties(&udev, true, &mut out);
        let text = String::from_utf8(out.to_text()).unwrap();
        assert!(
            text.contains("model=\"M1\",path=\"\",revision=\"\",rotational=\"1\",serial=\"1\"")
        );
        assert!(text.contains("node_disk_ata_write_cache{device=\"sda\"} 1"));
        assert!(text.contains("node_disk_filesystem_info{device=\"sda\",type=\"ext4\""));
    }
}
