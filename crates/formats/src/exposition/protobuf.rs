//! Prometheus' protobuf exposition: `io.prometheus.client.MetricFamily` messages, each after its
//! length. The only classic format that carries native histograms.

use std::collections::VecDeque;

use vigie_model::{CounterResetHint, Exemplar, Histogram, Labels, MetricType};

use super::labels::{LabelSource, read_label_pair};
use super::{
    Entry, HistogramEntry, LabelPairs, MetadataEntry, MetadataLine, ParseError, ParseOptions,
    Series,
};
use crate::protobuf::{Field, Reader, WireError, zigzag};
use crate::remote_write::decode_span;

/// Gives the entries of a body of delimited messages.
#[derive(Debug)]
pub(super) struct ProtobufParser<'a> {
    body: Reader<'a>,
    options: ParseOptions,
    family: Family<'a>,
    metrics: Reader<'a>,
    /// Entries of the metric that was read last.
    queue: VecDeque<Item<'a>>,
    metric: &'a [u8],
    key: Vec<u8>,
    name: String,
}

#[derive(Debug, Default, Clone, Copy)]
struct Family<'a> {
    name: &'a str,
    kind: MetricType,
}

/// An entry that is read but not given yet.
#[derive(Debug)]
enum Item<'a> {
    Metadata(MetadataLine<'a>),
    Sample(Sample),
    Histogram(Box<Native>),
}

#[derive(Debug)]
struct Native {
    histogram: Histogram,
    timestamp_ms: Option<i64>,
    start_ms: i64,
    exemplars: Vec<Exemplar>,
}

