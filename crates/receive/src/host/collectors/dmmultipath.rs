//! `dmmultipath`: block devices that are reached by several paths.

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let block = context.options.sys("block");
    for sysfs_name in reader::names_or_no_data(&block)? {
        let folder = block.join(&sysfs_name);
        let uuid = reader::attribute(&folder, "dm/uuid").unwrap_or_default();
        if !sysfs_name.starts_with("dm-") || !uuid.starts_with("mpath-") {
            continue;
        }
        let device = reader::attribute(&folder, "dm/name").unwrap_or_default();
        let labels = [("device", device.as_str()), ("sysfs_name", sysfs_name.as_str())];
        let described = [labels[0], labels[1], ("uuid", uuid.as_str())];
        let help = "Non-numeric information about a DM-multipath device.";
        out.gauge("node_dmmultipath_device_info", help, &described, 1.0);
        let suspended = reader::number(&folder, "dm/suspended") == Some(1.0);
        let sectors = reader::number(&folder, "size").unwrap_or(0.0);
        let (mut active, mut failed) = (0.0, 0.0);
        for path in reader::names_or_none(&folder.join("slaves")) {
            let state = reader::attribute(&block.join(&path), "device/state").unwrap_or_default();
            // SCSI calls it running, NVMe live.
            let is_active = matches!(state.as_str(), "running" | "live");
            *(if is_active { &mut active } else { &mut failed }) += 1.0;
            out.gauge(
                "node_dmmultipath_path_state",
                "Reports the underlying device state for a multipath path, as read from /sys/block/<dev>/device/state.",
                &[("device", &device), ("path", &path), ("state", &state)],
                1.0,
            );
        }
        for (name, help, value) in [
            (
                "active",
                "Whether the multipath device-mapper device is active (1) or suspended (0).",
                f64::from(u8::from(!suspended)),
            ),
            (
                "size_bytes",
                "Size of the multipath device in bytes, read from /sys/block/<dm>/size.",
                sectors * 512.0,
            ),
            ("paths", "Number of paths for a multipath device.", active + failed),
            (
                "paths_active",
                "Number of paths in active state (SCSI running or NVMe live) for a multipath device.",
                active,
            ),
            ("paths_failed", "Number of paths not in active state for a multipath device.", failed),
        ] {
            out.gauge(format!("node_dmmultipath_device_{name}"), help, &labels, value);
        }
    }
    Ok(())
}
