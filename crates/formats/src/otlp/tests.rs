//! The same request in both forms is the same batch; bad ones lose only what is bad.

use std::fmt::Write as _;

use vigie_model::span::{AttributeValue, SpanBatch};

use super::*;
use crate::protobuf::Writer;

/// All that a batch holds, as text.
fn told(batch: &SpanBatch) -> String {
    let mut out = String::new();
    let attributes = |range: &std::ops::Range<u32>| {
        let shown: Vec<String> = batch
            .attributes_of(range)
            .iter()
            .map(|attribute| {
                let value = match attribute.value {
                    AttributeValue::Text(t) => format!("{:?}", batch.text(t)),
                    AttributeValue::Bool(b) => b.to_string(),
                    AttributeValue::Integer(i) => i.to_string(),
                    AttributeValue::Float(f) => format!("{f:?}"),
                    AttributeValue::Bytes(t) => format!("bytes {}", batch.text(t)),
                    AttributeValue::List(t) | AttributeValue::Map(t) => batch.text(t).to_owned(),
                };
                format!("{}={value}", batch.text(attribute.key))
            })
            .collect();
        shown.join(" ")
    };
    for span in &batch.spans {
        let resource = &batch.resources[span.resource as usize];
        let scope = &batch.scopes[span.scope as usize];
        writeln!(
            out,
            "{}/{}<{} {:?} {:?} {:?} {:?} at {} for {} state {:?} flags {}",
            span.trace_id,
            span.span_id,
            span.parent_span_id,
            batch.text(span.name),
            span.kind,
            span.status,
            batch.text(span.status_message),
            span.start_ns,
            span.duration_ns,
            batch.text(span.trace_state),
            span.flags,
        )
        .unwrap();
        writeln!(out, "  of {:?}: {}", batch.service_of(span), attributes(&resource.attributes))
            .unwrap();
        let (name, version) = (batch.text(scope.name), batch.text(scope.version));
        writeln!(out, "  by {name} {version}: {}", attributes(&scope.attributes)).unwrap();
        writeln!(out, "  {}", attributes(&span.attributes)).unwrap();
        for event in batch.events_of(span) {
            let name = batch.text(event.name);
            writeln!(out, "  event {name} at {}: {}", event.time_ns, attributes(&event.attributes))
                .unwrap();
        }
        for link in batch.links_of(span) {
            let state = batch.text(link.trace_state);
            let shown = attributes(&link.attributes);
            writeln!(out, "  link {}/{} {state:?} {shown}", link.trace_id, link.span_id).unwrap();
        }
    }
    out
}

fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    out.put_double(field, f64::from_bits(value));
}

fn pair(out: &mut Vec<u8>, field: u32, key: &str, value: impl FnOnce(&mut Vec<u8>)) {
    out.put_message(field, |out| {
        out.put_bytes(1, key.as_bytes());
        out.put_message(2, value);
    });
}

fn one_span(out: &mut Vec<u8>) {
    out.put_bytes(1, &[0x11; 16]);
    out.put_bytes(2, &[0x22; 8]);
    out.put_bytes(3, b"k=v");
    out.put_bytes(4, &[0x33; 8]);
    out.put_bytes(5, b"GET /");
    out.put_uint(6, 2);
    fixed64(out, 7, 1_700_000_000_000_000_001);
    fixed64(out, 8, 1_700_000_000_000_000_501);
    pair(out, 9, "text", |v| v.put_bytes(1, "é".as_bytes()));
    pair(out, 9, "flag", |v| v.put_uint(2, 1));
    pair(out, 9, "count", |v| v.put_uint(3, (-5_i64) as u64));
    pair(out, 9, "share", |v| v.put_double(4, 0.25));
    pair(out, 9, "list", |v| {
        v.put_message(5, |list| {
            list.put_message(1, |item| item.put_bytes(1, b"a"));
            list.put_message(1, |item| item.put_uint(3, 7));
        });
    });
    pair(out, 9, "map", |v| v.put_message(6, |map| pair(map, 1, "in", |v| v.put_uint(2, 0))));
    pair(out, 9, "raw", |v| v.put_bytes(7, &[1, 2, 3]));
    out.put_message(11, |event| {
        fixed64(event, 1, 1_700_000_000_000_000_100);
        event.put_bytes(2, b"exception");
        pair(event, 3, "exception.type", |v| v.put_bytes(1, b"Boom"));
    });
    out.put_message(13, |link| {
        link.put_bytes(1, &[0x44; 16]);
        link.put_bytes(2, &[0x55; 8]);
        pair(link, 4, "why", |v| v.put_bytes(1, b"batch"));
    });
    out.put_message(15, |status| {
        status.put_bytes(2, b"broken");
        status.put_uint(3, 2);
    });
}

