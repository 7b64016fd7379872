//! From exposed series to a batch: labels of the target, relabelling, limits, staleness.

use vigie_model::{
    Exemplar, HistogramPoint, Labels, LabelsBuilder, METRIC_NAME, MetricBatch, stale_nan,
};

use super::series::{Seen, SeriesCache, SeriesIndex};
use super::settings::JobSettings;
use crate::config::is_legacy_label_name;

/// Why a scrape failed after an answer came. Nothing of the answer is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum IngestError {
    /// More samples than `sample_limit`.
    #[error("sample limit exceeded")]
    SampleLimit,
    /// A series has more labels than `label_limit`.
    #[error(
        "label_limit exceeded (metric: {metric:.50}, number of labels: {count}, limit: {limit})"
    )]
    LabelLimit {
        /// The metric.
        metric: String,
        /// Labels that it has.
        count: usize,
        /// Labels that it may have.
        limit: u64,
    },
    /// A label's name or value is longer than allowed.
    #[error(
        "{setting} exceeded (metric: {metric:.50}, label name: {name:.50}, length: {length}, limit: {limit})"
    )]
    LabelLength {
        /// Which limit.
        setting: &'static str,
        /// The metric.
        metric: String,
        /// The label.
        name: String,
        /// Its length.
        length: usize,
        /// What is allowed.
        limit: u64,
    },
    /// More buckets than `native_histogram_bucket_limit`, also in the coarsest resolution.
    #[error("histogram bucket limit exceeded")]
    BucketLimit,
    /// A series without a name.
    #[error("missing metric name (__name__ label)")]
    NoName,
    /// A name that no series may have.
    #[error("invalid metric name or label names: {0}")]
    InvalidName(String),
    /// The text cannot be read.
    #[error("{0}")]
    Parse(String),
}

/// Counts of a scrape, for its report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct IngestCounts {
    /// Samples exposed.
    pub scraped: usize,
    /// Samples left after relabelling.
    pub kept: usize,
    /// Series that were not known before.
    pub added: usize,
    /// Samples left out because their series had one already in this scrape.
    pub duplicates: usize,
}

/// Takes the series of one answer.
#[derive(Debug)]
pub(super) struct Ingest<'a> {
    settings: &'a JobSettings,
    target_labels: &'a Labels,
    cache: &'a mut SeriesCache,
    /// When the scrape began.
    scrape_ms: i64,
    /// What was taken.
    pub batch: MetricBatch,
    /// How much of it.
    pub counts: IngestCounts,
}

impl<'a> Ingest<'a> {
    /// Begins a scrape at `scrape_ms`.
    pub(super) fn begin(
        settings: &'a JobSettings,
        target_labels: &'a Labels,
        cache: &'a mut SeriesCache,
        scrape_ms: i64,
    ) -> Self {
        cache.begin();
        let batch = MetricBatch::new();
        Self { settings, target_labels, cache, scrape_ms, batch, counts: IngestCounts::default() }
    }

    /// Notes the format of the answer, before anything of it is taken.
    pub(super) fn set_format(&mut self, format: vigie_formats::exposition::Format) {
        self.cache.set_format(format);
    }

    /// Takes one float sample of the series exposed as `text`; `labels` reads its labels, and is
    /// only called when the text is new. Says where it went, `None` when it was dropped.
    #[inline]
    pub(super) fn sample(
        &mut self,
        text: &[u8],
        labels: impl FnOnce(&mut LabelsBuilder) -> Result<(), IngestError>,
        point: FloatPoint,
    ) -> Result<Option<SeriesIndex>, IngestError> {
        let Some((at, timestamp_ms)) = self.series(text, labels, point.timestamp_ms)? else {
            return Ok(None);
        };
        if let Some(labels) = self.cache.labels(at) {
            self.batch.push_series(labels).sample_started(
                timestamp_ms,
                point.value,
                point.start_ms,
            );
        }
        Ok(Some(at))
    }

    /// Takes one native histogram; `point` is given the timestamp that counts.
    pub(super) fn histogram(
        &mut self,
        text: &[u8],
        labels: impl FnOnce(&mut LabelsBuilder) -> Result<(), IngestError>,
        timestamp_ms: Option<i64>,
        point: impl FnOnce(i64) -> HistogramPoint,
    ) -> Result<Option<SeriesIndex>, IngestError> {
        let Some((at, timestamp_ms)) = self.series(text, labels, timestamp_ms)? else {
            return Ok(None);
        };
        if let Some(labels) = self.cache.labels(at) {
            self.batch.push_series(labels).histogram(point(timestamp_ms));
        }
        Ok(Some(at))
    }

    /// Adds an exemplar to a series that was taken in this scrape.
    pub(super) fn exemplar(
        &mut self,
        at: SeriesIndex,
        mut exemplar: Exemplar,
        has_timestamp: bool,
    ) {
        if !has_timestamp {
            exemplar.timestamp_ms = self.scrape_ms;
        }
        if let Some(labels) = self.cache.labels(at) {
            self.batch.push_series(labels).exemplar(exemplar);
        }
    }

