//! Role `service`: one target a port of a service, at its name in the cluster's DNS.

use super::cluster::View;
use super::labels::MetaLabels;
use super::object::Service;
use crate::discovery::TargetGroup;
use crate::discovery::names::host_port;

/// The group of a service.
pub(super) fn group(source: String, view: &View<'_>, service: &Service) -> TargetGroup {
    let (metadata, spec) = (&service.metadata, &service.spec);
    let mut labels = MetaLabels::default();
    add_labels(&mut labels, service);
    labels.add_namespace(view, &metadata.namespace);
    let host = format!("{}.{}.svc", metadata.name, metadata.namespace);
    let targets = spec.ports.iter().map(|port| {
        let mut target = MetaLabels::at(&host_port(&host, port.port));
        target.set("service_port_name", &port.name);
        target.set("service_port_number", &port.port.to_string());
        target.set("service_port_protocol", &port.protocol);
        target.set("service_type", &spec.kind);
        if spec.kind == "ExternalName" {
            target.set("service_external_name", &spec.external_name);
        } else {
            target.set("service_cluster_ip", &spec.cluster_ip);
        }
        if spec.kind == "LoadBalancer" {
            target.set("service_loadbalancer_ip", &load_balancer_addresses(service));
        }
        target.build()
    });
    TargetGroup { source, targets: targets.collect(), labels: labels.build() }
}

/// What a service says of itself, also at its endpoints.
pub(super) fn add_labels(labels: &mut MetaLabels, service: &Service) {
    labels.set("namespace", &service.metadata.namespace);
    labels.add_object("service", &service.metadata);
}

fn load_balancer_addresses(service: &Service) -> String {
    let given = service.status.load_balancer.ingress.iter().map(|ingress| ingress.ip.as_str());
    let given: Vec<&str> = given.filter(|address| !address.is_empty()).collect();
    // Before there was a status, the specification held what was asked for.
    if given.is_empty() { service.spec.load_balancer_ip.clone() } else { given.join(",") }
}
