//! Tests of remote write, in and out.

use std::sync::Arc;

use proptest::prelude::*;
use vigie_model::{
    CounterResetHint, Exemplar, Histogram, HistogramPoint, Labels, Metadata, MetricBatch,
    MetricType, Span,
};

use super::*;
use crate::protobuf::Writer;

/// A batch as values that can be compared.
fn shape(batch: &MetricBatch) -> impl PartialEq + std::fmt::Debug {
    let series: Vec<_> = batch
        .series()
        .iter()
        .map(|s| {
            let samples: Vec<_> = (s.samples.start as usize..s.samples.end as usize)
                .map(|at| {
                    let start = batch.start_timestamps_ms.get(at).copied().unwrap_or(0);
                    (batch.timestamps_ms[at], batch.values[at].to_bits(), start)
                })
                .collect();
            let histograms =
                batch.histograms[s.histograms.start as usize..s.histograms.end as usize].to_vec();
            let exemplars =
                batch.exemplars[s.exemplars.start as usize..s.exemplars.end as usize].to_vec();
            (batch.labels(s), samples, histograms, exemplars)
        })
        .collect();
    (series, batch.metadata.clone())
}

fn arbitrary_histogram() -> impl Strategy<Value = Histogram> {
    (-4..=8_i32, prop::collection::vec((0..5_i32, 1..4_u32), 0..4), 0.0..1e9_f64, any::<bool>())
        .prop_map(|(schema, runs, sum, custom)| {
            let spans: Vec<_> =
                runs.iter().map(|&(offset, length)| Span { offset, length }).collect();
            let slots: u32 = runs.iter().map(|run| run.1).sum();
            let end: u32 = runs.iter().map(|run| run.0 as u32 + run.1).sum();
            Histogram {
                counter_reset_hint: CounterResetHint::Gauge,
                schema: if custom { vigie_model::CUSTOM_BUCKETS_SCHEMA } else { schema },
                sum,
                count: f64::from(slots),
                positive_spans: spans,
                positive_buckets: (0..slots).map(f64::from).collect(),
                custom_values: custom.then(|| (0..end).map(f64::from).collect()),
                ..Histogram::default()
            }
        })
}

