//! `netclass`: properties of network devices.

use std::path::Path;

use super::{CollectError, Context, Families};
use crate::host::family::Kind::{self, Counter, Gauge};
use crate::host::reader;

/// Files of a device's folder and the metric each becomes.
const PROPERTIES: &[(&str, &str, Kind)] = &[
    ("addr_assign_type", "address_assign_type", Gauge),
    ("carrier", "carrier", Gauge),
    ("carrier_changes", "carrier_changes_total", Counter),
    ("carrier_up_count", "carrier_up_changes_total", Counter),
    ("carrier_down_count", "carrier_down_changes_total", Counter),
    ("dev_id", "device_id", Gauge),
    ("dormant", "dormant", Gauge),
    ("flags", "flags", Gauge),
    ("ifindex", "iface_id", Gauge),
    ("iflink", "iface_link", Gauge),
    ("link_mode", "iface_link_mode", Gauge),
    ("mtu", "mtu_bytes", Gauge),
    ("name_assign_type", "name_assign_type", Gauge),
    ("netdev_group", "net_dev_group", Gauge),
    ("tx_queue_len", "transmit_queue_length", Gauge),
    ("type", "protocol_type", Gauge),
];

/// IFF_UP of linux/if.h.
const FLAG_UP: u64 = 1;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let folder = context.options.sys("class/net");
    for device in reader::names_or_no_data(&folder)? {
        let folder = folder.join(&device);
        // The folder also holds plain files (bonding_masters).
        if folder.is_dir() && !context.options.network_classes.ignores(&device) {
            add_device(context, &folder, &device, out);
        }
    }
    Ok(())
}

fn add_device(context: &Context<'_>, folder: &Path, device: &str, out: &mut Families) {
    let text = |file: &str| reader::attribute(folder, file).unwrap_or_default();
    let state = text("operstate");
    out.gauge(
        "node_network_up",
        "Value is 1 if operstate is 'up', 0 otherwise.",
        &[("device", device)],
        f64::from(u8::from(state == "up")),
    );
    let admin_state = match reader::number(folder, "flags") {
        None => "unknown",
        Some(flags) if flags as u64 & FLAG_UP != 0 => "up",
        Some(_) => "down",
    };
    out.gauge(
        "node_network_info",
        "Non-numeric data from /sys/class/net/<iface>, value is always 1.",
        &[
            ("device", device),
            ("address", &text("address")),
            ("broadcast", &text("broadcast")),
            ("duplex", &text("duplex")),
            ("operstate", &state),
            ("adminstate", admin_state),
            ("ifalias", &text("ifalias")),
        ],
        1.0,
    );
    let mut add = |kind, name: &str, value| {
        let help = format!("Network device property: {name}");
        out.add(kind, format!("node_network_{name}"), help, &[("device", device)], value);
    };
    for (file, name, kind) in PROPERTIES {
        if let Some(value) = reader::number(folder, file) {
            add(*kind, name, value);
        }
    }
    if let Some(megabits) = reader::number(folder, "speed")
        && (megabits >= 0.0 || !context.options.ignore_invalid_speed)
    {
        add(Gauge, "speed_bytes", (megabits * 1_000_000.0 / 8.0).trunc());
    }
}
