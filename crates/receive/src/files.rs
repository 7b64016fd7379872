//! Files that grow, as Filebeat follows them.
//!
//! An input looks at its patterns every few seconds. Each file that they name is followed by a task
//! of its own, from where it was left: a file is the same one as long as its device, inode and
//! first bytes are, whatever its name. Events are handed on in batches, and how far a file is read
//! is noted when a batch is durable, so that every line comes at least once. A sink that takes
//! nothing holds the reading up; memory does not grow.

mod chain;
mod container;
mod event;
mod follow;
mod identity;
mod json;
mod lines;
mod multiline;
mod patterns;
mod registry;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use vigie_language::filebeat::Input;
use vigie_model::event::EventSink;
use vigie_world::World;

pub use event::{Shipper, add_syslog};
pub use registry::Registry;

/// Files that hold what they read and what it becomes at once; the others wait.
const WORKING_MAX: usize = 64;

/// What inputs have read.
#[derive(Debug, Default)]
pub struct FileStats {
    /// Events that are durable.
    pub events: AtomicU64,
    /// Files that are open.
    pub open: AtomicU64,
    /// Bytes that were read.
    pub bytes: AtomicU64,
    /// Files that shrank and were read from the beginning.
    pub truncated: AtomicU64,
    /// Files and folders that could not be read.
    pub errors: AtomicU64,
}

/// What all inputs share.
#[derive(Debug, Clone)]
pub struct Files {
    registry: Arc<Registry>,
    world: World,
    stats: Arc<FileStats>,
    working: Arc<Semaphore>,
}

impl Files {
    /// Inputs that note in `registry` how far they are.
    pub fn new(registry: Arc<Registry>, world: World) -> Self {
        let working = Arc::new(Semaphore::new(WORKING_MAX));
        Self { registry, world, stats: Arc::default(), working }
    }

    /// What they have read.
    pub fn stats(&self) -> Arc<FileStats> {
        Arc::clone(&self.stats)
    }

    /// Follows the files of `input` until `stop`, and hands their events to `sink`.
    pub async fn follow(
        self,
        input: Arc<Input>,
        shipper: Arc<Shipper>,
        sink: Arc<dyn EventSink>,
        stop: CancellationToken,
    ) {
        scan::run(self, input, shipper, sink, stop).await;
    }
}
