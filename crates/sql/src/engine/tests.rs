//! Statements over a real store give what was written.

use std::convert::Infallible;

use serde_json::{Value, json};
use vigie_model::span::{
    Resource, Scope, Span, SpanBatch, SpanId, SpanSink as _, StatusCode, TraceId,
};
use vigie_model::{Acknowledge, Labels, LogAction, LogBatch, MetricBatch, TenantId, stale_nan};
use vigie_query::{Engine, EngineOptions};
use vigie_store::{Store, StoreOptions};
use vigie_world::World;

use super::*;
use crate::SqlErrorKind;

const NOW_MS: i64 = 100_000;

/// Logs: seconds, service, level, message, status, trace.
type Short = (i64, &'static str, &'static str, &'static str, Option<u32>, Option<u8>);

const LOGS: [Short; 8] = [
    (1, "web-api", "info", "started", None, None),
    (2, "web-api", "error", "connection pool exhausted", Some(503), Some(1)),
    (3, "billing", "error", "connection pool exhausted", Some(500), Some(2)),
    (4, "web-api", "warn", "the connection pool is nearly full", Some(200), None),
    (5, "web-api", "info", "Connection Pool grew", Some(200), None),
    (6, "web-api", "info", "connection, then pool", Some(200), Some(1)),
    (7, "web-api", "error", "no more in the connection pool", Some(503), Some(2)),
    (8, "billing", "info", "done", Some(200), None),
];

async fn fill() -> (Arc<Store>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions::new(folder.path()), World::real()).await.unwrap();
    let tenant = TenantId::default_tenant();
    let mut batch = LogBatch::new();
    for (seconds, service, level, message, status, trace) in LOGS {
        let index = batch.index("logs-app");
        let pushed: Result<(), Infallible> = batch.push(LogAction::Create, index, None, |writer| {
            writer.string("service", service);
            writer.string("level", level);
            writer.string("message", message);
            if let Some(status) = status {
                writer.begin_object("http");
                writer.number("status", &status.to_string());
                writer.end_object();
            }
            if let Some(trace) = trace {
                writer.string("trace_id", &format!("{trace:02x}").repeat(16));
            }
            Ok(seconds * 1_000_000_000)
        });
        pushed.unwrap();
    }
    store.append_logs(&tenant, batch, Acknowledge::Durable).await.unwrap();
    let mut batch = SpanBatch::new();
    batch.scopes.push(Scope::default());
    for (at, (trace, service, name, duration_ns)) in
        [(1, "web-api", "GET /", 90), (1, "db", "SELECT", 40), (3, "web-api", "GET /", 10)]
            .into_iter()
            .enumerate()
    {
        let service = batch.keep(service);
        batch.resources.push(Resource { attributes: 0..0, service });
        let name = batch.keep(name);
        batch.spans.push(Span {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId([at as u8 + 1; 8]),
            name,
            start_ns: 1_000_000_000 + at as u64,
            duration_ns,
            status: if at == 0 { StatusCode::Error } else { StatusCode::Unset },
            resource: at as u32,
            ..Span::default()
        });
    }
    store.write_spans(&tenant, batch, Acknowledge::Durable).await.unwrap();
    (store, folder)
}

async fn ask(store: &Store, limits: SqlLimits, text: &str) -> Result<SqlAnswer, SqlError> {
    let tenant = TenantId::default_tenant();
    let engine = SqlEngine::new(limits).unwrap();
    let promql = Arc::new(Engine::new(EngineOptions::default()));
    engine.query(text, SqlTables::of(store, &tenant, &promql, NOW_MS)).await
}

#[tokio::test]
async fn the_latest_lines_of_a_service_about_its_pool() {
    let (store, _folder) = fill().await;
    let text = "SELECT * FROM logs WHERE service='web-api' AND message LIKE '%connection pool%' \
                ORDER BY timestamp DESC LIMIT 10";
    let answer = ask(&store, SqlLimits::default(), text).await.unwrap();
    let names: Vec<&str> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "timestamp",
            "level",
            "service",
            "message",
            "host",
            "trace_id",
            "span_id",
            "http.status",
            "_index",
            "_id",
            "_source"
        ]
    );
    let messages: Vec<&str> = answer.rows.iter().map(|row| row[3].as_str().unwrap()).collect();
    assert_eq!(
        messages,
        [
            "no more in the connection pool",
            "the connection pool is nearly full",
            "connection pool exhausted"
        ]
    );
    assert_eq!(answer.rows[0][0], json!("1970-01-01T00:00:07Z"));
    assert_eq!(answer.rows[0][4], Value::Null);
    assert_eq!(answer.rows[0][7], json!(503));
    let source: Value = serde_json::from_str(answer.rows[0][10].as_str().unwrap()).unwrap();
    assert_eq!(source["http"]["status"], json!(503));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of cases")]
