//! What remote write says of itself.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all remotes together.
#[derive(Debug, Default)]
pub struct RemoteWriteMetrics {
    /// Samples that a remote took.
    pub samples_sent: AtomicU64,
    /// Samples that a remote refused for good.
    pub samples_failed: AtomicU64,
    /// Samples left out: the queue was full, they were too old, or the disk failed.
    pub samples_dropped: AtomicU64,
    /// Requests that failed and were tried again.
    pub requests_retried: AtomicU64,
    /// Bytes of all queues on disk.
    pub queue_bytes: AtomicU64,
    /// Senders of all remotes.
    pub shards: AtomicU64,
}

impl RemoteWriteMetrics {
    /// Name, help and value of each; all but the last two are counters.
    pub fn snapshot(&self) -> Vec<(&'static str, &'static str, u64)> {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        vec![
            (
                "vigie_receive_remote_write_samples_sent_total",
                "Samples that remotes took.",
                load(&self.samples_sent),
            ),
            (
                "vigie_receive_remote_write_samples_failed_total",
                "Samples that remotes refused for good.",
                load(&self.samples_failed),
            ),
            (
                "vigie_receive_remote_write_samples_dropped_total",
                "Samples left out: a queue was full, they were too old, or the disk failed.",
                load(&self.samples_dropped),
            ),
            (
                "vigie_receive_remote_write_requests_retried_total",
                "Requests that failed and were tried again.",
                load(&self.requests_retried),
            ),
            (
                "vigie_receive_remote_write_queue_bytes",
                "Bytes that wait on disk for remotes.",
                load(&self.queue_bytes),
            ),
            (
                "vigie_receive_remote_write_shards",
                "Senders that work for remotes.",
                load(&self.shards),
            ),
        ]
    }
}
