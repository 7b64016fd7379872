//! Role `node`: one target a node, its kubelet.

use super::labels::MetaLabels;
use super::object::Node;
use crate::discovery::TargetGroup;
use crate::discovery::names::{host_port, sanitized};

/// Which address is taken, from the most wanted.
const ADDRESS_KINDS: [&str; 6] =
    ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];

/// The group of a node; `None` while it has no address: what was known of it stays.
pub(super) fn group(source: String, node: &Node) -> Option<TargetGroup> {
    let addresses = &node.status.addresses;
    let find = |kind: &str| addresses.iter().find(|address| address.kind == kind);
    let address = ADDRESS_KINDS.into_iter().find_map(find)?;
    let port = node.status.daemon_endpoints.kubelet_endpoint.port;
    let mut target = MetaLabels::at(&host_port(&address.address, port));
    target.set_plain("instance", &node.metadata.name);
    // The first address of each kind counts, so it is set last.
    for address in addresses.iter().rev() {
        target.set(&format!("node_address_{}", sanitized(&address.kind)), &address.address);
    }
    let mut labels = MetaLabels::default();
    labels.set("node_provider_id", &node.spec.provider_id);
    for condition in &node.status.conditions {
        let name = format!("node_condition_{}", sanitized(&condition.kind.to_lowercase()));
        labels.set(&name, &condition.status.to_lowercase());
    }
    labels.add_object("node", &node.metadata);
    Some(TargetGroup { source, targets: vec![target.build()], labels: labels.build() })
}
