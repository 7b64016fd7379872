//! Remote write 1.0: `prometheus.WriteRequest`.

use std::sync::Arc;

use vigie_model::{
    Exemplar, Labels, Metadata, MetricBatch, MetricType, RejectionReason, SeriesBuilder,
};

use super::labels::LabelBuffer;
use super::{Decoded, RemoteWriteError, histogram, lengths};
use crate::protobuf::{Reader, WireError};

/// Decodes the (decompressed) `message` and appends what it holds to `batch`.
pub fn decode_v1(message: &[u8], batch: &mut MetricBatch) -> Result<Decoded, RemoteWriteError> {
    let before = lengths(batch);
    let mut decoder = Decoder { decoded: Decoded::default(), bounds: None };
    let mut labels = LabelBuffer::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => decoder.series(field.bytes()?, &mut labels, batch)?,
            3 => batch.metadata.push(decode_metadata(field.message()?)?),
            4 | 5 => return Err(RemoteWriteError::WrongVersion("1.0")),
            _ => {}
        }
    }
    decoder.decoded.count(batch, before);
    Ok(decoder.decoded)
}

struct Decoder {
    decoded: Decoded,
    bounds: Option<Arc<[f64]>>,
}

impl Decoder {
    /// Reads a series twice, first its labels: nothing says that they come before the samples.
    fn series<'a>(
        &mut self,
        message: &'a [u8],
        labels: &mut LabelBuffer<'a>,
        batch: &mut MetricBatch,
    ) -> Result<(), WireError> {
        labels.pairs.clear();
        let mut points = 0;
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                1 => labels.pairs.push(decode_label(field.message()?)?),
                2 | 4 => points += 1,
                _ => {}
            }
        }
        if let Err(why) = labels.normalise_series() {
            self.decoded.reject(RejectionReason::InvalidLabels, points, || why);
            return Ok(());
        }
        let mut builder = batch.push_series_sorted(labels.pairs.iter().copied());
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                2 => {
                    let (timestamp_ms, value, start_ms) = decode_sample(field.message()?)?;
                    builder.sample_started(timestamp_ms, value, start_ms);
                }
                3 => self.exemplar(field.message()?, &mut builder)?,
                4 => self.histogram(field.message()?, labels, &mut builder)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        message: Reader<'_>,
        labels: &LabelBuffer<'_>,
        builder: &mut SeriesBuilder<'_>,
    ) -> Result<(), WireError> {
        let mut point = histogram::decode(message, &mut self.bounds)?;
        // Version 1.0 has no start timestamp; field 17 is free for others.
        point.start_timestamp_ms = 0;
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
        mut message: Reader<'_>,
        builder: &mut SeriesBuilder<'_>,
    ) -> Result<(), WireError> {
        let mut labels = LabelBuffer::default();
        let (mut value, mut timestamp_ms) = (0.0, 0);
        while let Some(field) = message.field()? {
            match field.number {
                1 => labels.pairs.push(decode_label(field.message()?)?),
                2 => value = field.double()?,
                3 => timestamp_ms = field.int64()?,
                _ => {}
            }
        }
        match labels.normalise() {
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

pub(super) fn decode_label(mut message: Reader<'_>) -> Result<(&str, &str), WireError> {
    let (mut name, mut value) = ("", "");
    while let Some(field) = message.field()? {
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// (timestamp, value, start timestamp); the same message in both versions, but for the last.
#[inline]
pub(super) fn decode_sample(mut message: Reader<'_>) -> Result<(i64, f64, i64), WireError> {
    let (mut timestamp_ms, mut value, mut start_ms) = (0, 0.0, 0);
    while let Some(field) = message.field()? {
        match field.number {
            1 => value = field.double()?,
            2 => timestamp_ms = field.int64()?,
            3 => start_ms = field.int64()?,
            _ => {}
        }
    }
    Ok((timestamp_ms, value, start_ms))
}

fn decode_metadata(mut message: Reader<'_>) -> Result<(String, Metadata), WireError> {
    let (mut name, mut metadata) = (String::new(), Metadata::default());
    while let Some(field) = message.field()? {
        match field.number {
            1 => metadata.kind = kind_of(field.uint64()?),
            2 => field.text()?.clone_into(&mut name),
            4 => field.text()?.clone_into(&mut metadata.help),
            5 => field.text()?.clone_into(&mut metadata.unit),
            _ => {}
        }
    }
    Ok((name, metadata))
}

/// The numbers are the same in both versions.
pub(super) const fn kind_of(number: u64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

pub(super) const fn number_of(kind: MetricType) -> u64 {
    match kind {
        MetricType::Unknown => 0,
        MetricType::Counter => 1,
        MetricType::Gauge => 2,
        MetricType::Histogram => 3,
        MetricType::GaugeHistogram => 4,
        MetricType::Summary => 5,
        MetricType::Info => 6,
        MetricType::StateSet => 7,
    }
}
