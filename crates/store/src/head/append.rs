//! Writing batches, and the log's entries, into a head.

use std::sync::Arc;

use vigie_model::{
    BatchSeries, Histogram, HistogramPoint, Labels, MetricBatch, Rejection, RejectionReason,
    TenantId, TimeRange, WriteReport,
};

use super::series::{NewPoint, Outcome, Series};
use super::{Head, Inner};
use crate::policy::TenantLimits;
use crate::wal::{Enqueued, Entry, RecordWriter, Wal};

/// Rejections that are described; the others are only counted.
const REJECTIONS_DESCRIBED_MAX: usize = 100;
/// Labels of one series may take this many bytes.
const LABEL_BYTES_MAX: usize = 256 << 10;
/// What is in the log was within the limits when it was written.
const UNLIMITED: TenantLimits = TenantLimits {
    series_max: u64::MAX,
    series_per_metric_max: u64::MAX,
    values_per_label_max: u64::MAX,
};
/// Stands for a series that was rejected.
const REJECTED: u32 = u32::MAX;

impl Head {
    /// Puts `batch` into the head and queues it for the log. `previous` is the head before this
    /// one, whose labels are shared while it is there.
    pub(crate) fn append(
        &self,
        tenant: &TenantId,
        batch: &MetricBatch,
        limits: TenantLimits,
        previous: Option<&Self>,
        log: (&Wal, bool),
    ) -> (WriteReport, Enqueued) {
        let mut report = WriteReport::default();
        let mut inner = self.inner.write();
        let mut ids = Vec::with_capacity(batch.series().len());
        for series in batch.series() {
            let id = inner.series_of(batch.packed_labels(series), limits, previous);
            match id {
                Ok(id) => inner.append_series(id, batch, series, &mut report),
                Err(reason) => {
                    let points = series.samples.len() + series.histograms.len();
                    let labels = batch.labels(series);
                    let message =
                        || format!("{labels}: {}", inner.describe(reason, &labels, limits));
                    reject(&mut report, reason, points.max(1), message);
                }
            }
            ids.push(id.unwrap_or(REJECTED));
        }
        for (name, metadata) in &batch.metadata {
            inner.metadata.insert(name.clone(), metadata.clone());
        }
        // Everything accepted is logged, also what was there already: that may be there only
        // because an earlier attempt to log it failed, and whoever sends it again wants it safe.
        let enqueued = inner.log(tenant, batch, &ids, log);
        (report, enqueued)
    }

    /// A head that holds `batch` alone and has no log.
    pub(crate) fn of_batch(batch: &MetricBatch) -> Self {
        let head = Self::default();
        let mut inner = head.inner.write();
        for series in batch.series() {
            // What no series can have is left out, as when it is written.
            if let Ok(id) = inner.series_of(batch.packed_labels(series), UNLIMITED, None) {
                inner.append_series(id, batch, series, &mut WriteReport::default());
            }
        }
        drop(inner);
        head
    }

    /// Applies an entry of the log. `ids` maps the log's ids to this head's.
    pub(crate) fn apply(&self, entry: Entry, ids: &mut Vec<u32>) {
        let mut inner = self.inner.write();
        let id_of = |id: u32| ids.get(id as usize).copied().filter(|id| *id != REJECTED);
        match entry {
            Entry::Series(logged, labels) => {
                let limits = UNLIMITED;
                let id = inner.series_of(labels.as_packed(), limits, None).unwrap_or(REJECTED);
                if ids.len() <= logged as usize {
                    // Ids count up from zero, so a gap is at most what a damaged log lost.
                    if logged as usize > ids.len() + (1 << 24) {
                        return;
                    }
                    ids.resize(logged as usize + 1, REJECTED);
                }
                ids[logged as usize] = id;
            }
            Entry::Sample { id, time_ms, start_ms, value } => {
                if let Some(id) = id_of(id) {
                    inner.push(id, NewPoint { time_ms, start_ms, value, histogram: None });
                }
            }
            Entry::Histogram(id, point) => {
                if let Some(id) = id_of(id) {
                    inner.push(id, histogram_point(&point));
                }
            }
            Entry::Exemplar(id, exemplar) => {
                if let Some(series) = id_of(id).and_then(|id| inner.series.get_mut(id as usize)) {
                    series.add_exemplar(&exemplar);
                }
            }
            Entry::Metadata(name, metadata) => {
                inner.metadata.insert(name, metadata);
            }
        }
    }
}

