//! Queries over a store with a few traces, and what they must give.
//!
//! Expectations follow from the documentation of TraceQL and the trees below, not from an engine.

use std::sync::Arc;

use vigie_language::traceql::{parse, parse_field, parse_unfinished};
use vigie_model::span::{
    Attribute, AttributeValue, Resource, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind,
    SpanSink as _, StatusCode, TraceId,
};
use vigie_model::{Acknowledge, TenantId};
use vigie_store::logs::LogSnapshot;
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

use super::*;

/// A span in short: trace, id, parent, service, name, start in s, duration in ms, and attributes
/// `key=value` (`event:`: of an event), where status and kind are attributes too.
type Short = (u8, u8, u8, &'static str, &'static str, u64, u64, &'static str);

/// Trace 1: web → (users → db → (q1, q2), cart); trace 2: one slow span; trace 3: a failed chain;
/// trace 4 hangs on a parent that is not there.
const SPANS: [Short; 13] = [
    (1, 1, 0, "web", "GET /", 10, 90, "kind=server http.status_code=200 list=[\"a\",\"b\"]"),
    (1, 2, 1, "users", "find", 11, 40, "kind=server cached=true"),
    (1, 3, 2, "db", "SELECT", 12, 20, "kind=client db.rows=5"),
    (1, 4, 3, "db", "q1", 13, 4, "db.rows=2"),
    (1, 5, 3, "db", "q2", 14, 6, "db.rows=3.5"),
    (1, 6, 1, "cart", "add", 15, 30, "kind=internal"),
    (2, 7, 0, "web", "POST /", 20, 2_500, "kind=server http.status_code=500 status=error"),
    (3, 8, 0, "web", "GET /", 30, 300, "kind=server http.status_code=503 status=error"),
    (3, 9, 8, "users", "find", 31, 200, "status=error event:exception.type=Timeout"),
    (3, 10, 9, "db", "SELECT", 32, 100, "kind=client status=error db.rows=0"),
    (3, 11, 8, "users", "save", 33, 70, "status=ok host.name=special"),
    (4, 12, 99, "batch", "run", 40, 10, "http.status_code=text"),
    (4, 13, 12, "batch", "step", 41, 5, ""),
];

fn attribute(batch: &mut SpanBatch, key: &str, value: &str) -> Attribute {
    let key = batch.keep(key);
    let value = match value {
        "true" => AttributeValue::Bool(true),
        list if list.starts_with('[') => AttributeValue::List(batch.keep(list)),
        number if number.parse::<i64>().is_ok() => AttributeValue::Integer(number.parse().unwrap()),
        number if number.parse::<f64>().is_ok() => AttributeValue::Float(number.parse().unwrap()),
        text => AttributeValue::Text(batch.keep(text)),
    };
    Attribute { key, value }
}

fn batch() -> SpanBatch {
    let mut batch = SpanBatch::new();
    batch.scopes.push(Scope::default());
    for (trace, id, parent, service, name, start_s, duration_ms, attributes) in SPANS {
        let start = batch.attributes.len() as u32;
        let host = attribute(&mut batch, "host.name", "h1");
        batch.attributes.push(host);
        let service = batch.keep(service);
        batch.resources.push(Resource { attributes: start..start + 1, service });
        let mut span = Span {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId([id; 8]),
            parent_span_id: SpanId([parent; 8]),
            name: batch.keep(name),
            start_ns: start_s * 1_000_000_000,
            duration_ns: duration_ms * 1_000_000,
            resource: batch.resources.len() as u32 - 1,
            ..Span::default()
        };
        let first = batch.attributes.len() as u32;
        let mut event = None;
        for (key, value) in attributes.split_whitespace().filter_map(|pair| pair.split_once('=')) {
            match (key, value) {
                ("kind", "server") => span.kind = SpanKind::Server,
                ("kind", "client") => span.kind = SpanKind::Client,
                ("kind", _) => span.kind = SpanKind::Internal,
                ("status", "ok") => span.status = StatusCode::Ok,
                ("status", _) => span.status = StatusCode::Error,
                (key, value) => match key.strip_prefix("event:") {
                    Some(key) => event = Some((key, value)),
                    None => {
                        let made = attribute(&mut batch, key, value);
                        batch.attributes.push(made);
                    }
                },
            }
        }
        span.attributes = first..batch.attributes.len() as u32;
        if let Some((key, value)) = event {
            let made = attribute(&mut batch, key, value);
            batch.attributes.push(made);
            let end = batch.attributes.len() as u32;
            let name = batch.keep("exception");
            let time_ns = span.start_ns + 5_000_000;
            batch.events.push(SpanEvent { time_ns, name, attributes: end - 1..end });
            span.events = batch.events.len() as u32 - 1..batch.events.len() as u32;
        }
        batch.spans.push(span);
    }
    batch
}

async fn snapshot() -> (LogSnapshot, Arc<Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path()), World::real()).await.unwrap();
    let tenant = TenantId::default_tenant();
    store.write_spans(&tenant, batch(), Acknowledge::Durable).await.unwrap();
    (store.span_snapshot(&tenant), store, folder)
}

