//! Data points of each kind.

use std::sync::Arc;

use vigie_model::{
    CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Exemplar, Histogram, HistogramPoint, Labels,
    MetricBatch, Span, stale_nan,
};

use super::super::value::key_value;
use super::{Attributes, Series};
use crate::float::format_float_positional;
use crate::protobuf::{Field, Reader, WireError};

/// A point was written at this time, or it is left out for this reason.
type Written = Result<Result<i64, &'static str>, WireError>;

/// Native histograms go no finer than this.
const SCHEMA_MAX: i32 = 8;
/// Nor coarser than this.
const SCHEMA_MIN: i32 = -4;
/// Width of the zero bucket that senders leave open, as Prometheus sets it.
const ZERO_THRESHOLD: f64 = 1e-128;
/// Buckets of one exponential histogram: SDKs send at most 160 a side.
const BUCKETS_MAX: usize = 65_536;

/// Writes the points of one metric.
pub(super) struct PointWriter<'a> {
    pub(super) series: Series<'a>,
    pub(super) batch: &'a mut MetricBatch,
}

/// What points of all kinds have.
#[derive(Default)]
struct Common {
    attributes: Attributes,
    start_ms: i64,
    time_ms: i64,
    is_missing: bool,
    exemplars: Vec<Exemplar>,
}

fn bits(field: Field<'_>) -> Result<u64, WireError> {
    field.double().map(f64::to_bits)
}

fn milliseconds(field: Field<'_>) -> Result<i64, WireError> {
    bits(field).map(|nanoseconds| (nanoseconds / 1_000_000) as i64)
}

