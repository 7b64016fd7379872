//! What receiving says of itself: plain counters, shown by whoever serves `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! metrics {
    ($( $(#[$meta:meta])* $field:ident => $name:literal, $help:literal; )*) => {
        /// Counters of scraping and discovery.
        #[derive(Debug, Default)]
        pub struct ReceiveMetrics { $( $(#[$meta])* pub $field: AtomicU64, )* }

        impl ReceiveMetrics {
            /// Name, help and value of each counter.
            pub fn snapshot(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$( ($name, $help, self.$field.load(Ordering::Relaxed)), )*]
            }
        }
    };
}

metrics! {
    /// Scrapes that ended.
    scrapes => "vigie_receive_scrapes_total", "Scrapes that ended.";
    /// Scrapes that failed.
    scrapes_failed => "vigie_receive_scrapes_failed_total", "Scrapes that failed, for whatever reason.";
    /// Scrapes that came too late and were left out.
    scrapes_skipped => "vigie_receive_scrapes_skipped_total", "Scrapes left out because the previous one took too long.";
    /// Samples that targets exposed.
    samples => "vigie_receive_scrape_samples_total", "Samples that targets exposed.";
    /// Samples left out as duplicates within a scrape.
    samples_duplicate => "vigie_receive_scrape_samples_duplicate_total", "Samples left out because the same series stood twice in one answer.";
    /// Samples that the store refused.
    samples_rejected => "vigie_receive_scrape_samples_rejected_total", "Samples of scrapes that the store left out.";
    /// Batches that the store refused.
    writes_failed => "vigie_receive_scrape_writes_failed_total", "Scrapes that the store refused as a whole.";
    /// Bytes of bodies, decompressed.
    body_bytes => "vigie_receive_scrape_body_bytes_total", "Bytes of scraped bodies after decompression.";
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, value: usize) {
    counter.fetch_add(value as u64, Ordering::Relaxed);
}
