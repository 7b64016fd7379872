//! Spans written to a real store are found and read as they were sent.

use std::sync::Arc;

use serde_json::json;
use vigie_model::span::{
    Attribute, AttributeValue, Resource, Scope, Span, SpanBatch, SpanEvent, SpanId, SpanKind,
    SpanSink as _, StatusCode, TraceId,
};
use vigie_model::{Acknowledge, TenantId};
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

use super::*;

/// A span in short: trace, id, parent, service, name, start in ms, duration in ms.
type Short = (u8, u8, u8, &'static str, &'static str, u64, u64);

fn text_attribute(batch: &mut SpanBatch, key: &str, value: &str) {
    let (key, value) = (batch.keep(key), batch.keep(value));
    batch.attributes.push(Attribute { key, value: AttributeValue::Text(value) });
}

fn batch_of(spans: &[Short], more: impl Fn(&mut SpanBatch, &mut Span)) -> SpanBatch {
    let mut batch = SpanBatch::new();
    batch.scopes.push(Scope::default());
    for (trace, id, parent, service, name, start_ms, duration_ms) in spans {
        let start = batch.attributes.len() as u32;
        text_attribute(&mut batch, "host.name", "h1");
        let service = batch.keep(service);
        batch.resources.push(Resource { attributes: start..start + 1, service });
        let mut span = Span {
            trace_id: TraceId([*trace; 16]),
            span_id: SpanId([*id; 8]),
            parent_span_id: SpanId([*parent; 8]),
            name: batch.keep(name),
            start_ns: start_ms * 1_000_000,
            duration_ns: duration_ms * 1_000_000,
            resource: batch.resources.len() as u32 - 1,
            ..Span::default()
        };
        more(&mut batch, &mut span);
        batch.spans.push(span);
    }
    batch
}

async fn store_with(batch: SpanBatch) -> (Arc<Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions::new(folder.path());
    let store = Store::open(options, World::real()).await.unwrap();
    let count = batch.spans.len();
    let tenant = TenantId::default_tenant();
    let report = store.write_spans(&tenant, batch, Acknowledge::Durable).await.unwrap();
    assert_eq!(report.accepted, count, "{}", report.message);
    (store, folder)
}

const SHOP: [Short; 7] = [
    (1, 1, 0, "web", "GET /", 1_000, 90),
    (1, 2, 1, "users", "find", 1_010, 40),
    (1, 3, 2, "db", "SELECT", 1_020, 20),
    (2, 4, 0, "web", "GET /", 2_000, 10),
    (3, 5, 0, "web", "POST /", 3_000, 300),
    (3, 6, 5, "users", "find", 3_010, 200),
    (3, 7, 5, "users", "save", 3_220, 70),
];

