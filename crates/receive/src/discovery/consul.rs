//! Targets from a Consul catalog.
//!
//! One watch follows the catalog's services, unless they are all named; one watch a service
//! follows its instances and their health. Both are blocking queries of the Consul API.

mod api;
mod labels;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use vigie_world::World;

use super::retry::Retry;
use super::{Discoverer, DiscoveryState, TargetGroup};
use crate::config::ConsulSdConfig;
use api::Server;
use vigie_dial::HttpEnvironment;
use watch::{Event, Watch, WatchKind};

/// Events that wait to be taken.
const EVENTS_MAX: usize = 64;

/// Services that are followed at most.
const SERVICES_MAX: usize = 10_000;

/// Targets from Consul.
#[derive(Debug)]
pub(super) struct ConsulDiscovery {
    config: ConsulSdConfig,
    environment: HttpEnvironment,
    world: World,
}

impl ConsulDiscovery {
    /// Targets of `config`.
    pub(super) fn new(
        config: ConsulSdConfig,
        environment: &HttpEnvironment,
        world: &World,
    ) -> Self {
        Self { config, environment: environment.clone(), world: world.clone() }
    }

    /// The server, and the data centre that targets are of: the agent's if none is set.
    async fn connect(&self) -> Result<(Server, String), String> {
        let server = Server::new(&self.config, &self.environment, &self.world)?;
        let datacenter = if self.config.datacenter.is_empty() {
            server.datacenter().await?
        } else {
            self.config.datacenter.clone()
        };
        Ok((server, datacenter))
    }
}

#[async_trait]
impl Discoverer for ConsulDiscovery {
    async fn run(self: Box<Self>, state: DiscoveryState) {
        let mut retry = Retry::up_to(watch::WAIT_MAX);
        let (server, datacenter) = loop {
            match self.connect().await {
                Ok(connected) => break connected,
                Err(error) => state.fail(error),
            }
            self.world.clock.sleep(retry.failed()).await;
        };
        let (sender, mut receiver) = mpsc::channel(EVENTS_MAX);
        let config = &self.config;
        let by_name = !config.services.is_empty();
        let whole = by_name && config.tags.is_empty() && config.filter.is_empty();
        let watch = Watch {
            kind: WatchKind::Catalog,
            server,
            datacenter,
            config: self.config.clone(),
            world: self.world.clone(),
            events: sender,
        };
        let mut follower =
            Follower { watch, services: BTreeMap::new(), errors: BTreeMap::new(), catalog: None };
        if whole {
            follower.follow(config.services.iter().cloned().collect());
        } else {
            follower.catalog =
                Some(AbortOnDropHandle::new(tokio::spawn(follower.watch.clone().run())));
        }
        // The follower holds a sender, so this goes on for ever.
        while let Some(event) = receiver.recv().await {
            let groups = follower.take(event);
            state.update_with_error(groups, &follower.error());
        }
    }
}

/// Starts and stops watches as services come and go. Dropped, it stops all of them.
#[derive(Debug)]
struct Follower {
    /// What watches are made from; by itself that of the catalog.
    watch: Watch,
    services: BTreeMap<String, AbortOnDropHandle<()>>,
    /// What is wrong with a service's watch; with that of the catalog under an empty name.
    errors: BTreeMap<String, String>,
    /// Held for its task, which ends when this is dropped.
    catalog: Option<AbortOnDropHandle<()>>,
}

impl Follower {
    /// Takes an event in; gives the groups that changed.
    fn take(&mut self, event: Event) -> Vec<TargetGroup> {
        match event {
            Event::Services(names) => {
                self.errors.remove("");
                self.follow(names)
            }
            // A watch may have said something just before it was stopped.
            Event::Instances(group) if self.services.contains_key(&group.source) => {
                self.errors.remove(&group.source);
                vec![group]
            }
            Event::Failed(name, error) if name.is_empty() || self.services.contains_key(&name) => {
                self.errors.insert(name, error);
                Vec::new()
            }
            Event::Recovered(name) => {
                self.errors.remove(&name);
                Vec::new()
            }
            Event::Instances(_) | Event::Failed(..) => Vec::new(),
        }
    }

    /// Follows the services of these names and no others; gives empty groups for those gone.
    fn follow(&mut self, mut names: BTreeSet<String>) -> Vec<TargetGroup> {
        if names.len() > SERVICES_MAX {
            let error = format!("more than {SERVICES_MAX} services, the others are left out");
            self.errors.insert(String::new(), error);
            names = names.into_iter().take(SERVICES_MAX).collect();
        }
        let known = self.services.keys().filter(|name| !names.contains(*name));
        let gone: Vec<String> = known.cloned().collect();
        for name in &gone {
            self.services.remove(name);
            self.errors.remove(name);
        }
        for name in names {
            let watch = &self.watch;
            self.services.entry(name).or_insert_with_key(|name| {
                let kind = WatchKind::Service(name.clone());
                AbortOnDropHandle::new(tokio::spawn(Watch { kind, ..watch.clone() }.run()))
            });
        }
        gone.into_iter().map(|source| TargetGroup { source, ..TargetGroup::default() }).collect()
    }

    /// What is wrong with any of the watches.
    fn error(&self) -> String {
        let errors: BTreeSet<&str> = self.errors.values().map(String::as_str).collect();
        errors.into_iter().take(10).collect::<Vec<_>>().join("; ")
    }
}
