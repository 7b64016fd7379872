//! Reads an answer's body into an [`Ingest`], by its content type.

use std::collections::BTreeMap;

use vigie_formats::exposition::{
    ClassicCollector, Collected, ConvertedHistogram, Entry, Format, HistogramEntry, LabelPairs,
    MetadataEntry, MetadataLine, ParseError, ParseOptions, Parser, ScrapeProtocol, Series,
    format_of,
};
use vigie_formats::remote_write::check_histogram;
use vigie_model::{Exemplar, Histogram, HistogramPoint, LabelsBuilder, Metadata};

use super::ingest::{FloatPoint, Ingest, IngestError};
use super::series::SeriesIndex;
use super::settings::{JobSettings, SCHEMA_MIN};

/// Metadata by metric family.
pub(super) type MetadataByMetric = BTreeMap<String, Metadata>;

/// Metric families of one target whose metadata is kept; more are scraped without.
const METADATA_MAX: usize = 50_000;

/// Reads `body`. Metadata that is new or has changed is noted in `metadata` and in the batch.
pub(super) fn read(
    settings: &JobSettings,
    content_type: &str,
    body: &[u8],
    ingest: &mut Ingest<'_>,
    metadata: &mut MetadataByMetric,
) -> Result<(), IngestError> {
    let config = &settings.config;
    let fallback = ScrapeProtocol::parse(&config.fallback_scrape_protocol);
    // Applications that send the text format under another name (Flask's default is text/html) are
    // common, and Prometheus 2 read them. So an unknown type is tried as text; when that fails, the
    // type is the more likely reason and is told first.
    let known = format_of(Some(content_type), fallback);
    let format = known.as_ref().map_or(Format::PrometheusText, |(format, _warning)| *format);
    ingest.set_format(format);
    let outcome = read_as(settings, format, body, ingest, metadata);
    match (known, outcome) {
        (Err(wrong), Err(IngestError::Parse(error))) => {
            Err(IngestError::Parse(format!("{wrong}, and it is not the text format: {error}")))
        }
        (_, outcome) => outcome,
    }
}

fn read_as(
    settings: &JobSettings,
    format: Format,
    body: &[u8],
    ingest: &mut Ingest<'_>,
    metadata: &mut MetadataByMetric,
) -> Result<(), IngestError> {
    let config = &settings.config;
    let options = ParseOptions {
        created_as_start: settings.created_as_start,
        native_histograms: config.scrape_native_histograms == Some(true),
        always_classic: config.always_scrape_classic_histograms == Some(true),
    };
    let mut parser = Parser::new(format, body, options)?;
    let convert = config.convert_classic_histograms_to_nhcb == Some(true);
    let mut collector = convert.then(ClassicCollector::default);
    let mut changed = Vec::new();
    while let Some(entry) = parser.next()? {
        let collected = match &mut collector {
            Some(collector) => collector.observe(&entry)?,
            None => Collected::default(),
        };
        if let Some(histogram) = collected.finished {
            take_converted(histogram, settings, ingest)?;
        }
        if collected.is_part && !options.always_classic {
            continue;
        }
        match entry {
            Entry::Metadata(entry) => note(&entry, metadata, &mut changed),
            Entry::Series(series) => take_series(series, ingest)?,
            Entry::Histogram(histogram) => take_histogram(histogram, settings, ingest)?,
        }
    }
    if let Some(histogram) = collector.as_mut().and_then(ClassicCollector::finish) {
        take_converted(histogram, settings, ingest)?;
    }
    changed.sort_unstable();
    changed.dedup();
    for name in changed {
        if let Some(known) = metadata.get(&name) {
            ingest.batch.metadata.push((name, known.clone()));
        }
    }
    Ok(())
}

fn take_series(mut series: Series<'_>, ingest: &mut Ingest<'_>) -> Result<(), IngestError> {
    let exemplar = series.exemplar.take();
    let point = FloatPoint {
        value: series.value,
        timestamp_ms: series.timestamp_ms,
        start_ms: series.start_timestamp_ms,
    };
    let read = |into: &mut LabelsBuilder| {
        let mut pairs = LabelPairs::new();
        series.labels(&mut pairs)?;
        set_all(into, &pairs);
        Ok(())
    };
    let at = ingest.sample(series.key(), read, point)?;
    if let (Some(at), Some(exemplar)) = (at, exemplar) {
        let has_timestamp = exemplar.timestamp_ms != 0;
        ingest.exemplar(at, exemplar, has_timestamp);
    }
    Ok(())
}

