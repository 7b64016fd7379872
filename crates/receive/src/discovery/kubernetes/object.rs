//! Objects of the Kubernetes API: only the fields that become labels or targets.
//!
//! A list or map that is `null` is empty, as Go writes one that was never made.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// What is listed and watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Node,
    Namespace,
    Pod,
    Service,
    Endpoints,
    EndpointSlice,
    Ingress,
    ReplicaSet,
    Job,
}

impl Kind {
    /// The kind that a role makes targets of.
    pub(super) fn of_role(role: &str) -> Option<Self> {
        Some(match role {
            "node" => Self::Node,
            "pod" => Self::Pod,
            "service" => Self::Service,
            "endpoints" => Self::Endpoints,
            "endpointslice" => Self::EndpointSlice,
            "ingress" => Self::Ingress,
            _ => return None,
        })
    }

    /// Where the API has it: the path's parts before a namespace, and the name in the plural.
    pub(super) const fn path(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Node => (&["api", "v1"], "nodes"),
            Self::Namespace => (&["api", "v1"], "namespaces"),
            Self::Pod => (&["api", "v1"], "pods"),
            Self::Service => (&["api", "v1"], "services"),
            Self::Endpoints => (&["api", "v1"], "endpoints"),
            Self::EndpointSlice => (&["apis", "discovery.k8s.io", "v1"], "endpointslices"),
            Self::Ingress => (&["apis", "networking.k8s.io", "v1"], "ingresses"),
            Self::ReplicaSet => (&["apis", "apps", "v1"], "replicasets"),
            Self::Job => (&["apis", "batch", "v1"], "jobs"),
        }
    }
}

/// One object, as the API describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    Node(Node),
    Pod(Pod),
    Service(Service),
    Endpoints(Endpoints),
    EndpointSlice(EndpointSlice),
    Ingress(Ingress),
    /// A namespace, replica set or job: its metadata is all that counts.
    Other(Other),
}

