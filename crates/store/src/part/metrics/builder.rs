//! Writes parts of metrics: encodes as series come, orders and indexes at the end.

use std::collections::BTreeMap;

use vigie_model::{Exemplar, Labels, Metadata, Points};

use super::chunk::{self, Piece, Scratch};
use super::index::IndexBuilder;
use super::order::SortKey;
use super::series::{self, ChunkReference, SERIES};
use super::times::TimesBuilder;
use super::{FinishedPart, PartMeta, PartOptions, extras, histograms, section};
use crate::StoreError;
use crate::codec::VALUES_MAX;
use crate::codec::input::{put_signed, put_varint};
use crate::part::container::{Compression, ContainerWriter, Signal};

/// Data blocks end at the series that brings them over this.
const DATA_BLOCK_BYTES: usize = 8 << 10;
const EXEMPLAR_BLOCK_BYTES: usize = 32 << 10;

/// Writes a part. Series come in any order, each once.
///
/// Memory is bounded by the encoded size (twice that while finishing) plus one series.
#[derive(Debug)]
pub struct MetricPartBuilder {
    options: PartOptions,
    data: Vec<u8>,
    series: Vec<Entry>,
    chunks: Vec<ChunkReference>,
    times: TimesBuilder,
    exemplars: BTreeMap<Labels, Vec<Exemplar>>,
    metadata: BTreeMap<String, Vec<Metadata>>,
    meta: PartMeta,
    scratch: Scratch,
}

#[derive(Debug)]
struct Entry {
    labels: Labels,
    data: usize,
    first_chunk: usize,
}

impl MetricPartBuilder {
    /// A part without content.
    pub fn new(options: &PartOptions) -> Self {
        let chunk_points_max = options.chunk_points_max.clamp(1, VALUES_MAX);
        Self {
            options: PartOptions { chunk_points_max, ..*options },
            data: Vec::new(),
            series: Vec::new(),
            chunks: Vec::new(),
            times: TimesBuilder::default(),
            exemplars: BTreeMap::new(),
            metadata: BTreeMap::new(),
            meta: PartMeta::empty(),
            scratch: Scratch::default(),
        }
    }

