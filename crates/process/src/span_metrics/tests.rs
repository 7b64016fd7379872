//! Spans in, series out, with a clock that stands still.

use std::collections::BTreeMap;

use vigie_model::span::{
    Attribute, AttributeValue, Resource, Span, SpanId, SpanKind, SpanOutcome, SpanReport,
    StatusCode, Text, TraceId,
};
use vigie_model::{WriteError, WriteErrorKind, WriteFuture, WriteReport, is_stale_nan};
use vigie_world::ManualClock;

use super::*;

const NOW_MS: i64 = 1_700_000_000_000;

/// Takes every batch, or refuses every one.
#[derive(Debug)]
struct Spans {
    accepts: bool,
}

impl SpanSink for Spans {
    fn write_spans(&self, _: &TenantId, batch: SpanBatch, _: Acknowledge) -> SpanFuture<'_> {
        let accepts = self.accepts;
        Box::pin(async move {
            if !accepts {
                return Err(WriteError::new(WriteErrorKind::Unavailable, "full"));
            }
            let mut report = SpanReport::default();
            for span in &batch.spans {
                if span.trace_id.is_none() {
                    report.rejected += 1;
                    report.outcomes.push(SpanOutcome::Rejected);
                } else {
                    report.outcomes.push(SpanOutcome::Kept(report.accepted as u64));
                    report.accepted += 1;
                }
            }
            Ok(report)
        })
    }
}

#[derive(Debug, Default)]
struct Metrics {
    batches: Mutex<Vec<MetricBatch>>,
}

impl MetricSink for Metrics {
    fn write(&self, _: &TenantId, batch: MetricBatch, _: Acknowledge) -> WriteFuture<'_> {
        self.batches.lock().push(batch);
        Box::pin(async { Ok(WriteReport::default()) })
    }
}

impl Metrics {
    /// Samples by series since the last call.
    fn take(&self) -> BTreeMap<String, Vec<(i64, f64)>> {
        let mut found: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
        for batch in self.batches.lock().drain(..) {
            for series in batch.series() {
                let rows = series.samples.start as usize..series.samples.end as usize;
                let times = batch.timestamps_ms[rows.clone()].iter().copied();
                let samples = times.zip(batch.values[rows].iter().copied());
                found.entry(batch.labels(series).to_string()).or_default().extend(samples);
            }
        }
        found
    }
}

struct Bench {
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    counted: Arc<SpanMetrics>,
}

fn bench(options: SpanMetricsOptions, accepts: bool) -> Bench {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let metrics = Arc::new(Metrics::default());
    let world = World { clock: Arc::clone(&clock) as _, ..World::real() };
    let counted = SpanMetrics::new(
        options,
        Arc::new(Spans { accepts }),
        Arc::clone(&metrics) as Arc<dyn MetricSink>,
        world,
    );
    Bench { clock, metrics, counted }
}

impl Bench {
    async fn send(&self, spans: &[Sent<'_>]) {
        let batch = batch(spans);
        let tenant = TenantId::default_tenant();
        self.counted.write_spans(&tenant, batch, Acknowledge::Durable).await.ok();
    }

    /// What a flush after `seconds` writes.
    async fn after(&self, seconds: u64) -> BTreeMap<String, Vec<(i64, f64)>> {
        self.clock.advance(Duration::from_secs(seconds));
        self.counted.flush().await;
        self.metrics.take()
    }
}

#[derive(Clone, Copy)]
struct Sent<'a> {
    service: &'a str,
    name: &'a str,
    kind: SpanKind,
    id: u8,
    parent: u8,
    duration_ms: u64,
    status: StatusCode,
    attribute: Option<(&'a str, &'a str)>,
    state: &'a str,
    age_s: u64,
}

const SENT: Sent<'static> = Sent {
    service: "shop",
    name: "GET /",
    kind: SpanKind::Server,
    id: 1,
    parent: 0,
    duration_ms: 3,
    status: StatusCode::Unset,
    attribute: None,
    state: "",
    age_s: 0,
};

