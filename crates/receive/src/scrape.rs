//! Scraping: targets are asked on a stable schedule, their answers become batches of samples.
//!
//! Target groups enter from discovery, batches leave to a sink. A target that cannot be asked is
//! a target that is down, never a failure of the rest.

mod exposition;
mod failure_log;
mod find;
mod ingest;
mod inheritance;
mod local;
mod manager;
mod metrics;
mod pool;
mod relabel;
mod report;
mod resolve;
mod series;
mod settings;
mod status;
mod target;
mod target_loop;
#[cfg(test)]
mod tests;

pub use find::{FoundTarget, FoundTargets, find_targets};
pub use local::{LocalExposition, LocalTargets};
pub use manager::ScrapeManager;
pub use metrics::ReceiveMetrics;
pub(crate) use metrics::add;
pub(crate) use relabel::Relabeler;
pub use status::{
    DiscoveryStatus, DroppedTarget, PoolStatus, TargetHealth, TargetMetadata, TargetStatus,
    TargetsStatus,
};
