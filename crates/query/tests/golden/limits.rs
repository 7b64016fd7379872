//! What a query may take, and how it ends when it takes more.

use std::time::Duration;

use vigie_language::promql;
use vigie_model::{Acknowledge, Labels, MetricBatch, MetricSink, TenantId};
use vigie_query::{
    Engine, EngineOptions, QueryError, QueryErrorKind, QueryKind, QueryLimits, QueryOutput,
    QueryRequest,
};
use vigie_store::{Snapshot, Store, StoreOptions};
use vigie_world::World;

const RANGE: QueryKind = QueryKind::Range { start_ms: 0, end_ms: 600_000, step_ms: 1000 };

async fn snapshot() -> (tempfile::TempDir, Snapshot) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut options = StoreOptions::new(folder.path());
    options.retention = None;
    let store = Store::open(options, World::real()).await.expect("a store");
    let mut batch = MetricBatch::new();
    for number in 0..100 {
        let number = number.to_string();
        let labels = Labels::from_pairs([("__name__", "x_total"), ("n", number.as_str())]);
        let mut series = batch.push_series(&labels);
        for at in 0..40_i64 {
            series.sample(at * 15_000, at as f64);
        }
    }
    let tenant = TenantId::default_tenant();
    store.write(&tenant, batch, Acknowledge::Logged).await.expect("a write");
    let snapshot = store.snapshot(&tenant);
    (folder, snapshot)
}

async fn ask(text: &str, limits: QueryLimits) -> Result<QueryOutput, QueryError> {
    let (_folder, snapshot) = snapshot().await;
    let engine = Engine::new(EngineOptions::default());
    let expr = promql::parse(text).expect("a query");
    let request = QueryRequest { text, expr: &expr, kind: RANGE, limits };
    let answer = engine.evaluate(&snapshot, request).await;
    assert!(engine.active().list().is_empty(), "the query is still listed");
    answer
}

#[tokio::test]
async fn what_is_kept_counts_not_what_is_read() {
    let limits = QueryLimits { samples_max: Some(10_000), ..QueryLimits::default() };
    let error = ask("x_total", limits).await.expect_err("601 values of 100 series");
    assert_eq!(error.kind(), QueryErrorKind::TooManySamples);
    let output = ask("sum(rate(x_total[5m]))", limits).await.expect("one row is kept at a time");
    assert!(output.stats.samples > 10_000);
    assert!(output.stats.samples_peak <= 10_000);
}

#[tokio::test]
async fn time_is_limited() {
    let limits = QueryLimits { timeout: Some(Duration::ZERO), ..QueryLimits::default() };
    let error = ask("sum(x_total)", limits).await.expect_err("no time");
    assert_eq!(error.to_string(), "query timed out in query execution");
}
