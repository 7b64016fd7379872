//! Makes targets of containers, with the labels that Prometheus gives them.

use std::collections::{BTreeMap, HashMap};

use vigie_model::{Labels, LabelsBuilder};

use super::api::{Container, Endpoint, Network, Port};
use crate::config::DockerSdConfig;
use crate::discovery::TargetGroup;
use crate::discovery::names::{host_port, sanitized};

/// Targets of one daemon at most: ports times networks may be many more than containers.
const TARGETS_MAX: usize = 100_000;

type NetworkLabels<'a> = BTreeMap<&'a str, Vec<(String, &'a str)>>;

/// The one group of a daemon.
pub(super) fn group(
    config: &DockerSdConfig,
    containers: &[Container],
    networks: &[Network],
) -> Result<TargetGroup, String> {
    let by_id: HashMap<&str, &Container> =
        containers.iter().map(|container| (container.id.as_str(), container)).collect();
    let network_labels: NetworkLabels<'_> =
        networks.iter().map(|network| (network.id.as_str(), labels_of(network))).collect();
    let mut targets = Vec::new();
    for container in containers {
        let Some(common) = common_labels(container) else { continue };
        let shared = owner_of_networks(container, &by_id);
        let count = if config.match_first_network { 1 } else { usize::MAX };
        for endpoint in shared.networks().take(count) {
            let mut labels = common.clone();
            labels.set("__meta_docker_network_ip", endpoint.address());
            let network = endpoint.network_id.as_deref().unwrap_or_default();
            for (name, value) in network_labels.get(network).into_iter().flatten() {
                labels.set(name, value);
            }
            targets.extend(endpoint_targets(config, container, endpoint, &labels));
            if targets.len() > TARGETS_MAX {
                return Err(format!("more than {TARGETS_MAX} targets"));
            }
        }
    }
    Ok(TargetGroup { source: "Docker".to_owned(), targets, labels: Labels::empty() })
}

/// Labels of all targets of a container; `None` for one that has no name.
fn common_labels(container: &Container) -> Option<LabelsBuilder> {
    let name = container.names.as_ref()?.first()?;
    let mut labels = LabelsBuilder::new();
    let mut set = |name: &str, value: &str| {
        labels.set(&format!("__meta_docker_container_{name}"), value);
    };
    set("id", &container.id);
    set("name", name);
    set("network_mode", container.network_mode());
    set("image", container.image.as_deref().unwrap_or_default());
    set("image_id", container.image_id.as_deref().unwrap_or_default());
    for (name, value) in container.labels.iter().flatten() {
        set(&format!("label_{}", sanitized(name)), value);
    }
    Some(labels)
}

fn labels_of(network: &Network) -> Vec<(String, &str)> {
    let flag = |value: bool| if value { "true" } else { "false" };
    let known = [
        ("id", network.id.as_str()),
        ("name", &network.name),
        ("scope", &network.scope),
        ("internal", flag(network.internal)),
        ("ingress", flag(network.ingress)),
    ];
    let known = known.into_iter().map(|(name, value)| (name.to_owned(), value));
    let own = network.labels.iter().flatten();
    let own = own.map(|(name, value)| (format!("label_{}", sanitized(name)), value.as_str()));
    known.chain(own).map(|(name, value)| (format!("__meta_docker_network_{name}"), value)).collect()
}

/// The container whose networks `container` uses: itself, or the one it was started into.
fn owner_of_networks<'a>(
    container: &'a Container,
    by_id: &HashMap<&str, &'a Container>,
) -> &'a Container {
    let mut owner = container;
    // As many steps as there are containers: then they lead round in a circle.
    for _ in 0..by_id.len() {
        if owner.has_networks() {
            break;
        }
        let next = owner.network_mode().strip_prefix("container:").and_then(|id| by_id.get(id));
        let Some(next) = next else { break };
        owner = next;
    }
    owner
}

fn endpoint_targets<'a>(
    config: &DockerSdConfig,
    container: &'a Container,
    endpoint: &'a Endpoint,
    labels: &'a LabelsBuilder,
) -> impl Iterator<Item = Labels> + 'a {
    let ports = container.ports.as_deref().unwrap_or_default();
    let has_ports = ports.iter().any(is_tcp);
    // What publishes nothing is reached at the port that is configured. Containers on the
    // host's network have no ports that Docker knows of.
    let fallback = (!has_ports).then(|| {
        let mut labels = labels.clone();
        let address = if container.network_mode() == "host" {
            config.host_networking_host.clone()
        } else {
            host_port(endpoint.address(), i64::from(config.port))
        };
        labels.set("__address__", &address).build()
    });
    let with_ports = ports.iter().filter(|port| is_tcp(port)).map(|port| {
        let mut labels = labels.clone();
        add_port(&mut labels, port);
        let address = host_port(endpoint.address(), i64::from(port.private));
        labels.set("__address__", &address).build()
    });
    with_ports.chain(fallback)
}

fn is_tcp(port: &Port) -> bool {
    port.protocol == "tcp"
}

fn add_port(labels: &mut LabelsBuilder, port: &Port) {
    labels.set("__meta_docker_port_private", &port.private.to_string());
    if let Some(public) = port.public.filter(|public| *public > 0) {
        labels.set("__meta_docker_port_public", &public.to_string());
        labels.set("__meta_docker_port_public_ip", port.ip.as_deref().unwrap_or_default());
    }
}
