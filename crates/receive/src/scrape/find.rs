//! The targets of a job without scraping them, for `promtool check service-discovery`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use vigie_dial::HttpEnvironment;
use vigie_model::Labels;
use vigie_world::World;

use super::relabel::Relabeler;
use super::target::{self, Made};
use crate::config::ScrapeConfig;
use crate::discovery::{self, RunningDiscovery};

/// Between looks at what discoveries have found, as one that fails tells nobody.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What became of one set of discovered labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTarget {
    /// Labels before relabelling.
    pub discovered_labels: Labels,
    /// Labels of its series; `None` when relabelling dropped it.
    pub labels: Option<Labels>,
}

/// What a job's discoveries found.
#[derive(Debug, Clone, Default)]
pub struct FoundTargets {
    /// Targets, dropped ones too.
    pub targets: Vec<FoundTarget>,
    /// What is wrong with a discovery or a target.
    pub errors: Vec<String>,
}

/// Runs the discoveries of `job` until each has found something or failed, `wait` at the longest.
/// Fails when the job's relabelling cannot work.
pub async fn find_targets(
    job: &ScrapeConfig,
    environment: &HttpEnvironment,
    world: &World,
    wait: Duration,
) -> Result<FoundTargets, String> {
    let relabel = Relabeler::compile(&job.relabel_configs)?;
    let changed = Arc::new(Notify::new());
    let discoveries = discovery::start(&job.discovery, environment, world, &changed);
    let all_told = async {
        while !discoveries.iter().all(has_told) {
            tokio::time::timeout(LOOK_EVERY, changed.notified()).await.ok();
        }
    };
    let in_time = tokio::time::timeout(wait, all_told).await.is_ok();
    let mut found = FoundTargets::default();
    for discovery in &discoveries {
        let (error, _) = discovery.state.last_error();
        if !error.is_empty() {
            found.errors.push(format!("{}: {error}", discovery.mechanism));
        } else if !in_time && !has_told(discovery) {
            found.errors.push(format!("{}: nothing found in time", discovery.mechanism));
        }
        for group in discovery.state.groups() {
            for made in target::make(&group, job, &relabel) {
                match made {
                    Ok(Made::Target(target)) => found.targets.push(FoundTarget {
                        discovered_labels: target.discovered_labels,
                        labels: Some(target.labels),
                    }),
                    Ok(Made::Dropped(discovered_labels)) => {
                        found.targets.push(FoundTarget { discovered_labels, labels: None });
                    }
                    Err(error) => found.errors.push(error),
                }
            }
        }
    }
    Ok(found)
}

fn has_told(discovery: &RunningDiscovery) -> bool {
    let (error, _) = discovery.state.last_error();
    !error.is_empty() || discovery.state.target_count() > 0
}
