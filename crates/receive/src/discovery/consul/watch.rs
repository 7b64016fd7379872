//! Follows one list of Consul by blocking queries.
//!
//! As in "Blocking Queries" of the Consul API documentation: each answer has an index, the next
//! question names it and is answered when something changed, and an index that goes back means
//! to begin anew.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc;
use vigie_world::World;

use super::api::Server;
use super::labels;
use crate::config::ConsulSdConfig;
use crate::discovery::TargetGroup;
use crate::discovery::retry::Retry;

/// The longest wait between attempts.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(30);

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// These are all services that are wanted.
    Services(BTreeSet<String>),
    /// These are the instances of a service.
    Instances(TargetGroup),
    /// The watch of this service, or of the catalog if empty, does not work.
    Failed(String, String),
    /// It works again and nothing has changed.
    Recovered(String),
}

/// What is watched.
#[derive(Debug, Clone)]
pub(super) enum WatchKind {
    /// The names of all services.
    Catalog,
    /// The instances of the one of this name.
    Service(String),
}

/// Follows one list for ever.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) kind: WatchKind,
    pub(super) server: Server,
    pub(super) datacenter: String,
    pub(super) config: ConsulSdConfig,
    pub(super) world: World,
    pub(super) events: mpsc::Sender<Event>,
}

impl Watch {
    /// Ends when nobody listens.
    pub(super) async fn run(self) {
        let interval = self.config.refresh_interval.duration();
        let mut retry = Retry::up_to(WAIT_MAX);
        let mut index = 0;
        let mut failed = false;
        while !self.events.is_closed() {
            let asked = self.world.clock.monotonic();
            let wait = match self.ask(index).await {
                Ok((_, next)) if next == index && index > 0 => {
                    if failed {
                        self.send(Event::Recovered(self.name())).await;
                    }
                    failed = false;
                    retry.worked();
                    interval.saturating_sub(self.world.clock.monotonic().saturating_sub(asked))
                }
                Ok((event, next)) => {
                    index = if next < index { 0 } else { next };
                    failed = false;
                    self.send(event).await;
                    retry.worked();
                    interval.saturating_sub(self.world.clock.monotonic().saturating_sub(asked))
                }
                Err(error) => {
                    failed = true;
                    self.send(Event::Failed(self.name(), error)).await;
                    retry.failed()
                }
            };
            self.world.clock.sleep(wait).await;
        }
    }

    fn name(&self) -> String {
        match &self.kind {
            WatchKind::Catalog => String::new(),
            WatchKind::Service(name) => name.clone(),
        }
    }

    async fn send(&self, event: Event) {
        // Nobody listens: `run` sees that itself.
        self.events.send(event).await.ok();
    }

    async fn ask(&self, index: u64) -> Result<(Event, u64), String> {
        match &self.kind {
            WatchKind::Catalog => {
                let (services, next) = self.server.services(&self.config, index).await?;
                let wanted = services.into_iter().filter(|(name, tags)| {
                    let named =
                        self.config.services.is_empty() || self.config.services.contains(name);
                    let tags = tags.as_deref().unwrap_or_default();
                    named && self.config.tags.iter().all(|tag| tags.contains(tag))
                });
                Ok((Event::Services(wanted.map(|(name, _)| name).collect()), next))
            }
            WatchKind::Service(name) => {
                let (instances, next) = self.server.instances(&self.config, name, index).await?;
                let group = labels::group(&self.config, &self.datacenter, name, &instances);
                Ok((Event::Instances(group), next))
            }
        }
    }
}