fn run(snapshot: &LogSnapshot, text: &str) -> SearchAnswer {
    let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let wanted = Search { query, start_ns: 0, end_ns: i64::MAX, limit: 20, spans_per_set: 0 };
    search(snapshot, &wanted, Budget::default()).unwrap()
}

/// The ids of the spans in each set, sets by `/`, traces by `;`, the earliest trace first.
fn ids(answer: &SearchAnswer) -> String {
    let set = |set: &FoundSpanset| {
        let ids: Vec<String> = set.spans.iter().map(|span| span.id.0[0].to_string()).collect();
        ids.join(" ")
    };
    let trace = |trace: &FoundTrace| trace.spansets.iter().map(set).collect::<Vec<_>>().join(" / ");
    answer.traces.iter().rev().map(trace).collect::<Vec<_>>().join("; ")
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn searches_give_what_the_documentation_says() {
    let (snapshot, _store, _folder) = snapshot().await;
    for (query, expected) in [
        ("{}", "1 2 3 4 5 6; 7; 8 9 10 11; 12 13"),
        // Single spans.
        ("{ name = `GET /` }", "1; 8"),
        ("{ resource.service.name = `db` }", "3 4 5; 10"),
        ("{ .service.name = `db` && duration > 5ms }", "3 5; 10"),
        ("{ resource.service.name =~ `u.*|cart` }", "2 6; 9 11"),
        ("{ resource.service.name !~ `web|users|db` }", "6; 12 13"),
        ("{ span.http.status_code >= 500 }", "7; 8"),
        ("{ span.http.status_code = `500` }", ""),
        ("{ span.http.status_code > `a` }", "12"),
        ("{ .http.status_code != 200 }", "7; 8"),
        ("{ .http.status_code = nil && resource.service.name = `web` }", ""),
        ("{ .http.status_code != nil }", "1; 7; 8; 12"),
        ("{ .cached }", "2"),
        ("{ .cached = true || .db.rows = 5 }", "2 3"),
        ("{ !.cached && resource.service.name = `users` }", ""),
        ("{ !(.cached = true) && resource.service.name = `users` }", "9 11"),
        ("{ .host.name = `special` }", "11"),
        ("{ resource.host.name = `special` }", ""),
        ("{ .host.name = `h1` && name = `save` }", ""),
        ("{ status = error }", "7; 8 9 10"),
        ("{ status != error && name = `find` }", "2"),
        ("{ status = unset && kind = server }", "1 2"),
        ("{ kind = client }", "3; 10"),
        ("{ kind = unspecified && status = unset }", "4 5; 12 13"),
        ("{ span.list = `b` }", "1"),
        ("{ span.list != `b` }", ""),
        ("{ span.list =~ `[bc]` }", "1"),
        ("{ event:name = `exception` }", "9"),
        ("{ event.exception.type =~ `Time.*` && event:timeSinceStart > 2ms }", "9"),
        ("{ .db.rows * 2 + 1 = 11 }", "3"),
        ("{ .db.rows > 3 && .db.rows < 4 }", "5"),
        ("{ 5ms < duration && duration <= 6ms }", "5"),
        ("{ span:id = `0b0b0b0b0b0b0b0b` }", "11"),
        ("{ trace:id = `02020202020202020202020202020202` }", "7"),
        // What needs the whole trace.
        ("{ parent = nil }", "1; 7; 8"),
        ("{ nestedSetParent < 0 && true }", "1; 7; 8"),
        ("{ trace:duration > 2s && trace:rootName = `POST /` }", "7"),
        ("{ rootServiceName = `web` && name = `save` }", "11"),
        ("{ span:childCount = 2 }", "1 3; 8"),
        ("{ parent.resource.service.name = `users` }", "3; 10"),
        ("{ parent.cached = true }", "3"),
        // Two sets.
        ("{ name = `SELECT` } && { status = error }", "8 9 10"),
        ("{ name = `q1` } || { name = `save` }", "4; 11"),
        ("{ resource.service.name = `web` } > { }", "2 6; 9 11"),
        ("{ resource.service.name = `web` } >> { resource.service.name = `db` }", "3 4 5; 10"),
        ("{ name = `q2` } << { kind = server }", "1 2"),
        ("{ resource.service.name = `db` } < { }", "2 3; 9"),
        ("{ name = `q1` } ~ { }", "5"),
        ("{ resource.service.name = `users` } ~ { resource.service.name = `users` }", "9 11"),
        ("{ } !< { }", "4 5 6; 7; 10 11; 13"),
        ("{ status = error } !< { status = error }", "7; 10"),
        ("{ resource.service.name = `web` } !> { resource.service.name = `users` }", ""),
        ("{ name = `find` } !>> { resource.service.name = `users` }", "2; 9 11"),
        ("{ name = `save` } !~ { name = `find` }", "2"),
        ("{ name = `find` && status = error } &>> { status = error }", "9 10"),
        ("{ name = `q1` } &~ { name = `q2` }", "4 5"),
        ("{ resource.service.name = `db` } &< { kind = server }", "2 3"),
        // Pipelines.
        ("{} | count() > 3", "1 2 3 4 5 6; 8 9 10 11"),
        ("{ status = error } | count() = 1", "7"),
        ("{} | avg(duration) > 1s", "7"),
        ("{} | sum(.db.rows) = 10.5", "1 2 3 4 5 6"),
        ("{} | max(.db.rows) - min(.db.rows) = 3", "1 2 3 4 5 6"),
        ("{} | by(resource.service.name) | count() > 2", "3 4 5"),
        ("{} | by(resource.service.name) | count() > 1 | coalesce()", "3 4 5; 9 11; 12 13"),
        ("({} | count() > 3) && ({ status = error } | count() > 2)", "8 9 10 11"),
        ("({ kind = server } | count()) = ({ kind = client } | count()) + 1", "1 2 3 4 5 6; 7"),
        ("{ kind = server } | { status = error }", "7; 8"),
        ("count() > 5", "1 2 3 4 5 6"),
    ] {
        assert_eq!(ids(&run(&snapshot, query)), expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_told_of_a_trace() {
    let (snapshot, _store, _folder) = snapshot().await;
    let answer =
        run(&snapshot, "{ status = error } | by(span.db.rows) | select(resource.host.name)");
    let trace = &answer.traces[0];
    assert_eq!(trace.root, Some(("web".to_owned(), "GET /".to_owned())));
    assert_eq!((trace.start_ns, trace.duration_ns), (30_000_000_000, 3_070_000_000));
    assert_eq!(trace.services["users"], (2, 1));
    let set = &trace.spansets[1];
    assert_eq!(set.attributes, [("by(span.db.rows)".to_owned(), FieldValue::Integer(0))]);
    let told: Vec<(&str, String)> =
        set.spans[0].attributes.iter().map(|(key, value)| (&**key, value.text())).collect();
    assert_eq!(
        told,
        [("status", "error".into()), ("db.rows", "0".into()), ("host.name", "h1".into())]
    );
    let query = parse("{}").unwrap();
    let few = Search { query, start_ns: 0, end_ns: 25_000_000_000, limit: 1, spans_per_set: 0 };
    let answer = search(&snapshot, &few, Budget::default()).unwrap();
    assert_eq!(ids(&answer), "7");
    let poor = Budget { spans_max: 1, ..Budget::default() };
    let all = Search { limit: 20, end_ns: i64::MAX, ..few };
    assert!(search(&snapshot, &all, poor).unwrap().is_cut);
}

#[tokio::test]
async fn a_trace_is_filtered_with_what_is_above() {
    let (snapshot, _store, _folder) = snapshot().await;
    let spans = crate::traces::trace(&snapshot, TraceId([1; 16])).unwrap();
    let filter = parse_unfinished("{ name = `q1` }").unwrap();
    let ids = |spans: &[crate::traces::TraceSpan]| -> Vec<u8> {
        spans.iter().map(|span| span.span_id.0[0]).collect()
    };
    assert_eq!(ids(&filter_trace(spans.clone(), &filter, true).unwrap()), [1, 2, 3, 4]);
    assert_eq!(ids(&filter_trace(spans, &filter, false).unwrap()), [4]);
}

/// Each series as `labels: values`, missing ones as `-`.
fn measured(snapshot: &LogSnapshot, text: &str) -> Vec<String> {
    let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let range = MetricRange {
        start_ns: 10_000_000_000,
        end_ns: 50_000_000_000,
        step_ns: 20_000_000_000,
        exemplars_max: 1,
    };
    let series = metrics(snapshot, &query, range, Budget::default()).unwrap();
    let labels = |one: &MetricSeries| {
        let pairs: Vec<String> =
            one.labels.iter().map(|(key, value)| format!("{key}={}", value.text())).collect();
        pairs.join(",")
    };
    let value = |value: &f64| {
        if value.is_nan() { "-".to_owned() } else { format!("{}", (value * 1e3).round() / 1e3) }
    };
    let values = |one: &MetricSeries| one.values.iter().map(value).collect::<Vec<_>>().join(" ");
    series.iter().map(|one| format!("{}: {}", labels(one), values(one))).collect()
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test]
async fn metrics_are_what_the_spans_say() {
    let (snapshot, _store, _folder) = snapshot().await;
    for (query, expected) in [
        ("{} | rate()", &["__name__=rate: 0.35 0.3"][..]),
        ("{ status = error } | count_over_time()", &["__name__=count_over_time: 1 3"]),
        (
            "{ kind = server } | count_over_time() by (resource.service.name, status)",
            &[
                "resource.service.name=users,status=unset: 1 0",
                "resource.service.name=web,status=error: 1 1",
                "resource.service.name=web,status=unset: 1 0",
            ],
        ),
        (
            "{ resource.service.name = `db` } | max_over_time(.db.rows) by (name)",
            &["name=SELECT: 5 0", "name=q1: 2 -", "name=q2: 3.5 -"],
        ),
        ("{ name = `GET /` } | min_over_time(duration)", &["__name__=min_over_time: 0.09 0.3"]),
        ("{} | avg_over_time(.db.rows)", &["__name__=avg_over_time: 3.5 0"]),
        ("{} | sum_over_time(.db.rows)", &["__name__=sum_over_time: 10.5 0"]),
        (
            "{ name = `GET /` } | quantile_over_time(duration, .5, 1)",
            // Within half a percent.
            &["p=0.5: 0.09 0.301", "p=1: 0.09 0.301"],
        ),
        (
            "{ name = `GET /` } | histogram_over_time(duration)",
            &["__bucket=0.125: 1 0", "__bucket=0.5: 0 1"],
        ),
        // Structure needs the whole trace.
        (
            "{ .service.name = `web` } >> { .service.name = `db` } | count_over_time() by (rootName)",
            &["rootName=GET /: 3 1"],
        ),
        (
            "{} | count_over_time() by (resource.service.name) | topk(1)",
            &["resource.service.name=batch: - 2", "resource.service.name=db: 3 -"],
        ),
        (
            "{} | count_over_time() by (resource.service.name) | bottomk(1)",
            &["resource.service.name=batch: 0 -", "resource.service.name=cart: - 0"],
        ),
        (
            "{} | count_over_time() by (resource.service.name) > 1",
            &[
                "resource.service.name=batch: - 2",
                "resource.service.name=db: 3 -",
                "resource.service.name=users: - 2",
                "resource.service.name=web: 2 -",
            ],
        ),
    ] {
        assert_eq!(measured(&snapshot, query), expected, "{query}");
    }
}

#[tokio::test]
async fn groups_are_compared() {
    let (snapshot, _store, _folder) = snapshot().await;
    let found = measured(&snapshot, "{ kind = server } | compare({ status = error }, 1)");
    for expected in [
        "__meta_type=selection,name=POST /: 1 0",
        "__meta_type=baseline,resource.service.name=users: 1 0",
        "__meta_type=selection_total,span.http.status_code=nil: 1 1",
        "__meta_error=__too_many_values__,name=nil: 0 0",
    ] {
        let is_there = found.iter().any(|line| {
            line == expected || expected.contains("POST") && line.contains("selection,name=")
        });
        assert!(is_there, "{expected}: {found:#?}");
    }
}

#[tokio::test]
async fn tags_and_their_values_are_told() {
    let (snapshot, _store, _folder) = snapshot().await;
    let all = TagRange { start_ns: 0, end_ns: i64::MAX, filter: None, limit: 100 };
    let names = tag_names(&snapshot, &all).unwrap();
    let of = |scope: &str| names[scope].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("resource"), ["host.name", "service.name"]);
    assert_eq!(of("span"), ["cached", "db.rows", "host.name", "http.status_code", "list"]);
    assert_eq!(of("event"), ["exception.type"]);
    let late = TagRange { start_ns: 40_000_000_000, ..all.clone() };
    assert_eq!(tag_names(&snapshot, &late).unwrap()["span"].len(), 1);
    let failed = TagRange { filter: parse_unfinished("{ status = error && .x = }"), ..all.clone() };
    for (field, range, expected) in [
        ("resource.service.name", &all, "batch cart db users web"),
        ("resource.service.name", &failed, "db users web"),
        (".http.status_code", &all, "200 500 503 text"),
        ("span.http.status_code", &failed, "500 503"),
        ("span.http.status_code", &late, "text"),
        ("name", &failed, "GET / POST / SELECT find"),
        ("name", &late, "run step"),
        ("span.list", &all, "a b"),
        ("status", &all, "error ok unset"),
        ("event:name", &all, "exception"),
        ("span.nothing", &all, ""),
    ] {
        let values = tag_values(&snapshot, &parse_field(field).unwrap(), range).unwrap();
        let values: Vec<String> = values.iter().map(FieldValue::text).collect();
        assert_eq!(values.join(" "), expected, "{field}");
    }
}
