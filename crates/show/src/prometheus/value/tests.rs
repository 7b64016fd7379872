//! Tests of value, in and out.

use std::sync::Arc;

use vigie_model::{Labels, Span};

use super::*;

fn check(value: &QueryValue, expected: &str) {
    let mut out = Vec::new();
    push_value(&mut out, value);
    out.push(b'}');
    let text = String::from_utf8(out).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    assert_eq!(text, expected);
}

#[test]
fn values_are_as_prometheus_writes_them() {
    check(
        &QueryValue::Scalar { time_ms: 1_435_781_451_781, value: 0.333 },
        r#"{"resultType":"scalar","result":[1435781451.781,"0.333"]}"#,
    );
    check(
        &QueryValue::String { time_ms: 0, value: "a\"b".to_owned() },
        r#"{"resultType":"string","result":[0,"a\"b"]}"#,
    );
    check(&QueryValue::Vector(Vec::new()), r#"{"resultType":"vector","result":[]}"#);
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "x")]);
    let series = RangeSeries {
        labels,
        timestamps_ms: vec![1_000, 2_500],
        values: vec![f64::NAN, 1e21],
        histograms: Vec::new(),
    };
    check(
        &QueryValue::Matrix(vec![series]),
        r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"x"},"values":[[1,"NaN"],[2.500,"1e+21"]]}]}"#,
    );
}

#[test]
fn histograms_show_their_filled_buckets() {
    let histogram = Histogram {
        count: 6.0,
        sum: 3.5,
        zero_threshold: 0.001,
        zero_count: 1.0,
        positive_spans: vec![Span { offset: 0, length: 3 }],
        positive_buckets: vec![2.0, 0.0, 3.0],
        ..Histogram::default()
    };
    let sample = InstantSample {
        labels: Labels::empty(),
        timestamp_ms: 0,
        value: SampleValue::Histogram(Arc::new(histogram)),
    };
    check(
        &QueryValue::Vector(vec![sample]),
        r#"{"resultType":"vector","result":[{"metric":{},"histogram":[0,{"count":"6","sum":"3.5","buckets":[[3,"-0.001","0.001","1"],[0,"0.5","1","2"],[0,"2","4","3"]]}]}]}"#,
    );
}

#[test]
fn statistics_are_an_object() {
    let mut out = Vec::new();
    let stats =
        QueryStats { samples: 7, samples_per_step: vec![(1_000, 7)], ..QueryStats::default() };
    push_stats(&mut out, &stats, true);
    let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(read["samples"]["totalQueryableSamples"], 7);
    assert_eq!(read["samples"]["totalQueryableSamplesPerStep"][0][1], 7);
}
