//! Parts of metrics: series, their points, exemplars and metadata, and the index over them.

mod builder;
mod chunk;
mod extras;
mod histograms;
mod index;
mod merge;
mod order;
mod reader;
mod select;
mod series;
mod times;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vigie_model::{Points, TimeRange};

pub use builder::MetricPartBuilder;
pub use merge::merge;
pub(crate) use merge::merge_edited;
pub use reader::MetricPart;

use super::container::{BLOCK_BYTES_MAX, corrupt};

/// The kinds of sections of a part of metrics.
pub mod section {
    /// What the part holds.
    pub const META: u16 = 1;
    /// Chunks of values.
    pub const DATA: u16 = 2;
    /// Columns of timestamps.
    pub const TIMES: u16 = 3;
    /// Where each series' chunks are.
    pub const CHUNKS: u16 = 4;
    /// Each series' labels.
    pub const LABELS: u16 = 5;
    /// Label names.
    pub const NAMES: u16 = 6;
    /// Label values and postings.
    pub const VALUES: u16 = 7;
    /// Exemplars.
    pub const EXEMPLARS: u16 = 8;
    /// Metadata.
    pub const METADATA: u16 = 9;
}

/// How a part is written.
#[derive(Debug, Clone, Copy)]
pub struct PartOptions {
    /// Points a chunk has at most; a longer series has several of about equal length.
    ///
    /// Measured on six hours of 15 s samples: 512 takes 1.7 % more room than 2,048 and reads the
    /// last hour in half the time.
    pub chunk_points_max: usize,
    /// Level of zstd for labels and index.
    pub compression_level: i32,
}

impl Default for PartOptions {
    fn default() -> Self {
        Self { chunk_points_max: 512, compression_level: 5 }
    }
}

/// What a part holds: for the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartMeta {
    /// First time of any point; with `end_ms < start_ms` when there is none.
    pub start_ms: i64,
    /// Last time of any point.
    pub end_ms: i64,
    /// Number of series.
    pub series: u64,
    /// Number of points, histograms among them.
    pub samples: u64,
    /// Number of exemplars.
    pub exemplars: u64,
    /// Size of the file.
    pub bytes: u64,
}

impl PartMeta {
    /// The range of the points' times.
    pub fn range(&self) -> TimeRange {
        TimeRange::new(self.start_ms, self.end_ms)
    }
}

/// A part that is ready to be stored.
#[derive(Debug, Clone)]
pub struct FinishedPart {
    /// The file's content.
    pub bytes: Bytes,
    /// What it holds.
    pub meta: PartMeta,
}

/// Decodes `data` as each kind of block; for fuzzing.
#[doc(hidden)]
pub fn fuzz_sections(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let mut scratch = chunk::Scratch::default();
    let _any = series::decode_labels(data, 3);
    let _any = series::ChunksBlock::read(data, 3);
    let _any = index::decode_names(data, 4);
    let _any = extras::decode_exemplars(data);
    let _any = extras::decode_metadata(data);
    if let Ok(block) = index::ValuesBlock::read(bytes.clone()) {
        for at in 0..block.len() {
            let _any = block.find(block.value(at));
            let _any = block.postings(at, 1000);
        }
    }
    if let Ok(block) = times::TimesBlock::read(bytes, 2)
        && let Ok(column) = block.column(1)
    {
        let _any = block.decode(column, scratch.floats.integers());
    }
    let _any = chunk::decode(data, 40, (3, 20), &mut scratch, &mut Points::default());
}
