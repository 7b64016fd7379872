//! `netdev`: traffic of network devices.
//!
//! The original asks by netlink and adds the kernel's counters up the way /proc/net/dev does;
//! here /proc/net/dev is read itself, and only what it lacks comes from /sys/class/net.

use super::{CollectError, Context, Families};
use crate::host::reader;

/// Columns of /proc/net/dev after the device's name.
const COLUMNS: [&str; 16] = [
    "receive_bytes",
    "receive_packets",
    "receive_errs",
    "receive_drop",
    "receive_fifo",
    "receive_frame",
    "receive_compressed",
    "receive_multicast",
    "transmit_bytes",
    "transmit_packets",
    "transmit_errs",
    "transmit_drop",
    "transmit_fifo",
    "transmit_colls",
    "transmit_carrier",
    "transmit_compressed",
];

/// The kernel's own counters, below `statistics`, and the original's names for them.
const DETAILED: &[(&str, &str)] = &[
    ("rx_packets", "receive_packets"),
    ("tx_packets", "transmit_packets"),
    ("rx_bytes", "receive_bytes"),
    ("tx_bytes", "transmit_bytes"),
    ("rx_errors", "receive_errors"),
    ("tx_errors", "transmit_errors"),
    ("rx_dropped", "receive_dropped"),
    ("tx_dropped", "transmit_dropped"),
    ("multicast", "multicast"),
    ("collisions", "collisions"),
    ("rx_length_errors", "receive_length_errors"),
    ("rx_over_errors", "receive_over_errors"),
    ("rx_crc_errors", "receive_crc_errors"),
    ("rx_frame_errors", "receive_frame_errors"),
    ("rx_fifo_errors", "receive_fifo_errors"),
    ("rx_missed_errors", "receive_missed_errors"),
    ("tx_aborted_errors", "transmit_aborted_errors"),
    ("tx_carrier_errors", "transmit_carrier_errors"),
    ("tx_fifo_errors", "transmit_fifo_errors"),
    ("tx_heartbeat_errors", "transmit_heartbeat_errors"),
    ("tx_window_errors", "transmit_window_errors"),
    ("rx_compressed", "receive_compressed"),
    ("tx_compressed", "transmit_compressed"),
    ("rx_nohandler", "receive_nohandler"),
];

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let options = context.options;
    let text = reader::read(&options.proc("net/dev"))?;
    for (device, values) in parse(&text) {
        if options.network_devices.ignores(device) {
            continue;
        }
        let folder = options.sys("class/net").join(device);
        let alias = options
            .network_alias_label
            .then(|| reader::attribute(&folder, "ifalias").unwrap_or_default());
        let mut labels = vec![("device", device)];
        labels.extend(alias.as_deref().map(|alias| ("ifalias", alias)));
        let mut add = |name: &str, value| {
            let help = format!("Network device statistic {name}.");
            out.counter(format!("node_network_{name}_total"), help, &labels, value);
        };
        let statistics = folder.join("statistics");
        if options.detailed_network_metrics {
            for (file, name) in DETAILED {
                if let Some(value) = reader::number(&statistics, file) {
                    add(name, value);
                }
            }
            continue;
        }
        for (name, value) in COLUMNS.iter().zip(values) {
            add(name, value);
        }
        if let Some(value) = reader::number(&statistics, "rx_nohandler") {
            add("receive_nohandler", value);
        }
    }
    Ok(())
}

/// Devices and their columns, below two lines of titles. A name may touch its first column.
fn parse(text: &str) -> Vec<(&str, Vec<f64>)> {
    text.lines()
        .skip(2)
        .filter_map(|line| {
            // An alias (eth0:1) has a colon in its name.
            let (device, columns) = line.rsplit_once(':')?;
            let values = columns.split_whitespace().map_while(|field| field.parse().ok());
            Some((device.trim(), values.collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_may_touch_their_numbers() {
        let text = "Inter-|   Receive  |  Transmit\n face |bytes packets\n\
            \x20   lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
            eth0:18446744073709551615 2 0 0 0 0 0 0 9 10 0 0 0 0 0 0\n";
        let parsed = super::parse(text);
        assert_eq!(parsed[0].0, "lo");
        assert_eq!(parsed[0].1.len(), 16);
        assert_eq!(parsed[0].1[15], 16.0);
        assert_eq!(parsed[1].0, "eth0");
        assert_eq!(parsed[1].1[0], u64::MAX as f64);
    }
}
