//! Logs, traces and metrics lead to each other, with no configuration.

use std::time::Duration;

use serde_json::{Value, json};
use vigie_testkit::Server;

use crate::vigie;

const PATIENCE: Duration = Duration::from_secs(30);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const OTHER: &str = "1af7651916cd43dd8448eb211c80319d";
const SHORT: &str = "463ac35c9f6413ad";

fn now_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_nanos() as u64
}

/// A span of `shop`, `offset` milliseconds after `start_ns`.
fn span(
    (trace, id, parent): (&str, &str, &str),
    name: &str,
    (start_ns, offset, duration): (u64, u64, u64),
) -> Value {
    let start = start_ns + offset * 1_000_000;
    json!({
        "traceId": trace, "spanId": id, "parentSpanId": parent, "name": name, "kind": 2,
        "startTimeUnixNano": start.to_string(),
        "endTimeUnixNano": (start + duration * 1_000_000).to_string(),
        "attributes": [{"key": "guid:x-request-id", "value": {"stringValue": format!("req-{name}")}}],
    })
}

async fn post(server: &Server, url: String, body: &Value) {
    let answer = server.client.post(url).json(body).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let answer = server.client.get(format!("{}{path}", server.api)).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap())
}

async fn send_all(server: &Server, start_ns: u64) {
    let otlp = format!("http://127.0.0.1:{}", server.door("otlp_http_port"));
    let resource =
        json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let root = "b7ad6b7169203331";
    let padded = format!("{SHORT:0>32}");
    let spans = json!([
        span((TRACE, root, ""), "buy", (start_ns, 0, 100)),
        span((TRACE, "b7ad6b7169203332", root), "stock", (start_ns, 10, 20)),
        span((TRACE, "b7ad6b7169203333", root), "pay", (start_ns, 30, 60)),
        span((OTHER, root, ""), "buy", (start_ns, 0, 50)),
        span((OTHER, "b7ad6b7169203333", root), "pay", (start_ns, 30, 10)),
        span((&padded, root, ""), "old", (start_ns, 0, 5)),
    ]);
    let traces =
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]});
    post(server, format!("{otlp}/v1/traces"), &traces).await;

    // By OTLP, by Elasticsearch's bulk API under another name, by Loki in the words of the line, and
    // an access log of a proxy that knows the request only.
    let record = json!({"timeUnixNano": start_ns.to_string(), "body": {"stringValue": "by otlp"},
        "traceId": TRACE, "spanId": "b7ad6b7169203333"});
    let logs =
        json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]});
    post(server, format!("{otlp}/v1/logs"), &logs).await;
    for document in [
        json!({"message": "by bulk", "trace": {"id": TRACE.to_uppercase()}, "@timestamp": start_ns / 1_000_000}),
        json!({"message": "by uuid", "headers": {"traceparent": format!("00-{TRACE}-b7ad6b7169203332-01")},
            "@timestamp": start_ns / 1_000_000}),
        json!({"message": "GET /buy", "x_request_id": "req-buy", "@timestamp": start_ns / 1_000_000}),
        json!({"message": "short", "X-B3-TraceId": SHORT, "@timestamp": start_ns / 1_000_000}),
        json!({"message": "not of it", "trace": {"id": "2af7651916cd43dd8448eb211c80319d"},
            "@timestamp": start_ns / 1_000_000}),
    ] {
        post(server, format!("{}/app/_doc", server.elasticsearch), &document).await;
    }
    let line = format!("paid trace_id={TRACE} in 60 ms");
    let push =
        json!({"streams": [{"stream": {"app": "pay"}, "values": [[start_ns.to_string(), line]]}]});
    post(server, format!("{}/loki/api/v1/push", server.loki), &push).await;
}

fn messages(found: &Value) -> Vec<String> {
    let logs = found["data"]["logs"].as_array().unwrap();
    let text = |line: &Value| {
        let source = &line["source"];
        source["message"].as_str().or(source["body"].as_str()).unwrap_or_default().to_owned()
    };
    let mut found: Vec<String> = logs.iter().map(text).collect();
    found.sort();
    found
}

