//! Files of OpenMetrics or exposition text whose samples have timestamps.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use vigie_formats::exposition::{Entry, Format, LabelPairs, ParseOptions, Parser};
use vigie_model::{HistogramPoint, Labels, MetricBatch};
use vigie_world::World;

use super::SAMPLES_MAX;
use super::place::Place;
use super::progress::Progress;
use super::send::Sender;

/// Imports a file. Every sample must have a timestamp: without one it would be of no time.
pub(super) async fn import(
    path: &Path,
    place: &mut Place,
    sender: &mut Sender,
    progress: &mut Progress,
) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let body = World::real().disk.read(path)?;
    let format = if body.trim_ascii_end().ends_with(b"# EOF") {
        Format::OpenMetrics
    } else {
        Format::PrometheusText
    };
    // A wrong line refuses the file before anything is sent.
    let all = count(&body, format).with_context(|| format!("{}", path.display()))?;
    let first = place.of(&name);
    let mut parser = Parser::new(format, &body, options())?;
    let mut batch = MetricBatch::new();
    let mut done = 0;
    while let Some(entry) = parser.next()? {
        if matches!(entry, Entry::Metadata(_)) {
            continue;
        }
        done += 1;
        if done <= first {
            continue;
        }
        push(entry, &mut batch)?;
        if batch.sample_count() >= SAMPLES_MAX {
            sender.send(&mut batch).await?;
            place.note(&name, done)?;
            progress.show(&name, done, all, sender.samples());
        }
    }
    sender.send(&mut batch).await?;
    if done > first {
        place.note(&name, done)?;
    }
    progress.show(&name, all, all, sender.samples());
    Ok(())
}

fn options() -> ParseOptions {
    ParseOptions { native_histograms: true, ..ParseOptions::default() }
}

fn count(body: &[u8], format: Format) -> Result<u64> {
    let mut parser = Parser::new(format, body, options())?;
    let mut all = 0;
    while let Some(entry) = parser.next()? {
        let (mut labels, timestamp_ms) = (
            LabelPairs::new(),
            match &entry {
                Entry::Metadata(_) => continue,
                Entry::Series(series) => series.timestamp_ms,
                Entry::Histogram(histogram) => histogram.timestamp_ms,
            },
        );
        read_labels(&entry, &mut labels)?;
        all += 1;
        if timestamp_ms.is_none() {
            bail!("sample {all} ({}) has no timestamp", Labels::from_pairs(labels));
        }
    }
    Ok(all)
}

fn read_labels<'a>(entry: &Entry<'a>, into: &mut LabelPairs<'a>) -> Result<()> {
    match entry {
        Entry::Metadata(_) => {}
        Entry::Series(series) => series.labels(into)?,
        Entry::Histogram(histogram) => histogram.labels(into)?,
    }
    Ok(())
}

fn push(entry: Entry<'_>, batch: &mut MetricBatch) -> Result<()> {
    let mut pairs = LabelPairs::new();
    read_labels(&entry, &mut pairs)?;
    let mut builder = batch.push_series(&Labels::from_pairs(pairs));
    match entry {
        Entry::Metadata(_) => {}
        Entry::Series(series) => {
            let time_ms = series.timestamp_ms.unwrap_or_default();
            builder.sample_started(time_ms, series.value, series.start_timestamp_ms);
            if let Some(mut exemplar) = series.exemplar {
                if exemplar.timestamp_ms == 0 {
                    exemplar.timestamp_ms = time_ms;
                }
                builder.exemplar(exemplar);
            }
        }
        Entry::Histogram(entry) => {
            builder.histogram(HistogramPoint {
                timestamp_ms: entry.timestamp_ms.unwrap_or_default(),
                start_timestamp_ms: entry.start_timestamp_ms,
                histogram: Arc::new(entry.histogram),
            });
        }
    }
    Ok(())
}
