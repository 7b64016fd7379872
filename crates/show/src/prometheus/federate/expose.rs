//! Writes the latest points, family by family.

use std::borrow::Cow;

use vigie_formats::exposition::write::TextWriter;
use vigie_formats::exposition::write_protobuf::{
    FamilyWriter, MetricValue, Pairs, classic_buckets,
};
use vigie_formats::float::float_to_openmetrics_string;
use vigie_model::{Histogram, Labels, METRIC_NAME, MetricType};

use super::negotiate::{Answer, Names};
use super::{Latest, LatestByLabels};

/// All points in the answer's format.
pub(super) fn expose(latest: &LatestByLabels, external: &Labels, answer: Answer) -> Vec<u8> {
    let mut by_name: Vec<_> = latest.iter().collect();
    // Stable: within a family the order stays that of labels.
    by_name.sort_by_key(|(labels, _)| labels.metric_name());
    let mut out = Vec::with_capacity(by_name.len() * 96);
    let mut family = Family::default();
    for (labels, (time_ms, point)) in by_name {
        let Some(name) = labels.metric_name() else { continue };
        let value = match point {
            Latest::Float(value) => MetricValue::Untyped(*value),
            Latest::Histogram(histogram) => MetricValue::Histogram(histogram),
        };
        let is_exponential =
            matches!(value, MetricValue::Histogram(histogram) if !histogram.uses_custom_buckets());
        if is_exponential && !answer.is_protobuf {
            continue;
        }
        let name = answer.names.of(name);
        let pairs = pairs(labels, external, answer.names);
        if answer.is_protobuf {
            let writer = family.protobuf(&name, value.kind(), &mut out);
            writer.metric(&pairs, value, *time_ms);
        } else {
            family.text(&name, value.kind(), &mut out);
            push_text(&mut out, &name, &pairs, value, *time_ms);
        }
    }
    family.finish(&mut out);
    out
}

/// The family that is being written. One name may have several, one for each type: no valid
/// exposition, but what Prometheus sends and reads.
#[derive(Default)]
struct Family {
    current: Option<(String, MetricType)>,
    writer: Option<FamilyWriter>,
}

impl Family {
    fn is_current(&self, name: &str, kind: MetricType) -> bool {
        self.current.as_ref().is_some_and(|(n, k)| n == name && *k == kind)
    }

    fn protobuf(&mut self, name: &str, kind: MetricType, out: &mut Vec<u8>) -> &mut FamilyWriter {
        if !self.is_current(name, kind) {
            if let Some(writer) = self.writer.take() {
                writer.finish(out);
            }
            self.current = Some((name.to_owned(), kind));
        }
        self.writer.get_or_insert_with(|| FamilyWriter::new(name, kind))
    }

    fn text(&mut self, name: &str, kind: MetricType, out: &mut Vec<u8>) {
        if !self.is_current(name, kind) {
            TextWriter::prometheus(out).family(name, kind, "", "");
            self.current = Some((name.to_owned(), kind));
        }
    }

    fn finish(self, out: &mut Vec<u8>) {
        if let Some(writer) = self.writer {
            writer.finish(out);
        }
    }
}

impl Names {
    fn of(self, name: &str) -> Cow<'_, str> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let starts_well = !name.starts_with(|c: char| c.is_ascii_digit());
        if self == Self::Full || (starts_well && name.chars().all(plain)) {
            return Cow::Borrowed(name);
        }
        let escaped = name.chars().enumerate().map(|(at, c)| {
            let good = plain(c) && (at > 0 || starts_well);
            if good { c } else { '_' }
        });
        Cow::Owned(escaped.collect())
    }
}

/// The series' own labels, then external ones that it lacks.
fn pairs<'a>(labels: &'a Labels, external: &'a Labels, names: Names) -> Pairs<'a> {
    let own = labels.iter().filter(|(label, _)| *label != METRIC_NAME);
    let missing = external.iter().filter(|(label, _)| labels.get(label).is_none());
    // A label `instance` would be the asker's target's; the empty one keeps it away.
    let needs_instance = labels.get("instance").is_none() && external.get("instance").is_none();
    let instance = needs_instance.then_some(("instance", ""));
    let all = own.chain(missing).chain(instance);
    all.map(|(name, value)| (names.of(name), Cow::Borrowed(value))).collect()
}

fn push_text(
    out: &mut Vec<u8>,
    name: &str,
    pairs: &Pairs<'_>,
    value: MetricValue<'_>,
    time_ms: i64,
) {
    let labels = || pairs.iter().map(|(name, value)| (&**name, &**value));
    match value {
        MetricValue::Untyped(value) => {
            TextWriter::prometheus(out).sample(name, labels(), value, Some(time_ms));
        }
        MetricValue::Histogram(histogram) => {
            push_classic(out, name, pairs, histogram, time_ms);
        }
    }
}