    fn series(
        &mut self,
        text: &[u8],
        labels: impl FnOnce(&mut LabelsBuilder) -> Result<(), IngestError>,
        own_timestamp_ms: Option<i64>,
    ) -> Result<Option<(SeriesIndex, i64)>, IngestError> {
        self.counts.scraped += 1;
        let at = if let Some(at) = self.cache.find(text) {
            at
        } else {
            let labels = self.final_labels(labels)?;
            self.cache.insert(text, labels)
        };
        let config = &self.settings.config;
        let own_timestamp_ms = own_timestamp_ms.filter(|_| config.honor_timestamps);
        let tracked = own_timestamp_ms.is_none() || config.track_timestamps_staleness;
        let seen = self.cache.mark(at, tracked);
        if self.cache.labels(at).is_none() {
            return Ok(None);
        }
        if seen == Seen::Again && own_timestamp_ms.is_none() {
            self.counts.kept += 1;
            self.counts.duplicates += 1;
            return Ok(None);
        }
        self.counts.kept += 1;
        self.counts.added += usize::from(seen == Seen::New);
        if config.sample_limit > 0 && self.counts.kept as u64 > config.sample_limit {
            return Err(IngestError::SampleLimit);
        }
        Ok(Some((at, own_timestamp_ms.unwrap_or(self.scrape_ms))))
    }

    /// Labels of a new series: those exposed, those of the target, relabelled, within limits.
    fn final_labels(
        &self,
        read: impl FnOnce(&mut LabelsBuilder) -> Result<(), IngestError>,
    ) -> Result<Option<Labels>, IngestError> {
        let mut labels = LabelsBuilder::new();
        read(&mut labels)?;
        add_target_labels(&mut labels, self.target_labels, self.settings.config.honor_labels);
        if !self.settings.metric_relabel.is_empty()
            && !self.settings.metric_relabel.apply(&mut labels)
        {
            return Ok(None);
        }
        if labels.is_empty() {
            return Ok(None);
        }
        let labels = labels.build();
        self.check(&labels)?;
        Ok(Some(labels))
    }

    fn check(&self, labels: &Labels) -> Result<(), IngestError> {
        let config = &self.settings.config;
        let Some(metric) = labels.metric_name() else { return Err(IngestError::NoName) };
        if self.settings.legacy_names {
            let legacy_metric = metric
                .split(':')
                .all(|part| part.is_empty() || is_legacy_label_name(&format!("_{part}")))
                && !metric.starts_with(|c: char| c.is_ascii_digit());
            if !legacy_metric || !labels.iter().all(|(name, _)| is_legacy_label_name(name)) {
                return Err(IngestError::InvalidName(labels.to_string()));
            }
        }
        let count = labels.len();
        if config.label_limit > 0 && count as u64 > config.label_limit {
            let (metric, limit) = (metric.to_owned(), config.label_limit);
            return Err(IngestError::LabelLimit { metric, count, limit });
        }
        let (name_limit, value_limit) =
            (config.label_name_length_limit, config.label_value_length_limit);
        if name_limit == 0 && value_limit == 0 {
            return Ok(());
        }
        let exceeded = |setting, name: &str, length, limit| IngestError::LabelLength {
            setting,
            metric: metric.to_owned(),
            name: name.to_owned(),
            length,
            limit,
        };
        for (name, value) in labels {
            if name_limit > 0 && name.len() as u64 > name_limit {
                return Err(exceeded("label_name_length_limit", name, name.len(), name_limit));
            }
            if value_limit > 0 && value.len() as u64 > value_limit {
                return Err(exceeded("label_value_length_limit", name, value.len(), value_limit));
            }
        }
        Ok(())
    }

    /// Ends a scrape that succeeded: series that have ended get stale markers.
    pub(super) fn finish(self) -> (MetricBatch, IngestCounts) {
        let Self { mut batch, cache, scrape_ms, counts, .. } = self;
        cache.finish(|labels| {
            batch.push_series(labels).sample(scrape_ms, stale_nan());
        });
        (batch, counts)
    }

    /// Ends a scrape that failed: nothing of it is kept, and everything alive ends.
    pub(super) fn fail(self) -> (MetricBatch, IngestCounts) {
        let Self { mut batch, cache, scrape_ms, counts, .. } = self;
        batch.clear();
        cache.fail(|labels| {
            batch.push_series(labels).sample(scrape_ms, stale_nan());
        });
        (batch, counts)
    }
}

/// A float sample as exposed.
#[derive(Debug, Clone, Copy)]
pub(super) struct FloatPoint {
    /// The value.
    pub value: f64,
    /// The timestamp, if one was exposed.
    pub timestamp_ms: Option<i64>,
    /// When the counter started, 0 for unknown.
    pub start_ms: i64,
}

/// Adds the target's labels. Where the target exposes one of the same name, `honor_labels` says
/// who wins; the loser is renamed `exported_NAME`, or left out.
fn add_target_labels(labels: &mut LabelsBuilder, target: &Labels, honor_labels: bool) {
    if honor_labels {
        for (name, value) in target {
            if labels.get(name).is_none() {
                labels.set(name, value);
            }
        }
        return;
    }
    let mut renamed = Vec::new();
    for (name, value) in target {
        if let Some(exposed) = labels.get(name) {
            renamed.push((name.to_owned(), exposed.to_owned()));
        }
        labels.set(name, value);
    }
    for (name, value) in renamed {
        let mut name = format!("exported_{name}");
        while labels.get(&name).is_some() {
            name.insert_str(0, "exported_");
        }
        labels.set(&name, &value);
    }
}

/// Labels of a report series of a target, such as `up`.
pub(super) fn report_labels(name: &str, target: &Labels) -> Labels {
    let mut labels = LabelsBuilder::from_labels(target);
    labels.set(METRIC_NAME, name);
    labels.build()
}
