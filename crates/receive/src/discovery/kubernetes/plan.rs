//! Which kinds a role watches, where, and with which selectors.

use std::collections::BTreeSet;

use super::object::Kind;
use super::watch::WatchScope;
use crate::config::KubernetesSdConfig;

/// All that a discovery has to watch.
pub(super) fn scopes(config: &KubernetesSdConfig, own_namespace: Option<&str>) -> Vec<WatchScope> {
    let Some(role) = Kind::of_role(&config.role) else { return Vec::new() };
    let attach = &config.attach_metadata;
    let is_endpoints = matches!(role, Kind::Endpoints | Kind::EndpointSlice);
    let has_pods = is_endpoints || role == Kind::Pod;
    let everywhere = [
        (Kind::Node, role == Kind::Node || (has_pods && attach.node)),
        (Kind::Namespace, role != Kind::Node && attach.namespace),
    ];
    let by_namespace = [
        (role, role != Kind::Node),
        (Kind::Service, is_endpoints),
        (Kind::Pod, is_endpoints),
        (Kind::ReplicaSet, has_pods && attach.deployment),
        // A pod names its job; only what is above the job must be looked up.
        (Kind::Job, has_pods && attach.cronjob),
    ];
    let wanted = |kinds: &[(Kind, bool)]| {
        let wanted = kinds.iter().filter(|(_, wanted)| *wanted);
        wanted.map(|(kind, _)| *kind).collect::<Vec<_>>()
    };
    let mut scopes = Vec::new();
    for kind in wanted(&everywhere) {
        scopes.push(scope(config, kind, None));
    }
    for namespace in namespaces(config, own_namespace) {
        for kind in wanted(&by_namespace) {
            scopes.push(scope(config, kind, namespace.clone()));
        }
    }
    scopes
}

/// The namespaces to watch; `None` is all of them.
fn namespaces(config: &KubernetesSdConfig, own_namespace: Option<&str>) -> Vec<Option<String>> {
    let wanted = &config.namespaces;
    if wanted.names.is_empty() && !wanted.own_namespace {
        return vec![None];
    }
    let own = own_namespace.filter(|_| wanted.own_namespace);
    let names: BTreeSet<&str> = wanted.names.iter().map(String::as_str).chain(own).collect();
    // As an empty name in the API's paths: all namespaces.
    if names.contains("") {
        return vec![None];
    }
    names.into_iter().map(|name| Some(name.to_owned())).collect()
}

fn scope(config: &KubernetesSdConfig, kind: Kind, namespace: Option<String>) -> WatchScope {
    let selector =
        config.selectors.iter().find(|selector| Kind::of_role(&selector.role) == Some(kind));
    WatchScope {
        kind,
        namespace,
        label_selector: selector.map(|selector| selector.label.clone()).unwrap_or_default(),
        field_selector: selector.map(|selector| selector.field.clone()).unwrap_or_default(),
    }
}