async fn statements_and_their_rows() {
    let (store, _folder) = fill().await;
    let cases = [
        ("SELECT count(*) FROM logs", json!([[8]])),
        ("SELECT count(*) FROM spans", json!([[3]])),
        (
            "SELECT count(*), min(timestamp) FROM logs WHERE level = 'error'",
            json!([[3, "1970-01-01T00:00:02Z"]]),
        ),
        (
            "SELECT service, count(*) AS n FROM logs GROUP BY service ORDER BY n DESC",
            json!([["web-api", 6], ["billing", 2]]),
        ),
        (
            "SELECT \"http.status\", count(*) FROM logs GROUP BY 1 ORDER BY 1 NULLS LAST",
            json!([[200, 4], [500, 1], [503, 2], [null, 1]]),
        ),
        (
            "SELECT message FROM logs WHERE \"http.status\" > 500 ORDER BY timestamp LIMIT 1",
            json!([["connection pool exhausted"]]),
        ),
        ("SELECT count(*) FROM logs WHERE \"http.status\" <> 200", json!([[3]])),
        ("SELECT count(*) FROM logs WHERE \"http.status\" IS NULL", json!([[1]])),
        ("SELECT count(*) FROM logs WHERE trace_id IS NULL", json!([[4]])),
        ("SELECT count(*) FROM logs WHERE message ILIKE '%connection pool%'", json!([[5]])),
        ("SELECT count(*) FROM logs WHERE message NOT LIKE '%connection pool%'", json!([[4]])),
        ("SELECT count(*) FROM logs WHERE level IN ('warn', 'info')", json!([[5]])),
        ("SELECT count(*) FROM logs WHERE level = 'warn' OR service = 'billing'", json!([[3]])),
        (
            "SELECT count(*) FROM logs WHERE NOT (level = 'error' AND service = 'web-api')",
            json!([[6]]),
        ),
        ("SELECT count(*) FROM logs WHERE upper(level) = 'WARN'", json!([[1]])),
        (
            "SELECT message FROM logs WHERE timestamp >= '1970-01-01T00:00:04Z' AND \
             timestamp < '1970-01-01T00:00:06Z' ORDER BY timestamp",
            json!([["the connection pool is nearly full"], ["Connection Pool grew"]]),
        ),
        (
            "SELECT message FROM logs WHERE upper(level) = 'INFO' ORDER BY timestamp DESC LIMIT 2",
            json!([["done"], ["connection, then pool"]]),
        ),
        (
            "SELECT message FROM logs ORDER BY timestamp DESC LIMIT 2 OFFSET 1",
            json!([["no more in the connection pool"], ["connection, then pool"]]),
        ),
        (
            "SELECT l.message, s.service, s.duration_ns FROM logs l JOIN spans s \
             ON l.trace_id = s.trace_id WHERE s.name = 'SELECT' ORDER BY l.timestamp",
            json!([["connection pool exhausted", "db", 40], ["connection, then pool", "db", 40]]),
        ),
        (
            "WITH slow AS (SELECT trace_id FROM spans WHERE duration_ns > 50) \
             SELECT count(*) FROM logs WHERE trace_id IN (SELECT trace_id FROM slow)",
            json!([[2]]),
        ),
        (
            "SELECT name, sum(duration_ns) FROM spans WHERE service = 'web-api' GROUP BY name",
            json!([["GET /", 100]]),
        ),
        ("SELECT name FROM spans WHERE status = 'error'", json!([["GET /"]])),
        ("SELECT avg(duration_ns) FROM spans WHERE service LIKE 'web%'", json!([[50.0]])),
        ("SELECT count(*) FROM logs WHERE _index = 'other'", json!([[0]])),
        (
            "SELECT date_bin(INTERVAL '4 seconds', timestamp) AS t, count(*) FROM logs GROUP BY t \
          ORDER BY t",
            json!([
                ["1970-01-01T00:00:00Z", 3],
                ["1970-01-01T00:00:04Z", 4],
                ["1970-01-01T00:00:08Z", 1]
            ]),
        ),
    ];
    let mut wrong = Vec::new();
    for (text, rows) in cases {
        match ask(&store, SqlLimits::default(), text).await {
            Ok(answer) if json!(answer.rows) == rows => {}
            Ok(answer) => wrong.push(format!("{text}\n  {}\n  wanted {rows}", json!(answer.rows))),
            Err(error) => wrong.push(format!("{text}\n  {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn tables_are_shown_and_plans_explained() {
    let (store, _folder) = fill().await;
    for (text, part) in [
        ("SHOW TABLES", "spans"),
        ("DESCRIBE logs", "http.status"),
        ("EXPLAIN SELECT * FROM logs WHERE level = 'error'", "DocumentScan"),
        ("EXPLAIN SELECT * FROM logs ORDER BY timestamp DESC LIMIT 3", "order=Newest"),
    ] {
        let answer = ask(&store, SqlLimits::default(), text).await.unwrap();
        let shown = json!(answer.rows).to_string();
        assert!(shown.contains(part), "{text}: {shown}");
    }
}

#[tokio::test]
async fn what_is_not_carried_out() {
    let (store, folder) = fill().await;
    let copy = format!("COPY logs TO '{}'", folder.path().join("out.csv").display());
    for (text, kind) in [
        ("INSERT INTO logs VALUES (1)", SqlErrorKind::ReadOnly),
        ("DELETE FROM logs", SqlErrorKind::ReadOnly),
        ("UPDATE logs SET level = 'x'", SqlErrorKind::ReadOnly),
        ("DROP TABLE logs", SqlErrorKind::ReadOnly),
        ("CREATE TABLE x AS SELECT 1", SqlErrorKind::ReadOnly),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc'", SqlErrorKind::ReadOnly),
        ("SET datafusion.execution.batch_size = 1", SqlErrorKind::ReadOnly),
        (copy.as_str(), SqlErrorKind::ReadOnly),
        ("EXPLAIN ANALYZE INSERT INTO logs SELECT * FROM logs", SqlErrorKind::ReadOnly),
        ("SELECT 1; SELECT 2", SqlErrorKind::Invalid),
        ("SELECT FROM WHERE", SqlErrorKind::Invalid),
        ("SELECT * FROM '/etc/passwd'", SqlErrorKind::Invalid),
        ("SELECT missing FROM logs", SqlErrorKind::Invalid),
        ("SELECT repeat('x', 1000000000)", SqlErrorKind::Invalid),
        ("SELECT * FROM generate_series(1, 10)", SqlErrorKind::Invalid),
        ("", SqlErrorKind::Invalid),
    ] {
        let error = ask(&store, SqlLimits::default(), text).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{text}: {error}");
    }
    assert!(!folder.path().join("out.csv").exists());
}

#[tokio::test]
async fn limits_hold() {
    let (store, _folder) = fill().await;
    let few = SqlLimits { rows: 7, ..SqlLimits::default() };
    let error = ask(&store, few, "SELECT * FROM logs").await.unwrap_err();
    assert!(matches!(error, SqlError::TooManyRows(7)), "{error}");
    assert_eq!(ask(&store, few, "SELECT * FROM logs LIMIT 7").await.unwrap().rows.len(), 7);
    let little = SqlLimits { memory_bytes: 100, ..SqlLimits::default() };
    let text = "SELECT message, count(*) FROM logs GROUP BY message";
    let error = ask(&store, little, text).await.unwrap_err();
    assert_eq!(error.kind(), SqlErrorKind::TooLarge, "{error}");
    let soon = SqlLimits { timeout: Duration::from_millis(50), ..SqlLimits::default() };
    let text = "SELECT count(*) FROM logs a, logs b, logs c, logs d, logs e, logs f, logs g, \
                logs h, logs i WHERE a.timestamp <> i.timestamp OR b.message < c.message";
    let error = ask(&store, soon, text).await.unwrap_err();
    assert_eq!(error.kind(), SqlErrorKind::Timeout, "{error}");
}

async fn fill_metrics() -> (Arc<Store>, tempfile::TempDir) {
    let (store, folder) = fill().await;
    let mut batch = MetricBatch::new();
    for (instance, by) in [("a", 1.0), ("b", 2.0)] {
        let pairs = [("__name__", "requests_total"), ("instance", instance), ("value", "odd")];
        let labels = Labels::from_pairs(pairs);
        let mut series = batch.push_series(&labels);
        for at in 0..10 {
            series.sample(at * 10_000, by * at as f64);
        }
        series.sample(100_000, stale_nan());
    }
    let up = Labels::from_pairs([("__name__", "up"), ("job", "x")]);
    batch.push_series(&up).sample(90_000, 1.0).sample(95_000, f64::INFINITY);
    let sink = store.sink();
    sink.write(&TenantId::default_tenant(), batch, Acknowledge::Durable).await.unwrap();
    (store, folder)
}

#[tokio::test]
async fn samples_are_rows() {
    let (store, _folder) = fill_metrics().await;
    for (text, expected) in [
        ("SELECT count(*) FROM metrics", json!([[22]])),
        (
            "SELECT name, instance, count(*), max(value) FROM metrics \
             WHERE name = 'requests_total' GROUP BY name, instance ORDER BY instance",
            json!([["requests_total", "a", 10, 9.0], ["requests_total", "b", 10, 18.0]]),
        ),
        // A label that is called as a column is.
        ("SELECT DISTINCT label_value FROM metrics WHERE instance IN ('a', 'z')", json!([["odd"]])),
        (
            "SELECT timestamp, value, labels FROM metrics WHERE 'up' = name \
             AND timestamp < '1970-01-01T00:01:35Z'",
            json!([["1970-01-01T00:01:30Z", 1.0, "{\"job\":\"x\"}"]]),
        ),
        (
            "SELECT value FROM metrics WHERE instance = 'b' \
             AND timestamp BETWEEN '1970-01-01T00:00:10Z' AND '1970-01-01T00:00:20Z' ORDER BY 1",
            json!([[2.0], [4.0]]),
        ),
        ("SELECT count(*) FROM metrics WHERE instance <> 'a'", json!([[10]])),
        ("SELECT count(*) FROM metrics WHERE instance IS NULL", json!([[2]])),
        ("SELECT count(*) FROM metrics WHERE name = 'up' LIMIT 1", json!([[2]])),
        ("SELECT value FROM metrics WHERE name = 'nothing'", json!([])),
        // Beside logs.
        (
            "SELECT l.service, m.value FROM logs l JOIN metrics m ON m.instance = 'a' \
             AND m.timestamp = date_trunc('minute', l.timestamp) WHERE l.service = 'billing' LIMIT 1",
            json!([["billing", 0.0]]),
        ),
    ] {
        let answer = ask(&store, SqlLimits::default(), text).await;
        let answer = answer.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(json!(answer.rows), expected, "{text}");
    }
}

#[tokio::test]
async fn promql_gives_rows() {
    let (store, _folder) = fill_metrics().await;
    let text = "SELECT instance, value, name FROM promql('requests_total * 2', \
                '1970-01-01T00:00:30Z', '1970-01-01T00:00:40Z', 10) ORDER BY instance, timestamp";
    let answer = ask(&store, SqlLimits::default(), text).await.unwrap();
    let expected =
        json!([["a", 6.0, null], ["a", 8.0, null], ["b", 12.0, null], ["b", 16.0, null]]);
    assert_eq!(json!(answer.rows), expected);
    let text = "SELECT * FROM promql('max(up) + 1') WHERE timestamp > '1970-01-01T00:00:00Z'";
    let answer = ask(&store, SqlLimits::default(), text).await.unwrap();
    assert_eq!(answer.rows[0][0], json!("1970-01-01T00:01:40Z"));
    for text in [
        "SELECT * FROM promql('sum(')",
        "SELECT * FROM promql()",
        "SELECT * FROM promql('up', 1, 2, 0)",
        "SELECT * FROM promql('\"text\"')",
    ] {
        let error = ask(&store, SqlLimits::default(), text).await.unwrap_err();
        assert_eq!(error.kind(), SqlErrorKind::Invalid, "{text}: {error}");
    }
}

#[tokio::test]
async fn parameters_are_described_and_bound() {
    let (store, _folder) = fill_metrics().await;
    let engine = SqlEngine::new(SqlLimits::default()).unwrap();
    let promql = Arc::new(Engine::new(EngineOptions::default()));
    let tables = || SqlTables::of(&store, &TenantId::default_tenant(), &promql, NOW_MS);
    let text = "SELECT value FROM metrics WHERE instance = $2 AND value > $1";
    let description = engine.describe(text, tables()).await.unwrap();
    assert_eq!(
        description.parameters,
        [Some(DataType::Float64), Some(DataType::Utf8View)],
        "{description:?}"
    );
    assert_eq!(description.schema.field(0).name(), "value");
    let values = vec![ScalarValue::from(7.0), ScalarValue::from("a")];
    let found = engine.batches(text, values, tables()).await.unwrap();
    assert_eq!(found.batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let error = engine.batches(text, Vec::new(), tables()).await.unwrap_err();
    assert_eq!(error.kind(), SqlErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn clients_of_postgres_ask_about_the_server() {
    let (store, _folder) = fill().await;
    let text = "SELECT pg_catalog.version() LIKE 'PostgreSQL 16%', current_schema()";
    let answer = ask(&store, SqlLimits::default(), text).await.unwrap();
    assert_eq!(answer.rows, [[json!(true), json!("public")]]);
}
