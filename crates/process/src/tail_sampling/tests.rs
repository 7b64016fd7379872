//! Traces in, decisions out, with a store that is a map and a clock that stands still.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use vigie_model::span::{
    Attribute, AttributeValue, NewTraceState, Resource, Span, SpanChangeFuture, SpanId, StatusCode,
    TraceId,
};
use vigie_model::{WriteError, WriteErrorKind};
use vigie_world::ManualClock;

use super::*;
use crate::span_metrics::weight_of;

const NOW_MS: i64 = 1_700_000_000_000;

/// Trace and trace state of what is kept, by number.
#[derive(Debug, Default)]
struct Kept {
    spans: Mutex<BTreeMap<u64, (TraceId, String)>>,
    next: AtomicU64,
    refuses: std::sync::atomic::AtomicBool,
}

impl SpanSink for Kept {
    fn write_spans(&self, _: &TenantId, batch: SpanBatch, _: Acknowledge) -> SpanFuture<'_> {
        let mut report = SpanReport::default();
        for span in &batch.spans {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let state = batch.text(span.trace_state).to_owned();
            self.spans.lock().insert(number, (span.trace_id, state));
            report.accepted += 1;
            report.outcomes.push(SpanOutcome::Kept(number));
        }
        Box::pin(async move { Ok(report) })
    }
}

impl SpanKeeper for Kept {
    fn remove_spans(&self, _: &TenantId, numbers: Vec<u64>) -> SpanChangeFuture<'_> {
        let done = if self.refuses.load(Ordering::Relaxed) {
            Err(WriteError::new(WriteErrorKind::Unavailable, "full"))
        } else {
            let mut spans = self.spans.lock();
            Ok(numbers.iter().filter_map(|number| spans.remove(number)).count() as u64)
        };
        Box::pin(async move { done })
    }

    fn restate_spans(
        &self,
        _: &TenantId,
        numbers: Vec<u64>,
        state: NewTraceState<'_>,
    ) -> SpanChangeFuture<'_> {
        let mut spans = self.spans.lock();
        for number in &numbers {
            if let Some((_, known)) = spans.get_mut(number) {
                *known = state(known);
            }
        }
        Box::pin(async move { Ok(numbers.len() as u64) })
    }
}

struct Bench {
    clock: Arc<ManualClock>,
    kept: Arc<Kept>,
    sampler: Arc<TailSampler>,
}

fn bench(policies: Value) -> Bench {
    let mut block = json!({"decision_wait": "10s"});
    match policies {
        Value::Array(_) => block["policies"] = policies,
        other => block = other,
    }
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let world = World { clock: Arc::clone(&clock) as _, ..World::real() };
    let kept = Arc::new(Kept::default());
    let options = TailSamplingOptions::parse(&block).unwrap();
    let sampler = TailSampler::new(options, Arc::clone(&kept) as _, world);
    Bench { clock, kept, sampler }
}

/// One span, told by what policies look at.
#[derive(Clone, Copy, Default)]
struct Sent<'a> {
    trace: u64,
    parent: u8,
    start_ms: u64,
    duration_ms: u64,
    is_error: bool,
    attribute: Option<(&'a str, AttributeOf<'a>)>,
    state: &'a str,
}

#[derive(Clone, Copy)]
enum AttributeOf<'a> {
    Text(&'a str),
    Number(i64),
    Flag(bool),
}

impl Bench {
    async fn send(&self, spans: &[Sent<'_>]) -> SpanReport {
        let mut batch = SpanBatch::new();
        let service = batch.keep("shop");
        batch.resources.push(Resource { service, ..Resource::default() });
        for sent in spans {
            let first = batch.attributes.len() as u32;
            if let Some((key, value)) = sent.attribute {
                let key = batch.keep(key);
                let value = match value {
                    AttributeOf::Text(text) => AttributeValue::Text(batch.keep(text)),
                    AttributeOf::Number(number) => AttributeValue::Integer(number),
                    AttributeOf::Flag(flag) => AttributeValue::Bool(flag),
                };
                batch.attributes.push(Attribute { key, value });
            }
            let span = Span {
                trace_id: id(sent.trace),
                span_id: SpanId([1; 8]),
                parent_span_id: SpanId([sent.parent; 8]),
                trace_state: batch.keep(sent.state),
                status: if sent.is_error { StatusCode::Error } else { StatusCode::Unset },
                start_ns: (NOW_MS as u64 + sent.start_ms) * 1_000_000,
                duration_ns: sent.duration_ms * 1_000_000,
                attributes: first..batch.attributes.len() as u32,
                ..Span::default()
            };
            batch.spans.push(span);
        }
        let tenant = TenantId::default_tenant();
        self.sampler.write_spans(&tenant, batch, Acknowledge::Durable).await.unwrap()
    }

    async fn after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.sampler.tick().await;
    }

