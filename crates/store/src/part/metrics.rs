//! Parts of metrics: series, their points, exemplars and metadata, and the index over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use vigie_model::{Exemplar, Labels, Metadata, Points, TimeRange};

use super::PartSource;
use crate::{CompiledMatcher, StoreError};

/// How a part is written.
#[derive(Debug, Clone)]
pub struct PartOptions {
    /// Points a chunk has at most; a longer series has several of about equal length.
    pub chunk_points_max: usize,
}

impl Default for PartOptions {
    fn default() -> Self {
        Self { chunk_points_max: 2048 }
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

/// Writes a part. Series come in any order, each once; ascending order saves a copy.
#[derive(Debug)]
pub struct MetricPartBuilder {
    _options: PartOptions,
}

impl MetricPartBuilder {
    /// A part without content.
    pub fn new(options: PartOptions) -> Self {
        Self { _options: options }
    }

    /// Encodes the points of one series at once; nothing of `points` is kept. Times must ascend
    /// strictly. No points: nothing happens.
    pub fn add_series(&mut self, _labels: &Labels, _points: &Points) -> Result<(), StoreError> {
        Ok(())
    }

    /// Exemplars of a series, in any order of time. The series may have no points here.
    pub fn add_exemplars(
        &mut self,
        _labels: &Labels,
        _exemplars: &[Exemplar],
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Metadata of the metric family `name`; several may be kept.
    pub fn add_metadata(&mut self, _name: &str, _metadata: &Metadata) {}

    /// Bytes that the part would have now, without its index: to know when to begin another.
    pub fn encoded_bytes(&self) -> usize {
        0
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// The part. An error when a series was added twice.
    pub fn finish(self) -> Result<FinishedPart, StoreError> {
        Err(StoreError::Unavailable("parts cannot be written yet".to_owned()))
    }
}

/// An open part. A clone is the same part.
#[derive(Debug, Clone)]
pub struct MetricPart {
    meta: Arc<PartMeta>,
}

impl MetricPart {
    /// Opens a part: reads its tail only.
    pub fn open(_source: Arc<dyn PartSource>) -> Result<Self, StoreError> {
        Err(StoreError::Unavailable("parts cannot be read yet".to_owned()))
    }

    /// What the part holds.
    pub fn meta(&self) -> &PartMeta {
        &self.meta
    }

    /// Ids of the series that satisfy all `matchers`, ascending. Ids are ranks in the order of
    /// (metric name, labels). Empty when the part has nothing in `range`; otherwise series
    /// without a point in `range` may be among them.
    pub fn select(
        &self,
        _matchers: &[CompiledMatcher],
        _range: TimeRange,
    ) -> Result<Vec<u32>, StoreError> {
        Ok(Vec::new())
    }

    /// Labels of series `id`.
    pub fn labels(&self, _id: u32) -> Result<Labels, StoreError> {
        Ok(Labels::empty())
    }

    /// Whether series `id` has a chunk whose time range overlaps `range`.
    pub fn overlaps(&self, _id: u32, _range: TimeRange) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Appends the points of series `id` in `range` to `points`.
    pub fn read(
        &self,
        _id: u32,
        _range: TimeRange,
        _points: &mut Points,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Names of all labels, ascending.
    pub fn label_names(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Values of label `name` over all series, ascending.
    pub fn label_values(&self, _name: &str) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    /// Values of label `name` with the number of series that have each, ascending by value.
    pub fn label_value_counts(&self, _name: &str) -> Result<Vec<(String, u64)>, StoreError> {
        Ok(Vec::new())
    }

    /// Exemplars in `range` of the series that satisfy all `matchers`, each series' ascending by
    /// time.
    pub fn exemplars(
        &self,
        _matchers: &[CompiledMatcher],
        _range: TimeRange,
    ) -> Result<Vec<(Labels, Vec<Exemplar>)>, StoreError> {
        Ok(Vec::new())
    }

    /// Metadata by metric family name.
    pub fn metadata(&self) -> Result<BTreeMap<String, Vec<Metadata>>, StoreError> {
        Ok(BTreeMap::new())
    }
}

/// Merges `parts` into `builder`. Of points at one time the one of the later part counts.
/// `dropped` gives the ranges of time that are deleted from a series; points outside `keep`
/// (retention) are left out.
pub fn merge(
    _parts: &[MetricPart],
    _dropped: &dyn Fn(&Labels) -> Vec<TimeRange>,
    _keep: TimeRange,
    _builder: &mut MetricPartBuilder,
) -> Result<(), StoreError> {
    Ok(())
}