#[tokio::test]
async fn logs_traces_and_metrics_lead_to_each_other() {
    let builder = vigie().door("otlp_http_port").unwrap();
    let builder = builder.settings("[process.span_metrics]\ninterval = \"1s\"\n");
    let server = builder.start().await.unwrap();
    let start_ns = now_ns() - 1_000_000_000;
    send_all(&server, start_ns).await;

    // From whatever a line has to the trace, and from the trace to all lines.
    let line = format!("paid trace_id={TRACE} in 60 ms");
    for id in [TRACE, "0af76519-16cd-43dd-8448-eb211c80319c", &TRACE.to_uppercase()] {
        let (status, found) = get(&server, &format!("/api/v1/traces/related?id={id}")).await;
        assert_eq!(status, 200, "{found}");
        assert_eq!(found["data"]["trace"]["spans"], 3, "{found}");
        assert_eq!(found["data"]["trace"]["root"]["operation"], "buy");
        assert_eq!(messages(&found), ["GET /buy", "by bulk", "by otlp", "by uuid", &line]);
    }
    let (_, found) = get(&server, &format!("/api/v1/traces/related?id={SHORT}")).await;
    assert_eq!(messages(&found), ["short"]);
    assert_eq!(found["data"]["trace"]["root"]["operation"], "old");

    // From a span to its own lines.
    let (_, found) =
        get(&server, &format!("/api/v1/traces/related?id={TRACE}&span=b7ad6b7169203333")).await;
    assert_eq!(messages(&found), ["by otlp"]);
    let header = format!("00-{TRACE}-b7ad6b7169203332-01");
    let (_, found) = get(&server, &format!("/api/v1/traces/related?id={header}")).await;
    assert_eq!(messages(&found), ["by uuid"]);

    // From an exemplar to the trace, and back.
    let query =
        "/api/v1/query_exemplars?query=traces_spanmetrics_latency_bucket&start=0&end=99999999999";
    let exemplar = tokio::time::timeout(PATIENCE, async {
        loop {
            let (_, found) = get(&server, query).await;
            let all = found["data"].as_array().cloned().unwrap_or_default();
            let labels = all.iter().flat_map(|one| one["exemplars"].as_array().unwrap());
            let of_trace = |one: &&Value| one["labels"]["trace_id"] == TRACE;
            if let Some(one) = labels.clone().find(of_trace) {
                return one.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let exemplar = exemplar.await.unwrap();
    let id = exemplar["labels"]["trace_id"].as_str().unwrap();
    let (_, found) = get(&server, &format!("/api/v1/traces/related?id={id}")).await;
    let series = found["data"]["exemplars"].as_array().unwrap();
    assert!(series.iter().any(|one| one["series"]["span_name"] == "pay"), "{found}");

    let (status, found) = get(&server, "/api/v1/traces/related?id=nothing").await;
    assert_eq!((status, &found["errorType"]), (400, &json!("bad_data")));

    // The same by SQL.
    let statement = "SELECT logs.message, spans.name FROM logs JOIN spans \
        ON logs.trace_id = spans.trace_id AND logs.span_id = spans.span_id";
    let url = format!("{}/api/v1/sql", server.api);
    let answer = server.client.post(url).body(statement).send().await.unwrap();
    let found: Value = answer.json().await.unwrap();
    assert_eq!(found["data"]["rows"], json!([["by otlp", "pay"]]), "{found}");
}

#[tokio::test]
async fn the_time_of_traces_is_accounted_for() {
    let server = vigie().door("otlp_http_port").unwrap().start().await.unwrap();
    send_all(&server, now_ns() - 1_000_000_000).await;
    let (_, found) = get(&server, &format!("/api/v1/traces/{TRACE}/critical_path")).await;
    let path: Vec<String> = found["data"]["path"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| {
            let ms = |key: &str| piece[key].as_i64().unwrap() / 1_000_000;
            let operation = piece["operation"].as_str().unwrap();
            format!("{operation} {}+{}", ms("offset_ns"), ms("duration_ns"))
        })
        .collect();
    assert_eq!(path, ["buy 0+10", "stock 10+20", "pay 30+60", "buy 90+10"]);
    let (status, _) = get(&server, "/api/v1/traces/abcd/critical_path").await;
    assert_eq!(status, 404);

    let (_, found) = get(&server, "/api/v1/traces/latency?service=shop&operation=buy").await;
    assert_eq!(found["data"]["traces"], 2, "{found}");
    let first = &found["data"]["operations"][0];
    assert_eq!(first["operation"], "pay", "{found}");
    assert_eq!(first["share"]["critical_ns"], 70_000_000);
    assert_eq!(first["share"]["self_ns"], 70_000_000);

    let (_, found) =
        get(&server, &format!("/api/v1/traces/compare?left={OTHER}&right={TRACE}")).await;
    let rows = found["data"]["operations"].as_array().unwrap();
    let shown: Vec<(&str, f64)> = rows
        .iter()
        .map(|row| {
            let difference = row["critical_difference_ns"].as_f64().unwrap();
            (row["operation"].as_str().unwrap(), difference / 1e6)
        })
        .collect();
    assert_eq!(shown, [("pay", 50.0), ("buy", -20.0), ("stock", 20.0)], "{found}");
    assert_eq!(rows[2]["left"], Value::Null);
    let (status, _) = get(&server, "/api/v1/traces/compare?right=1").await;
    assert_eq!(status, 400);
}
