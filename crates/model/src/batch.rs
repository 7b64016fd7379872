//! A batch of metrics on its way to the store.

use std::ops::Range;
use std::sync::Arc;

use crate::labels::push_pair;
use crate::{Exemplar, Histogram, Labels, Metadata};

/// One native histogram at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramPoint {
    /// When, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Start timestamp, 0 for none.
    pub start_timestamp_ms: i64,
    /// The histogram; a `sum` that is the stale marker says that the series ended.
    pub histogram: Arc<Histogram>,
}

/// One series of a batch: ranges into the batch's columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchSeries {
    labels: Range<u32>,
    /// Its rows of `timestamps_ms`, `values` and `start_timestamps_ms`.
    pub samples: Range<u32>,
    /// Its rows of `histograms`.
    pub histograms: Range<u32>,
    /// Its rows of `exemplars`.
    pub exemplars: Range<u32>,
}

/// Series with their samples, as columns, so that a request of thousands of series costs a few
/// allocations. Made with [`push_series`](Self::push_series).
#[derive(Debug, Clone, Default)]
pub struct MetricBatch {
    packed_labels: Vec<u8>,
    series: Vec<BatchSeries>,
    /// When each float sample was taken, milliseconds since the epoch.
    pub timestamps_ms: Vec<i64>,
    /// Value of each float sample.
    pub values: Vec<f64>,
    /// Start timestamp of each float sample (0: none). Empty when no sample has one.
    pub start_timestamps_ms: Vec<i64>,
    /// Native histograms.
    pub histograms: Vec<HistogramPoint>,
    /// Exemplars.
    pub exemplars: Vec<Exemplar>,
    /// Metadata by metric family name.
    pub metadata: Vec<(String, Metadata)>,
}

impl MetricBatch {
    /// A batch without series.
    pub fn new() -> Self {
        Self::default()
    }

    /// Series of the batch.
    pub fn series(&self) -> &[BatchSeries] {
        &self.series
    }

    /// The packed labels of `series` (see [`Labels::as_packed`]).
    pub fn packed_labels(&self, series: &BatchSeries) -> &[u8] {
        &self.packed_labels[series.labels.start as usize..series.labels.end as usize]
    }

    /// The labels of `series`.
    pub fn labels(&self, series: &BatchSeries) -> Labels {
        Labels::from_trusted_packed(self.packed_labels(series))
    }

    /// Whether nothing is in the batch.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.metadata.is_empty()
    }

    /// Float samples and histograms in the batch.
    pub fn sample_count(&self) -> usize {
        self.values.len() + self.histograms.len()
    }

    /// Forgets everything, keeps the allocations.
    pub fn clear(&mut self) {
        self.packed_labels.clear();
        self.series.clear();
        self.timestamps_ms.clear();
        self.values.clear();
        self.start_timestamps_ms.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.metadata.clear();
    }

    /// Begins a series with these labels. Its samples follow by the builder.
    pub fn push_series(&mut self, labels: &Labels) -> SeriesBuilder<'_> {
        let start = self.packed_labels.len() as u32;
        self.packed_labels.extend_from_slice(labels.as_packed());
        self.begin(start)
    }

    /// Begins a series from pairs that the caller guarantees to be sorted by name, unique and
    /// without empty values: the fast path of decoders that have checked that already.
    pub fn push_series_sorted<'a>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> SeriesBuilder<'_> {
        let start = self.packed_labels.len() as u32;
        for (name, value) in pairs {
            push_pair(&mut self.packed_labels, name, value);
        }
        self.begin(start)
    }

    fn begin(&mut self, labels_start: u32) -> SeriesBuilder<'_> {
        let (samples, histograms) = (self.values.len() as u32, self.histograms.len() as u32);
        let exemplars = self.exemplars.len() as u32;
        self.series.push(BatchSeries {
            labels: labels_start..self.packed_labels.len() as u32,
            samples: samples..samples,
            histograms: histograms..histograms,
            exemplars: exemplars..exemplars,
        });
        SeriesBuilder { batch: self }
    }
}

/// Adds points to the last series of a batch.
#[derive(Debug)]
pub struct SeriesBuilder<'a> {
    batch: &'a mut MetricBatch,
}

impl SeriesBuilder<'_> {
    /// A float sample.
    pub fn sample(&mut self, timestamp_ms: i64, value: f64) -> &mut Self {
        self.sample_started(timestamp_ms, value, 0)
    }

    /// A float sample with a start timestamp (0: none).
    pub fn sample_started(&mut self, timestamp_ms: i64, value: f64, start_ms: i64) -> &mut Self {
        let batch = &mut *self.batch;
        if start_ms != 0 && batch.start_timestamps_ms.is_empty() {
            batch.start_timestamps_ms.resize(batch.values.len(), 0);
        }
        if start_ms != 0 || !batch.start_timestamps_ms.is_empty() {
            batch.start_timestamps_ms.push(start_ms);
        }
        batch.timestamps_ms.push(timestamp_ms);
        batch.values.push(value);
        self.last().samples.end += 1;
        self
    }

    /// A native histogram.
    pub fn histogram(&mut self, point: HistogramPoint) -> &mut Self {
        self.batch.histograms.push(point);
        self.last().histograms.end += 1;
        self
    }

    /// An exemplar.
    pub fn exemplar(&mut self, exemplar: Exemplar) -> &mut Self {
        self.batch.exemplars.push(exemplar);
        self.last().exemplars.end += 1;
        self
    }

    fn last(&mut self) -> &mut BatchSeries {
        let at = self.batch.series.len() - 1;
        &mut self.batch.series[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_timestamps_line_up_with_samples() {
        let mut batch = MetricBatch::new();
        batch.push_series_sorted([("a", "1")]).sample(1, 1.0);
        batch.push_series_sorted([("a", "2")]).sample_started(2, 2.0, 1).sample(3, 3.0);
        assert_eq!(batch.start_timestamps_ms, [0, 1, 0]);
        let second = batch.series()[1].clone();
        assert_eq!(second.samples, 1..3);
        assert_eq!(batch.labels(&second), Labels::from_pairs([("a", "2")]));
    }
}