impl Inner {
    fn series_of(
        &mut self,
        packed: &[u8],
        limits: TenantLimits,
        previous: Option<&Head>,
    ) -> Result<u32, RejectionReason> {
        let hash = xxhash_rust::xxh3::xxh3_64(packed);
        if let Some(id) = self.find(hash, packed) {
            return Ok(id);
        }
        if self.series.len() as u64 >= limits.series_max {
            return Err(RejectionReason::SeriesLimit);
        }
        let shared = previous.and_then(|head| head.labels_of(hash, packed));
        let labels = match shared {
            Some(labels) => labels,
            None if packed.len() > LABEL_BYTES_MAX || packed.is_empty() => {
                return Err(RejectionReason::InvalidLabels);
            }
            None => Labels::from_packed(packed).ok_or(RejectionReason::InvalidLabels)?,
        };
        self.check_limits(&labels, limits)?;
        let id = self.series.len() as u32;
        self.label_bytes += packed.len();
        self.index.add(id, &labels);
        self.series.push(Series::new(labels));
        let series = &self.series;
        self.by_labels.insert_unique(hash, id, |id| series[*id as usize].labels.hash64());
        Ok(id)
    }

    /// Whether a new series with `labels` is within the limits.
    fn check_limits(&self, labels: &Labels, limits: TenantLimits) -> Result<(), RejectionReason> {
        if limits.series_per_metric_max != u64::MAX {
            let there = self.index.series_of_metric(labels.metric_name().unwrap_or_default());
            if there >= limits.series_per_metric_max {
                return Err(RejectionReason::MetricLimit);
            }
        }
        if self.label_over(labels, limits).is_some() {
            return Err(RejectionReason::LabelLimit);
        }
        Ok(())
    }

