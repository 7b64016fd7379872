//! Remote write 2.0: `io.prometheus.write.v2.Request`, whose labels are references into a table.
//!
//! Field numbers follow Prometheus' `prompb/io/prometheus/write/v2/types.proto`; start timestamps
//! are field 3 of a sample and field 17 of a histogram, and in senders of the first version of
//! the protocol field 6 of the series.

use std::collections::HashSet;
use std::sync::Arc;

use vigie_model::{
    Exemplar, Labels, METRIC_NAME, Metadata, MetricBatch, MetricType, RejectionReason,
    SeriesBuilder,
};

use super::labels::LabelBuffer;
use super::v1::{decode_sample, kind_of};
use super::{Decoded, RemoteWriteError, histogram, lengths};
use crate::protobuf::{Field, Reader, WireError};

/// Symbols in one request. Each costs two bytes on the wire but more in memory.
const SYMBOLS_MAX: usize = 4_000_000;
/// Bytes of all labels of one series: a reference is short, what it names may be long.
const SERIES_LABEL_BYTES_MAX: usize = 1 << 20;
/// Bytes of the labels of all series, so that few symbols and many references are no bomb.
const REQUEST_LABEL_BYTES_MAX: usize = 256 << 20;

/// Decodes the (decompressed) `message` and appends what it holds to `batch`.
pub fn decode_v2(message: &[u8], batch: &mut MetricBatch) -> Result<Decoded, RemoteWriteError> {
    let before = lengths(batch);
    let symbols = read_symbols(message)?;
    let mut decoder = Decoder {
        symbols: &symbols,
        decoded: Decoded::default(),
        bounds: None,
        label_bytes: 0,
        metadata_last: None,
        metadata_seen: HashSet::new(),
        refs: Vec::new(),
    };
    let mut labels = LabelBuffer::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 5 {
            decoder.series(field.bytes()?, &mut labels, batch)?;
        }
    }
    decoder.decoded.count(batch, before);
    Ok(decoder.decoded)
}

fn read_symbols(message: &[u8]) -> Result<Vec<&str>, RemoteWriteError> {
    let mut symbols = Vec::new();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            4 if symbols.len() == SYMBOLS_MAX => Err(WireError::NumberTooLong)?,
            4 => symbols.push(field.text()?),
            1..=3 => return Err(RemoteWriteError::WrongVersion("2.0")),
            _ => {}
        }
    }
    Ok(symbols)
}

/// What metadata says, as references: name, type, help, unit.
type MetadataKey = (usize, u64, u64, u64);

struct Decoder<'s, 'a> {
    symbols: &'s [&'a str],
    decoded: Decoded,
    bounds: Option<Arc<[f64]>>,
    label_bytes: usize,
    metadata_last: Option<MetadataKey>,
    metadata_seen: HashSet<MetadataKey>,
    refs: Vec<u64>,
}

/// What the first pass over a series finds.
#[derive(Default)]
struct Outline<'a> {
    points: usize,
    created_ms: i64,
    metadata: Option<Reader<'a>>,
}

