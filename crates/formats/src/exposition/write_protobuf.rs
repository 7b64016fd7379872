//! Writes Prometheus' protobuf exposition: the form in which `/federate` can give native
//! histograms.

use vigie_model::{CounterResetHint, Histogram, MetricType, Span};

use crate::protobuf::Writer;

/// Label pairs as they are written.
pub type Pairs<'a> = Vec<(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>;

/// What a metric's value is.
#[derive(Debug, Clone, Copy)]
pub enum MetricValue<'a> {
    /// A float of unknown type.
    Untyped(f64),
    /// A native histogram; one with custom buckets is written as a classic one.
    Histogram(&'a Histogram),
}

impl MetricValue<'_> {
    /// The type of the family that can hold the value.
    pub const fn kind(&self) -> MetricType {
        match self {
            Self::Untyped(_) => MetricType::Unknown,
            Self::Histogram(histogram) => match histogram.counter_reset_hint {
                CounterResetHint::Gauge => MetricType::GaugeHistogram,
                _ => MetricType::Histogram,
            },
        }
    }
}

/// A family whose metrics are being written.
#[derive(Debug)]
pub struct FamilyWriter {
    message: Vec<u8>,
}

impl FamilyWriter {
    /// A family of that name and type.
    pub fn new(name: &str, kind: MetricType) -> Self {
        let mut message = Vec::new();
        message.put_bytes(1, name.as_bytes());
        message.put_uint(3, number_of(kind));
        Self { message }
    }

    /// Adds a metric.
    pub fn metric(&mut self, labels: &Pairs<'_>, value: MetricValue<'_>, timestamp_ms: i64) {
        self.message.put_message(4, |out| {
            for (name, value) in labels {
                out.put_message(1, |out| {
                    out.put_bytes(1, name.as_bytes());
                    out.put_bytes(2, value.as_bytes());
                });
            }
            match value {
                MetricValue::Untyped(value) => out.put_message(5, |out| out.put_double(1, value)),
                MetricValue::Histogram(histogram) => {
                    out.put_message(7, |out| put_histogram(out, histogram));
                }
            }
            out.put_uint(6, timestamp_ms as u64);
        });
    }

    /// Ends the family: its length and its bytes are appended to `out`.
    pub fn finish(self, out: &mut Vec<u8>) {
        out.put_varint(self.message.len() as u64);
        out.extend_from_slice(&self.message);
    }
}

const fn number_of(kind: MetricType) -> u64 {
    match kind {
        MetricType::Counter => 0,
        MetricType::Gauge => 1,
        MetricType::Summary => 2,
        MetricType::Histogram => 4,
        MetricType::GaugeHistogram => 5,
        _ => 3,
    }
}

fn put_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    out.put_double(2, histogram.sum);
    out.put_double(4, histogram.count);
    if histogram.uses_custom_buckets() {
        for (bound, cumulative) in classic_buckets(histogram) {
            out.put_message(3, |out| {
                out.put_double(2, bound);
                out.put_double(4, cumulative);
            });
        }
        return;
    }
    out.put_sint(5, i64::from(histogram.schema));
    out.put_double(6, histogram.zero_threshold);
    out.put_double(8, histogram.zero_count);
    put_spans(out, 9, &histogram.negative_spans);
    put_counts(out, 11, &histogram.negative_buckets);
    put_spans(out, 12, &histogram.positive_spans);
    put_counts(out, 14, &histogram.positive_buckets);
    let is_bare = histogram.positive_spans.is_empty() && histogram.negative_spans.is_empty();
    if is_bare && histogram.zero_threshold == 0.0 && histogram.zero_count == 0.0 {
        // Only an empty span tells it from a classic histogram without buckets.
        put_spans(out, 12, &[Span { offset: 0, length: 0 }]);
    }
}

fn put_spans(out: &mut Vec<u8>, field: u32, spans: &[Span]) {
    for span in spans {
        out.put_message(field, |out| {
            out.put_sint(1, i64::from(span.offset));
            out.put_uint(2, u64::from(span.length));
        });
    }
}

fn put_counts(out: &mut Vec<u8>, field: u32, counts: &[f64]) {
    for count in counts {
        out.put_double(field, *count);
    }
}

/// The upper bounds of a histogram with custom buckets and the observations up to each; the
/// bucket of all observations, whose bound is infinite, is not among them.
pub fn classic_buckets(histogram: &Histogram) -> Vec<(f64, f64)> {
    let bounds = histogram.custom_values.as_deref().unwrap_or_default();
    let mut counts = vec![0.0; bounds.len()];
    let mut index = 0_i64;
    let mut given = histogram.positive_buckets.iter();
    for span in &histogram.positive_spans {
        index += i64::from(span.offset);
        for _ in 0..span.length {
            let Some(count) = given.next() else { break };
            if let Some(slot) = usize::try_from(index).ok().and_then(|at| counts.get_mut(at)) {
                *slot = *count;
            }
            index += 1;
        }
    }
    let mut cumulative = 0.0;
    let sums = counts.into_iter().map(|count| {
        cumulative += count;
        cumulative
    });
    bounds.iter().copied().zip(sums).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition::{Entry, Format, LabelPairs, ParseOptions, Parser};

    fn native() -> Histogram {
        Histogram {
            schema: 3,
            zero_threshold: 1e-10,
            zero_count: 2.0,
            count: 9.0,
            sum: -1.5,
            positive_spans: vec![Span { offset: -3, length: 2 }, Span { offset: 4, length: 1 }],
            negative_spans: vec![Span { offset: 1, length: 1 }],
            positive_buckets: vec![1.0, 2.0, 3.0],
            negative_buckets: vec![1.0],
            ..Histogram::default()
        }
    }

    #[test]
    fn a_native_histogram_is_read_back() {
        let histogram = native();
        let value = MetricValue::Histogram(&histogram);
        let mut family = FamilyWriter::new("h", value.kind());
        family.metric(&vec![("a".into(), "b".into())], value, 1_500);
        let mut body = Vec::new();
        family.finish(&mut body);
        let options = ParseOptions { native_histograms: true, ..ParseOptions::default() };
        let mut parser = Parser::new(Format::PrometheusProto, &body, options).unwrap();
        while let Some(entry) = parser.next().unwrap() {
            let Entry::Histogram(entry) = entry else { continue };
            let mut labels = LabelPairs::new();
            entry.labels(&mut labels).unwrap();
            assert_eq!(labels.len(), 2);
            assert_eq!(entry.timestamp_ms, Some(1_500));
            assert_eq!(entry.histogram, histogram);
            return;
        }
        panic!("no histogram came back");
    }

    #[test]
    fn custom_buckets_are_cumulative_in_the_classic_form() {
        let histogram = Histogram {
            schema: vigie_model::CUSTOM_BUCKETS_SCHEMA,
            count: 6.0,
            positive_spans: vec![Span { offset: 0, length: 1 }, Span { offset: 1, length: 2 }],
            positive_buckets: vec![1.0, 2.0, 3.0],
            custom_values: Some([0.1, 0.2, 0.3].into()),
            ..Histogram::default()
        };
        assert_eq!(classic_buckets(&histogram), [(0.1, 1.0), (0.2, 1.0), (0.3, 3.0)]);
    }
}
