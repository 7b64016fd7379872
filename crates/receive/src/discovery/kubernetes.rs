//! Targets from the Kubernetes API: nodes, services, pods, endpoints, their slices, ingresses.
//!
//! Life of the data: each [`watch`] lists objects of one kind and follows their changes, the
//! [`cluster`] holds what is known, and each object of the role's kind becomes one target group
//! that is made again whenever it or something it refers to changes. A namespace's targets
//! appear once all that they are made from was listed.

mod cluster;
mod connect;
mod depend;
mod endpoints;
mod endpointslice;
mod ends;
mod ingress;
mod kubeconfig;
mod labels;
mod node;
mod object;
mod plan;
mod pod;
mod service;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use vigie_world::World;

use super::{Discoverer, DiscoveryState, RETRY_MIN, TargetGroup};
use crate::config::KubernetesSdConfig;
use cluster::{Changes, Cluster, View};
use object::{Kind, Object};
use vigie_dial::HttpEnvironment;
use watch::{Change, Watch, WatchEvent, WatchScope};

/// Events that wait to be taken, and that are taken at once.
const EVENTS_MAX: usize = 256;

/// Targets from the Kubernetes API.
#[derive(Debug)]
pub(super) struct KubernetesDiscovery {
    config: KubernetesSdConfig,
    environment: HttpEnvironment,
    world: World,
}

impl KubernetesDiscovery {
    /// Targets of `config`.
    pub(super) fn new(
        config: KubernetesSdConfig,
        environment: &HttpEnvironment,
        world: &World,
    ) -> Self {
        Self { config, environment: environment.clone(), world: world.clone() }
    }
}

#[async_trait]
impl Discoverer for KubernetesDiscovery {
    async fn run(self: Box<Self>, state: DiscoveryState) {
        let connection = loop {
            match connect::connect(&self.config, &self.environment, &self.world) {
                Ok(connection) => break connection,
                Err(error) => state.fail(error),
            }
            self.world.clock.sleep(RETRY_MIN * 10).await;
        };
        let scopes = plan::scopes(&self.config, connection.own_namespace.as_deref());
        let (sender, mut receiver) = mpsc::channel(EVENTS_MAX);
        // Dropped, and so stopped, together with this future.
        let mut watches = JoinSet::new();
        for (index, scope) in scopes.iter().enumerate() {
            let watch = Watch {
                index,
                scope: scope.clone(),
                connection: connection.clone(),
                world: self.world.clone(),
                events: sender.clone(),
            };
            watches.spawn(watch.run());
        }
        drop(sender);
        let mut finder = Finder::new(self.config, scopes);
        let mut events = Vec::with_capacity(EVENTS_MAX);
        while receiver.recv_many(&mut events, EVENTS_MAX).await > 0 {
            let groups = finder.take(events.drain(..));
            state.update_with_error(groups, &finder.error());
        }
    }
}

/// Makes target groups of events.
#[derive(Debug)]
struct Finder {
    config: KubernetesSdConfig,
    role: Kind,
    scopes: Vec<WatchScope>,
    /// Which of the scopes were listed.
    listed: Vec<bool>,
    errors: BTreeMap<usize, String>,
    cluster: Cluster,
}

impl Finder {
    fn new(config: KubernetesSdConfig, scopes: Vec<WatchScope>) -> Self {
        Self {
            // The configuration has no other roles.
            role: Kind::of_role(&config.role).unwrap_or(Kind::Node),
            config,
            listed: vec![false; scopes.len()],
            scopes,
            errors: BTreeMap::new(),
            cluster: Cluster::default(),
        }
    }

    /// What is wrong with any of the watches.
    fn error(&self) -> String {
        let errors: BTreeSet<&str> = self.errors.values().map(String::as_str).collect();
        errors.into_iter().collect::<Vec<_>>().join("; ")
    }

    /// Takes events in; gives the groups that may have changed.
    fn take(&mut self, events: impl Iterator<Item = WatchEvent>) -> Vec<TargetGroup> {
        let mut changes = Changes::new();
        for event in events {
            self.apply(event, &mut changes);
        }
        let view = self.view();
        let keys = depend::affected(&view, self.role, &changes);
        let ready = keys.into_iter().filter(|key| self.is_ready(namespace_of(key)));
        ready.filter_map(|key| self.group(&view, &key)).collect()
    }

    fn apply(&mut self, event: WatchEvent, changes: &mut Changes) {
        let Some(scope) = self.scopes.get(event.watch).cloned() else { return };
        match event.change {
            Change::Failed(error) => {
                self.errors.insert(event.watch, error);
                return;
            }
            Change::Recovered => {}
            Change::Listed(objects) => {
                let namespace = scope.namespace.as_deref();
                self.cluster.replace(scope.kind, namespace, objects, changes);
                self.note_listed(event.watch, namespace, changes);
            }
            Change::Applied(object) => self.cluster.put(scope.kind, *object, changes),
            Change::Deleted(key) => self.cluster.remove(scope.kind, key, changes),
        }
        self.errors.remove(&event.watch);
    }

    /// Whatever was held back until this list came has changed as far as others can see.
    fn note_listed(&mut self, watch: usize, namespace: Option<&str>, changes: &mut Changes) {
        if let Some(listed) = self.listed.get_mut(watch).filter(|listed| !**listed) {
            *listed = true;
            let keys = self.cluster.keys(self.role, namespace);
            changes.entry(self.role).or_default().extend(keys);
        }
    }

    /// Whether all that targets of `namespace` are made from was listed.
    fn is_ready(&self, namespace: &str) -> bool {
        let concerned =
            |scope: &WatchScope| scope.namespace.as_ref().is_none_or(|name| name == namespace);
        let mut scopes = self.scopes.iter().zip(&self.listed);
        scopes.all(|(scope, listed)| *listed || !concerned(scope))
    }

    fn view(&self) -> View<'_> {
        View { cluster: &self.cluster, attach: &self.config.attach_metadata }
    }

    /// The group of the object `key`: without targets if that is gone, `None` to leave it as
    /// it was.
    fn group(&self, view: &View<'_>, key: &str) -> Option<TargetGroup> {
        let source = format!("{}/{key}", self.config.role);
        let Some(object) = self.cluster.get(self.role, key) else {
            return Some(TargetGroup { source, ..TargetGroup::default() });
        };
        match object {
            Object::Node(object) => node::group(source, object),
            Object::Pod(object) => Some(pod::group(source, view, object)),
            Object::Service(object) => Some(service::group(source, view, object)),
            Object::Endpoints(object) => Some(endpoints::group(source, view, object)),
            Object::EndpointSlice(object) => Some(endpointslice::group(source, view, object)),
            Object::Ingress(object) => Some(ingress::group(source, view, object)),
            // No role is of these.
            Object::Other(_) => None,
        }
    }
}

fn namespace_of(key: &str) -> &str {
    key.split_once('/').map_or("", |(namespace, _)| namespace)
}
