//! Role `endpointslice`: one target an address and port, and the other ports of the pods there.

use super::cluster::View;
use super::depend::service_of;
use super::ends::{self, EndPort, Ends};
use super::labels::MetaLabels;
use super::object::{Endpoint, EndpointSlice, Service, SlicePort};
use crate::discovery::TargetGroup;
use crate::discovery::names::{host_port, sanitized};

/// The group of a slice.
pub(super) fn group(source: String, view: &View<'_>, slice: &EndpointSlice) -> TargetGroup {
    let metadata = &slice.metadata;
    let mut labels = MetaLabels::default();
    labels.set("namespace", &metadata.namespace);
    labels.set("endpointslice_address_type", &slice.address_type);
    labels.add_object("endpointslice", metadata);
    let service = service_of(metadata).and_then(|key| ends::add_service(&mut labels, view, &key));
    labels.add_namespace(view, &metadata.namespace);
    let mut group = TargetGroup { source, targets: Vec::new(), labels: labels.build() };
    if service.is_some_and(|service| is_second_family(service, slice)) {
        return group;
    }
    let mut ends = Ends::new(*view);
    for endpoint in &slice.endpoints {
        for port in &slice.ports {
            for address in &endpoint.addresses {
                add(&mut ends, view, address, endpoint, port);
            }
        }
    }
    group.targets = ends.finish();
    group
}

/// Whether a dual-stack service has the same ends in a slice of its first address family.
fn is_second_family(service: &Service, slice: &EndpointSlice) -> bool {
    let dual =
        matches!(service.spec.ip_family_policy.as_str(), "PreferDualStack" | "RequireDualStack");
    let first = service.spec.ip_families.first();
    dual && first.is_some_and(|family| *family != slice.address_type)
}

fn add(ends: &mut Ends<'_>, view: &View<'_>, address: &str, endpoint: &Endpoint, port: &SlicePort) {
    let mut target = match port.port {
        Some(number) => MetaLabels::at(&host_port(address, number)),
        None => MetaLabels::at(address),
    };
    target.set_some("endpointslice_port_name", port.name.as_deref());
    target.set_some("endpointslice_port_protocol", port.protocol.as_deref());
    target.set_some("endpointslice_port", port.port.map(|port| port.to_string()).as_deref());
    target.set_some("endpointslice_port_app_protocol", port.app_protocol.as_deref());
    add_endpoint(&mut target, endpoint);
    let reference = endpoint.target_ref.as_ref();
    ends::add_node(&mut target, view, endpoint.node_name.as_deref(), reference, true);
    ends.add(target, reference, EndPort { number: port.port, protocol: None });
}

fn add_endpoint(target: &mut MetaLabels, endpoint: &Endpoint) {
    let conditions = &endpoint.conditions;
    target.set_flag("endpointslice_endpoint_conditions_ready", conditions.ready);
    target.set_flag("endpointslice_endpoint_conditions_serving", conditions.serving);
    target.set_flag("endpointslice_endpoint_conditions_terminating", conditions.terminating);
    target.set_some("endpointslice_endpoint_hostname", endpoint.hostname.as_deref());
    let reference = endpoint.target_ref.as_ref();
    target.set_some("endpointslice_address_target_kind", reference.map(|one| one.kind.as_str()));
    target.set_some("endpointslice_address_target_name", reference.map(|one| one.name.as_str()));
    target.set_some("endpointslice_endpoint_node_name", endpoint.node_name.as_deref());
    target.set_some("endpointslice_endpoint_zone", endpoint.zone.as_deref());
    for (name, value) in &endpoint.deprecated_topology {
        let name = sanitized(name);
        target.set(&format!("endpointslice_endpoint_topology_{name}"), value);
        target.set(&format!("endpointslice_endpoint_topology_present_{name}"), "true");
    }
}
