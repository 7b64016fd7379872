//! The same tests for every database that can hold the catalog.
#![expect(clippy::unwrap_used, reason = "helpers of tests: what cannot go on has failed")]

use vigie_testkit::Postgres;

use super::sql::{PostgresCatalog, SqliteCatalog};
use super::*;
use crate::StoreErrorKind;

fn part(id: u64, tenant: &str) -> PartRow {
    let meta = PartMeta {
        start_ms: -1000,
        end_ms: i64::MAX,
        series: 3,
        samples: 1 << 40,
        exemplars: 0,
        bytes: 12_345,
    };
    let path = format!("{tenant}/{id}.part");
    let tenant = tenant.to_owned();
    PartRow {
        id,
        tenant,
        path,
        rank: 100 - id,
        level: 2,
        created_ms: 7,
        aged: id * 11 * (id % 2),
        meta,
    }
}

fn tombstone(id: u64) -> TombstoneRow {
    let matchers = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex]
        .map(|op| Matcher::new("l\u{e9}", op, "a'\"\\|b"))
        .to_vec();
    let range = TimeRange::new(i64::MIN, i64::MAX);
    TombstoneRow { id, tenant: "a".to_owned(), part_id_max: 2, range, matchers }
}

/// What every catalog must do. `again` opens the same one once more.
async fn check<C: Catalog>(catalog: C, again: impl AsyncFn() -> C) {
    let empty = catalog.load().await.unwrap();
    assert!(empty.parts.is_empty() && empty.tombstones.is_empty());
    assert_eq!(empty.sealed_generation, 0);
    let first = Change {
        add: vec![part(1, "a"), part(2, "a"), part(3, "b")],
        add_tombstones: vec![tombstone(4)],
        sealed_generation: Some(9),
        ..Change::default()
    };
    catalog.commit(&first).await.unwrap();
    // All or nothing: the number of an existing part fails the whole change.
    let clash = Change {
        add: vec![part(5, "a"), part(1, "a")],
        remove: vec![2],
        sealed_generation: Some(10),
        ..Change::default()
    };
    assert!(catalog.commit(&clash).await.is_err());
    let state = catalog.load().await.unwrap();
    assert_eq!(state.parts, [part(3, "b"), part(2, "a"), part(1, "a")], "in the order of rank");
    assert_eq!(state.tombstones, [tombstone(4)]);
    assert_eq!(state.sealed_generation, 9);
    let second = Change {
        add: vec![part(6, "a")],
        remove: vec![1, 2],
        remove_tombstones: vec![4],
        aged: vec![(3, 77)],
        ..Change::default()
    };
    catalog.commit(&second).await.unwrap();
    drop(catalog);
    let state = again().await.load().await.unwrap();
    let other = PartRow { aged: 77, ..part(3, "b") };
    assert_eq!(state.parts, [part(6, "a"), other]);
    assert!(state.tombstones.is_empty());
    assert_eq!((state.sealed_generation, state.identity), (9, empty.identity));

    let folder = tempfile::tempdir().unwrap();
    again().await.copy_to(folder.path(), &state).await.unwrap();
    let copy = SqliteCatalog::open(folder.path(), 0).await.unwrap().load().await.unwrap();
    assert_eq!(copy.parts, state.parts);
}

#[tokio::test]
async fn sqlite_keeps_the_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || SqliteCatalog::open(folder.path(), 6).await.unwrap();
    check(open().await, open).await;
}

#[tokio::test]
async fn postgresql_keeps_the_catalog() {
    let Some(server) = Postgres::start("postgresql_keeps_the_catalog").unwrap() else { return };
    let open = async || PostgresCatalog::open(&server.url(), 6, 1).await.unwrap();
    check(open().await, open).await;
}

#[tokio::test]
async fn one_process_at_a_time_owns_a_catalog_in_postgresql() {
    let test = "one_process_at_a_time_owns_a_catalog_in_postgresql";
    let Some(mut server) = Postgres::start(test).unwrap() else { return };
    let change = |id| Change { add: vec![part(id, "a")], ..Change::default() };
    let first = PostgresCatalog::open(&server.url(), 1, 1).await.unwrap();
    first.commit(&change(1)).await.unwrap();
    let second = PostgresCatalog::open(&server.url(), 2, 2).await.unwrap_err();
    assert_eq!(second.kind(), StoreErrorKind::Unavailable);
    assert!(second.to_string().contains("in use by another Vigie"), "{second}");

    // The server ends and comes back: the connection is made anew, and nobody else had it.
    server.kill();
    let error = first.commit(&change(2)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Failed, "{error}");
    let error = first.commit(&change(2)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    server.launch().unwrap();
    first.commit(&change(2)).await.unwrap();
    assert_eq!(first.load().await.unwrap().parts.len(), 2);

    // The connection breaks and another process is faster: the first must not write any more.
    server.kill();
    server.launch().unwrap();
    let second = PostgresCatalog::open(&server.url(), 2, 2).await.unwrap();
    drop(second);
    let error = first.commit(&change(3)).await.unwrap_err();
    assert!(error.to_string().contains("taken the catalog over"), "{error}");
    let third = PostgresCatalog::open(&server.url(), 3, 3).await;
    assert!(third.is_ok(), "whoever was refused does not hold the lock: {third:?}");
    assert_eq!(third.unwrap().load().await.unwrap().parts.len(), 2, "nothing of it is there");
}

#[tokio::test]
async fn each_data_folder_has_its_own_sealed_generation_in_postgresql() {
    let test = "each_data_folder_has_its_own_sealed_generation_in_postgresql";
    let Some(server) = Postgres::start(test).unwrap() else { return };
    for (instance, generation) in [(1, 40), (2, 3)] {
        let catalog = PostgresCatalog::open(&server.url(), 1, instance).await.unwrap();
        let change = Change { sealed_generation: Some(generation), ..Change::default() };
        catalog.commit(&change).await.unwrap();
    }
    for (instance, generation) in [(1, 40), (2, 3), (5, 0)] {
        let catalog = PostgresCatalog::open(&server.url(), 1, instance).await.unwrap();
        assert_eq!(catalog.load().await.unwrap().sealed_generation, generation);
    }
}

#[tokio::test]
async fn a_catalog_that_cannot_be_reached_is_named() {
    let port = vigie_testkit::free_port().unwrap();
    let url = format!("postgres://vigie:secret@127.0.0.1:{port}/postgres");
    let error = PostgresCatalog::open(&url, 1, 1).await.unwrap_err().to_string();
    assert!(error.contains(&format!("127.0.0.1:{port} cannot be reached")), "{error}");
    assert!(!error.contains("secret"), "{error}");
}