fn arbitrary_batch() -> impl Strategy<Value = MetricBatch> {
    let labels = prop::collection::btree_map("[a-zé]{1,4}", "[ -~é]{1,40}", 0..5);
    let samples = prop::collection::vec((any::<i64>(), any::<f64>(), 0..9_i64), 0..4);
    let histograms = prop::collection::vec((any::<i64>(), arbitrary_histogram()), 0..3);
    let exemplar = prop::option::of(("[a-z]{1,60}", any::<i64>()));
    prop::collection::vec((labels, samples, histograms, exemplar), 0..6).prop_map(|all| {
        let mut batch = MetricBatch::new();
        for (mut labels, samples, histograms, exemplar) in all {
            labels.insert("__name__".to_owned(), "m".to_owned());
            let mut series = batch.push_series(&Labels::from_pairs(&labels));
            series.sample(1, 1.0);
            for (timestamp, value, start) in samples {
                series.sample_started(timestamp, value, start);
            }
            for (timestamp_ms, histogram) in histograms {
                let histogram = Arc::new(histogram);
                series.histogram(HistogramPoint { timestamp_ms, start_timestamp_ms: 7, histogram });
            }
            if let Some((id, timestamp_ms)) = exemplar {
                let labels = Labels::from_pairs([("trace_id", id)]);
                series.exemplar(Exemplar { labels, value: 2.0, timestamp_ms });
            }
        }
        if !batch.series().is_empty() {
            let metadata =
                Metadata { kind: MetricType::Counter, help: "h".into(), unit: String::new() };
            batch.metadata.push(("m".to_owned(), metadata));
        }
        batch
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn version_2_keeps_everything(batch in arbitrary_batch()) {
        let (mut bytes, mut back) = (Vec::new(), MetricBatch::new());
        encode_v2(&batch, &mut bytes);
        let decoded = decode_v2(&bytes, &mut back).unwrap();
        prop_assert_eq!(decoded.rejections, vec![]);
        prop_assert_eq!(shape(&back), shape(&batch));
    }

    #[test]
    fn version_1_keeps_all_but_start_timestamps(batch in arbitrary_batch()) {
        let (mut bytes, mut back) = (Vec::new(), MetricBatch::new());
        encode_v1(&batch, &mut bytes);
        decode_v1(&bytes, &mut back).unwrap();
        let mut expected = batch.clone();
        expected.start_timestamps_ms.clear();
        for point in &mut expected.histograms {
            point.start_timestamp_ms = 0;
        }
        prop_assert_eq!(shape(&back), shape(&expected));
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let mut batch = MetricBatch::new();
        drop(decode_v1(&bytes, &mut batch));
        drop(decode_v2(&bytes, &mut batch));
    }
}

fn series_v1(labels: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_message(1, |out| {
        out.put_message(2, |out| out.put_double(1, 1.0));
        for (name, value) in labels {
            out.put_message(1, |out| {
                out.put_bytes(1, name.as_bytes());
                out.put_bytes(2, value.as_bytes());
            });
        }
    });
    out
}

#[test]
fn labels_are_sorted_and_checked() {
    let mut batch = MetricBatch::new();
    let good = series_v1(&[("b", "2"), ("a", ""), ("__name__", "up")]);
    assert_eq!(decode_v1(&good, &mut batch).unwrap().samples, 1);
    let series = batch.series()[0].clone();
    assert_eq!(batch.labels(&series), Labels::from_pairs([("__name__", "up"), ("b", "2")]));
    let bad: [&[(&str, &str)]; 3] = [
        &[("__name__", "up"), ("a", "1"), ("a", "1")],
        &[("__name__", "up"), ("", "1")],
        &[("a", "1")],
    ];
    for labels in bad {
        let decoded = decode_v1(&series_v1(labels), &mut batch).unwrap();
        assert_eq!((decoded.rejected, decoded.rejections.len(), decoded.samples), (1, 1, 0));
    }
    let mut utf8 = Vec::new();
    utf8.put_message(1, |out| out.put_message(1, |out| out.put_bytes(1, &[0xff])));
    assert!(matches!(decode_v1(&utf8, &mut batch), Err(RemoteWriteError::Wire(_))));
}

#[test]
fn integer_histograms_become_absolute_counts() {
    let mut out = Vec::new();
    out.put_bytes(4, b"");
    out.put_bytes(4, b"__name__");
    out.put_message(5, |out| {
        out.put_bytes(1, &[1, 1]);
        out.put_message(3, |out| {
            out.put_uint(1, 6);
            out.put_double(3, 10.0);
            out.put_message(11, |out| {
                out.put_sint(1, -2);
                out.put_uint(2, 3);
            });
            // 1, 3, 2
            out.put_bytes(12, &[2, 4, 1]);
            out.put_uint(15, 1000);
            out.put_uint(17, 500);
        });
    });
    let mut batch = MetricBatch::new();
    assert_eq!(decode_v2(&out, &mut batch).unwrap().histograms, 1);
    let point = &batch.histograms[0];
    assert_eq!((point.timestamp_ms, point.start_timestamp_ms), (1000, 500));
    assert_eq!(point.histogram.positive_buckets, [1.0, 3.0, 2.0]);
    assert_eq!(point.histogram.positive_spans, [Span { offset: -2, length: 3 }]);
}

#[test]
fn references_outside_the_table_are_rejections() {
    let mut out = Vec::new();
    out.put_bytes(4, b"");
    out.put_message(5, |out| {
        out.put_bytes(1, &[0, 9]);
        out.put_message(2, |out| out.put_double(1, 1.0));
    });
    let decoded = decode_v2(&out, &mut MetricBatch::new()).unwrap();
    assert_eq!(decoded.rejected, 1);
    assert!(decoded.rejections[0].message.contains("outside of symbols table"));
    assert!(matches!(
        decode_v1(&out, &mut MetricBatch::new()),
        Err(RemoteWriteError::WrongVersion("1.0"))
    ));
}
