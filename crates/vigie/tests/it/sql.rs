//! SQL over metrics, logs and spans, by the API and the command line.

use std::process::Command;

use serde_json::{Value, json};
use vigie_testkit::{Server, python};

use crate::vigie;

async fn ask(server: &Server, statement: &str, format: &str) -> (u16, String) {
    let url = format!("{}/api/v1/sql?format={format}", server.api);
    let answer = server.client.post(url).json(&json!({"query": statement})).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_asked_in_sql() {
    let server = vigie().start().await.unwrap();
    let mut bulk = String::new();
    for (service, status, message) in [
        ("web", 200, "fine"),
        ("web", 500, "it, \"failed\""),
        ("db", 500, "connection pool is empty"),
    ] {
        bulk.push_str("{\"create\":{\"_index\":\"logs-x\"}}\n");
        let time = jiff::Timestamp::now().to_string();
        let document =
            json!({"@timestamp": time, "service": service, "status": status, "message": message});
        bulk.push_str(&(document.to_string() + "\n"));
    }
    let url = format!("{}/_bulk", server.elasticsearch);
    let request = server.client.post(url).header("content-type", "application/x-ndjson");
    assert!(request.body(bulk).send().await.unwrap().status().is_success());

    let by_service = "SELECT service, count(*) AS n FROM logs WHERE status >= 500 GROUP BY service ORDER BY service";
    let (status, text) = ask(&server, by_service, "json").await;
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &found["data"]["rows"]), (200, &json!([["db", 1], ["web", 1]])), "{text}");
    assert_eq!(found["data"]["columns"][1], json!({"name": "n", "type": "bigint"}));
    // The statement of the seed's runbook, but for its name of the time.
    let seed =
        "SELECT message FROM logs WHERE service='db' AND message LIKE '%connection pool%' LIMIT 10";
    let (_, text) = ask(&server, seed, "ndjson").await;
    assert_eq!(text, "{\"message\":\"connection pool is empty\"}\n");
    let (_, text) =
        ask(&server, "SELECT message FROM logs WHERE status = 500 AND service = 'web'", "csv")
            .await;
    assert_eq!(text, "message\r\n\"it, \"\"failed\"\"\"\r\n");

    for (statement, expected, part) in [
        ("SELEC 1", 400, "error"),
        ("SELECT nothing FROM logs", 400, "nothing"),
        ("DROP TABLE logs", 403, "only read"),
        ("SELECT * FROM logs; DELETE FROM logs", 400, "error"),
    ] {
        let (status, text) = ask(&server, statement, "json").await;
        assert_eq!(status, expected, "{statement}: {text}");
        assert!(text.contains(part), "{statement}: {text}");
    }

    let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["query", "sql", "--server", &server.api, by_service])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text, "service  n\ndb       1\nweb      1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_asked_in_sql_beside_logs() {
    let server = vigie().start().await.unwrap();
    let now_ms = jiff::Timestamp::now().as_millisecond() / 1_000 * 1_000;
    let mut lines = String::new();
    for second in 0..10 {
        for (service, step) in [("web", 1), ("db", 5)] {
            let at = now_ms - (10 - second) * 1_000;
            lines.push_str(&format!(
                "orders_total{{service=\"{service}\"}} {} {at}\n",
                second * step
            ));
        }
    }
    let url = format!("{}/api/v1/import/prometheus", server.api);
    assert!(server.client.post(url).body(lines).send().await.unwrap().status().is_success());
    let time = jiff::Timestamp::now().to_string();
    let document = json!({"@timestamp": time, "service": "db", "message": "slow"}).to_string();
    let url = format!("{}/logs-x/_doc", server.elasticsearch);
    let request = server.client.post(url).header("content-type", "application/json");
    assert!(request.body(document).send().await.unwrap().status().is_success());

    let text = "SELECT service, count(*) AS n, max(value) AS most FROM metrics \
                WHERE name = 'orders_total' GROUP BY service ORDER BY service";
    let (_, answer) = ask(&server, text, "csv").await;
    assert_eq!(answer, "service,n,most\r\ndb,10,45.0\r\nweb,10,9.0\r\n");
    let text = "SELECT l.message, p.value FROM promql('max_over_time(orders_total[1m])') p \
                JOIN logs l ON l.service = p.service";
    let (_, answer) = ask(&server, text, "csv").await;
    assert_eq!(answer, "message,value\r\nslow,45.0\r\n");
    let (status, answer) = ask(&server, "SELECT * FROM promql('sum(')", "json").await;
    assert_eq!(status, 400, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn duckdb_reads_what_is_exported() {
    const NAME: &str = "duckdb_reads_what_is_exported";
    let Some(python) = python(NAME) else { return };
    let server = vigie().start().await.unwrap();
    // More than an answer as JSON may have.
    for _ in 0..3 {
        let mut bulk = String::new();
        for at in 0..5_000 {
            bulk.push_str("{\"create\":{\"_index\":\"logs-x\"}}\n");
            let document = json!({
                "@timestamp": "2026-02-03T04:05:06.789Z", "service": format!("s{}", at % 7),
                "http": {"status": 200 + at % 3}, "message": format!("line {at}"),
            });
            bulk.push_str(&(document.to_string() + "\n"));
        }
        let url = format!("{}/_bulk", server.elasticsearch);
        let request = server.client.post(url).header("content-type", "application/x-ndjson");
        assert!(request.body(bulk).send().await.unwrap().status().is_success());
    }
    let url = format!("{}/api/v1/import/prometheus", server.api);
    let lines = "orders_total{service=\"s1\"} 7 1770000000000\n";
    assert!(server.client.post(url).body(lines).send().await.unwrap().status().is_success());
    let export = |what: &str, file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
        command.args(["export", what, "--output", file, "--server", &server.api]);
        command.current_dir(server.folder()).output().unwrap()
    };
    let orders = "SELECT name, service, value, timestamp FROM metrics WHERE name = 'orders_total'";
    for (what, file) in [("logs", "logs.parquet"), (orders, "orders.parquet")] {
        let output = export(what, file);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}: {}", server.log());
    }
    let count = server.client.get(format!("{}/logs-x/_count?q=service:s1", server.elasticsearch));
    let count: Value = count.send().await.unwrap().json().await.unwrap();
    let script = r#"
import duckdb
duckdb.sql("SET TimeZone = 'UTC'")
logs, s1, statuses = duckdb.sql(
    "SELECT count(*), count(*) FILTER (service = 's1'), sum(\"http.status\") FROM 'logs.parquet'"
).fetchall()[0]
order = duckdb.sql("SELECT name, service, value, epoch(timestamp) FROM 'orders.parquet'").fetchall()[0]
print(logs, s1, int(statuses), *order)
"#;
    let mut duckdb = Command::new(python);
    let output = duckdb.args(["-c", script]).current_dir(server.folder()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let statuses: u64 = (0..5_000).map(|at| 3 * (200 + at % 3)).sum();
    assert_eq!(
        text,
        format!("15000 {} {statuses} orders_total s1 7.0 1770000000.0\n", count["count"]),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = export("SELECT nothing FROM logs", "nothing.parquet");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing"));
    let left = std::fs::read_dir(server.folder()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("nothing")), "{left:?}");
}
