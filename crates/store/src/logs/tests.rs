//! Logs as a whole: what is written is found, once, and as it was written.

use std::sync::Arc;

use serde_json::Value;
use vigie_formats::log_document::{DocumentOptions, pack_json_document};
use vigie_model::{Acknowledge, LogAction, LogBatch, LogOutcome, TenantId, id_of_sequence};
use vigie_world::World;

use super::{LogFilter, LogHit, LogOrder, LogQuery, LogSnapshot, LogTest, TokenPattern};
use crate::{Store, StoreOptions};

mod crash;
mod filters;

pub(super) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

pub(super) async fn open(folder: &tempfile::TempDir) -> Arc<Store> {
    // A dropped store's tasks let go of it a moment later.
    for _ in 0..1_500 {
        match Store::open(StoreOptions::new(folder.path()), World::real()).await {
            Ok(store) => return store,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
    panic!("the store cannot be opened again")
}

pub(super) fn push(batch: &mut LogBatch, action: LogAction, id: Option<&str>, json: &str) {
    let index = batch.index("logs");
    let options = DocumentOptions { time_field: "@timestamp", now_ns: 1_000 };
    batch
        .push(action, index, id, |writer| pack_json_document(json, options, writer))
        .unwrap_or_else(|error| panic!("{json}: {error}"));
}

pub(super) async fn write(store: &Store, batch: LogBatch) -> Vec<LogOutcome> {
    store.append_logs(&tenant(), batch, Acknowledge::Durable).await.unwrap().outcomes
}

pub(super) fn sources(snapshot: &LogSnapshot, query: &LogQuery) -> Vec<String> {
    let hits = snapshot.hits(query, LogOrder::Oldest, usize::MAX, None).unwrap();
    hits.iter().map(|hit| source(snapshot, hit)).collect()
}

fn source(snapshot: &LogSnapshot, hit: &LogHit) -> String {
    let mut out = Vec::new();
    snapshot.source(hit, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn all() -> LogQuery {
    LogQuery::new(LogFilter::All)
}

/// Documents that are hard to give back.
pub(super) fn odd_documents() -> Vec<String> {
    let wide = (0..3_000).map(|at| format!("\"key{at}\":{at}")).collect::<Vec<_>>().join(",");
    let mut documents: Vec<String> = [
        r#"{}"#,
        r#"{"@timestamp":"2025-11-20T23:59:59.203Z","message":"plain"}"#,
        r#"{"@timestamp":"2025-11-20T23:59:59Z","message":"other form of time"}"#,
        r#"{"@timestamp":"no time","message":"text"}"#,
        r#"{"a":1,"b":1.50,"c":-0,"d":1e300,"e":123456789012345678901234567890}"#,
        r#"{"a":"1","b":true,"c":null,"d":[1,"x",null,true,2.50],"e":[]}"#,
        r#"{"o":{"p":{"q":1}},"o.p":{"r":2},"s":{}}"#,
        r#"{"o":{"p":1},"o.p":2,"twice":true,"twice":false}"#,
        r#"{"list":[{"a":1,"b":"x"},{"a":2},[3,[4]]],"k":1}"#,
        r#"{"message":"tabs\tand \"quotes\" and \\ and \u0000\u0011\u0012 and 😀"}"#,
        r#"{"":"an empty key","a.":1,".b":2}"#,
    ]
    .map(str::to_owned)
    .to_vec();
    documents.push(format!("{{{wide}}}"));
    documents.push(format!("{{\"long\":\"{}\"}}", "x".repeat(100_000)));
    documents
}

/// The same JSON values in the same order; numbers by their text.
pub(super) fn same(a: &str, b: &str) -> bool {
    let compact = |text: &str| {
        // Documents with a key twice are no value of serde's; there the text itself must agree.
        text.replace("\\u0000", "\0").replace("\\u0011", "\u{11}").replace("\\u0012", "\u{12}")
    };
    compact(a) == compact(b)
}

#[tokio::test]
async fn documents_come_back_as_they_were_written_also_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut written = Vec::new();
    for round in 0..3 {
        let mut batch = LogBatch::new();
        for document in odd_documents() {
            push(&mut batch, LogAction::Index, None, &document);
            written.push(document);
        }
        assert!(write(&store, batch).await.iter().all(|o| matches!(o, LogOutcome::Created(_))));
        assert_eq!(
            store.log_snapshot(&tenant()).count(&all()).unwrap(),
            written.len() as u64,
            "{round}"
        );
    }
    written.sort();
    let mut held = Some(store);
    for reopened in [false, true] {
        let store = if reopened { open(&folder).await } else { held.take().unwrap() };
        let mut found = sources(&store.log_snapshot(&tenant()), &all());
        found.sort();
        assert_eq!(found.len(), written.len());
        for (found, written) in found.iter().zip(&written) {
            assert!(same(found, written), "{found}\n{written}");
        }
        if reopened {
            // And from parts as well as from the head.
            store.flush().await.unwrap();
            let mut sealed = sources(&store.log_snapshot(&tenant()), &all());
            sealed.sort();
            assert_eq!(sealed, found);
        } else {
            // As if the process had been killed: nothing is closed.
            drop(store);
        }
    }
}

#[tokio::test]
async fn ids_are_created_replaced_refused_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut batch = LogBatch::new();
    push(&mut batch, LogAction::Create, Some("a"), r#"{"n":1}"#);
    push(&mut batch, LogAction::Create, Some("a"), r#"{"n":2}"#);
    push(&mut batch, LogAction::Index, Some("a"), r#"{"n":3}"#);
    push(&mut batch, LogAction::Delete, Some("b"), "{}");
    push(&mut batch, LogAction::Replace, Some("b"), "{}");
    push(&mut batch, LogAction::Index, None, r#"{"n":4}"#);
    assert_eq!(
        write(&store, batch).await,
        [
            LogOutcome::Created(0),
            LogOutcome::Conflict(0),
            LogOutcome::Updated(1),
            LogOutcome::Missing,
            LogOutcome::Missing,
            LogOutcome::Created(2),
        ]
    );
    assert_eq!(sources(&store.log_snapshot(&tenant()), &all()), [r#"{"n":3}"#, r#"{"n":4}"#]);
    // The store's own ids are ids as well, and expected sequence numbers are compared.
    let mut batch = LogBatch::new();
    push(&mut batch, LogAction::Index, Some(&id_of_sequence(2)), r#"{"n":5}"#);
    push(&mut batch, LogAction::Index, Some("a"), r#"{"n":6}"#);
    batch.expect_sequence(Some(7));
    push(&mut batch, LogAction::Delete, Some("a"), "{}");
    batch.expect_sequence(Some(1));
    assert_eq!(
        write(&store, batch).await,
        [LogOutcome::Updated(3), LogOutcome::Conflict(1), LogOutcome::Deleted(4)]
    );
    let snapshot = store.log_snapshot(&tenant());
    assert_eq!(sources(&snapshot, &all()), [r#"{"n":5}"#]);
    let ids = LogQuery::new(LogFilter::Ids(vec![id_of_sequence(2), "a".to_owned()]));
    assert_eq!(sources(&snapshot, &ids), [r#"{"n":5}"#]);
    let hit = snapshot.hits(&all(), LogOrder::Newest, 1, None).unwrap()[0];
    assert_eq!(snapshot.id(&hit).unwrap(), id_of_sequence(2));
}

#[tokio::test]
async fn hits_come_in_order_and_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    // More than one piece of the head, out of order, with equal times.
    for start in 0..5 {
        let mut batch = LogBatch::new();
        for at in 0..3_000_i64 {
            let ms = (at * 7919 + start) % 10_000;
            push(&mut batch, LogAction::Index, None, &format!(r#"{{"@timestamp":{ms},"n":{at}}}"#));
        }
        write(&store, batch).await;
    }
    let snapshot = store.log_snapshot(&tenant());
    assert!(snapshot.parts().len() > 1);
    assert_eq!(snapshot.indexes().unwrap()[0].documents, 15_000);
    for order in [LogOrder::Newest, LogOrder::Oldest] {
        let whole = snapshot.hits(&all(), order, 15_000, None).unwrap();
        let keys: Vec<_> = whole.iter().map(|hit| (hit.time_ns, hit.sequence)).collect();
        assert!(match order {
            LogOrder::Newest => keys.is_sorted_by(|a, b| a > b),
            LogOrder::Oldest => keys.is_sorted_by(|a, b| a < b),
        });
        let mut paged = Vec::new();
        loop {
            let after = paged.last().map(|hit: &LogHit| (hit.time_ns, hit.sequence));
            let page = snapshot.hits(&all(), order, 997, after).unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole);
    }
}

#[tokio::test]
async fn documents_in_parts_are_replaced_and_deleted_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut batch = LogBatch::new();
    for at in 0..2_000 {
        let id = (at % 2 == 0).then(|| format!("id{at}"));
        push(&mut batch, LogAction::Index, id.as_deref(), &format!(r#"{{"n":{at},"v":1}}"#));
    }
    write(&store, batch).await;
    store.flush().await.unwrap();
    let mut batch = LogBatch::new();
    push(&mut batch, LogAction::Create, Some("id4"), r#"{"n":4,"v":2}"#);
    push(&mut batch, LogAction::Index, Some("id6"), r#"{"n":6,"v":2}"#);
    push(&mut batch, LogAction::Delete, Some("id8"), "{}");
    push(&mut batch, LogAction::Delete, Some(&id_of_sequence(9)), "{}");
    push(&mut batch, LogAction::Delete, Some(&id_of_sequence(8)), "{}");
    assert_eq!(
        write(&store, batch).await,
        [
            LogOutcome::Conflict(4),
            LogOutcome::Updated(2000),
            LogOutcome::Deleted(2001),
            LogOutcome::Deleted(2002),
            LogOutcome::Missing,
        ]
    );
    let check = |store: &Store| {
        let snapshot = store.log_snapshot(&tenant());
        assert_eq!(snapshot.count(&all()).unwrap(), 1998);
        let v2 = LogQuery::new(LogFilter::field("v", LogTest::Equals(vec!["2".into()])));
        assert_eq!(sources(&snapshot, &v2), [r#"{"n":6,"v":2}"#]);
        let gone =
            LogQuery::new(LogFilter::field("n", LogTest::Equals(vec!["8".into(), "9".into()])));
        assert_eq!(snapshot.count(&gone).unwrap(), 0);
        assert_eq!(snapshot.indexes().unwrap()[0].documents, 1998);
    };
    check(&store);
    drop(store);
    // From the log.
    let store = open(&folder).await;
    check(&store);
    store.flush().await.unwrap();
    check(&store);
    store.close().await.unwrap();
    drop(store);
    // From the catalog.
    let store = open(&folder).await;
    check(&store);
    assert_eq!(store.log_snapshot(&tenant()).parts().len(), 2);
    let mut batch = LogBatch::new();
    push(&mut batch, LogAction::Index, None, "{}");
    // No document has had this number before.
    assert!(matches!(write(&store, batch).await[..], [LogOutcome::Created(2_001..)]));
}

#[tokio::test]
async fn small_parts_become_one_and_old_documents_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::new(folder.path());
    options.log_rules = vec![crate::LogRule {
        tenant: None,
        index: "old-*".into(),
        keep: std::time::Duration::ZERO,
    }];
    let store = Store::open(options, World::real()).await.unwrap();
    let mut documents = Vec::new();
    for round in 0..9 {
        let mut batch = LogBatch::new();
        for (at, document) in odd_documents().iter().enumerate() {
            let id = (at % 2 == 0).then(|| format!("{round}-{at}"));
            push(&mut batch, LogAction::Index, id.as_deref(), document);
            documents.push(document.clone());
        }
        let old = batch.index("old-1");
        let options = DocumentOptions { time_field: "@timestamp", now_ns: 1 };
        let pack = |w: &mut vigie_model::DocumentWriter<'_>| pack_json_document("{}", options, w);
        batch.push(LogAction::Index, old, None, pack).unwrap();
        write(&store, batch).await;
        store.flush().await.unwrap();
    }
    let query = LogQuery::new(LogFilter::field("k", LogTest::Exists));
    assert_eq!(store.delete_logs(&tenant(), &query).await.unwrap(), 9);
    documents.retain(|document| !document.contains(r#""k":1"#));
    store.tidy_documents().await.unwrap();
    store.flush().await.unwrap();
    store.tidy_documents().await.unwrap();
    let check = |store: &Store| {
        let snapshot = store.log_snapshot(&tenant());
        assert!(snapshot.parts().len() <= 2, "{}", snapshot.parts().len());
        assert_eq!(snapshot.indexes().unwrap().len(), 1);
        let (mut found, mut written) = (sources(&snapshot, &all()), documents.clone());
        found.sort();
        written.sort();
        assert_eq!(found.len(), written.len());
        assert!(found.iter().zip(&written).all(|(found, written)| same(found, written)));
        let ids = LogQuery::new(LogFilter::Ids(vec!["7-2".into()]));
        assert_eq!(snapshot.count(&ids).unwrap(), 1);
    };
    check(&store);
    store.close().await.unwrap();
    drop(store);
    check(&*open(&folder).await);
}