fn request(spans: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_message(1, |from| {
        from.put_message(1, |resource| {
            pair(resource, 1, "service.name", |v| v.put_bytes(1, b"shop"));
            pair(resource, 1, "host.name", |v| v.put_bytes(1, b"h1"));
        });
        from.put_message(2, |group| {
            group.put_message(1, |scope| {
                scope.put_bytes(1, b"lib");
                scope.put_bytes(2, b"1.0");
            });
            spans(group);
        });
    });
    out
}

const JSON: &str = r#"{"resourceSpans": [{
  "resource": {"attributes": [
    {"key": "service.name", "value": {"stringValue": "shop"}},
    {"key": "host.name", "value": {"stringValue": "h1"}}]},
  "scopeSpans": [{"scope": {"name": "lib", "version": "1.0"}, "spans": [{
    "traceId": "11111111111111111111111111111111", "spanId": "2222222222222222",
    "parentSpanId": "3333333333333333", "traceState": "k=v", "name": "GET /", "kind": 2,
    "startTimeUnixNano": "1700000000000000001", "endTimeUnixNano": 1700000000000000501,
    "attributes": [
      {"key": "text", "value": {"stringValue": "é"}},
      {"key": "flag", "value": {"boolValue": true}},
      {"key": "count", "value": {"intValue": "-5"}},
      {"key": "share", "value": {"doubleValue": 0.25}},
      {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": 7}]}}},
      {"key": "map", "value": {"kvlistValue": {"values": [{"key": "in", "value": {"boolValue": false}}]}}},
      {"key": "raw", "value": {"bytesValue": "AQID"}}],
    "events": [{"timeUnixNano": "1700000000000000100", "name": "exception",
      "attributes": [{"key": "exception.type", "value": {"stringValue": "Boom"}}]}],
    "links": [{"traceId": "44444444444444444444444444444444", "spanId": "5555555555555555",
      "attributes": [{"key": "why", "value": {"stringValue": "batch"}}]}],
    "status": {"message": "broken", "code": "STATUS_CODE_ERROR"}, "unknown": [1, {"a": 2}]
  }]}]}]}"#;

#[test]
fn both_forms_give_the_same_spans() {
    let mut binary = SpanBatch::new();
    let message = request(|group| group.put_message(2, one_span));
    assert_eq!(decode_traces(&message, &mut binary).unwrap(), LeftOut::default());
    let mut json = SpanBatch::new();
    assert_eq!(decode_traces_json(JSON.as_bytes(), &mut json).unwrap(), LeftOut::default());
    assert_eq!(told(&binary), told(&json));
    assert_eq!(
        told(&binary),
        "11111111111111111111111111111111/2222222222222222<3333333333333333 \"GET /\" Server Error \
         \"broken\" at 1700000000000000001 for 500 state \"k=v\" flags 0\n  \
         of \"shop\": service.name=\"shop\" host.name=\"h1\"\n  by lib 1.0: \n  \
         text=\"é\" flag=true count=-5 share=0.25 list=[\"a\",7] map={\"in\":false} raw=bytes AQID\n  \
         event exception at 1700000000000000100: exception.type=\"Boom\"\n  \
         link 44444444444444444444444444444444/5555555555555555 \"\" why=\"batch\"\n"
    );
}

#[test]
fn a_span_with_bad_ids_is_left_out_alone() {
    let message = request(|group| {
        group.put_message(2, one_span);
        group.put_message(2, |span| span.put_bytes(1, &[1; 3]));
        group.put_message(2, |span| span.put_bytes(1, &[1; 16]));
    });
    let mut batch = SpanBatch::new();
    let left_out = decode_traces(&message, &mut batch).unwrap();
    assert_eq!((batch.spans.len(), left_out.count), (1, 2));
    assert_eq!(left_out.message, "a trace id must have 16 bytes, a span id 8");
}