#[derive(Debug, Default)]
struct Sample {
    suffix: &'static str,
    extra: Option<(&'static str, f64)>,
    value: f64,
    timestamp_ms: Option<i64>,
    start_ms: i64,
    exemplar: Option<Exemplar>,
}

impl<'a> ProtobufParser<'a> {
    pub(super) fn new(body: &'a [u8], options: ParseOptions) -> Self {
        Self {
            body: Reader::new(body),
            options,
            family: Family::default(),
            metrics: Reader::new(&[]),
            queue: VecDeque::new(),
            metric: &[],
            key: Vec::new(),
            name: String::new(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry<'_>>, ParseError> {
        while self.queue.is_empty() {
            match self.metrics.field()? {
                Some(field) if field.number == 4 => self.read_metric(field.bytes()?)?,
                Some(_) => {}
                None if self.body.is_empty() => return Ok(None),
                None => {
                    let message = self.body.delimited()?;
                    self.read_family(message)?;
                }
            }
        }
        Ok(self.queue.pop_front().map(|item| self.give(item)))
    }

    fn give(&mut self, item: Item<'a>) -> Entry<'_> {
        match item {
            Item::Metadata(line) => {
                Entry::Metadata(MetadataEntry { name: self.family.name.into(), line })
            }
            Item::Sample(sample) => {
                let source = self.identify(sample.suffix, sample.extra, 0);
                Entry::Series(Series {
                    key: source.0,
                    source: source.1,
                    value: sample.value,
                    timestamp_ms: sample.timestamp_ms,
                    start_timestamp_ms: sample.start_ms,
                    exemplar: sample.exemplar,
                })
            }
            Item::Histogram(native) => {
                let source = self.identify("", None, 1);
                Entry::Histogram(HistogramEntry {
                    key: source.0,
                    source: source.1,
                    histogram: native.histogram,
                    timestamp_ms: native.timestamp_ms,
                    start_timestamp_ms: native.start_ms,
                    exemplars: native.exemplars,
                })
            }
        }
    }

    /// The key of a series (name, kind, extra label, bytes of its labels) and its labels.
    fn identify(
        &mut self,
        suffix: &str,
        extra: Option<(&'static str, f64)>,
        kind: u8,
    ) -> (&[u8], LabelSource<'_>) {
        self.name.clear();
        self.name.push_str(self.family.name);
        self.name.push_str(suffix);
        self.key.clear();
        self.key.extend_from_slice(self.name.as_bytes());
        self.key.extend_from_slice(&[0xff, kind]);
        if let Some((name, value)) = extra {
            self.key.extend_from_slice(name.as_bytes());
            self.key.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        let mut reader = Reader::new(self.metric);
        while let Ok(Some(field)) = reader.field() {
            if let (1, Ok(bytes)) = (field.number, field.bytes()) {
                self.key.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                self.key.extend_from_slice(bytes);
            }
        }
        (&self.key, LabelSource::Protobuf { name: &self.name, metric: self.metric, extra })
    }

    fn read_family(&mut self, message: &'a [u8]) -> Result<(), ParseError> {
        let mut family = Family { name: "", kind: MetricType::Counter };
        let (mut help, mut unit) = ("", "");
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                1 => family.name = field.text()?,
                2 => help = field.text()?,
                3 => family.kind = kind_of(field.uint64()?)?,
                5 => unit = field.text()?,
                _ => {}
            }
        }
        if family.name.is_empty() {
            return Err(ParseError::new(0, "invalid metric name: \"\""));
        }
        self.queue.push_back(Item::Metadata(MetadataLine::Type(family.kind)));
        if !help.is_empty() {
            self.queue.push_back(Item::Metadata(MetadataLine::Help(help.into())));
        }
        if !unit.is_empty() {
            self.queue.push_back(Item::Metadata(MetadataLine::Unit(unit.into())));
        }
        self.family = family;
        self.metrics = Reader::new(message);
        Ok(())
    }

    fn read_metric(&mut self, message: &'a [u8]) -> Result<(), ParseError> {
        self.metric = message;
        let mut timestamp_ms = None;
        let mut content = None;
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                2..=5 | 7 => content = Some(field),
                6 => timestamp_ms = Some(field.int64()?).filter(|ms| *ms != 0),
                _ => {}
            }
        }
        let Some(field) = content else { return Ok(()) };
        let message = field.message()?;
        match field.number {
            2 | 3 | 5 => self.read_simple(message, timestamp_ms),
            4 => self.read_summary(message, timestamp_ms),
            _ => self.read_histogram(message, timestamp_ms),
        }
    }

    fn read_simple(
        &mut self,
        mut message: Reader<'a>,
        timestamp_ms: Option<i64>,
    ) -> Result<(), ParseError> {
        let mut sample = Sample { timestamp_ms, ..Sample::default() };
        while let Some(field) = message.field()? {
            match field.number {
                1 => sample.value = field.double()?,
                2 => sample.exemplar = Some(read_exemplar(field.message()?)?),
                3 => sample.start_ms = read_timestamp(field.message()?)?,
                _ => {}
            }
        }
        self.queue.push_back(Item::Sample(sample));
        Ok(())
    }

    fn read_summary(
        &mut self,
        mut message: Reader<'a>,
        timestamp_ms: Option<i64>,
    ) -> Result<(), ParseError> {
        let (mut count, mut sum, mut start_ms) = (0, 0.0, 0);
        let mut quantiles = Vec::new();
        while let Some(field) = message.field()? {
            match field.number {
                1 => count = field.uint64()?,
                2 => sum = field.double()?,
                3 => quantiles.push(read_pair_of_doubles(field.message()?)?),
                4 => start_ms = read_timestamp(field.message()?)?,
                _ => {}
            }
        }
        let sample =
            |suffix, value| Sample { suffix, value, timestamp_ms, start_ms, ..Sample::default() };
        self.queue.push_back(Item::Sample(sample("_count", count as f64)));
        self.queue.push_back(Item::Sample(sample("_sum", sum)));
        for (quantile, value) in quantiles {
            let extra = Some(("quantile", quantile));
            self.queue.push_back(Item::Sample(Sample { extra, ..sample("", value) }));
        }
        Ok(())
    }

    fn read_histogram(
        &mut self,
        message: Reader<'a>,
        timestamp_ms: Option<i64>,
    ) -> Result<(), ParseError> {
        let mut raw = RawHistogram::read(message)?;
        if self.family.kind == MetricType::GaugeHistogram {
            raw.native.counter_reset_hint = CounterResetHint::Gauge;
        }
        let native = self.options.native_histograms && raw.is_native();
        let (start_ms, count, sum) = (raw.start_ms, raw.native.count, raw.native.sum);
        let classic = !native || (self.options.always_classic && !raw.buckets.is_empty());
        if native {
            let mut exemplars = raw.exemplars;
            if exemplars.is_empty() {
                exemplars = raw.buckets.iter().filter_map(|b| b.exemplar.clone()).collect();
            }
            let native = Native { histogram: raw.native, timestamp_ms, start_ms, exemplars };
            self.queue.push_back(Item::Histogram(Box::new(native)));
        }
        if !classic {
            return Ok(());
        }
        let sample =
            |suffix, value| Sample { suffix, value, timestamp_ms, start_ms, ..Sample::default() };
        self.queue.push_back(Item::Sample(sample("_count", count)));
        self.queue.push_back(Item::Sample(sample("_sum", sum)));
        let infinite = raw.buckets.iter().any(|bucket| bucket.bound == f64::INFINITY);
        if !infinite {
            raw.buckets.push(Bucket { bound: f64::INFINITY, count, exemplar: None });
        }
        for Bucket { bound, count, exemplar } in raw.buckets {
            let extra = Some(("le", bound));
            self.queue.push_back(Item::Sample(Sample {
                extra,
                exemplar,
                ..sample("_bucket", count)
            }));
        }
        Ok(())
    }
}

fn kind_of(number: u64) -> Result<MetricType, ParseError> {
    Ok(match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Summary,
        3 => MetricType::Unknown,
        4 => MetricType::Histogram,
        5 => MetricType::GaugeHistogram,
        _ => return Err(ParseError::new(0, format!("unknown metric type {number}"))),
    })
}

#[derive(Default)]
struct Bucket {
    bound: f64,
    count: f64,
    exemplar: Option<Exemplar>,
}

/// Both faces of a histogram message.
#[derive(Default)]
struct RawHistogram {
    native: Histogram,
    buckets: Vec<Bucket>,
    exemplars: Vec<Exemplar>,
    start_ms: i64,
}

impl RawHistogram {
    fn read(mut message: Reader<'_>) -> Result<Self, ParseError> {
        let mut raw = Self::default();
        let (mut negative, mut positive) = (0, 0);
        while let Some(field) = message.field()? {
            match field.number {
                3 => raw.buckets.push(read_bucket(field.message()?)?),
                15 => raw.start_ms = read_timestamp(field.message()?)?,
                16 => raw.exemplars.push(read_exemplar(field.message()?)?),
                _ => raw.read_native(&field, &mut negative, &mut positive)?,
            }
        }
        Ok(raw)
    }