fn everything() -> TraceSearch {
    TraceSearch {
        service: None,
        operation: None,
        tags: Vec::new(),
        start_ns: 0,
        end_ns: i64::MAX,
        duration_min_ns: None,
        duration_max_ns: None,
        limit: 20,
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one span, and all that it carries")]
async fn a_span_is_read_as_it_was_sent() {
    let batch = batch_of(&[(9, 8, 7, "web", "GET /", 5, 2)], |batch, span| {
        let start = batch.attributes.len() as u32;
        text_attribute(batch, "http.method", "GET");
        for (key, value) in [
            ("flag", AttributeValue::Bool(true)),
            ("status", AttributeValue::Integer(500)),
            ("share", AttributeValue::Float(5.0)),
        ] {
            let key = batch.keep(key);
            batch.attributes.push(Attribute { key, value });
        }
        let (key, list) = (batch.keep("list"), batch.keep("[1,\"a\"]"));
        batch.attributes.push(Attribute { key, value: AttributeValue::List(list) });
        span.attributes = start..batch.attributes.len() as u32;
        let start = batch.attributes.len() as u32;
        text_attribute(batch, "exception.type", "Boom");
        let name = batch.keep("exception");
        batch.events.push(SpanEvent { time_ns: 77, name, attributes: start..start + 1 });
        span.events = 0..1;
        (span.kind, span.status) = (SpanKind::Server, StatusCode::Error);
        span.status_message = batch.keep("went wrong");
    });
    let (store, _folder) = store_with(batch).await;
    let snapshot = store.span_snapshot(&TenantId::default_tenant());
    let spans = trace(&snapshot, TraceId([9; 16])).unwrap();
    let pairs = |pairs: &[(&str, serde_json::Value)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Vec<_>>()
    };
    assert_eq!(
        spans,
        [TraceSpan {
            trace_id: TraceId([9; 16]),
            span_id: SpanId([8; 8]),
            parent_span_id: SpanId([7; 8]),
            service: "web".to_owned(),
            name: "GET /".to_owned(),
            kind: SpanKind::Server,
            status: StatusCode::Error,
            status_message: "went wrong".to_owned(),
            start_ns: 5_000_000,
            duration_ns: 2_000_000,
            resource: pairs(&[("host.name", json!("h1"))]),
            attributes: pairs(&[
                ("http.method", json!("GET")),
                ("flag", json!(true)),
                ("status", json!(500)),
                ("share", json!(5.0)),
                ("list", json!([1, "a"])),
            ]),
            events: vec![TraceEvent {
                time_ns: 77,
                name: "exception".to_owned(),
                attributes: pairs(&[("exception.type", json!("Boom"))]),
            }],
            ..TraceSpan::default()
        }]
    );
    for (key, value) in [
        ("http.method", "GET"),
        ("status", "500"),
        ("flag", "true"),
        ("host.name", "h1"),
        ("exception.type", "Boom"),
        ("event", "exception"),
        ("error", "true"),
        ("span.kind", "server"),
        ("otel.status_code", "ERROR"),
    ] {
        let tags = vec![TagMatch { key: key.to_owned(), value: value.to_owned() }];
        let found = search(&snapshot, &TraceSearch { tags, ..everything() }).unwrap();
        assert_eq!(found, [TraceId([9; 16])], "{key}={value}");
        let tags = vec![TagMatch { key: key.to_owned(), value: "other".to_owned() }];
        let found = search(&snapshot, &TraceSearch { tags, ..everything() }).unwrap();
        assert_eq!(found, [], "{key}=other");
    }
}

#[tokio::test]
async fn searches_find_the_latest_traces_once() {
    let (store, _folder) = store_with(batch_of(&SHOP, |_, _| {})).await;
    let snapshot = store.span_snapshot(&TenantId::default_tenant());
    let ids = |change: fn(&mut TraceSearch)| {
        let mut wanted = everything();
        change(&mut wanted);
        let found = search(&snapshot, &wanted).unwrap();
        found.into_iter().map(|id| id.0[0]).collect::<Vec<_>>()
    };
    assert_eq!(ids(|_| {}), [3, 2, 1]);
    assert_eq!(ids(|wanted| wanted.limit = 2), [3, 2]);
    assert_eq!(ids(|wanted| wanted.service = Some("users".into())), [3, 1]);
    assert_eq!(ids(|wanted| wanted.operation = Some("GET /".into())), [2, 1]);
    assert_eq!(ids(|wanted| wanted.duration_min_ns = Some(90_000_000)), [3, 1]);
    assert_eq!(ids(|wanted| wanted.duration_max_ns = Some(15_000_000)), [2]);
    assert_eq!(
        ids(|wanted| (wanted.start_ns, wanted.end_ns) = (1_500_000_000, 2_500_000_000)),
        [2]
    );
    // All conditions are on one span: "find" of the service "web" does not exist.
    assert_eq!(
        ids(|wanted| {
            wanted.service = Some("web".into());
            wanted.operation = Some("find".into());
        }),
        [0_u8; 0]
    );
}

#[tokio::test]
async fn services_operations_and_dependencies_are_counted() {
    let (store, _folder) = store_with(batch_of(&SHOP, |_, _| {})).await;
    let snapshot = store.span_snapshot(&TenantId::default_tenant());
    assert_eq!(services(&snapshot).unwrap(), ["db", "users", "web"]);
    let names = |service| {
        let found = operations(&snapshot, service, None).unwrap();
        found.into_iter().map(|operation| operation.name).collect::<Vec<_>>()
    };
    assert_eq!(names(Some("users")), ["find", "save"]);
    assert_eq!(names(None), ["GET /", "POST /", "SELECT", "find", "save"]);
    let calls: Vec<_> = dependencies(&snapshot, 0, i64::MAX)
        .unwrap()
        .into_iter()
        .map(|call| (call.parent, call.child, call.calls))
        .collect();
    assert_eq!(
        calls,
        [("users".to_owned(), "db".to_owned(), 1), ("web".to_owned(), "users".to_owned(), 3)]
    );
}

#[tokio::test]
async fn spans_survive_a_restart() {
    let (store, folder) = store_with(batch_of(&SHOP, |_, _| {})).await;
    store.close().await.unwrap();
    drop(store);
    let options = StoreOptions::new(folder.path());
    let store = Store::open(options, World::real()).await.unwrap();
    let snapshot = store.span_snapshot(&TenantId::default_tenant());
    assert_eq!(trace(&snapshot, TraceId([3; 16])).unwrap().len(), 3);
    store.close().await.unwrap();
}
