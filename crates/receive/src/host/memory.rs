//! What is kept between two looks at the host.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

/// What is kept between two looks.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Times of each CPU in ticks, which never go back by little.
    pub cpu_ticks: Mutex<HashMap<u32, [u64; 10]>>,
    /// Mount points that did not answer; each has a thread waiting.
    pub stuck_mounts: Arc<Mutex<HashSet<String>>>,
    /// Collectors that failed the last time, so that each failure is told once.
    pub collectors_failed: Mutex<HashSet<&'static str>>,
}