    /// Encodes the points of one series at once; nothing of `points` is kept. Times must ascend
    /// strictly. No points: nothing happens.
    pub fn add_series(&mut self, labels: &Labels, points: &Points) -> Result<(), StoreError> {
        let times = &points.timestamps_ms;
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Ok(()) };
        check(points)?;
        let data = self.data.len();
        let first_chunk = self.chunks.len();
        let pieces = times.len().div_ceil(self.chunk_points_max(points));
        let length = times.len().div_ceil(pieces);
        for from in (0..times.len()).step_by(length) {
            let to = (from + length).min(times.len());
            let start = self.data.len();
            let piece = Piece { points, from, to };
            if let Err(error) = chunk::encode(piece, &mut self.scratch, &mut self.data) {
                self.data.truncate(data);
                self.chunks.truncate(first_chunk);
                return Err(error);
            }
            let integers = self.scratch.floats.integers();
            let times = self.times.column(&times[from..to], integers);
            let length = (self.data.len() - start) as u32;
            self.chunks.push(ChunkReference { times, length });
        }
        self.series.push(Entry { labels: labels.clone(), data, first_chunk });
        self.meta.start_ms = self.meta.start_ms.min(*first);
        self.meta.end_ms = self.meta.end_ms.max(*last);
        self.meta.series += 1;
        self.meta.samples += times.len() as u64;
        Ok(())
    }

    /// Points of a chunk; fewer when histograms are wide, so that a chunk stays bounded.
    fn chunk_points_max(&self, points: &Points) -> usize {
        let buckets = points
            .histograms
            .iter()
            .map(|(_, h)| h.positive_buckets.len() + h.negative_buckets.len())
            .max();
        let by_buckets = histograms::BUCKET_VALUES_MAX / 8 / (buckets.unwrap_or(0) + 1);
        self.options.chunk_points_max.min(by_buckets).max(1)
    }

    /// Exemplars of a series, in any order of time. The series may have no points here.
    pub fn add_exemplars(&mut self, labels: &Labels, exemplars: &[Exemplar]) {
        if !exemplars.is_empty() {
            self.exemplars.entry(labels.clone()).or_default().extend_from_slice(exemplars);
        }
    }

    /// Metadata of the metric family `name`; several that differ are all kept.
    pub fn add_metadata(&mut self, name: &str, metadata: &Metadata) {
        let list = self.metadata.entry(name.to_owned()).or_default();
        if !list.contains(metadata) {
            list.push(metadata.clone());
        }
    }

    /// Bytes that the part would have now, without its index: to know when to begin another.
    pub fn encoded_bytes(&self) -> usize {
        self.data.len() + self.times.bytes()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.exemplars.is_empty() && self.metadata.is_empty()
    }

    /// The part. An error when a series was added twice.
    pub fn finish(mut self) -> Result<FinishedPart, StoreError> {
        let order = self.order()?;
        let capacity = self.encoded_bytes() + self.series.len() * 32 + (4 << 10);
        let mut container = ContainerWriter::new(capacity, self.options.compression_level);
        self.write_data(&order, &mut container)?;
        let times = std::mem::take(&mut self.times);
        let (blocks, columns) = times.finish();
        let mut writer = container.section(section::TIMES, "times", Compression::None);
        blocks.iter().try_for_each(|block| writer.block(block))?;
        writer.end();
        self.write_table(&order, &mut container)?;
        self.write_index(&order, &mut container)?;
        self.write_extras(&mut container)?;
        let mut meta = Vec::new();
        self.meta.exemplars = self.exemplars.values().map(|list| list.len() as u64).sum();
        self.meta.encode(columns, &mut meta);
        let mut writer = container.section(section::META, "meta", Compression::None);
        writer.block(&meta)?;
        writer.end();
        let bytes = container.finish(Signal::Metrics)?;
        self.meta.bytes = bytes.len() as u64;
        Ok(FinishedPart { bytes, meta: self.meta })
    }

    /// Places in `self.series`, ascending by labels.
    fn order(&self) -> Result<Vec<usize>, StoreError> {
        u32::try_from(self.series.len())
            .map_err(|_| StoreError::Invalid("a part has too many series".to_owned()))?;
        let mut keys: Vec<(SortKey, usize)> = self
            .series
            .iter()
            .enumerate()
            .map(|(at, entry)| (SortKey::of(&entry.labels), at))
            .collect();
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let labels = pair[0].0.labels();
            return Err(StoreError::Invalid(format!("series {labels} was added twice")));
        }
        Ok(keys.into_iter().map(|(_, at)| at).collect())
    }

    fn chunks_of(&self, at: usize) -> &[ChunkReference] {
        let end = self.series.get(at + 1).map_or(self.chunks.len(), |next| next.first_chunk);
        &self.chunks[self.series[at].first_chunk..end]
    }

    fn write_data(
        &mut self,
        order: &[usize],
        container: &mut ContainerWriter,
    ) -> Result<(), StoreError> {
        let data = std::mem::take(&mut self.data);
        let mut writer = container.section(section::DATA, "data", Compression::None);
        let mut block = Vec::with_capacity(2 * DATA_BLOCK_BYTES);
        for at in order {
            let mut start = self.series[*at].data;
            for chunk in self.chunks_of(*at) {
                let end = start + chunk.length as usize;
                block.extend_from_slice(&data[start..end]);
                start = end;
                if block.len() >= DATA_BLOCK_BYTES {
                    writer.block(&block)?;
                    block.clear();
                }
            }
        }
        if !block.is_empty() {
            writer.block(&block)?;
        }
        writer.end();
        Ok(())
    }

    fn write_table(
        &self,
        order: &[usize],
        container: &mut ContainerWriter,
    ) -> Result<(), StoreError> {
        let mut writer = container.section(section::CHUNKS, "chunks", Compression::Zstd);
        let mut start = 0;
        for block in order.chunks(SERIES) {
            let chunks: Vec<&[ChunkReference]> =
                block.iter().map(|at| self.chunks_of(*at)).collect();
            writer.block(&series::encode_chunks(start, &chunks))?;
            start += chunks.iter().copied().flatten().map(|c| u64::from(c.length)).sum::<u64>();
        }
        writer.end();
        let mut writer = container.section(section::LABELS, "labels", Compression::Zstd);
        for block in order.chunks(SERIES) {
            let labels = block.iter().map(|at| &self.series[*at].labels);
            writer.block(&series::encode_labels(labels))?;
        }
        writer.end();
        Ok(())
    }

    fn write_index(
        &self,
        order: &[usize],
        container: &mut ContainerWriter,
    ) -> Result<(), StoreError> {
        let mut index = IndexBuilder::default();
        for (id, at) in order.iter().enumerate() {
            index.add(id as u32, &self.series[*at].labels);
        }
        let (names, blocks) = index.finish();
        let mut writer = container.section(section::VALUES, "values", Compression::Zstd);
        blocks.iter().try_for_each(|block| writer.block(block))?;
        writer.end();
        let mut writer = container.section(section::NAMES, "names", Compression::Zstd);
        writer.block(&names)?;
        writer.end();
        Ok(())
    }

    fn write_extras(&mut self, container: &mut ContainerWriter) -> Result<(), StoreError> {
        if !self.exemplars.is_empty() {
            let mut writer = container.section(section::EXEMPLARS, "exemplars", Compression::Zstd);
            let mut block = Vec::new();
            for (labels, exemplars) in &mut self.exemplars {
                exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
                exemplars.dedup();
                extras::encode_exemplars(labels, exemplars, &mut block);
                if block.len() >= EXEMPLAR_BLOCK_BYTES {
                    writer.block(&block)?;
                    block.clear();
                }
            }
            if !block.is_empty() {
                writer.block(&block)?;
            }
            writer.end();
        }
        if !self.metadata.is_empty() {
            let mut writer = container.section(section::METADATA, "metadata", Compression::Zstd);
            writer.block(&extras::encode_metadata(&self.metadata))?;
            writer.end();
        }
        Ok(())
    }
}

fn check(points: &Points) -> Result<(), StoreError> {
    let count = points.len();
    let refuse = |why: &str| Err(StoreError::Invalid(why.to_owned()));
    if points.values.len() != count {
        return refuse("a series has not as many values as times");
    }
    if !points.start_timestamps_ms.is_empty() && points.start_timestamps_ms.len() != count {
        return refuse("a series has not as many start times as times");
    }
    if points.timestamps_ms.windows(2).any(|pair| pair[0] >= pair[1]) {
        return refuse("the times of a series do not ascend");
    }
    let ascending = points.histograms.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if !ascending || points.histograms.last().is_some_and(|(at, _)| *at as usize >= count) {
        return refuse("the histograms of a series are out of place");
    }
    Ok(())
}

impl PartMeta {
    fn empty() -> Self {
        Self { start_ms: i64::MAX, end_ms: i64::MIN, series: 0, samples: 0, exemplars: 0, bytes: 0 }
    }

    fn encode(&self, columns: u32, out: &mut Vec<u8>) {
        put_signed(out, self.start_ms);
        put_signed(out, self.end_ms);
        put_varint(out, self.series);
        put_varint(out, self.samples);
        put_varint(out, self.exemplars);
        put_varint(out, u64::from(columns));
    }
}
