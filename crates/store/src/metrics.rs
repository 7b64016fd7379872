//! What the store counts of itself.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $field:ident => $name:literal,)*) => {
        /// Counters and gauges of a store, for its own telemetry.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])* pub $field: AtomicU64,)*
        }

        impl Counters {
            /// Name, help and present value of each, in a fixed order.
            pub fn snapshot(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$(($name, concat!($($doc),*), self.$field.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters! {
    /// Float samples and histograms taken.
    samples => "vigie_store_samples_total",
    /// Points left out of batches that were otherwise taken.
    rejected => "vigie_store_rejected_samples_total",
    /// Series left out because their tenant has as many as it may (of the described rejections).
    series_limit => "vigie_store_series_limit_total",
    /// Series left out because their metric has as many as it may.
    metric_limit => "vigie_store_metric_limit_total",
    /// Series left out because one of their labels has as many values as it may.
    label_limit => "vigie_store_label_limit_total",
    /// Samples of replicas that are not listened to.
    replica_samples => "vigie_store_replica_samples_dropped_total",
    /// Times that another replica was listened to.
    replica_changes => "vigie_store_replica_changes_total",
    /// Batches refused as a whole.
    refused => "vigie_store_refused_batches_total",
    /// Bytes written to the write-ahead log.
    wal_bytes => "vigie_store_wal_bytes_total",
    /// Times the write-ahead log was made durable.
    wal_syncs => "vigie_store_wal_syncs_total",
    /// Failed writes or syncs of the write-ahead log.
    wal_failures => "vigie_store_wal_failures_total",
    /// Segments of the write-ahead log to replay at start.
    replay_segments => "vigie_store_wal_replay_segments",
    /// Segments of the write-ahead log replayed so far.
    replay_segments_done => "vigie_store_wal_replay_segments_done",
    /// Damaged places met in the write-ahead log.
    wal_corrupt => "vigie_store_wal_corrupt_records_total",
    /// Bytes cut off at torn ends of the write-ahead log.
    wal_torn_bytes => "vigie_store_wal_torn_bytes_total",
    /// Times that heads were sealed into parts.
    seals => "vigie_store_seals_total",
    /// Failed attempts to seal heads into parts.
    seal_failures => "vigie_store_seal_failures_total",
    /// Parts written, by sealing and by compaction.
    parts_written => "vigie_store_parts_written_total",
    /// Bytes of parts written.
    part_bytes_written => "vigie_store_part_bytes_written_total",
    /// Compactions done.
    compactions => "vigie_store_compactions_total",
    /// Failed compactions.
    compaction_failures => "vigie_store_compaction_failures_total",
    /// Parts rewritten because of their age.
    aged_parts => "vigie_store_aged_parts_total",
    /// Parts removed by retention.
    retention_parts => "vigie_store_retention_parts_total",
}

impl Counters {
    /// Adds to a counter.
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
