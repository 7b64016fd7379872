//! Role `endpoints`: one target an address and port, and the other ports of the pods there.

use super::cluster::View;
use super::ends::{self, EndPort, Ends};
use super::labels::MetaLabels;
use super::object::{EndpointAddress, EndpointPort, Endpoints};
use crate::discovery::TargetGroup;
use crate::discovery::names::host_port;

/// The group of an endpoints object.
pub(super) fn group(source: String, view: &View<'_>, endpoints: &Endpoints) -> TargetGroup {
    let metadata = &endpoints.metadata;
    let mut labels = MetaLabels::default();
    labels.set("namespace", &metadata.namespace);
    // Endpoints have the name of their service.
    ends::add_service(&mut labels, view, &metadata.key());
    labels.add_object("endpoints", metadata);
    labels.add_namespace(view, &metadata.namespace);
    let mut ends = Ends::new(*view);
    for subset in &endpoints.subsets {
        for port in &subset.ports {
            for address in &subset.addresses {
                add(&mut ends, view, address, port, "true");
            }
            for address in &subset.not_ready_addresses {
                add(&mut ends, view, address, port, "false");
            }
        }
    }
    TargetGroup { source, targets: ends.finish(), labels: labels.build() }
}

fn add(
    ends: &mut Ends<'_>,
    view: &View<'_>,
    address: &EndpointAddress,
    port: &EndpointPort,
    ready: &str,
) {
    let mut target = MetaLabels::at(&host_port(&address.ip, port.port));
    target.set("endpoint_port_name", &port.name);
    target.set("endpoint_port_protocol", &port.protocol);
    target.set("endpoint_ready", ready);
    let reference = address.target_ref.as_ref();
    target.set_some("endpoint_address_target_kind", reference.map(|one| one.kind.as_str()));
    target.set_some("endpoint_address_target_name", reference.map(|one| one.name.as_str()));
    target.set_some("endpoint_node_name", address.node_name.as_deref());
    target.set("endpoint_hostname", &address.hostname);
    ends::add_node(&mut target, view, address.node_name.as_deref(), reference, false);
    let port = EndPort { number: Some(port.port), protocol: Some(&port.protocol) };
    ends.add(target, reference, port);
}
