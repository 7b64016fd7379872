//! From a batch to requests: external labels, relabelling, what a remote wants, encoding.

use std::collections::BTreeMap;

use vigie_formats::compression::{Compression, compress_snappy, decompress};
use vigie_formats::remote_write::{decode_v1, decode_v2, encode_v1, encode_v2};
use vigie_model::{Labels, LabelsBuilder, MetricBatch};

use super::record::Record;
use crate::config::RemoteWriteConfig;
use crate::scrape::Relabeler;

/// The largest request, not compressed.
const REQUEST_BYTES_MAX: usize = 256 << 20;

/// A version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

impl Version {
    /// Its number in a queue.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The version of a number.
    pub(super) const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}

/// What becomes of batches for one remote.
#[derive(Debug)]
pub(super) struct Outgoing {
    external_labels: BTreeMap<String, String>,
    relabel: Relabeler,
    exemplars: bool,
    histograms: bool,
    metadata: bool,
    samples_max: usize,
    /// The protocol.
    pub version: Version,
}

impl Outgoing {
    /// What `config` says.
    pub(super) fn compile(
        config: &RemoteWriteConfig,
        external_labels: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let v2 = config.protobuf_message == "io.prometheus.write.v2.Request";
        Ok(Self {
            external_labels: external_labels.clone(),
            relabel: Relabeler::compile(&config.write_relabel_configs)?,
            exemplars: config.send_exemplars,
            // Version 2 always carries them, as in Prometheus.
            histograms: config.send_native_histograms || v2,
            metadata: config.metadata_config.send || v2,
            samples_max: samples_max(config),
            version: if v2 { Version::V2 } else { Version::V1 },
        })
    }

    /// `batch` as requests of at most `max_samples_per_send` samples (more only if one series of
    /// the batch has more), each of series with one slot.
    pub(super) fn prepare(&self, batch: &MetricBatch) -> Vec<Record> {
        let mut records = Vec::new();
        // Most batches are of one target: one slot.
        let mut open: Vec<(u8, MetricBatch)> = Vec::new();
        let mut first = true;
        for series in batch.series() {
            let count =
                series.samples.len() + if self.histograms { series.histograms.len() } else { 0 };
            let exemplars = self.exemplars && !series.exemplars.is_empty();
            if count == 0 && !exemplars {
                continue;
            }
            let Some(labels) = self.labels(batch.labels(series)) else { continue };
            let slot = slot(&labels);
            let at = open.iter().position(|(of, _)| *of == slot).unwrap_or_else(|| {
                open.push((slot, self.empty(batch, std::mem::take(&mut first))));
                open.len() - 1
            });
            let Some((_, out)) = open.get_mut(at) else { continue };
            if out.sample_count() > 0 && out.sample_count() + count > self.samples_max {
                records.extend(self.record(out, slot));
                *out = self.empty(batch, false);
            }
            let mut builder = out.push_series(&labels);
            for row in series.samples.start as usize..series.samples.end as usize {
                let start_ms = batch.start_timestamps_ms.get(row).copied().unwrap_or(0);
                if let (Some(at), Some(value)) =
                    (batch.timestamps_ms.get(row), batch.values.get(row))
                {
                    builder.sample_started(*at, *value, start_ms);
                }
            }
            if self.histograms {
                let range = series.histograms.start as usize..series.histograms.end as usize;
                for point in batch.histograms.get(range).unwrap_or_default() {
                    builder.histogram(point.clone());
                }
            }
            if exemplars {
                let range = series.exemplars.start as usize..series.exemplars.end as usize;
                for exemplar in batch.exemplars.get(range).unwrap_or_default() {
                    builder.exemplar(exemplar.clone());
                }
            }
        }
        for (slot, out) in &open {
            records.extend(self.record(out, *slot));
        }
        if first && self.version == Version::V1 && self.metadata && !batch.metadata.is_empty() {
            records.extend(self.record(&self.empty(batch, true), 0));
        }
        records
    }

    /// A batch with metadata: once in version 1; in version 2 it goes with its series.
    fn empty(&self, batch: &MetricBatch, first: bool) -> MetricBatch {
        let mut out = MetricBatch::new();
        if self.metadata && (first || self.version == Version::V2) {
            out.metadata.clone_from(&batch.metadata);
        }
        out
    }

    fn labels(&self, labels: Labels) -> Option<Labels> {
        if self.external_labels.is_empty() && self.relabel.is_empty() {
            return Some(labels);
        }
        let mut builder = LabelsBuilder::from_labels(&labels);
        for (name, value) in &self.external_labels {
            if builder.get(name).is_none() {
                builder.set(name, value);
            }
        }
        (self.relabel.apply(&mut builder) && !builder.is_empty()).then(|| builder.build())
    }

    fn record(&self, batch: &MetricBatch, slot: u8) -> Option<Record> {
        let newest = batch.timestamps_ms.iter().copied();
        let newest = newest.chain(batch.histograms.iter().map(|point| point.timestamp_ms));
        Some(Record {
            version: self.version,
            samples: batch.sample_count() as u32,
            slot,
            newest_ms: newest.max().unwrap_or(i64::MAX),
            body: encode(self.version, batch)?,
        })
    }
}

/// Which of 256 groups of series a series is in: all of a target are in one.
fn slot(labels: &Labels) -> u8 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let target = labels.iter().filter(|(name, _)| matches!(*name, "job" | "instance"));
    let mut named = false;
    for (_, value) in target {
        hasher.update(value.as_bytes());
        hasher.update(&[0xff]);
        named = true;
    }
    if !named {
        for (name, value) in labels.iter() {
            hasher.update(name.as_bytes());
            hasher.update(&[0xff]);
            hasher.update(value.as_bytes());
            hasher.update(&[0xff]);
        }
    }
    hasher.digest() as u8
}

/// Most samples of a request.
pub(super) fn samples_max(config: &RemoteWriteConfig) -> usize {
    usize::try_from(config.queue_config.max_samples_per_send).unwrap_or(usize::MAX).max(1)
}

fn encode(version: Version, batch: &MetricBatch) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    match version {
        Version::V1 => encode_v1(batch, &mut plain),
        Version::V2 => encode_v2(batch, &mut plain),
    }
    compress_snappy(&plain).ok()
}

/// One request of several records; `None` when they cannot be read.
pub(super) fn assemble(records: &[Record], version: Version) -> Option<Vec<u8>> {
    if let [only] = records
        && only.version == version
    {
        return Some(only.body.clone());
    }
    // Messages of version 1 one after the other are one message: protobuf merges lists.
    let joinable = version == Version::V1 && records.iter().all(|record| record.version == version);
    let (mut batch, mut joined, mut plain) = (MetricBatch::new(), Vec::new(), Vec::new());
    for record in records {
        decompress(Compression::Snappy, &record.body, REQUEST_BYTES_MAX, &mut plain).ok()?;
        match record.version {
            _ if joinable => joined.extend_from_slice(&plain),
            Version::V1 => drop(decode_v1(&plain, &mut batch).ok()?),
            Version::V2 => drop(decode_v2(&plain, &mut batch).ok()?),
        }
    }
    if joinable { compress_snappy(&joined).ok() } else { encode(version, &batch) }
}
