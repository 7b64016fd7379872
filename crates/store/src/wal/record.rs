//! What the log's records hold, and reading and writing them.

use std::sync::Arc;

use vigie_model::{Exemplar, HistogramPoint, Labels, Metadata, MetricBatch, MetricType, TenantId};

use super::frame::{self, RecordType};
use super::histogram::{put_histogram, take_histogram};
use super::varint::{Reader, put, put_bytes, put_signed};

/// Payloads end after this many bytes; a batch that needs more becomes several records.
const PAYLOAD_BYTES_SOFT_MAX: usize = 4 << 20;

const VALUE_ZERO: u8 = 0;
const VALUE_WHOLE: u8 = 1;
const VALUE_RAW: u8 = 2;
const VALUE_SAME: u8 = 3;
const VALUE_MASK: u8 = 3;
const TIME_MOVED: u8 = 4;
const START_MOVED: u8 = 8;

/// Writes the records of one batch of one tenant to the end of a buffer.
#[derive(Debug)]
pub(crate) struct RecordWriter<'a> {
    buffer: &'a mut Vec<u8>,
    tenant: &'a TenantId,
    kind: RecordType,
    open_at: Option<usize>,
    last_id: u32,
    last_time_ms: i64,
    last_start_ms: i64,
    last_bits: u64,
}

impl<'a> RecordWriter<'a> {
    pub(crate) fn new(buffer: &'a mut Vec<u8>, tenant: &'a TenantId) -> Self {
        Self {
            buffer,
            tenant,
            kind: RecordType::Series,
            open_at: None,
            last_id: 0,
            last_time_ms: 0,
            last_start_ms: 0,
            last_bits: 0,
        }
    }

    /// Says which labels `id` stands for in the records that follow.
    pub(crate) fn series(&mut self, id: u32, packed_labels: &[u8]) {
        self.open(RecordType::Series);
        self.put_id(id);
        put_bytes(self.buffer, packed_labels);
    }

    /// Float samples of series `id`: rows `rows` of the batch.
    pub(crate) fn samples(&mut self, id: u32, batch: &MetricBatch, rows: std::ops::Range<usize>) {
        self.open(RecordType::Samples);
        self.put_id(id);
        put(self.buffer, rows.len() as u64);
        let starts = batch.start_timestamps_ms.get(rows.clone());
        let columns = (batch.timestamps_ms.get(rows.clone()), batch.values.get(rows));
        let (Some(times), Some(values)) = columns else { return };
        for (at, (time_ms, value)) in times.iter().zip(values).enumerate() {
            let start_ms = starts.and_then(|starts| starts.get(at)).copied().unwrap_or(0);
            self.put_sample(*time_ms, *value, start_ms);
        }
    }

    #[inline]
    fn put_sample(&mut self, time_ms: i64, value: f64, start_ms: i64) {
        let bits = value.to_bits();
        let whole = value as i64;
        let mut tag = if bits == 0 {
            VALUE_ZERO
        } else if bits == self.last_bits {
            VALUE_SAME
        } else if whole.unsigned_abs() < 1 << 48 && (whole as f64).to_bits() == bits {
            VALUE_WHOLE
        } else {
            VALUE_RAW
        };
        let kind = tag;
        tag |= if time_ms == self.last_time_ms { 0 } else { TIME_MOVED };
        tag |= if start_ms == self.last_start_ms { 0 } else { START_MOVED };
        self.buffer.push(tag);
        if kind == VALUE_WHOLE {
            put_signed(self.buffer, whole);
        } else if kind == VALUE_RAW {
            self.buffer.extend_from_slice(&bits.to_le_bytes());
        }
        if time_ms != self.last_time_ms {
            put_signed(self.buffer, time_ms.wrapping_sub(self.last_time_ms));
            self.last_time_ms = time_ms;
        }
        if start_ms != self.last_start_ms {
            put_signed(self.buffer, start_ms.wrapping_sub(self.last_start_ms));
            self.last_start_ms = start_ms;
        }
        self.last_bits = bits;
    }

    /// A native histogram of series `id`.
    pub(crate) fn histogram(&mut self, id: u32, point: &HistogramPoint) {
        self.open(RecordType::Histograms);
        self.put_id(id);
        put_signed(self.buffer, point.timestamp_ms);
        put_signed(self.buffer, point.start_timestamp_ms);
        put_histogram(self.buffer, &point.histogram);
    }

    /// An exemplar of series `id`.
    pub(crate) fn exemplar(&mut self, id: u32, exemplar: &Exemplar) {
        self.open(RecordType::Exemplars);
        self.put_id(id);
        put_signed(self.buffer, exemplar.timestamp_ms);
        self.buffer.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
        put_bytes(self.buffer, exemplar.labels.as_packed());
    }