impl Object {
    /// Reads an object of `kind`.
    pub(super) fn parse(kind: Kind, json: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Node => Self::Node(serde_json::from_str(json)?),
            Kind::Pod => Self::Pod(serde_json::from_str(json)?),
            Kind::Service => Self::Service(serde_json::from_str(json)?),
            Kind::Endpoints => Self::Endpoints(serde_json::from_str(json)?),
            Kind::EndpointSlice => Self::EndpointSlice(serde_json::from_str(json)?),
            Kind::Ingress => Self::Ingress(serde_json::from_str(json)?),
            Kind::Namespace => Self::Other(serde_json::from_str(json)?),
            Kind::ReplicaSet | Kind::Job => {
                let mut other: Other = serde_json::from_str(json)?;
                // There are many of them, and only what is above them is asked for.
                other.metadata.labels.clear();
                other.metadata.annotations.clear();
                Self::Other(other)
            }
        })
    }

    /// Its metadata.
    pub(super) const fn metadata(&self) -> &Metadata {
        match self {
            Self::Node(object) => &object.metadata,
            Self::Pod(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::Endpoints(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::Ingress(object) => &object.metadata,
            Self::Other(object) => &object.metadata,
        }
    }
}

/// `namespace/name`, or the name of what has no namespace.
pub(super) fn key_of(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A struct of the API: every field may be missing or `null`.
macro_rules! api {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub(super) struct $name {
            $(
                $(#[$field_meta])*
                #[serde(deserialize_with = "or_default")]
                pub(super) $field: $kind,
            )*
        }
    };
}

api! {
    /// What every object has.
    Metadata {
        name: String,
        namespace: String,
        uid: String,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        owner_references: Vec<OwnerReference>,
    }
}

impl Metadata {
    /// Names the object among those of its kind.
    pub(super) fn key(&self) -> String {
        key_of(&self.namespace, &self.name)
    }

    /// What controls the object.
    pub(super) fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

api! { OwnerReference { kind: String, name: String, controller: bool, } }
api! { Other { metadata: Metadata, } }

api! { Node { metadata: Metadata, spec: NodeSpec, status: NodeStatus, } }
api! { NodeSpec { #[serde(rename = "providerID")] provider_id: String, } }
api! {
    NodeStatus {
        addresses: Vec<NodeAddress>,
        conditions: Vec<Condition>,
        daemon_endpoints: DaemonEndpoints,
    }
}
api! { NodeAddress { #[serde(rename = "type")] kind: String, address: String, } }
api! { Condition { #[serde(rename = "type")] kind: String, status: String, } }
api! { DaemonEndpoints { kubelet_endpoint: DaemonEndpoint, } }
api! { DaemonEndpoint { #[serde(rename = "Port")] port: i64, } }

api! { Pod { metadata: Metadata, spec: PodSpec, status: PodStatus, } }
api! {
    PodSpec { node_name: String, containers: Vec<Container>, init_containers: Vec<Container>, }
}
api! { Container { name: String, image: String, ports: Vec<ContainerPort>, } }
api! {
    ContainerPort {
        name: String,
        #[serde(rename = "containerPort")]
        number: i64,
        protocol: String,
    }
}
api! {
    PodStatus {
        phase: String,
        #[serde(rename = "podIP")]
        pod_ip: String,
        #[serde(rename = "hostIP")]
        host_ip: String,
        conditions: Vec<Condition>,
        container_statuses: Vec<ContainerStatus>,
        init_container_statuses: Vec<ContainerStatus>,
    }
}
api! { ContainerStatus { name: String, #[serde(rename = "containerID")] container_id: String, } }

api! { Service { metadata: Metadata, spec: ServiceSpec, status: ServiceStatus, } }
api! {
    ServiceSpec {
        #[serde(rename = "type")]
        kind: String,
        #[serde(rename = "clusterIP")]
        cluster_ip: String,
        #[serde(rename = "loadBalancerIP")]
        load_balancer_ip: String,
        external_name: String,
        ip_family_policy: String,
        ip_families: Vec<String>,
        ports: Vec<ServicePort>,
    }
}
api! { ServicePort { name: String, port: i64, protocol: String, } }
api! { ServiceStatus { load_balancer: LoadBalancer, } }
api! { LoadBalancer { ingress: Vec<LoadBalancerIngress>, } }
api! { LoadBalancerIngress { ip: String, } }

api! { ObjectReference { kind: String, namespace: String, name: String, } }

api! { Endpoints { metadata: Metadata, subsets: Vec<EndpointSubset>, } }
api! {
    EndpointSubset {
        addresses: Vec<EndpointAddress>,
        not_ready_addresses: Vec<EndpointAddress>,
        ports: Vec<EndpointPort>,
    }
}
api! {
    EndpointAddress {
        ip: String,
        hostname: String,
        node_name: Option<String>,
        target_ref: Option<ObjectReference>,
    }
}
api! { EndpointPort { name: String, port: i64, protocol: String, } }

api! {
    EndpointSlice {
        metadata: Metadata,
        address_type: String,
        endpoints: Vec<Endpoint>,
        ports: Vec<SlicePort>,
    }
}
api! {
    Endpoint {
        addresses: Vec<String>,
        conditions: EndpointConditions,
        hostname: Option<String>,
        node_name: Option<String>,
        zone: Option<String>,
        target_ref: Option<ObjectReference>,
        deprecated_topology: BTreeMap<String, String>,
    }
}
api! {
    EndpointConditions { ready: Option<bool>, serving: Option<bool>, terminating: Option<bool>, }
}
api! {
    SlicePort {
        name: Option<String>,
        protocol: Option<String>,
        port: Option<i64>,
        app_protocol: Option<String>,
    }
}

api! { Ingress { metadata: Metadata, spec: IngressSpec, } }
api! {
    IngressSpec {
        ingress_class_name: Option<String>,
        tls: Vec<IngressTls>,
        rules: Vec<IngressRule>,
    }
}
api! { IngressTls { hosts: Vec<String>, } }
api! { IngressRule { host: String, http: Option<IngressHttp>, } }
api! { IngressHttp { paths: Vec<IngressPath>, } }
api! { IngressPath { path: String, } }