#[test]
fn nested_values_have_a_limit_and_truncated_requests_fail() {
    let mut value = Vec::new();
    value.put_uint(3, 1);
    for _ in 0..100 {
        let mut outer = Vec::new();
        outer.put_message(5, |list| list.put_bytes(1, &value));
        value = outer;
    }
    let deep = request(|group| {
        group.put_message(2, |span| pair(span, 9, "deep", |v| v.extend_from_slice(&value)));
    });
    assert!(decode_traces(&deep, &mut SpanBatch::new()).is_err());
    let whole = request(|group| group.put_message(2, one_span));
    for length in 1..whole.len() {
        // Must not panic; only a cut at a field's end can succeed, and here there is one field.
        assert!(decode_traces(&whole[..length], &mut SpanBatch::new()).is_err(), "{length}");
    }
    for length in 0..JSON.len() {
        if JSON.is_char_boundary(length) {
            assert!(decode_traces_json(&JSON.as_bytes()[..length], &mut SpanBatch::new()).is_err());
        }
    }
}

const METRICS: &str = r#"{"resourceMetrics": [{
  "resource": {"attributes": [
    {"key": "service.name", "value": {"stringValue": "shop"}},
    {"key": "service.namespace", "value": {"stringValue": "eu"}},
    {"key": "service.instance.id", "value": {"stringValue": "i-1"}},
    {"key": "host.name", "value": {"stringValue": "h1"}}]},
  "scopeMetrics": [{"scope": {"name": "lib"}, "metrics": [
    {"name": "http.requests", "unit": "{request}", "description": "How many.", "sum": {
      "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{
        "attributes": [{"key": "http.method", "value": {"stringValue": "GET"}}],
        "startTimeUnixNano": "1000000000", "timeUnixNano": "2000000000", "asInt": "7",
        "exemplars": [{"timeUnixNano": "1500000000", "asDouble": 1, "traceId": "0102", "spanId": "03"}]}]}},
    {"name": "temperature", "unit": "Cel", "gauge": {"dataPoints": [
      {"timeUnixNano": "2000000000", "asDouble": 21.5}, {"timeUnixNano": "2000000000", "flags": 1}]}},
    {"name": "latency", "unit": "s", "histogram": {"aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE",
      "dataPoints": [{"timeUnixNano": "2000000000", "count": "6", "sum": 4.5,
        "bucketCounts": ["1", "2", "3"], "explicitBounds": [0.5, 1000000]}]}},
    {"name": "size", "unit": "By", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
      {"timeUnixNano": "2000000000", "count": "5", "sum": 12, "scale": 0, "zeroCount": "1",
       "positive": {"offset": 1, "bucketCounts": ["3", "1"]}}]}},
    {"name": "old", "summary": {"dataPoints": [{"timeUnixNano": "2000000000", "count": "2", "sum": 3,
      "quantileValues": [{"quantile": 0.5, "value": 1}]}]}},
    {"name": "delta", "sum": {"aggregationTemporality": 1, "dataPoints": [{"asInt": 1}]}}
  ]}]}]}"#;

fn metrics_told(options: &MetricOptions) -> (String, LeftOut) {
    let mut batch = vigie_model::MetricBatch::new();
    let left_out = decode_metrics_json(METRICS.as_bytes(), options, &mut batch).unwrap();
    let mut out = String::new();
    for series in batch.series() {
        write!(out, "{}", batch.labels(series)).unwrap();
        for row in series.samples.start as usize..series.samples.end as usize {
            let start = batch.start_timestamps_ms.get(row).copied().unwrap_or(0);
            write!(out, " {}@{} from {start}", batch.values[row], batch.timestamps_ms[row])
                .unwrap();
        }
        for row in series.histograms.start as usize..series.histograms.end as usize {
            let found = &batch.histograms[row].histogram;
            let buckets: Vec<_> = found.positive().map(|b| (b.lower, b.upper, b.count)).collect();
            write!(out, " schema {} {buckets:?} zero {}", found.schema, found.zero_count).unwrap();
        }
        for row in series.exemplars.start as usize..series.exemplars.end as usize {
            write!(out, " # {}", batch.exemplars[row].labels).unwrap();
        }
        out.push('\n');
    }
    (out, left_out)
}

