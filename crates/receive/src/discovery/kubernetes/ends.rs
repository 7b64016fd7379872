//! What endpoints and their slices have in common: targets at pods, and the pods' other ports.

use std::collections::BTreeMap;

use vigie_model::Labels;

use super::cluster::View;
use super::labels::MetaLabels;
use super::object::{ObjectReference, Pod, Service, key_of};
use super::pod::containers;
use crate::discovery::names::host_port;

/// A service's targets, and the pods that were seen behind them.
#[derive(Debug)]
pub(super) struct Ends<'a> {
    view: View<'a>,
    targets: Vec<Labels>,
    /// Pods by key, with the ports that have a target.
    pods: BTreeMap<String, (&'a Pod, Vec<i64>)>,
}

/// A port that a service sends to.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndPort<'a> {
    pub(super) number: Option<i64>,
    /// What is said of a container's port; `None`: what the container says.
    pub(super) protocol: Option<&'a str>,
}

impl<'a> Ends<'a> {
    /// Without targets.
    pub(super) const fn new(view: View<'a>) -> Self {
        Self { view, targets: Vec::new(), pods: BTreeMap::new() }
    }

    /// Adds a target; `reference` is what is behind it.
    pub(super) fn add(
        &mut self,
        mut target: MetaLabels,
        reference: Option<&ObjectReference>,
        port: EndPort<'_>,
    ) {
        let pod = reference.filter(|reference| reference.kind == "Pod").and_then(|reference| {
            let key = key_of(&reference.namespace, &reference.name);
            self.view.cluster.pod(&key).map(|pod| (key, pod))
        });
        if let Some((key, pod)) = pod {
            target.add_pod(&self.view, pod);
            add_container(&mut target, pod, port);
            let (_, ports) = self.pods.entry(key).or_insert_with(|| (pod, Vec::new()));
            ports.extend(port.number);
        }
        self.targets.push(target.build());
    }

    /// The targets, with those of ports that the pods have besides.
    pub(super) fn finish(mut self) -> Vec<Labels> {
        for (pod, seen) in self.pods.values() {
            if pod.status.pod_ip.is_empty() {
                continue;
            }
            for (container, init) in containers(pod) {
                let others = container.ports.iter().filter(|port| !seen.contains(&port.number));
                for port in others {
                    let mut target = MetaLabels::at(&host_port(&pod.status.pod_ip, port.number));
                    target.add_container(container, init);
                    target.add_container_port(port, &port.protocol);
                    target.add_pod(&self.view, pod);
                    self.targets.push(target.build());
                }
            }
        }
        self.targets
    }
}

/// The container that listens on `port`; of several the last.
fn add_container(target: &mut MetaLabels, pod: &Pod, port: EndPort<'_>) {
    let Some(number) = port.number else { return };
    for (container, init) in containers(pod) {
        if let Some(own) = container.ports.iter().find(|own| own.number == number) {
            target.add_container(container, init);
            target.add_container_port(own, port.protocol.unwrap_or(&own.protocol));
        }
    }
}

/// Labels of the service `key`, if that is known.
pub(super) fn add_service<'a>(
    labels: &mut MetaLabels,
    view: &View<'a>,
    key: &str,
) -> Option<&'a Service> {
    let service = view.cluster.service(key)?;
    super::service::add_labels(labels, service);
    Some(service)
}

/// The node of an end: named, or what is behind it. `prefer_reference` says which counts first.
pub(super) fn add_node(
    target: &mut MetaLabels,
    view: &View<'_>,
    node: Option<&str>,
    reference: Option<&ObjectReference>,
    prefer_reference: bool,
) {
    let referred = reference.filter(|reference| reference.kind == "Node");
    let referred = referred.map(|reference| reference.name.as_str());
    let name = if prefer_reference { referred.or(node) } else { node.or(referred) };
    target.add_node(view, name);
}