/// A bound or quantile as Prometheus' receiver writes it: never with an exponent.
fn float_text(value: f64) -> String {
    let mut out = Vec::new();
    format_float_positional(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// One or, packed, many fixed64 values.
fn each_fixed64(field: Field<'_>, mut visit: impl FnMut(u64)) -> Result<(), WireError> {
    field.each_double(|value| visit(value.to_bits()))
}

fn read_exemplar(mut message: Reader<'_>) -> Result<Exemplar, WireError> {
    let mut attributes = Attributes::new();
    let (mut value, mut timestamp_ms) = (0.0, 0);
    let (mut trace, mut span) = (String::new(), String::new());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    while let Some(field) = message.field()? {
        match field.number {
            2 => timestamp_ms = milliseconds(field)?,
            3 => value = field.double()?,
            4 => span = hex(field.bytes()?),
            5 => trace = hex(field.bytes()?),
            6 => value = bits(field)? as i64 as f64,
            7 => attributes.extend([key_value(field.message()?, 0)?]),
            _ => {}
        }
    }
    let mut pairs: Vec<(String, String)> =
        attributes.iter().map(|(name, value)| (name.clone(), super::text_of(value))).collect();
    pairs.push(("trace_id".to_owned(), trace));
    pairs.push(("span_id".to_owned(), span));
    Ok(Exemplar { labels: Labels::from_pairs(pairs), value, timestamp_ms })
}

impl PointWriter<'_> {
    pub(super) fn number(&mut self, message: &[u8]) -> Written {
        let (mut common, mut value) = (Common::default(), None);
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                2 => common.start_ms = milliseconds(field)?,
                3 => common.time_ms = milliseconds(field)?,
                4 => value = Some(field.double()?),
                5 => common.exemplars.push(read_exemplar(field.message()?)?),
                6 => value = Some(bits(field)? as i64 as f64),
                7 => common.attributes.extend([key_value(field.message()?, 0)?]),
                8 => common.is_missing = field.uint64()? & 1 == 1,
                _ => {}
            }
        }
        let value = if common.is_missing { Some(stale_nan()) } else { value };
        let Some(value) = value else { return Ok(Err("a data point without a value")) };
        let labels = self.series.labels("", &common.attributes, None);
        let mut series = self.batch.push_series(&labels);
        series.sample_started(common.time_ms, value, common.start_ms);
        for exemplar in common.exemplars {
            series.exemplar(exemplar);
        }
        Ok(Ok(common.time_ms))
    }

    pub(super) fn histogram(&mut self, message: &[u8]) -> Written {
        let mut common = Common::default();
        let (mut count, mut sum) = (0_u64, None);
        let (mut counts, mut bounds) = (Vec::new(), Vec::new());
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                2 => common.start_ms = milliseconds(field)?,
                3 => common.time_ms = milliseconds(field)?,
                4 => count = bits(field)?,
                5 => sum = Some(field.double()?),
                6 => each_fixed64(field, |value| counts.push(value))?,
                7 => field.each_double(|value| bounds.push(value))?,
                8 => common.exemplars.push(read_exemplar(field.message()?)?),
                9 => common.attributes.extend([key_value(field.message()?, 0)?]),
                10 => common.is_missing = field.uint64()? & 1 == 1,
                _ => {}
            }
        }
        if !counts.is_empty() && counts.len() != bounds.len() + 1 {
            return Ok(Err("bucket counts do not fit the bounds"));
        }
        if !bounds.is_sorted_by(|a, b| a < b) {
            return Ok(Err("bounds of buckets do not ascend"));
        }
        if self.series.options.custom_buckets {
            self.custom(&common, count, sum, &counts, bounds);
        } else {
            self.classic(common, count, sum, (&counts, &bounds));
            return Ok(Ok(self.latest()));
        }
        Ok(Ok(common.time_ms))
    }

    fn latest(&self) -> i64 {
        self.batch.timestamps_ms.last().copied().unwrap_or(0)
    }

    fn classic(
        &mut self,
        mut common: Common,
        count: u64,
        sum: Option<f64>,
        (counts, bounds): (&[u64], &[f64]),
    ) {
        let (time_ms, start_ms) = (common.time_ms, common.start_ms);
        let value = |number: f64| if common.is_missing { stale_nan() } else { number };
        let mut below = 0_u64;
        common.exemplars.sort_by(|a, b| a.value.total_cmp(&b.value));
        let mut exemplars = common.exemplars.into_iter().peekable();
        for (bucket, bound) in bounds.iter().enumerate() {
            below = below.saturating_add(counts.get(bucket).copied().unwrap_or(0));
            let text = float_text(*bound);
            let labels =
                self.series.labels("_bucket", &common.attributes, Some(("le", text.as_str())));
            let mut series = self.batch.push_series(&labels);
            series.sample_started(time_ms, value(below as f64), start_ms);
            while let Some(exemplar) = exemplars.next_if(|found| found.value <= *bound) {
                series.exemplar(exemplar);
            }
        }
        let labels = self.series.labels("_bucket", &common.attributes, Some(("le", "+Inf")));
        let mut series = self.batch.push_series(&labels);
        series.sample_started(time_ms, value(count as f64), start_ms);
        for exemplar in exemplars {
            series.exemplar(exemplar);
        }
        if let Some(sum) = sum {
            let labels = self.series.labels("_sum", &common.attributes, None);
            self.batch.push_series(&labels).sample_started(time_ms, value(sum), start_ms);
        }
        let labels = self.series.labels("_count", &common.attributes, None);
        self.batch.push_series(&labels).sample_started(time_ms, value(count as f64), start_ms);
    }

    fn custom(
        &mut self,
        common: &Common,
        count: u64,
        sum: Option<f64>,
        counts: &[u64],
        bounds: Vec<f64>,
    ) {
        let histogram = Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: count as f64,
            sum: sum.unwrap_or(0.0),
            positive_spans: vec![Span { offset: 0, length: counts.len() as u32 }],
            positive_buckets: counts.iter().map(|count| *count as f64).collect(),
            custom_values: Some(Arc::from(bounds)),
            ..Histogram::default()
        };
        self.native(common, histogram);
    }

    fn native(&mut self, common: &Common, mut histogram: Histogram) {
        if common.is_missing {
            histogram = Histogram { sum: stale_nan(), ..Histogram::default() };
        } else {
            histogram.compact();
        }
        let labels = self.series.labels("", &common.attributes, None);
        let mut series = self.batch.push_series(&labels);
        series.histogram(HistogramPoint {
            timestamp_ms: common.time_ms,
            start_timestamp_ms: common.start_ms,
            histogram: Arc::new(histogram),
        });
        for exemplar in &common.exemplars {
            series.exemplar(exemplar.clone());
        }
    }

    pub(super) fn exponential(&mut self, message: &[u8]) -> Written {
        let (mut common, mut scale) = (Common::default(), 0);
        let mut histogram = Histogram {
            counter_reset_hint: CounterResetHint::Unknown,
            zero_threshold: ZERO_THRESHOLD,
            ..Histogram::default()
        };
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                1 => common.attributes.extend([key_value(field.message()?, 0)?]),
                2 => common.start_ms = milliseconds(field)?,
                3 => common.time_ms = milliseconds(field)?,
                4 => histogram.count = bits(field)? as f64,
                5 => histogram.sum = field.double()?,
                6 => scale = field.sint32()?,
                7 => histogram.zero_count = bits(field)? as f64,
                8 | 9 => {
                    let Some((span, counts)) = read_buckets(field.message()?)? else {
                        return Ok(Err("too many buckets"));
                    };
                    let (spans, buckets) = if field.number == 8 {
                        (&mut histogram.positive_spans, &mut histogram.positive_buckets)
                    } else {
                        (&mut histogram.negative_spans, &mut histogram.negative_buckets)
                    };
                    *spans = vec![span];
                    *buckets = counts;
                }
                10 => common.is_missing = field.uint64()? & 1 == 1,
                11 => common.exemplars.push(read_exemplar(field.message()?)?),
                14 if field.double()? > 0.0 => histogram.zero_threshold = field.double()?,
                _ => {}
            }
        }
        if scale < SCHEMA_MIN {
            return Ok(Err("the scale is below -4"));
        }
        if scale > SCHEMA_MAX {
            coarsen(&mut histogram, scale - SCHEMA_MAX);
        }
        histogram.schema = scale.min(SCHEMA_MAX);
        if histogram.validate().is_err() {
            return Ok(Err("counts of buckets do not add up"));
        }
        self.native(&common, histogram);
        Ok(Ok(common.time_ms))
    }

    pub(super) fn summary(&mut self, message: &[u8]) -> Written {
        let mut common = Common::default();
        let (mut count, mut sum, mut quantiles) = (0_u64, 0.0, Vec::new());
        let mut reader = Reader::new(message);
        while let Some(field) = reader.field()? {
            match field.number {
                2 => common.start_ms = milliseconds(field)?,
                3 => common.time_ms = milliseconds(field)?,
                4 => count = bits(field)?,
                5 => sum = field.double()?,
                6 => quantiles.push(quantile(field.message()?)?),
                7 => common.attributes.extend([key_value(field.message()?, 0)?]),
                8 => common.is_missing = field.uint64()? & 1 == 1,
                _ => {}
            }
        }
        let value = |number: f64| if common.is_missing { stale_nan() } else { number };
        for (quantile, number) in quantiles {
            let text = float_text(quantile);
            let extra = Some(("quantile", text.as_str()));
            let labels = self.series.labels("", &common.attributes, extra);
            let mut series = self.batch.push_series(&labels);
            series.sample_started(common.time_ms, value(number), common.start_ms);
        }
        for (suffix, number) in [("_sum", sum), ("_count", count as f64)] {
            let labels = self.series.labels(suffix, &common.attributes, None);
            let mut series = self.batch.push_series(&labels);
            series.sample_started(common.time_ms, value(number), common.start_ms);
        }
        Ok(Ok(common.time_ms))
    }
}

