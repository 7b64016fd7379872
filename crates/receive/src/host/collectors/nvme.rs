//! `nvme`: NVMe controllers and their namespaces.

use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/nvme");
    for device in reader::names_or_no_data(&folder)? {
        let folder = folder.join(&device);
        let text = |file| reader::attribute(&folder, file).unwrap_or_default();
        out.gauge(
            "node_nvme_info",
            "Non-numeric data from /sys/class/nvme/<device>, value is always 1.",
            &[
                ("device", &device),
                ("firmware_revision", &text("firmware_rev")),
                ("model", &text("model")),
                ("serial", &text("serial")),
                ("state", &text("state")),
                ("cntlid", &text("cntlid")),
            ],
            1.0,
        );
        for name in reader::names_or_none(&folder) {
            if let Some(id) = namespace_id(&name) {
                add_namespace(&folder.join(&name), &device, id, out);
            }
        }
    }
    Ok(())
}

/// `nvme0n2` and, with several paths, `nvme0c0n2`: what follows the last `n`.
fn namespace_id(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("nvme")?;
    let (controller, id) = rest.rsplit_once('n')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let controller = controller.split_once('c').map_or(controller, |parts| parts.0);
    (plain(controller) && plain(id)).then_some(id)
}

fn add_namespace(folder: &Path, device: &str, id: &str, out: &mut Families) {
    let state = reader::attribute(folder, "ana_state").unwrap_or_else(|| "unknown".to_owned());
    out.gauge(
        "node_nvme_namespace_info",
        "Information about NVMe namespaces. Value is always 1",
        &[("device", device), ("nsid", id), ("ana_state", &state)],
        1.0,
    );
    let number = |file| reader::number(folder, file).unwrap_or(0.0);
    let block = reader::number(&folder.join("queue"), "logical_block_size").unwrap_or(0.0);
    let labels = [("device", device), ("nsid", id)];
    for (name, help, value) in [
        (
            "node_nvme_namespace_capacity_bytes",
            "Capacity of the NVMe namespace in bytes. Computed as namespace_size * namespace_logical_block_size",
            number("size") * block,
        ),
        (
            "node_nvme_namespace_size_bytes",
            "Size of the NVMe namespace in bytes. Available in /sys/class/nvme/<device>/<namespace>/size",
            number("size"),
        ),
        (
            "node_nvme_namespace_used_bytes",
            "Used space of the NVMe namespace in bytes. Available in /sys/class/nvme/<device>/<namespace>/nuse",
            number("nuse") * block,
        ),
        (
            "node_nvme_namespace_logical_block_size_bytes",
            "Logical block size of the NVMe namespace in bytes. Usually 4Kb. Available in /sys/class/nvme/<device>/<namespace>/queue/logical_block_size",
            block,
        ),
    ] {
        out.gauge(name, help, &labels, value);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_namespaces() {
        assert_eq!(super::namespace_id("nvme0n1"), Some("1"));
        assert_eq!(super::namespace_id("nvme10c3n12"), Some("12"));
        assert_eq!(super::namespace_id("nvme0"), None);
        assert_eq!(super::namespace_id("firmware_rev"), None);
    }
}
