//! Finds targets: each mechanism is a task that puts target groups into its state.
//!
//! Whatever goes wrong is kept as that state's last error, shown on the target page, and tried
//! again; it never stops another discovery.

mod consul;
mod dns;
mod docker;
mod file;
mod groups;
mod http;
mod kubernetes;
mod names;
mod retry;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use vigie_model::Labels;
use vigie_world::World;

pub use state::{DiscoveryState, TargetGroup};

use crate::config::{DiscoveryConfigs, StaticConfig};
use vigie_dial::HttpEnvironment;

/// First wait before a discovery that failed is tried again.
pub(crate) const RETRY_MIN: Duration = Duration::from_secs(1);

/// Finds targets until it is dropped.
#[async_trait]
pub trait Discoverer: Send {
    /// Puts what it finds into `state`, and what goes wrong. Ends only when nothing can change.
    async fn run(self: Box<Self>, state: DiscoveryState);
}

/// A discovery that runs; dropping it stops it.
#[derive(Debug)]
pub struct RunningDiscovery {
    /// What it does: `static`, `file`, ...
    pub mechanism: &'static str,
    /// Its place among those of the same mechanism.
    pub index: usize,
    /// What it found.
    pub state: DiscoveryState,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for RunningDiscovery {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Starts all discoveries of a job. `changed` is notified whenever one finds something new.
pub fn start(
    configs: &DiscoveryConfigs,
    environment: &HttpEnvironment,
    world: &World,
    changed: &Arc<Notify>,
) -> Vec<RunningDiscovery> {
    let mut running = Vec::new();
    let state = || DiscoveryState::new(world, Arc::clone(changed));
    if !configs.static_configs.is_empty() {
        let state = state();
        state.replace(static_groups(&configs.static_configs));
        running.push(RunningDiscovery { mechanism: "static", index: 0, state, task: None });
    }
    for unserved in &configs.unserved {
        let state = state();
        state.fail(format!("{}: not there yet", unserved.name));
        running.push(RunningDiscovery { mechanism: "not there yet", index: 0, state, task: None });
    }
    let mut spawn = |mechanism, index, discoverer: Box<dyn Discoverer>| {
        let state = state();
        let task = Some(tokio::spawn(discoverer.run(state.clone())));
        running.push(RunningDiscovery { mechanism, index, state, task });
    };
    for (index, config) in configs.file.iter().enumerate() {
        spawn("file", index, Box::new(file::FileDiscovery::new(config.clone(), world)));
    }
    for (index, config) in configs.http.iter().enumerate() {
        let discovery = http::HttpDiscovery::new(config.clone(), environment, world);
        spawn("http", index, Box::new(discovery));
    }
    for (index, config) in configs.kubernetes.iter().enumerate() {
        let discovery = kubernetes::KubernetesDiscovery::new(config.clone(), environment, world);
        spawn("kubernetes", index, Box::new(discovery));
    }
    for (index, config) in configs.docker.iter().enumerate() {
        let discovery = docker::DockerDiscovery::new(config.clone(), environment, world);
        spawn("docker", index, Box::new(discovery));
    }
    for (index, config) in configs.consul.iter().enumerate() {
        let discovery = consul::ConsulDiscovery::new(config.clone(), environment, world);
        spawn("consul", index, Box::new(discovery));
    }
    for (index, config) in configs.dns.iter().enumerate() {
        spawn("dns", index, Box::new(dns::DnsDiscovery::new(config.clone(), world)));
    }
    running
}

fn static_groups(configs: &[StaticConfig]) -> impl Iterator<Item = TargetGroup> {
    configs.iter().enumerate().map(|(index, config)| TargetGroup {
        source: index.to_string(),
        targets: config
            .targets
            .iter()
            .map(|address| Labels::from_pairs([("__address__", address)]))
            .collect(),
        labels: Labels::from_pairs(&config.labels),
    })
}
