//! Role `pod`: one target a port of a container, or one a container that declares none.

use super::cluster::View;
use super::labels::MetaLabels;
use super::object::{Container, ContainerStatus, Pod};
use crate::discovery::TargetGroup;
use crate::discovery::names::host_port;

/// The group of a pod; without targets while it has no address.
pub(super) fn group(source: String, view: &View<'_>, pod: &Pod) -> TargetGroup {
    let mut group = TargetGroup { source, ..TargetGroup::default() };
    // A node that is not known was left out by a selector for nodes.
    let on_known_node = !view.attach.node || view.cluster.node(&pod.spec.node_name).is_some();
    if pod.status.pod_ip.is_empty() || !on_known_node {
        return group;
    }
    let mut labels = MetaLabels::default();
    labels.add_pod(view, pod);
    labels.set("namespace", &pod.metadata.namespace);
    labels.add_node(view, Some(&pod.spec.node_name));
    labels.add_namespace(view, &pod.metadata.namespace);
    group.labels = labels.build();
    for (container, init) in containers(pod) {
        let statuses =
            if init { &pod.status.init_container_statuses } else { &pod.status.container_statuses };
        let id = container_id(statuses, &container.name);
        if container.ports.is_empty() {
            let mut target = MetaLabels::at(&pod.status.pod_ip);
            target.add_container(container, init);
            target.set("pod_container_id", id);
            group.targets.push(target.build());
        }
        for port in &container.ports {
            let mut target = MetaLabels::at(&host_port(&pod.status.pod_ip, port.number));
            target.add_container(container, init);
            target.set("pod_container_id", id);
            target.add_container_port(port, &port.protocol);
            group.targets.push(target.build());
        }
    }
    group
}

/// The containers of a pod, then those that run before them (`true`).
pub(super) fn containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let usual = pod.spec.containers.iter().map(|container| (container, false));
    usual.chain(pod.spec.init_containers.iter().map(|container| (container, true)))
}

fn container_id<'a>(statuses: &'a [ContainerStatus], name: &str) -> &'a str {
    let status = statuses.iter().find(|status| status.name == name);
    status.map_or("", |status| status.container_id.as_str())
}