    fn read_native(
        &mut self,
        field: &Field<'_>,
        negative: &mut i64,
        positive: &mut i64,
    ) -> Result<(), WireError> {
        let native = &mut self.native;
        match field.number {
            1 => set_unless_zero(&mut native.count, field.uint64()? as f64),
            2 => native.sum = field.double()?,
            4 => set_unless_zero(&mut native.count, field.double()?),
            5 => native.schema = field.sint32()?,
            6 => native.zero_threshold = field.double()?,
            7 => set_unless_zero(&mut native.zero_count, field.uint64()? as f64),
            8 => set_unless_zero(&mut native.zero_count, field.double()?),
            9 => native.negative_spans.push(decode_span(field.message()?)?),
            10 => field.each_varint(|delta| {
                *negative = negative.wrapping_add(zigzag(delta));
                native.negative_buckets.push(*negative as f64);
            })?,
            11 => field.each_double(|count| native.negative_buckets.push(count))?,
            12 => native.positive_spans.push(decode_span(field.message()?)?),
            13 => field.each_varint(|delta| {
                *positive = positive.wrapping_add(zigzag(delta));
                native.positive_buckets.push(*positive as f64);
            })?,
            14 => field.each_double(|count| native.positive_buckets.push(count))?,
            _ => {}
        }
        Ok(())
    }

    /// Libraries give an empty span to a native histogram that has nothing else to tell it by.
    fn is_native(&self) -> bool {
        let native = &self.native;
        !native.positive_spans.is_empty()
            || !native.negative_spans.is_empty()
            || native.zero_threshold > 0.0
            || native.zero_count > 0.0
    }
}

fn set_unless_zero(slot: &mut f64, value: f64) {
    if value != 0.0 {
        *slot = value;
    }
}

fn read_bucket(mut message: Reader<'_>) -> Result<Bucket, ParseError> {
    let mut bucket = Bucket::default();
    while let Some(field) = message.field()? {
        match field.number {
            1 => set_unless_zero(&mut bucket.count, field.uint64()? as f64),
            2 => bucket.bound = field.double()?,
            3 => bucket.exemplar = Some(read_exemplar(field.message()?)?),
            4 => set_unless_zero(&mut bucket.count, field.double()?),
            _ => {}
        }
    }
    Ok(bucket)
}

fn read_pair_of_doubles(mut message: Reader<'_>) -> Result<(f64, f64), WireError> {
    let mut pair = (0.0, 0.0);
    while let Some(field) = message.field()? {
        match field.number {
            1 => pair.0 = field.double()?,
            2 => pair.1 = field.double()?,
            _ => {}
        }
    }
    Ok(pair)
}

fn read_exemplar(mut message: Reader<'_>) -> Result<Exemplar, ParseError> {
    let mut labels = LabelPairs::new();
    let (mut value, mut timestamp_ms) = (0.0, 0);
    while let Some(field) = message.field()? {
        match field.number {
            1 => {
                let (name, value) = read_label_pair(field.message()?)?;
                labels.push((name.into(), value.into()));
            }
            2 => value = field.double()?,
            3 => timestamp_ms = read_timestamp(field.message()?)?,
            _ => {}
        }
    }
    Ok(Exemplar { labels: Labels::from_pairs(labels), value, timestamp_ms })
}

/// `google.protobuf.Timestamp` in milliseconds.
fn read_timestamp(mut message: Reader<'_>) -> Result<i64, WireError> {
    let (mut seconds, mut nanoseconds) = (0_i64, 0_i64);
    while let Some(field) = message.field()? {
        match field.number {
            1 => seconds = field.int64()?,
            2 => nanoseconds = field.int64()?,
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1000).saturating_add(nanoseconds / 1_000_000))
}