#[test]
fn metrics_become_series() {
    let (told, left_out) = metrics_told(&MetricOptions::default());
    let expected = expect_test::expect![[r#"
        http_requests_total{http_method="GET", instance="i-1", job="eu/shop"} 7@2000 from 1000 # {span_id="03", trace_id="0102"}
        temperature_celsius{instance="i-1", job="eu/shop"} 21.5@2000 from 0
        temperature_celsius{instance="i-1", job="eu/shop"} NaN@2000 from 0
        latency_seconds_bucket{instance="i-1", job="eu/shop", le="0.5"} 1@2000 from 0
        latency_seconds_bucket{instance="i-1", job="eu/shop", le="1000000"} 3@2000 from 0
        latency_seconds_bucket{instance="i-1", job="eu/shop", le="+Inf"} 6@2000 from 0
        latency_seconds_sum{instance="i-1", job="eu/shop"} 4.5@2000 from 0
        latency_seconds_count{instance="i-1", job="eu/shop"} 6@2000 from 0
        size_bytes{instance="i-1", job="eu/shop"} schema 0 [(2.0, 4.0, 3.0), (4.0, 8.0, 1.0)] zero 1
        old{instance="i-1", job="eu/shop", quantile="0.5"} 1@2000 from 0
        old_sum{instance="i-1", job="eu/shop"} 3@2000 from 0
        old_count{instance="i-1", job="eu/shop"} 2@2000 from 0
        target_info{host_name="h1", instance="i-1", job="eu/shop"} 1@2000 from 0
    "#]];
    expected.assert_eq(&told);
    assert_eq!(left_out.count, 1);
    assert_eq!(left_out.message, "delta: delta temporality is not taken here");
}

#[test]
fn metric_options_are_followed() {
    let options = MetricOptions {
        strategy: TranslationStrategy::NoTranslation,
        resource_attributes: vec!["host.name".to_owned()],
        custom_buckets: true,
        promote_scope: true,
        ..MetricOptions::default()
    };
    let (told, _) = metrics_told(&options);
    let latency = told.lines().find(|line| line.starts_with("latency")).unwrap();
    assert_eq!(
        latency,
        "latency{host.name=\"h1\", instance=\"i-1\", job=\"eu/shop\", otel_scope_name=\"lib\"} \
         schema -53 [(-inf, 0.5, 1.0), (0.5, 1000000.0, 2.0), (1000000.0, inf, 3.0)] zero 0"
    );
    assert!(told.starts_with("http.requests{host.name="), "{told}");
}

#[test]
fn log_records_become_documents() {
    let body = r#"{"resourceLogs": [{
      "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}},
                                  {"key": "host.name", "value": {"stringValue": "h1"}}]},
      "scopeLogs": [{"scope": {"name": "lib"}, "logRecords": [
        {"timeUnixNano": "1700000000000000001", "severityNumber": 17, "body": {"stringValue": "it broke"},
         "traceId": "11111111111111111111111111111111", "spanId": "2222222222222222",
         "attributes": [{"key": "http.status", "value": {"intValue": "500"}},
                        {"key": "host.name", "value": {"stringValue": "h2"}}]},
        {"body": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}, "severityText": "warn"}
      ]}]}]}"#;
    let mut batch = vigie_model::LogBatch::new();
    decode_logs_json(body.as_bytes(), "logs-otel", 42, &mut batch).unwrap();
    let told: Vec<String> = batch
        .operations()
        .iter()
        .map(|operation| {
            let mut out = Vec::new();
            vigie_model::write_document_json(
                batch.document(operation),
                operation.time_ns,
                &mut out,
            );
            String::from_utf8(out).unwrap()
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"{"@timestamp":"2023-11-14T22:13:20.000000001Z","message":"it broke","level":"ERROR","trace_id":"11111111111111111111111111111111","span_id":"2222222222222222","scope.name":"lib","severity_number":17,"service.name":"shop","host.name":"h2","http.status":500}"#,
            r#"{"@timestamp":"1970-01-01T00:00:00.000000042Z","body":{"a":1},"level":"warn","scope.name":"lib","host.name":"h1","service.name":"shop"}"#,
        ]
    );
}
