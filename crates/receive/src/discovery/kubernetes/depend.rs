//! Which groups must be made again when objects that they refer to change.

use std::collections::BTreeSet;

use super::cluster::{Changes, View};
use super::object::{Kind, Metadata, Object, ObjectReference, Pod, key_of};

/// Keys of the objects of kind `role` whose groups may look different after `changes`.
pub(super) fn affected(view: &View<'_>, role: Kind, changes: &Changes) -> BTreeSet<String> {
    let mut keys = changes.get(&role).cloned().unwrap_or_default();
    if changes.keys().all(|kind| *kind == role) {
        return keys;
    }
    for (key, object) in view.cluster.of_kind(role) {
        if !keys.contains(key) && refers(view, object, changes) {
            keys.insert(key.clone());
        }
    }
    keys
}

fn refers(view: &View<'_>, object: &Object, changes: &Changes) -> bool {
    let metadata = object.metadata();
    let namespace = &metadata.namespace;
    changed(changes, Kind::Namespace, namespace)
        || match object {
            Object::Pod(pod) => pod_refers(pod, changes),
            Object::Endpoints(endpoints) => {
                let subsets = endpoints.subsets.iter();
                let mut addresses = subsets
                    .flat_map(|subset| subset.addresses.iter().chain(&subset.not_ready_addresses));
                changed(changes, Kind::Service, &metadata.key())
                    || addresses.any(|one| {
                        end_refers(view, one.target_ref.as_ref(), one.node_name.as_ref(), changes)
                    })
            }
            Object::EndpointSlice(slice) => {
                service_of(metadata).is_some_and(|key| changed(changes, Kind::Service, &key))
                    || slice.endpoints.iter().any(|one| {
                        end_refers(view, one.target_ref.as_ref(), one.node_name.as_ref(), changes)
                    })
            }
            _ => false,
        }
}

/// The key of the service that a slice belongs to.
pub(super) fn service_of(slice: &Metadata) -> Option<String> {
    let name = slice.labels.get("kubernetes.io/service-name")?;
    Some(key_of(&slice.namespace, name))
}

fn end_refers(
    view: &View<'_>,
    target: Option<&ObjectReference>,
    node: Option<&String>,
    changes: &Changes,
) -> bool {
    if node.is_some_and(|node| changed(changes, Kind::Node, node)) {
        return true;
    }
    let Some(target) = target else { return false };
    match target.kind.as_str() {
        "Node" => changed(changes, Kind::Node, &target.name),
        "Pod" => {
            let key = key_of(&target.namespace, &target.name);
            changed(changes, Kind::Pod, &key)
                || view.cluster.pod(&key).is_some_and(|pod| pod_refers(pod, changes))
        }
        _ => false,
    }
}

fn pod_refers(pod: &Pod, changes: &Changes) -> bool {
    let controller = pod.metadata.controller().is_some_and(|controller| {
        let key = key_of(&pod.metadata.namespace, &controller.name);
        match controller.kind.as_str() {
            "ReplicaSet" => changed(changes, Kind::ReplicaSet, &key),
            "Job" => changed(changes, Kind::Job, &key),
            _ => false,
        }
    });
    controller || changed(changes, Kind::Node, &pod.spec.node_name)
}

fn changed(changes: &Changes, kind: Kind, key: &str) -> bool {
    changes.get(&kind).is_some_and(|keys| keys.contains(key))
}