fn batch(spans: &[Sent<'_>]) -> SpanBatch {
    let mut batch = SpanBatch::new();
    for sent in spans {
        let service = batch.keep(sent.service);
        batch.resources.push(Resource { service, ..Resource::default() });
        let first = batch.attributes.len() as u32;
        if let Some((key, value)) = sent.attribute {
            let (key, value): (Text, Text) = (batch.keep(key), batch.keep(value));
            batch.attributes.push(Attribute { key, value: AttributeValue::Text(value) });
        }
        let span = Span {
            trace_id: TraceId([7; 16]),
            span_id: SpanId([sent.id; 8]),
            parent_span_id: SpanId([sent.parent; 8]),
            trace_state: batch.keep(sent.state),
            kind: sent.kind,
            status: sent.status,
            name: batch.keep(sent.name),
            start_ns: (NOW_MS as u64 - sent.duration_ms - sent.age_s * 1_000) * 1_000_000,
            duration_ns: sent.duration_ms * 1_000_000,
            resource: batch.resources.len() as u32 - 1,
            attributes: first..batch.attributes.len() as u32,
            ..Span::default()
        };
        batch.spans.push(span);
    }
    batch
}

fn last(found: &BTreeMap<String, Vec<(i64, f64)>>, series: &str) -> Option<f64> {
    found.get(series).and_then(|samples| samples.last()).map(|(_, value)| *value)
}

#[tokio::test]
async fn calls_and_durations_are_counted_from_zero() {
    let bench = bench(SpanMetricsOptions::default(), true);
    let failed = Sent { status: StatusCode::Error, duration_ms: 300, ..SENT };
    bench.send(&[SENT, SENT, failed]).await;
    let found = bench.after(15).await;
    let calls = r#"traces_spanmetrics_calls_total{service="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#;
    assert_eq!(found.get(calls), Some(&vec![(NOW_MS, 0.0), (NOW_MS + 15_000, 2.0)]), "{found:#?}");
    for (series, value) in [
        (
            r#"traces_spanmetrics_latency_bucket{le="0.002", service="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#,
            0.0,
        ),
        (
            r#"traces_spanmetrics_latency_bucket{le="0.004", service="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#,
            2.0,
        ),
        (
            r#"traces_spanmetrics_latency_bucket{le="+Inf", service="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#,
            2.0,
        ),
        (
            r#"traces_spanmetrics_latency_sum{service="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#,
            0.006,
        ),
        (
            r#"traces_span_metrics_duration_milliseconds_bucket{le="400", service_name="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_ERROR"}"#,
            1.0,
        ),
        (
            r#"traces_span_metrics_duration_milliseconds_bucket{le="200", service_name="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_ERROR"}"#,
            0.0,
        ),
        (
            r#"traces_span_metrics_calls_total{service_name="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_ERROR"}"#,
            1.0,
        ),
    ] {
        assert_eq!(last(&found, series), Some(value), "{series}");
    }
    // The zero is written once; counters are written on, though nothing changed.
    let found = bench.after(15).await;
    assert_eq!(found.get(calls), Some(&vec![(NOW_MS + 30_000, 2.0)]));
    // After a quarter of an hour without calls they end, and are forgotten.
    let found = bench.after(900).await;
    assert!(last(&found, calls).is_some_and(is_stale_nan));
    assert!(bench.after(15).await.is_empty());
    assert_eq!(bench.counted.statistics().keys, 0);
}

#[tokio::test]
async fn the_slowest_span_is_the_exemplar() {
    let bench = bench(SpanMetricsOptions::default(), true);
    let slow = Sent { id: 9, duration_ms: 700, ..SENT };
    bench.send(&[SENT, slow]).await;
    bench.counted.flush().await;
    let batches = bench.metrics.batches.lock();
    let mut found = Vec::new();
    for series in
        batches.iter().flat_map(|batch| batch.series().iter().map(move |one| (batch, one)))
    {
        let (batch, series) = series;
        for row in series.exemplars.clone() {
            let exemplar = &batch.exemplars[row as usize];
            let labels = batch.labels(series);
            found.push((labels.get("le").unwrap_or_default().to_owned(), exemplar.clone()));
        }
    }
    let shown: Vec<_> = found
        .iter()
        .map(|(le, one)| (le.as_str(), one.value, one.labels.get("span_id").unwrap_or_default()))
        .collect();
    assert_eq!(shown, [("1.024", 0.7, "0909090909090909"), ("800", 700.0, "0909090909090909")]);
}

#[tokio::test]
async fn what_the_store_refuses_is_not_counted() {
    let bench = bench(SpanMetricsOptions::default(), false);
    bench.send(&[SENT]).await;
    assert!(bench.after(15).await.is_empty());
}

#[tokio::test]
async fn rejected_spans_of_a_batch_are_not_counted() {
    let bench = bench(SpanMetricsOptions::default(), true);
    let mut sent = batch(&[SENT, SENT, Sent { name: "other", ..SENT }]);
    sent.spans[1].trace_id = TraceId::default();
    sent.spans[2].trace_id = TraceId::default();
    let tenant = TenantId::default_tenant();
    let report = bench.counted.write_spans(&tenant, sent, Acknowledge::Durable).await.unwrap();
    assert_eq!((report.accepted, report.rejected), (1, 2));
    let found = bench.after(15).await;
    let calls = r#"traces_spanmetrics_calls_total{service="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#;
    assert_eq!(last(&found, calls), Some(1.0));
    assert!(found.keys().all(|series| !series.contains("other")), "{found:#?}");
}

#[tokio::test]
async fn sampled_spans_count_for_those_left_out_and_history_does_not() {
    let bench = bench(SpanMetricsOptions::default(), true);
    let sampled = Sent { state: "ot=th:c", ..SENT };
    let old = Sent { age_s: 7_200, ..SENT };
    bench.send(&[sampled, old]).await;
    let found = bench.after(15).await;
    let calls = r#"traces_spanmetrics_calls_total{service="shop", span_kind="SPAN_KIND_SERVER", span_name="GET /", status_code="STATUS_CODE_UNSET"}"#;
    assert_eq!(last(&found, calls), Some(4.0));
    assert_eq!(bench.counted.statistics().late, 1);
}

#[tokio::test]
async fn operations_past_the_limit_are_counted_together() {
    let options = SpanMetricsOptions { keys_max: 2, ..SpanMetricsOptions::default() };
    let bench = bench(options, true);
    for name in ["/1", "/2", "/3", "/4"] {
        bench.send(&[Sent { name, ..SENT }]).await;
    }
    let found = bench.after(15).await;
    let other = r#"traces_spanmetrics_calls_total{service="shop", span_kind="SPAN_KIND_SERVER", span_name="_other", status_code="STATUS_CODE_UNSET"}"#;
    assert_eq!(last(&found, other), Some(2.0));
    assert_eq!((bench.counted.statistics().keys, bench.counted.statistics().overflowed), (3, 2));
}

#[tokio::test]
async fn the_two_ends_of_a_call_are_an_edge() {
    let bench = bench(SpanMetricsOptions::default(), true);
    let root = Sent { service: "front", id: 1, ..SENT };
    let client = Sent { kind: SpanKind::Client, id: 2, parent: 1, duration_ms: 150, ..root };
    let status = StatusCode::Error;
    let server = Sent { service: "shop", id: 3, parent: 2, duration_ms: 50, status, ..SENT };
    let database = Sent { id: 4, parent: 3, attribute: Some(("db.name", "orders")), ..client };
    let database = Sent { service: "shop", ..database };
    let mail = Sent { id: 5, parent: 3, attribute: Some(("peer.service", "mail")), ..client };
    let lost = Sent { id: 6, parent: 3, ..client };
    // The server's span comes before the client's, as it often does.
    bench.send(&[server, root]).await;
    bench.send(&[client, database, mail, lost]).await;
    assert_eq!(bench.counted.statistics().waiting, 2);
    let found = bench.after(15).await;
    for (series, value) in [
        (r#"traces_service_graph_request_total{client="front", server="shop"}"#, 1.0),
        (r#"traces_service_graph_request_failed_total{client="front", server="shop"}"#, 1.0),
        (
            r#"traces_service_graph_request_server_seconds_bucket{client="front", le="0.1", server="shop"}"#,
            1.0,
        ),
        (
            r#"traces_service_graph_request_client_seconds_bucket{client="front", le="0.1", server="shop"}"#,
            0.0,
        ),
        (
            r#"traces_service_graph_request_total{client="user", connection_type="virtual_node", server="front"}"#,
            1.0,
        ),
        (
            r#"traces_service_graph_request_total{client="shop", connection_type="database", server="orders"}"#,
            1.0,
        ),
        (
            r#"traces_service_graph_request_total{client="front", connection_type="virtual_node", server="mail"}"#,
            1.0,
        ),
        (r#"traces_service_graph_unpaired_spans_total{client="front"}"#, 1.0),
    ] {
        assert_eq!(last(&found, series), Some(value), "{series}\n{found:#?}");
    }
    assert_eq!(bench.counted.statistics().waiting, 0);
}

#[tokio::test]
async fn calls_that_wait_are_bounded() {
    let options = SpanMetricsOptions { waiting_max: 3, ..SpanMetricsOptions::default() };
    let bench = bench(options, true);
    for id in 1..=8 {
        bench.send(&[Sent { kind: SpanKind::Client, id, ..SENT }]).await;
    }
    assert_eq!(bench.counted.statistics().waiting, 3);
    let found = bench.after(15).await;
    assert_eq!(last(&found, r#"traces_service_graph_dropped_spans_total"#), Some(5.0));
}
