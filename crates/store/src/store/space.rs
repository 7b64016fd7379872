//! Room on the disk and in memory: when to refuse, and when to seal.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use vigie_model::WriteReport;
use vigie_world::World;

use crate::StoreOptions;

/// How often the disk is asked for its free bytes.
const DISK_CHECK_INTERVAL_MS: i64 = 500;
/// Heads are measured after this many more samples.
const SAMPLES_PER_MEASUREMENT: u64 = 100_000;

/// What is known of the room there is.
#[derive(Debug, Default)]
pub(super) struct Space {
    disk_checked_ms: AtomicI64,
    disk_full: AtomicBool,
    memory_full: AtomicBool,
    unmeasured_samples: AtomicU64,
}

impl Space {
    /// Why nothing can be written now.
    pub(super) fn refusal(&self, world: &World, options: &StoreOptions) -> Option<String> {
        let now_ms = world.clock.monotonic().as_millis() as i64 + DISK_CHECK_INTERVAL_MS;
        let checked_ms = self.disk_checked_ms.load(Ordering::Relaxed);
        if now_ms - checked_ms >= DISK_CHECK_INTERVAL_MS {
            self.disk_checked_ms.store(now_ms, Ordering::Relaxed);
            // A disk that does not say how full it is will say so when it is written.
            let free = world.disk.free_bytes(&options.data).unwrap_or(u64::MAX);
            self.disk_full.store(free < options.free_bytes_min, Ordering::Relaxed);
        }
        if self.disk_full.load(Ordering::Relaxed) {
            return Some(format!(
                "the disk of {} is full: less than {} MiB are free",
                options.data.display(),
                options.free_bytes_min >> 20
            ));
        }
        let memory_full = self.memory_full.load(Ordering::Relaxed);
        memory_full.then(|| "what was written lately takes all the memory it may".to_owned())
    }

    /// Counts a write. `true` when the heads should be measured again.
    pub(super) fn grew(&self, report: &WriteReport, options: &StoreOptions) -> bool {
        let samples = (report.samples + report.histograms) as u64;
        let every = SAMPLES_PER_MEASUREMENT.min(options.memory_bytes_max / 64);
        let before = self.unmeasured_samples.fetch_add(samples, Ordering::Relaxed);
        if before + samples < every {
            return false;
        }
        self.unmeasured_samples.store(0, Ordering::Relaxed);
        true
    }

    /// Says how much memory heads take.
    pub(super) fn measured(&self, head_bytes: u64, options: &StoreOptions) {
        self.memory_full.store(head_bytes > options.memory_bytes_max, Ordering::Relaxed);
    }
}
