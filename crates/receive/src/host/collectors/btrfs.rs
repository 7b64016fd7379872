//! `btrfs`: file systems of that type, from sysfs. What only an ioctl tells (errors and unused
//! bytes of devices) is not here.

use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Bytes of a sector, in which sysfs counts.
const SECTOR_BYTES: f64 = 512.0;

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table's functions")]
pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("fs/btrfs");
    for name in reader::names_or_none(&folder).iter().filter(|name| name.contains('-')) {
        let folder = folder.join(name);
        // Kernels before 5.0 have no such file.
        let uuid = reader::attribute(&folder, "metadata_uuid").filter(|uuid| !uuid.is_empty());
        collect_one(&folder, uuid.as_deref().unwrap_or(name), out);
    }
    Ok(())
}

fn collect_one(folder: &Path, uuid: &str, out: &mut Families) {
    let label = reader::attribute(folder, "label").unwrap_or_default();
    let labels = [("uuid", uuid), ("label", label.as_str())];
    out.gauge("node_btrfs_info", "Filesystem information", &labels, 1.0);
    let own = [("uuid", uuid)];
    let reserve = reader::number(folder, "allocation/global_rsv_size").unwrap_or(0.0);
    out.gauge("node_btrfs_global_rsv_size_bytes", "Size of global reserve.", &own, reserve);
    collect_commits(folder, uuid, out);
    for kind in ["data", "metadata", "system"] {
        collect_allocation(&folder.join("allocation").join(kind), uuid, kind, out);
    }
    let devices = folder.join("devices");
    for device in reader::names_or_none(&devices) {
        if let Some(sectors) = reader::number(&devices.join(&device), "size") {
            out.gauge(
                "node_btrfs_device_size_bytes",
                "Size of a device that is part of the filesystem.",
                &[("uuid", uuid), ("device", &device)],
                sectors * SECTOR_BYTES,
            );
        }
    }
}

/// `commits 3`, `last_commit_ms 1`, ...; kernels before 6.1 have no such file, which is all zero.
fn collect_commits(folder: &Path, uuid: &str, out: &mut Families) {
    let text = reader::attribute(folder, "commit_stats").unwrap_or_default();
    let value = |name: &str| {
        let text = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        text.and_then(|text| text.trim().parse::<f64>().ok()).unwrap_or(0.0)
    };
    let own = [("uuid", uuid)];
    let help = "The total number of commits that have occurred.";
    out.counter("node_btrfs_commits_total", help, &own, value("commits"));
    let help = "Duration of the most recent commit, in seconds.";
    out.gauge("node_btrfs_last_commit_seconds", help, &own, value("last_commit_ms") / 1000.0);
    let help = "Duration of the slowest commit, in seconds.";
    out.gauge("node_btrfs_max_commit_seconds", help, &own, value("max_commit_ms") / 1000.0);
    let help = "Sum of the duration of all commits, in seconds.";
    out.counter("node_btrfs_commit_seconds_total", help, &own, value("total_commit_ms") / 1000.0);
}

fn collect_allocation(folder: &Path, uuid: &str, kind: &str, out: &mut Families) {
    let labels = [("uuid", uuid), ("block_group_type", kind)];
    let reserved = reader::number(folder, "bytes_reserved").unwrap_or(0.0);
    let help = "Amount of space reserved for a data type";
    out.gauge("node_btrfs_reserved_bytes", help, &labels, reserved);
    for mode in reader::names_or_none(folder) {
        let inner = folder.join(&mode);
        let (Some(used), Some(total)) =
            (reader::number(&inner, "used_bytes"), reader::number(&inner, "total_bytes"))
        else {
            continue;
        };
        let labels = [labels[0], labels[1], ("mode", mode.as_str())];
        let help = "Amount of used space by a layout/data type";
        out.gauge("node_btrfs_used_bytes", help, &labels, used);
        let help = "Amount of space allocated for a layout/data type";
        out.gauge("node_btrfs_size_bytes", help, &labels, total);
    }
    collect_ratios(folder, &labels, out);
}

/// What a byte of data takes on disk, by the layout of the block group.
fn collect_ratios(folder: &Path, labels: &[(&'static str, &str)], out: &mut Families) {
    let allocation = folder.parent();
    let devices = allocation
        .and_then(Path::parent)
        .map_or(0, |root| reader::names_or_none(&root.join("devices")).len());
    for mode in reader::names_or_none(folder) {
        if !reader::exists(&folder.join(&mode).join("total_bytes")) {
            continue;
        }
        let count = devices as f64;
        let ratio = match mode.as_str() {
            "single" | "raid0" => 1.0,
            "dup" | "raid1" | "raid10" => 2.0,
            "raid1c3" => 3.0,
            "raid1c4" => 4.0,
            "raid5" => count / (count - 1.0),
            "raid6" => count / (count - 2.0),
            _ => 0.0,
        };
        let mut all = labels.to_vec();
        all.push(("mode", &mode));
        let help = "Data allocation ratio for a layout/data type";
        out.gauge("node_btrfs_allocation_ratio", help, &all, ratio);
    }
}