    /// The label of a new series that would get a value too many.
    fn label_over<'a>(&self, labels: &'a Labels, limits: TenantLimits) -> Option<&'a str> {
        if limits.values_per_label_max == u64::MAX {
            return None;
        }
        // Names of metrics are limited by the number of series.
        let mut others = labels.iter().filter(|(name, _)| *name != vigie_model::METRIC_NAME);
        let over = others.find(|(name, value)| {
            let values = self.index.values_unless_has(name, value);
            values.is_some_and(|values| values >= limits.values_per_label_max)
        });
        over.map(|(name, _)| name)
    }

    fn describe(&self, reason: RejectionReason, labels: &Labels, limits: TenantLimits) -> String {
        match reason {
            RejectionReason::SeriesLimit => {
                format!("the tenant has as many series as it may ({})", limits.series_max)
            }
            RejectionReason::MetricLimit => format!(
                "the metric {} has as many series as it may ({})",
                labels.metric_name().unwrap_or_default(),
                limits.series_per_metric_max
            ),
            RejectionReason::LabelLimit => format!(
                "the label {} has as many values as it may ({})",
                self.label_over(labels, limits).unwrap_or_default(),
                limits.values_per_label_max
            ),
            RejectionReason::InvalidLabels => {
                "labels are empty, too long or not well formed".to_owned()
            }
            RejectionReason::DuplicateTimestamp => {
                "another value is at this time already".to_owned()
            }
            RejectionReason::InvalidHistogram => "buckets do not fit spans".to_owned(),
        }
    }

    fn append_series(
        &mut self,
        id: u32,
        batch: &MetricBatch,
        from: &BatchSeries,
        report: &mut WriteReport,
    ) {
        for row in from.samples.start as usize..from.samples.end as usize {
            let columns = (batch.timestamps_ms.get(row), batch.values.get(row));
            let (Some(&time_ms), Some(&value)) = columns else { break };
            let start_ms = batch.start_timestamps_ms.get(row).copied().unwrap_or(0);
            let outcome = self.push(id, NewPoint { time_ms, start_ms, value, histogram: None });
            if outcome == Outcome::Conflict {
                self.reject_duplicate(id, time_ms, report);
            } else {
                report.samples += 1;
            }
        }
        for row in from.histograms.start as usize..from.histograms.end as usize {
            let Some(point) = batch.histograms.get(row) else { break };
            if !is_consistent(&point.histogram) {
                let message = || format!("{}: buckets do not fit spans", self.labels(id));
                reject(report, RejectionReason::InvalidHistogram, 1, message);
            } else if self.push(id, histogram_point(point)) == Outcome::Conflict {
                self.reject_duplicate(id, point.timestamp_ms, report);
            } else {
                report.histograms += 1;
            }
        }
        for row in from.exemplars.start as usize..from.exemplars.end as usize {
            let series = self.series.get_mut(id as usize);
            if let (Some(exemplar), Some(series)) = (batch.exemplars.get(row), series) {
                series.add_exemplar(exemplar);
                report.exemplars += 1;
            }
        }
    }

    fn push(&mut self, id: u32, point: NewPoint<'_>) -> Outcome {
        let Some(series) = self.series.get_mut(id as usize) else { return Outcome::Same };
        let outcome = series.append(&mut self.columns, point);
        if let Outcome::Taken(bytes) = outcome {
            self.point_bytes += bytes;
            self.samples += 1;
            let time = TimeRange::new(point.time_ms, point.time_ms);
            self.range = Some(self.range.map_or(time, |range| range.union(&time)));
        }
        outcome
    }

    fn labels(&self, id: u32) -> Labels {
        self.series.get(id as usize).map_or_else(Labels::empty, |series| series.labels.clone())
    }

    fn reject_duplicate(&self, id: u32, time_ms: i64, report: &mut WriteReport) {
        let message = || format!("{}: another value is at {time_ms} already", self.labels(id));
        reject(report, RejectionReason::DuplicateTimestamp, 1, message);
    }

    fn log(
        &mut self,
        tenant: &TenantId,
        batch: &MetricBatch,
        ids: &[u32],
        (wal, wait): (&Wal, bool),
    ) -> Enqueued {
        let mut records = Vec::with_capacity(batch.sample_count() * 8 + 64);
        loop {
            let segment = wal.segment();
            records.clear();
            let mut writer = RecordWriter::new(&mut records, tenant);
            for id in ids.iter().filter(|id| **id != REJECTED) {
                let Some(series) = self.series.get_mut(*id as usize) else { continue };
                if series.defined_in != Some(segment) {
                    series.defined_in = Some(segment);
                    writer.series(*id, series.labels.as_packed());
                }
            }
            let series = || batch.series().iter().zip(ids).filter(|(_, id)| **id != REJECTED);
            for (series, id) in series() {
                if !series.samples.is_empty() {
                    let rows = series.samples.start as usize..series.samples.end as usize;
                    writer.samples(*id, batch, rows);
                }
            }
            for (series, id) in series() {
                let rows = series.histograms.start as usize..series.histograms.end as usize;
                let points = batch.histograms.get(rows).unwrap_or(&[]);
                for point in points.iter().filter(|point| is_consistent(&point.histogram)) {
                    writer.histogram(*id, point);
                }
            }
            for (series, id) in series() {
                let rows = series.exemplars.start as usize..series.exemplars.end as usize;
                for exemplar in batch.exemplars.get(rows).unwrap_or(&[]) {
                    writer.exemplar(*id, exemplar);
                }
            }
            for (name, metadata) in &batch.metadata {
                writer.metadata(name, metadata);
            }
            writer.finish();
            match wal.enqueue(segment, &records, wait) {
                Enqueued::SegmentChanged => {}
                done => return done,
            }
        }
    }
}

fn histogram_point(point: &HistogramPoint) -> NewPoint<'_> {
    NewPoint {
        time_ms: point.timestamp_ms,
        start_ms: point.start_timestamp_ms,
        value: f64::NAN,
        histogram: Some(&point.histogram),
    }
}

/// Whether there are as many buckets as spans say.
fn is_consistent(histogram: &Arc<Histogram>) -> bool {
    let fits = |spans: &[vigie_model::Span], buckets: &[f64]| {
        spans.iter().map(|span| u64::from(span.length)).sum::<u64>() == buckets.len() as u64
    };
    fits(&histogram.positive_spans, &histogram.positive_buckets)
        && fits(&histogram.negative_spans, &histogram.negative_buckets)
}

fn reject(
    report: &mut WriteReport,
    reason: RejectionReason,
    points: usize,
    message: impl FnOnce() -> String,
) {
    report.rejected += points;
    if report.rejections.len() < REJECTIONS_DESCRIBED_MAX {
        report.rejections.push(Rejection { reason, message: message() });
    }
}