    /// The traces that are there.
    fn traces(&self) -> Vec<u64> {
        let mut found: Vec<u64> =
            self.kept.spans.lock().values().map(|(t, _)| number(*t)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn id(number: u64) -> TraceId {
    // As random as the ids of clients are: the hash mixes its last bytes little.
    let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    TraceId((u128::from(high) << 64 | u128::from(number)).to_be_bytes())
}

fn number(trace: TraceId) -> u64 {
    u128::from_be_bytes(trace.0) as u64
}

fn sent(trace: u64) -> Sent<'static> {
    Sent { trace, duration_ms: 5, ..Sent::default() }
}

fn only(kind: &str, of: Value) -> Value {
    json!([{"name": "it", "type": kind, kind: of}])
}

/// Traces 1 to 6 of one or two spans each, of which a policy keeps some.
async fn kept_by(policies: Value) -> Vec<u64> {
    let bench = bench(policies);
    let number = |trace, value| Sent {
        attribute: Some(("http.status", AttributeOf::Number(value))),
        ..sent(trace)
    };
    let path =
        |trace, value| Sent { attribute: Some(("path", AttributeOf::Text(value))), ..sent(trace) };
    let flag = Sent { attribute: Some(("forced", AttributeOf::Flag(true))), ..sent(3) };
    let spans = [
        Sent { is_error: true, ..sent(1) },
        path(1, "/buy"),
        number(2, 503),
        path(2, "/health"),
        flag,
        Sent { state: "a=1, vendor=gold", ..sent(4) },
        // Two spans that take 300 ms together.
        sent(5),
        Sent { start_ms: 250, duration_ms: 50, ..sent(5) },
        number(6, 200),
    ];
    bench.send(&spans).await;
    bench.after(9).await;
    assert_eq!(bench.traces(), [1, 2, 3, 4, 5, 6], "nothing is decided before its time");
    bench.after(1).await;
    assert_eq!(bench.sampler.statistics().waiting, 0);
    bench.traces()
}

#[tokio::test]
async fn each_policy_decides_as_in_the_collector() {
    let latency = |of| only("latency", of);
    for (policies, expected) in [
        (only("always_sample", json!({})), vec![1, 2, 3, 4, 5, 6]),
        (only("status_code", json!({"status_codes": ["ERROR"]})), vec![1]),
        (only("status_code", json!({"status_codes": ["OK"]})), vec![]),
        (latency(json!({"threshold_ms": 299})), vec![5]),
        (latency(json!({"threshold_ms": 300})), vec![]),
        (latency(json!({"threshold_ms": 4, "upper_threshold_ms": 5})), vec![1, 2, 3, 4, 6]),
        (only("numeric_attribute", json!({"key": "http.status", "min_value": 500})), vec![2]),
        (
            only(
                "numeric_attribute",
                json!({"key": "http.status", "min_value": 100, "max_value": 299}),
            ),
            vec![6],
        ),
        (only("string_attribute", json!({"key": "path", "values": ["/health"]})), vec![2]),
        (
            only("string_attribute", json!({"key": "service.name", "values": ["shop"]})),
            vec![1, 2, 3, 4, 5, 6],
        ),
        (
            only(
                "string_attribute",
                json!({"key": "path", "values": ["^/he", "y$"], "enabled_regex_matching": true, "cache_max_size": 10}),
            ),
            vec![1, 2],
        ),
        (
            only(
                "string_attribute",
                json!({"key": "path", "values": ["/health"], "invert_match": true}),
            ),
            vec![1, 3, 4, 5, 6],
        ),
        (only("boolean_attribute", json!({"key": "forced", "value": true})), vec![3]),
        (only("trace_state", json!({"key": "vendor", "values": ["gold"]})), vec![4]),
        (only("trace_flags", json!({})), vec![]),
        (only("span_count", json!({"min_spans": 2})), vec![1, 2, 5]),
        (only("span_count", json!({"min_spans": 1, "max_spans": 1})), vec![3, 4, 6]),
        (only("probabilistic", json!({"sampling_percentage": 0})), vec![]),
        (only("probabilistic", json!({"sampling_percentage": 100})), vec![1, 2, 3, 4, 5, 6]),
        // Traces are decided in the order in which they began.
        (only("rate_limiting", json!({"spans_per_second": 5})), vec![1, 2, 3]),
        (
            json!([
                {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
                {"name": "slow", "type": "latency", "latency": {"threshold_ms": 200}},
            ]),
            vec![1, 5],
        ),
        (
            only(
                "and",
                json!({"and_sub_policy": [
                    {"name": "a", "type": "span_count", "span_count": {"min_spans": 2}},
                    {"name": "b", "type": "latency", "latency": {"threshold_ms": 100}},
                ]}),
            ),
            vec![5],
        ),
        (
            only(
                "not",
                json!({"not_sub_policy":
                {"name": "a", "type": "string_attribute", "string_attribute": {"key": "path", "values": ["/health"]}}}),
            ),
            vec![1, 3, 4, 5, 6],
        ),
        // A drop wins, wherever it stands.
        (
            json!([
                {"name": "all", "type": "always_sample"},
                {"name": "probes", "type": "drop", "drop": {"drop_sub_policy": [
                    {"name": "a", "type": "string_attribute", "string_attribute": {"key": "path", "values": ["/health"]}}]}},
            ]),
            vec![1, 3, 4, 5, 6],
        ),
        // 10 spans a second, 4 of them for traces of two spans; trace 5 has no room left.
        (
            only(
                "composite",
                json!({
                    "max_total_spans_per_second": 10,
                    "policy_order": ["long", "rest"],
                    "composite_sub_policy": [
                        {"name": "rest", "type": "always_sample"},
                        {"name": "long", "type": "span_count", "span_count": {"min_spans": 2}},
                    ],
                    "rate_allocation": [{"policy": "long", "percent": 40}],
                }),
            ),
            vec![1, 2, 3, 4, 6],
        ),
    ] {
        let shown = policies.to_string();
        assert_eq!(kept_by(policies).await, expected, "{shown}");
    }
}

#[tokio::test]
async fn bytes_are_limited_by_a_bucket() {
    // A span here takes somewhat over 64 bytes.
    let bench =
        bench(only("bytes_limiting", json!({"bytes_per_second": 100, "burst_capacity": 150})));
    for trace in 1..=3 {
        bench.send(&[sent(trace)]).await;
    }
    bench.after(10).await;
    assert_eq!(bench.traces(), [1, 2]);
    bench.send(&[sent(4)]).await;
    bench.after(10).await;
    assert_eq!(bench.traces(), [1, 2, 4]);
}

#[tokio::test]
async fn late_spans_follow_the_decision() {
    let bench = bench(only("status_code", json!({"status_codes": ["ERROR"]})));
    bench.send(&[Sent { is_error: true, ..sent(1) }, sent(2)]).await;
    bench.after(10).await;
    assert_eq!(bench.traces(), [1]);
    // Both are acknowledged; the error comes too late for the second trace.
    let late = Sent { is_error: true, ..sent(2) };
    let report = bench.send(&[late, sent(1)]).await;
    assert_eq!(report.accepted, 2);
    assert!(matches!(report.outcomes[..], [SpanOutcome::SampledAway, SpanOutcome::Kept(_)]));
    bench.after(60).await;
    assert_eq!(bench.traces(), [1]);
    assert_eq!(bench.kept.spans.lock().len(), 2);
    let told = bench.sampler.statistics();
    assert_eq!((told.kept, told.away, told.late, told.removed), (1, 1, 2, 1));
    assert_eq!(told.by_policy, [1]);
}

#[tokio::test]
async fn too_many_traces_are_decided_early_and_not_lost() {
    let bench = bench(json!({"num_traces": 10, "policies": [
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}]}));
    for trace in 1..=30 {
        bench.send(&[Sent { is_error: trace % 2 == 0, ..sent(trace) }]).await;
    }
    let told = bench.sampler.statistics();
    assert_eq!((told.waiting, told.early), (10, 20));
    bench.after(30).await;
    assert_eq!(bench.traces(), (1..=30).filter(|trace| trace % 2 == 0).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_the_store_refuses_is_tried_again() {
    let bench = bench(only("status_code", json!({"status_codes": ["ERROR"]})));
    bench.send(&[sent(1)]).await;
    bench.kept.refuses.store(true, Ordering::Relaxed);
    bench.after(10).await;
    assert_eq!(bench.traces(), [1]);
    assert_eq!(bench.sampler.statistics().to_remove, 1);
    bench.kept.refuses.store(false, Ordering::Relaxed);
    bench.after(1).await;
    assert!(bench.traces().is_empty());
}

#[tokio::test]
async fn the_root_and_the_end_can_hasten_decisions() {
    let slow = json!({"name": "slow", "type": "latency", "latency": {"threshold_ms": 200}});
    let bench = bench(json!({"decision_wait": "60s", "decision_wait_after_root_received": "2s",
        "policies": [slow]}));
    bench.send(&[sent(1), Sent { parent: 9, ..sent(2) }]).await;
    bench.after(2).await;
    assert_eq!(bench.traces(), [2]);
    bench.sampler.finish().await;
    assert!(bench.traces().is_empty());
}

#[tokio::test]
async fn weights_make_rates_of_sampled_traces_right() {
    let bench = bench(json!([
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {"name": "some", "type": "probabilistic", "probabilistic": {"sampling_percentage": 20}},
    ]));
    const TRACES: u64 = 5_000;
    // Every tenth trace failed; each has two spans, the second comes later.
    for trace in 1..=TRACES {
        bench.send(&[Sent { is_error: trace % 10 == 0, ..sent(trace) }]).await;
    }
    bench.after(10).await;
    for trace in 1..=TRACES {
        bench.send(&[sent(trace)]).await;
    }
    let spans = bench.kept.spans.lock();
    let weight = |is_error: bool| -> f64 {
        let some = spans.values().filter(|(trace, _)| (number(*trace) % 10 == 0) == is_error);
        some.map(|(_, state)| weight_of(state)).sum()
    };
    // Failed ones are all kept and stand for themselves.
    assert_eq!(weight(true), 1_000.0);
    let others = weight(false);
    assert!((others / 9_000.0 - 1.0).abs() < 0.1, "{others}");
    let count = spans.len() as f64;
    assert!(count < 3_500.0, "{count}");
}

#[test]
fn chances_are_those_of_the_collector() {
    // FNV-1a of the salt and the id.
    let options = TailSamplingOptions::parse(
        &json!({"policies": [{"name": "p", "type": "probabilistic", "probabilistic": {"sampling_percentage": 50, "hash_salt": "a"}}]}),
    );
    assert_eq!(options.unwrap().policy_names().collect::<Vec<_>>(), ["p"]);
    assert_eq!(policy::hash("", TraceId([0; 16])), 0x88201fb960ff6465);
}

#[test]
fn errors_say_where() {
    for (block, expected) in [
        (json!({}), "tail_sampling: `policies`: expected a list of policies"),
        (json!({"policies": []}), "1 to 200 policies"),
        (json!({"policy": 1}), "`policy` is not known"),
        (
            json!({"decision_wait": "soon", "policies": [{"name": "x", "type": "always_sample"}]}),
            "`decision_wait`: expected a duration",
        ),
        (json!({"policies": [{"type": "latency"}]}), "policies[0]: `name`: expected a text"),
        (json!({"policies": [{"name": "x", "type": "often"}]}), "the type `often` is not known"),
        (
            json!({"policies": [{"name": "x", "type": "ottl_condition", "ottl_condition": {"span": ["true"]}}]}),
            "policies[0] (x): ottl_condition: conditions in OTTL are not supported",
        ),
        (
            json!({"policies": [{"name": "x", "type": "string_attribute", "string_attribute":
                {"key": "k", "values": ["("], "enabled_regex_matching": true}}]}),
            "`values`",
        ),
        (
            json!({"policies": [{"name": "x", "type": "and", "and": {"and_sub_policy": [
                {"name": "y", "type": "status_code", "status_code": {"status_codes": ["BAD"]}}]}}]}),
            "and_sub_policy[0] (y): status_code: `status_codes`: expected OK, ERROR or UNSET",
        ),
    ] {
        let error = TailSamplingOptions::parse(&block).unwrap_err().to_string();
        assert!(error.contains(expected), "{block}: {error}");
    }
    let file = json!({"processors": {"batch": null, "tail_sampling/prod": {
        "num_traces": "100_000", "policies": [{"name": "x", "type": "always_sample"}]}}});
    assert!(TailSamplingOptions::parse_file(&file).is_ok());
    let none = TailSamplingOptions::parse_file(&json!({"processors": {}})).unwrap_err();
    assert!(none.to_string().contains("there is no `tail_sampling`"));
}