    /// Metadata of the metric family `name`.
    pub(crate) fn metadata(&mut self, name: &str, metadata: &Metadata) {
        self.open(RecordType::Metadata);
        for text in [name, metadata.kind.as_str(), &metadata.help, &metadata.unit] {
            put_bytes(self.buffer, text.as_bytes());
        }
    }

    /// Completes the record that is open.
    pub(crate) fn finish(&mut self) {
        if let Some(at) = self.open_at.take() {
            frame::finish(self.buffer, at);
        }
    }

    fn open(&mut self, kind: RecordType) {
        if let Some(at) = self.open_at
            && self.kind == kind
            && self.buffer.len() - at < PAYLOAD_BYTES_SOFT_MAX
        {
            return;
        }
        self.finish();
        self.kind = kind;
        self.open_at = Some(frame::begin(self.buffer, kind));
        put_bytes(self.buffer, self.tenant.as_str().as_bytes());
        (self.last_id, self.last_time_ms, self.last_start_ms, self.last_bits) = (0, 0, 0, 0);
    }

    fn put_id(&mut self, id: u32) {
        put_signed(self.buffer, i64::from(id) - i64::from(self.last_id));
        self.last_id = id;
    }
}

/// One thing that a record says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    Series(u32, Labels),
    Sample { id: u32, time_ms: i64, start_ms: i64, value: f64 },
    Histogram(u32, HistogramPoint),
    Exemplar(u32, Exemplar),
    Metadata(String, Metadata),
}

/// Hands what a record says to `each`. `None` when the payload is not well formed; what came
/// before that was handed on.
pub(crate) fn read_record(
    kind: RecordType,
    payload: &[u8],
    mut each: impl FnMut(&str, Entry),
) -> Option<()> {
    if kind == RecordType::Logs {
        // Logs have a write-ahead log of their own.
        return None;
    }
    let mut reader = Reader::new(payload);
    let tenant = reader.text()?;
    let mut last_id = 0_u32;
    let mut samples = SampleReader::default();
    while !reader.is_empty() {
        if kind == RecordType::Metadata {
            each(tenant, take_metadata(&mut reader)?);
            continue;
        }
        last_id = u32::try_from(i64::from(last_id).checked_add(reader.signed()?)?).ok()?;
        match kind {
            RecordType::Series => {
                each(tenant, Entry::Series(last_id, Labels::from_packed(reader.bytes()?)?));
            }
            RecordType::Samples => {
                for _ in 0..reader.unsigned()? {
                    each(tenant, samples.take(&mut reader, last_id)?);
                }
            }
            RecordType::Histograms => {
                let point = HistogramPoint {
                    timestamp_ms: reader.signed()?,
                    start_timestamp_ms: reader.signed()?,
                    histogram: Arc::new(take_histogram(&mut reader)?),
                };
                each(tenant, Entry::Histogram(last_id, point));
            }
            RecordType::Exemplars => each(tenant, take_exemplar(&mut reader, last_id)?),
            RecordType::Metadata | RecordType::Logs => {}
        }
    }
    Some(())
}

#[derive(Debug, Default)]
struct SampleReader {
    time_ms: i64,
    start_ms: i64,
    value: f64,
}

impl SampleReader {
    fn take(&mut self, reader: &mut Reader<'_>, id: u32) -> Option<Entry> {
        let tag = reader.byte()?;
        match tag & VALUE_MASK {
            VALUE_ZERO => self.value = 0.0,
            VALUE_WHOLE => self.value = reader.signed()? as f64,
            VALUE_RAW => self.value = reader.float()?,
            _ => {}
        }
        if tag & TIME_MOVED != 0 {
            self.time_ms = self.time_ms.wrapping_add(reader.signed()?);
        }
        if tag & START_MOVED != 0 {
            self.start_ms = self.start_ms.wrapping_add(reader.signed()?);
        }
        let (time_ms, start_ms, value) = (self.time_ms, self.start_ms, self.value);
        Some(Entry::Sample { id, time_ms, start_ms, value })
    }
}

fn take_exemplar(reader: &mut Reader<'_>, id: u32) -> Option<Entry> {
    let timestamp_ms = reader.signed()?;
    let value = reader.float()?;
    let labels = Labels::from_packed(reader.bytes()?)?;
    Some(Entry::Exemplar(id, Exemplar { labels, value, timestamp_ms }))
}

fn take_metadata(reader: &mut Reader<'_>) -> Option<Entry> {
    let name = reader.text()?.to_owned();
    let kind = MetricType::parse(reader.text()?)?;
    let (help, unit) = (reader.text()?.to_owned(), reader.text()?.to_owned());
    Some(Entry::Metadata(name, Metadata { kind, help, unit }))
}