impl<'a> Decoder<'_, 'a> {
    fn series(
        &mut self,
        message: &'a [u8],
        labels: &mut LabelBuffer<'a>,
        batch: &mut MetricBatch,
    ) -> Result<(), WireError> {
        let outline = self.outline(message)?;
        if let Err(why) = self.resolve(labels).and_then(|()| labels.normalise_series()) {
            self.decoded.reject(RejectionReason::InvalidLabels, outline.points, || why);
            return Ok(());
        }
        if let Err(why) = self.charge(labels) {
            self.decoded.reject(RejectionReason::InvalidLabels, outline.points, || why);
            return Ok(());
        }
        if let Some(metadata) = outline.metadata {
            self.metadata(metadata, labels, batch)?;
        }
        if outline.points == 0 && !has_exemplar(message)? {
            return Ok(());
        }
        let mut builder = batch.push_series_sorted(labels.pairs.iter().copied());
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                2 => {
                    let (timestamp_ms, value, start_ms) = decode_sample(field.message()?)?;
                    let start_ms = if start_ms == 0 { outline.created_ms } else { start_ms };
                    builder.sample_started(timestamp_ms, value, start_ms);
                }
                3 => self.histogram(field, outline.created_ms, labels, &mut builder)?,
                4 => self.exemplar(field.message()?, &mut builder)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads everything but the points, and leaves the labels' references in `refs`.
    fn outline(&mut self, message: &'a [u8]) -> Result<Outline<'a>, WireError> {
        self.refs.clear();
        let mut outline = Outline::default();
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                1 => field.each_varint(|reference| self.refs.push(reference))?,
                2 | 3 => outline.points += 1,
                5 => outline.metadata = Some(field.message()?),
                6 => outline.created_ms = field.int64()?,
                _ => {}
            }
        }
        Ok(outline)
    }

    fn symbol(&self, reference: u64) -> Option<&'a str> {
        self.symbols.get(usize::try_from(reference).ok()?).copied()
    }

    /// Turns `refs` into labels.
    fn resolve(&self, labels: &mut LabelBuffer<'a>) -> Result<(), String> {
        labels.pairs.clear();
        let (pairs, rest) = self.refs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(format!("invalid labelRefs length {}", self.refs.len()));
        }
        for [name, value] in pairs {
            let (Some(name), Some(value)) = (self.symbol(*name), self.symbol(*value)) else {
                return Err(format!(
                    "labelRefs {name} (name) and {value} (value) outside of symbols table (size {})",
                    self.symbols.len()
                ));
            };
            labels.pairs.push((name, value));
        }
        Ok(())
    }

    /// Counts the labels' bytes against what a series and a request may have.
    fn charge(&mut self, labels: &LabelBuffer<'_>) -> Result<(), String> {
        let bytes: usize = labels.pairs.iter().map(|pair| pair.0.len() + pair.1.len()).sum();
        if bytes > SERIES_LABEL_BYTES_MAX {
            return Err(format!("labels of a series take {bytes} bytes: {labels}"));
        }
        self.label_bytes += bytes;
        if self.label_bytes > REQUEST_LABEL_BYTES_MAX {
            return Err("labels of the request take too many bytes".to_owned());
        }
        Ok(())
    }

    /// Every series repeats the metadata of its family; it is taken once.
    fn metadata(
        &mut self,
        mut message: Reader<'a>,
        labels: &LabelBuffer<'a>,
        batch: &mut MetricBatch,
    ) -> Result<(), WireError> {
        let (mut number, mut help, mut unit) = (0, 0, 0);
        while let Some(field) = message.field()? {
            match field.number {
                1 => number = field.uint64()?,
                3 => help = field.uint64()?,
                4 => unit = field.uint64()?,
                _ => {}
            }
        }
        let name = labels.pairs.iter().find(|pair| pair.0 == METRIC_NAME).map(|pair| pair.1);
        let Some(name) = name.filter(|_| (number, help, unit) != (0, 0, 0)) else {
            return Ok(());
        };
        let family = family_of(name, kind_of(number));
        // Where a name lies identifies it, as names are symbols of one request.
        let key = (family.as_ptr() as usize, number, help, unit);
        if self.metadata_last == Some(key) || !self.metadata_seen.insert(key) {
            return Ok(());
        }
        self.metadata_last = Some(key);
        let (Some(help), Some(unit)) = (self.symbol(help), self.symbol(unit)) else {
            self.decoded.reject(RejectionReason::InvalidLabels, 0, || {
                format!("metadata of {name:?} refers to symbols outside of the table")
            });
            return Ok(());
        };
        self.label_bytes += help.len() + unit.len();
        if self.label_bytes <= REQUEST_LABEL_BYTES_MAX {
            let metadata =
                Metadata { kind: kind_of(number), help: help.to_owned(), unit: unit.to_owned() };
            batch.metadata.push((family.to_owned(), metadata));
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        field: Field<'a>,
        created_ms: i64,
        labels: &LabelBuffer<'_>,
        builder: &mut SeriesBuilder<'_>,
    ) -> Result<(), WireError> {
        let mut point = histogram::decode(field.message()?, &mut self.bounds)?;
        if point.start_timestamp_ms == 0 {
            point.start_timestamp_ms = created_ms;
        }
        match histogram::check(&point.histogram) {
            Ok(()) => drop(builder.histogram(point)),
            Err(why) => self
                .decoded
                .reject(RejectionReason::InvalidHistogram, 1, || format!("{why}: {labels}")),
        }
        Ok(())
    }

    fn exemplar(
        &mut self,
        mut message: Reader<'a>,
        builder: &mut SeriesBuilder<'_>,
    ) -> Result<(), WireError> {
        self.refs.clear();
        let (mut value, mut timestamp_ms) = (0.0, 0);
        while let Some(field) = message.field()? {
            match field.number {
                1 => field.each_varint(|reference| self.refs.push(reference))?,
                2 => value = field.double()?,
                3 => timestamp_ms = field.int64()?,
                _ => {}
            }
        }
        let mut labels = LabelBuffer::default();
        let checked = self
            .resolve(&mut labels)
            .and_then(|()| labels.normalise())
            .and_then(|()| self.charge(&labels));
        match checked {
            Ok(()) => {
                let labels = Labels::from_pairs(labels.pairs.iter().copied());
                builder.exemplar(Exemplar { labels, value, timestamp_ms });
            }
            Err(why) => self
                .decoded
                .reject(RejectionReason::InvalidLabels, 0, || format!("exemplar: {why}")),
        }
        Ok(())
    }
}

fn has_exemplar(message: &[u8]) -> Result<bool, WireError> {
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 4 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The family of a series of classic histograms and summaries has the name without a suffix.
fn family_of(name: &str, kind: MetricType) -> &str {
    let suffixes: &[&str] = match kind {
        MetricType::Histogram | MetricType::GaugeHistogram => {
            &["_bucket", "_count", "_sum", "_gcount", "_gsum"]
        }
        MetricType::Summary => &["_count", "_sum"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
