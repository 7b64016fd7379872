//! Makes targets of the instances of a service, with the labels that Prometheus gives them.

use std::collections::BTreeMap;

use vigie_model::{Labels, LabelsBuilder};

use super::api::{Check, Instance};
use crate::config::ConsulSdConfig;
use crate::discovery::TargetGroup;
use crate::discovery::names::{host_port, sanitized};

/// The group of a service.
pub(super) fn group(
    config: &ConsulSdConfig,
    datacenter: &str,
    name: &str,
    instances: &[Instance],
) -> TargetGroup {
    let labels =
        Labels::from_pairs([("__meta_consul_service", name), ("__meta_consul_dc", datacenter)]);
    let targets = instances.iter().map(|one| target(one, &config.tag_separator)).collect();
    TargetGroup { source: name.to_owned(), targets, labels }
}

fn target(instance: &Instance, separator: &str) -> Labels {
    let Instance { node, service, checks } = instance;
    // A service may be registered by another node than the one it is on.
    let host = if service.address.is_empty() { &node.address } else { &service.address };
    let tags = service.tags.as_deref().unwrap_or_default().join(separator);
    let mut labels = LabelsBuilder::new();
    labels.set("__address__", &host_port(host, service.port));
    let mut set = |name: &str, value: &str| {
        labels.set(&format!("__meta_consul_{name}"), value);
    };
    set("address", &node.address);
    set("node", &node.name);
    set("namespace", &service.namespace);
    set("partition", &service.partition);
    // Separators around all of them: a pattern need not care where a tag stands.
    set("tags", &format!("{separator}{tags}{separator}"));
    set("service_address", &service.address);
    set("service_port", &service.port.to_string());
    set("service_id", &service.id);
    set("health", health(checks.as_deref().unwrap_or_default()));
    let mut set_all = |prefix: &str, values: &Option<BTreeMap<String, String>>| {
        for (name, value) in values.iter().flatten() {
            set(&format!("{prefix}_{}", sanitized(name)), value);
        }
    };
    set_all("metadata", &node.meta);
    set_all("service_metadata", &service.meta);
    set_all("tagged_address", &node.tagged_addresses);
    labels.build()
}

/// The worst of all checks; maintenance is one that is named so. Empty if one is unknown.
fn health(checks: &[Check]) -> &'static str {
    const STATES: [&str; 4] = ["passing", "warning", "critical", "maintenance"];
    let mut worst = 0;
    for check in checks {
        let id = &check.check_id;
        let rank = if id == "_node_maintenance" || id.starts_with("_service_maintenance:") {
            Some(3)
        } else {
            STATES.iter().take(3).position(|state| *state == check.status)
        };
        let Some(rank) = rank else { return "" };
        worst = worst.max(rank);
    }
    STATES.get(worst).copied().unwrap_or_default()
}
