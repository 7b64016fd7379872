//! `arp`: entries of the ARP table by device.

use std::collections::BTreeMap;

use super::{CollectError, Context, Families};
use crate::host::reader;

pub(super) fn collect(context: &Context<'_>, out: &mut Families) -> Result<(), CollectError> {
    let text = reader::read(&context.options.proc("net/arp"))?;
    for (device, entries) in parse(&text) {
        if !context.options.arp_devices.ignores(device) {
            let labels = [("device", device)];
            out.gauge("node_arp_entries", "ARP entries by device", &labels, entries);
        }
    }
    Ok(())
}

/// Entries of each device: the last column, below a line of titles.
fn parse(text: &str) -> BTreeMap<&str, f64> {
    let mut entries = BTreeMap::new();
    for line in text.lines().skip(1) {
        if let Some(device) = line.split_whitespace().nth(5) {
            *entries.entry(device).or_insert(0.0) += 1.0;
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_entries_by_device() {
        let text = "IP address HW type Flags HW address Mask Device\n\
            10.0.0.1 0x1 0x2 02:fc:00:00:00:02 * eth0\n\
            10.0.0.2 0x1 0x2 02:fc:00:00:00:03 * eth0\n\
            10.1.0.2 0x1 0x0 00:00:00:00:00:00 * eth1\n";
        let entries: Vec<_> = super::parse(text).into_iter().collect();
        assert_eq!(entries, [("eth0", 2.0), ("eth1", 1.0)]);
    }
}
