//! Clock, disk and randomness as values, real or simulated from a seed.
//!
//! Whoever needs the time, a file or a random number asks a [`World`] that was handed in. The
//! real one is made once, in the binary; tests make one whose clock they move and whose disk
//! tears writes, loses what was not synced and runs full, all from a seed, so that a crash test
//! runs in milliseconds and repeats exactly. Nothing here knows what is written.

mod clock;
mod disk;
mod process;
mod random;
mod real_disk;
mod real_process;
mod sim_disk;

use std::sync::Arc;

pub use clock::{Clock, ManualClock, RealClock, SleepFuture};
pub use disk::{AppendFile, Disk, EntryKind, FileLock, FolderEntry, ReadFile};
pub use process::{
    OutputSink, ProcessEnd, ProcessFuture, ProcessLimits, ProcessRequest, ProcessStatus, Processes,
    Script, SimProcesses, SimulatedRun,
};
pub use random::Random;
pub use real_disk::RealDisk;
pub use real_process::{LAUNCH_ARGUMENT, RealProcesses, launch};
pub use sim_disk::{Fault, SimDisk};

/// The outside, as far as the middle of Vigie may know it.
#[derive(Debug, Clone)]
pub struct World {
    /// What time it is, and waiting.
    pub clock: Arc<dyn Clock>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Randomness.
    pub random: Arc<Random>,
}

impl World {
    /// The machine's clock, disk and randomness.
    pub fn real() -> Self {
        Self {
            clock: Arc::new(RealClock::new()),
            disk: Arc::new(RealDisk::new()),
            random: Arc::new(Random::from_entropy()),
        }
    }
}