fn take_histogram(
    mut entry: HistogramEntry<'_>,
    settings: &JobSettings,
    ingest: &mut Ingest<'_>,
) -> Result<(), IngestError> {
    let exemplars = std::mem::take(&mut entry.exemplars);
    let histogram = within_limits(std::mem::take(&mut entry.histogram), settings)?;
    let start_timestamp_ms = entry.start_timestamp_ms;
    let read = |into: &mut LabelsBuilder| {
        let mut pairs = LabelPairs::new();
        entry.labels(&mut pairs)?;
        set_all(into, &pairs);
        Ok(())
    };
    let point = |timestamp_ms| HistogramPoint {
        timestamp_ms,
        start_timestamp_ms,
        histogram: histogram.into(),
    };
    let at = ingest.histogram(entry.key(), read, entry.timestamp_ms, point)?;
    take_exemplars(at, exemplars, ingest);
    Ok(())
}

/// Classic series that became one histogram. No exposed text stands for it: its key begins with a
/// byte that no text has.
fn take_converted(
    converted: ConvertedHistogram,
    settings: &JobSettings,
    ingest: &mut Ingest<'_>,
) -> Result<(), IngestError> {
    let histogram = within_limits(converted.histogram, settings)?;
    let start_timestamp_ms = converted.start_timestamp_ms;
    let labels = converted.labels;
    let mut key = vec![0xfe];
    key.extend_from_slice(labels.as_packed());
    let read = |into: &mut LabelsBuilder| {
        *into = LabelsBuilder::from_labels(&labels);
        Ok(())
    };
    let point = |timestamp_ms| HistogramPoint {
        timestamp_ms,
        start_timestamp_ms,
        histogram: histogram.into(),
    };
    let at = ingest.histogram(&key, read, converted.timestamp_ms, point)?;
    take_exemplars(at, converted.exemplars, ingest);
    Ok(())
}

fn take_exemplars(at: Option<SeriesIndex>, exemplars: Vec<Exemplar>, ingest: &mut Ingest<'_>) {
    let Some(at) = at else { return };
    for exemplar in exemplars {
        let has_timestamp = exemplar.timestamp_ms != 0;
        ingest.exemplar(at, exemplar, has_timestamp);
    }
}

/// The histogram in the resolution that the job allows: as coarse as the smallest bucket factor
/// asks for, then coarser until it has no more buckets than the limit. Custom buckets cannot be
/// made coarser.
fn within_limits(
    mut histogram: Histogram,
    settings: &JobSettings,
) -> Result<Histogram, IngestError> {
    check_histogram(&histogram).map_err(IngestError::Parse)?;
    histogram.reduce_to_schema(settings.schema_max);
    let limit = settings.config.native_histogram_bucket_limit;
    let buckets = |h: &Histogram| (h.positive_buckets.len() + h.negative_buckets.len()) as u64;
    while limit > 0 && buckets(&histogram) > limit {
        if histogram.uses_custom_buckets() || histogram.schema <= SCHEMA_MIN {
            return Err(IngestError::BucketLimit);
        }
        histogram.reduce_to_schema(histogram.schema - 1);
    }
    Ok(histogram)
}

fn set_all(into: &mut LabelsBuilder, pairs: &LabelPairs<'_>) {
    for (name, value) in pairs {
        into.set(name, value);
    }
}

fn note(entry: &MetadataEntry<'_>, metadata: &mut MetadataByMetric, changed: &mut Vec<String>) {
    if !metadata.contains_key(&*entry.name) {
        if metadata.len() >= METADATA_MAX {
            return;
        }
        metadata.insert(entry.name.clone().into_owned(), Metadata::default());
    }
    let Some(known) = metadata.get_mut(&*entry.name) else { return };
    let different = match &entry.line {
        MetadataLine::Type(kind) => std::mem::replace(&mut known.kind, *kind) != *kind,
        MetadataLine::Help(help) => replace_text(&mut known.help, help),
        MetadataLine::Unit(unit) => replace_text(&mut known.unit, unit),
    };
    if different {
        changed.push(entry.name.clone().into_owned());
    }
}

fn replace_text(known: &mut String, text: &str) -> bool {
    let different = known != text;
    if different {
        text.clone_into(known);
    }
    different
}

impl From<ParseError> for IngestError {
    fn from(error: ParseError) -> Self {
        Self::Parse(error.to_string())
    }
}