/// One side of an exponential histogram. OpenTelemetry's bucket `i` is above `base^i`, ours up to
/// `base^i`: the index is one more.
fn read_buckets(mut message: Reader<'_>) -> Result<Option<(Span, Vec<f64>)>, WireError> {
    let (mut offset, mut counts) = (0_i32, Vec::new());
    while let Some(field) = message.field()? {
        match field.number {
            1 => offset = field.sint32()?,
            2 => field.each_varint(|count| {
                if counts.len() <= BUCKETS_MAX {
                    counts.push(count as f64);
                }
            })?,
            _ => {}
        }
    }
    let Some(first) = offset.checked_add(1).filter(|first| first.unsigned_abs() < 1 << 30) else {
        return Ok(None);
    };
    if counts.len() > BUCKETS_MAX {
        return Ok(None);
    }
    Ok(Some((Span { offset: first, length: counts.len() as u32 }, counts)))
}

/// A quantile of a summary, and its value.
fn quantile(mut message: Reader<'_>) -> Result<(f64, f64), WireError> {
    let (mut quantile, mut value) = (0.0, 0.0);
    while let Some(field) = message.field()? {
        match field.number {
            1 => quantile = field.double()?,
            2 => value = field.double()?,
            _ => {}
        }
    }
    Ok((quantile, value))
}

/// Halves the resolution `times` times.
fn coarsen(histogram: &mut Histogram, times: i32) {
    let times = times.min(31);
    let sides = [
        (&mut histogram.positive_spans, &mut histogram.positive_buckets),
        (&mut histogram.negative_spans, &mut histogram.negative_buckets),
    ];
    for (spans, buckets) in sides {
        let Some(span) = spans.first_mut() else { continue };
        // A bucket's upper index halves, rounded up.
        let merged = |index: i32| ((index - 1) >> times) + 1;
        let first = merged(span.offset);
        let mut counts: Vec<f64> = Vec::new();
        for (at, count) in buckets.iter().enumerate() {
            let slot = usize::try_from(merged(span.offset + at as i32) - first).unwrap_or(0);
            if counts.len() <= slot {
                counts.resize(slot + 1, 0.0);
            }
            if let Some(total) = counts.get_mut(slot) {
                *total += count;
            }
        }
        *span = Span { offset: first, length: counts.len() as u32 };
        *buckets = counts;
    }
}
