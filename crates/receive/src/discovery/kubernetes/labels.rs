//! Labels that several roles share: names, `_label_` and `_annotation_` of objects, pods.

use vigie_model::{Labels, LabelsBuilder};

use super::cluster::View;
use super::object::{Container, ContainerPort, Kind, Metadata, Pod, key_of};
use crate::discovery::names::sanitized;

/// Labels whose names begin with `__meta_kubernetes_`.
#[derive(Debug, Clone, Default)]
pub(super) struct MetaLabels(LabelsBuilder);

impl MetaLabels {
    /// Labels of a target at `address`.
    pub(super) fn at(address: &str) -> Self {
        let mut labels = Self::default();
        labels.0.set("__address__", address);
        labels
    }

    /// Sets a label of which `name` is what follows the prefix.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.set(&format!("__meta_kubernetes_{name}"), value);
    }

    /// Sets a label that has no prefix.
    pub(super) fn set_plain(&mut self, name: &str, value: &str) {
        self.0.set(name, value);
    }

    /// Sets a label if there is a value.
    pub(super) fn set_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Sets a label to `true` or `false` if that is known.
    pub(super) fn set_flag(&mut self, name: &str, value: Option<bool>) {
        self.set_some(name, value.map(flag));
    }

    /// Sets a label and says beside it that it is there, for values that may be empty.
    pub(super) fn set_present(&mut self, prefix: &str, kind: &str, name: &str, value: &str) {
        let name = sanitized(name);
        self.set(&format!("{prefix}_{kind}_{name}"), value);
        self.set(&format!("{prefix}_{kind}present_{name}"), "true");
    }

    /// Labels and annotations of an object that `role` names.
    pub(super) fn add_annotations(&mut self, role: &str, metadata: &Metadata) {
        for (name, value) in &metadata.labels {
            self.set_present(role, "label", name, value);
        }
        for (name, value) in &metadata.annotations {
            self.set_present(role, "annotation", name, value);
        }
    }

    /// Name, labels and annotations of an object that `role` names.
    pub(super) fn add_object(&mut self, role: &str, metadata: &Metadata) {
        self.set(&format!("{role}_name"), &metadata.name);
        self.add_annotations(role, metadata);
    }

    /// Labels and annotations of the namespace, if they are to be attached.
    pub(super) fn add_namespace(&mut self, view: &View<'_>, namespace: &str) {
        if !view.attach.namespace {
            return;
        }
        if let Some(metadata) = view.cluster.metadata(Kind::Namespace, namespace) {
            self.add_annotations("namespace", metadata);
        }
    }

    /// What the node is called and labelled, if that is to be attached.
    pub(super) fn add_node(&mut self, view: &View<'_>, node: Option<&str>) {
        if !view.attach.node {
            return;
        }
        if let Some(metadata) = node.and_then(|node| view.cluster.metadata(Kind::Node, node)) {
            self.add_object("node", metadata);
        }
    }

    /// What a pod says of itself.
    pub(super) fn add_pod(&mut self, view: &View<'_>, pod: &Pod) {
        self.set("pod_ip", &pod.status.pod_ip);
        self.set("pod_phase", &pod.status.phase);
        self.set("pod_node_name", &pod.spec.node_name);
        self.set("pod_host_ip", &pod.status.host_ip);
        self.set("pod_uid", &pod.metadata.uid);
        let ready = pod.status.conditions.iter().find(|condition| condition.kind == "Ready");
        let ready = ready.map_or("unknown".to_owned(), |ready| ready.status.to_ascii_lowercase());
        self.set("pod_ready", &ready);
        self.add_object("pod", &pod.metadata);
        self.add_controllers(view, &pod.metadata);
    }

    fn add_controllers(&mut self, view: &View<'_>, pod: &Metadata) {
        let Some(controller) = pod.controller() else { return };
        self.set("pod_controller_kind", &controller.kind);
        self.set("pod_controller_name", &controller.name);
        let above = |kind: Kind, wanted: &str| {
            let key = key_of(&pod.namespace, &controller.name);
            let above = view.cluster.metadata(kind, &key)?.controller()?;
            (above.kind == wanted).then_some(above.name.as_str())
        };
        match controller.kind.as_str() {
            "ReplicaSet" if view.attach.deployment => {
                self.set_some("pod_deployment_name", above(Kind::ReplicaSet, "Deployment"));
            }
            "Job" => {
                if view.attach.job {
                    self.set("pod_job_name", &controller.name);
                }
                if view.attach.cronjob {
                    self.set_some("pod_cronjob_name", above(Kind::Job, "CronJob"));
                }
            }
            _ => {}
        }
    }

    /// What a container says of itself; `init` says that it runs before the others.
    pub(super) fn add_container(&mut self, container: &Container, init: bool) {
        self.set("pod_container_name", &container.name);
        self.set("pod_container_image", &container.image);
        self.set("pod_container_init", flag(init));
    }

    /// A port of a container. Endpoints name the protocol themselves.
    pub(super) fn add_container_port(&mut self, port: &ContainerPort, protocol: &str) {
        self.set("pod_container_port_name", &port.name);
        self.set("pod_container_port_number", &port.number.to_string());
        self.set("pod_container_port_protocol", protocol);
    }

    /// The labels.
    pub(super) fn build(&self) -> Labels {
        self.0.build()
    }
}

const fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
