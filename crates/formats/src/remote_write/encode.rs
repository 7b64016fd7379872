//! Batches as remote write requests, not compressed yet.

use std::collections::HashMap;

use vigie_model::{Exemplar, Labels, METRIC_NAME, Metadata, MetricBatch};

use super::histogram;
use super::v1::number_of;
use crate::protobuf::Writer;

/// Writes `batch` as `prometheus.WriteRequest`. Start timestamps have no place in it.
pub fn encode_v1(batch: &MetricBatch, out: &mut Vec<u8>) {
    for series in batch.series() {
        out.put_message(1, |out| {
            for (name, value) in &batch.labels(series) {
                put_label(out, name, value);
            }
            for at in series.samples.start as usize..series.samples.end as usize {
                put_sample(out, batch, at, false);
            }
            for exemplar in slice(&batch.exemplars, &series.exemplars) {
                out.put_message(3, |out| put_exemplar(out, exemplar));
            }
            for point in slice(&batch.histograms, &series.histograms) {
                out.put_message(4, |out| histogram::encode(out, point, false));
            }
        });
    }
    for (name, metadata) in &batch.metadata {
        out.put_message(3, |out| {
            out.put_uint_unless_default(1, number_of(metadata.kind));
            out.put_text_unless_default(2, name);
            out.put_text_unless_default(4, &metadata.help);
            out.put_text_unless_default(5, &metadata.unit);
        });
    }
}

/// Writes `batch` as `io.prometheus.write.v2.Request`, with start timestamps. Metadata of a
/// family goes with every series whose name is the family's, or the family's with a suffix.
pub fn encode_v2(batch: &MetricBatch, out: &mut Vec<u8>) {
    let mut symbols = Symbols::new();
    let mut body = Vec::new();
    let metadata: HashMap<&str, &Metadata> =
        batch.metadata.iter().map(|(name, metadata)| (name.as_str(), metadata)).collect();
    for series in batch.series() {
        let labels = batch.labels(series);
        body.put_message(5, |out| {
            put_refs(out, &labels, &mut symbols);
            for at in series.samples.start as usize..series.samples.end as usize {
                put_sample(out, batch, at, true);
            }
            for point in slice(&batch.histograms, &series.histograms) {
                out.put_message(3, |out| histogram::encode(out, point, true));
            }
            for exemplar in slice(&batch.exemplars, &series.exemplars) {
                out.put_message(4, |out| {
                    put_refs(out, &exemplar.labels, &mut symbols);
                    put_exemplar_point(out, exemplar);
                });
            }
            if let Some(found) = find_metadata(&metadata, labels.get(METRIC_NAME)) {
                put_metadata(out, found, &mut symbols);
            }
        });
    }
    for symbol in &symbols.order {
        out.put_bytes(4, symbol.as_bytes());
    }
    out.extend_from_slice(&body);
}

/// Symbols in order of first use; the first is the empty string, as the protocol demands.
struct Symbols {
    order: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Symbols {
    fn new() -> Self {
        Self { order: vec![String::new()], numbers: HashMap::from([(String::new(), 0)]) }
    }

    fn number(&mut self, text: &str) -> u64 {
        if let Some(number) = self.numbers.get(text) {
            return u64::from(*number);
        }
        let number = self.order.len() as u32;
        self.order.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        u64::from(number)
    }
}

fn slice<'a, T>(column: &'a [T], range: &std::ops::Range<u32>) -> &'a [T] {
    column.get(range.start as usize..range.end as usize).unwrap_or_default()
}

fn put_label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.put_message(1, |out| {
        out.put_bytes(1, name.as_bytes());
        out.put_bytes(2, value.as_bytes());
    });
}

fn put_refs(out: &mut Vec<u8>, labels: &Labels, symbols: &mut Symbols) {
    if labels.is_empty() {
        return;
    }
    out.put_message(1, |out| {
        for (name, value) in labels {
            out.put_varint(symbols.number(name));
            out.put_varint(symbols.number(value));
        }
    });
}

fn put_sample(out: &mut Vec<u8>, batch: &MetricBatch, at: usize, with_start: bool) {
    let (Some(&value), Some(&timestamp_ms)) = (batch.values.get(at), batch.timestamps_ms.get(at))
    else {
        return;
    };
    out.put_message(2, |out| {
        out.put_double(1, value);
        out.put_uint_unless_default(2, timestamp_ms as u64);
        if with_start {
            let start_ms = batch.start_timestamps_ms.get(at).copied().unwrap_or(0);
            out.put_uint_unless_default(3, start_ms as u64);
        }
    });
}

fn put_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    for (name, value) in &exemplar.labels {
        put_label(out, name, value);
    }
    put_exemplar_point(out, exemplar);
}

fn put_exemplar_point(out: &mut Vec<u8>, exemplar: &Exemplar) {
    out.put_double(2, exemplar.value);
    out.put_uint_unless_default(3, exemplar.timestamp_ms as u64);
}

fn find_metadata<'a>(
    metadata: &HashMap<&str, &'a Metadata>,
    name: Option<&str>,
) -> Option<&'a Metadata> {
    let name = name?;
    if metadata.is_empty() {
        return None;
    }
    metadata.get(name).copied().or_else(|| {
        ["_bucket", "_count", "_sum", "_total"]
            .iter()
            .find_map(|suffix| metadata.get(name.strip_suffix(suffix)?).copied())
    })
}

fn put_metadata(out: &mut Vec<u8>, metadata: &Metadata, symbols: &mut Symbols) {
    let (help, unit) = (symbols.number(&metadata.help), symbols.number(&metadata.unit));
    out.put_message(5, |out| {
        out.put_uint_unless_default(1, number_of(metadata.kind));
        out.put_uint_unless_default(3, help);
        out.put_uint_unless_default(4, unit);
    });
}