/// Custom buckets as the lines of a classic histogram.
fn push_classic(
    out: &mut Vec<u8>,
    name: &str,
    pairs: &Pairs<'_>,
    histogram: &Histogram,
    time_ms: i64,
) {
    let labels = || pairs.iter().map(|(name, value)| (&**name, &**value));
    let mut writer = TextWriter::prometheus(out);
    let bucket = format!("{name}_bucket");
    let mut buckets = classic_buckets(histogram);
    buckets.push((f64::INFINITY, histogram.count));
    for (bound, cumulative) in buckets {
        let bound = match bound {
            f64::INFINITY => "+Inf".to_owned(),
            bound => float_to_openmetrics_string(bound),
        };
        let mut all: Vec<(&str, &str)> = labels().collect();
        all.push(("le", &bound));
        writer.sample(&bucket, all, cumulative, Some(time_ms));
    }
    writer.sample(&format!("{name}_sum"), labels(), histogram.sum, Some(time_ms));
    writer.sample(&format!("{name}_count"), labels(), histogram.count, Some(time_ms));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use vigie_formats::exposition::{Entry, Format, ParseOptions, Parser};
    use vigie_model::{CUSTOM_BUCKETS_SCHEMA, Span};

    use super::*;

    fn series(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied())
    }

    fn latest() -> LatestByLabels {
        let custom = Histogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            count: 3.0,
            sum: 4.5,
            positive_spans: vec![Span { offset: 0, length: 2 }],
            positive_buckets: vec![1.0, 2.0],
            custom_values: Some([0.5].into()),
            ..Histogram::default()
        };
        let exponential = Histogram {
            count: 2.0,
            positive_spans: vec![Span { offset: 0, length: 1 }],
            positive_buckets: vec![2.0],
            ..Histogram::default()
        };
        BTreeMap::from([
            (
                series(&[("__name__", "up"), ("instance", "i"), ("region", "us")]),
                (1_000, Latest::Float(1.0)),
            ),
            (series(&[("__name__", "b.c"), ("a", "x\"y\n")]), (2_000, Latest::Float(1e21))),
            (series(&[("__name__", "h")]), (3_000, Latest::Histogram(Arc::new(custom)))),
            (series(&[("__name__", "n")]), (3_000, Latest::Histogram(Arc::new(exponential)))),
        ])
    }

    #[test]
    fn families_are_grouped_and_external_labels_added() {
        let external = series(&[("region", "eu")]);
        let text = |names| {
            let answer = Answer { is_protobuf: false, names };
            String::from_utf8(expose(&latest(), &external, answer)).unwrap()
        };
        assert_eq!(
            text(Names::Escaped),
            "# TYPE b_c untyped\n\
             b_c{a=\"x\\\"y\\n\",region=\"eu\",instance=\"\"} 1e+21 2000\n\
             # TYPE h histogram\n\
             h_bucket{region=\"eu\",instance=\"\",le=\"0.5\"} 1 3000\n\
             h_bucket{region=\"eu\",instance=\"\",le=\"+Inf\"} 3 3000\n\
             h_sum{region=\"eu\",instance=\"\"} 4.5 3000\n\
             h_count{region=\"eu\",instance=\"\"} 3 3000\n\
             # TYPE up untyped\nup{instance=\"i\",region=\"us\"} 1 1000\n"
        );
        assert!(text(Names::Full).contains("\n{\"b.c\",a="));
    }

    #[test]
    fn protobuf_has_native_histograms_too() {
        let answer = Answer { is_protobuf: true, names: Names::Full };
        let body = expose(&latest(), &series(&[]), answer);
        let options = ParseOptions { native_histograms: true, ..ParseOptions::default() };
        let mut parser = Parser::new(Format::PrometheusProto, &body, options).unwrap();
        let (mut floats, mut histograms) = (0, 0);
        while let Some(entry) = parser.next().unwrap() {
            match entry {
                Entry::Series(_) => floats += 1,
                Entry::Histogram(entry) => {
                    histograms += 1;
                    assert_eq!(entry.histogram.count, 2.0);
                    assert_eq!(entry.timestamp_ms, Some(3_000));
                }
                Entry::Metadata(_) => {}
            }
        }
        // Two floats, and the two buckets, sum and count of the classic histogram.
        assert_eq!((floats, histograms), (6, 1));
    }
}
