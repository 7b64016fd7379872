//! Scraping: targets are asked on a stable schedule, their answers become batches of samples.
//!
//! Target groups enter from discovery, batches leave to a sink. A target that cannot be asked is
//! a target that is down, never a failure of the rest.

mod local;
mod status;

pub use local::{LocalExposition, LocalTargets};
pub use status::{
    DiscoveryStatus, DroppedTarget, PoolStatus, TargetHealth, TargetMetadata, TargetStatus,
    TargetsStatus,
};
