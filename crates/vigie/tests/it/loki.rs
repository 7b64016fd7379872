//! Loki's API: lines go in by both forms of push and come back by LogQL.

use serde_json::{Value, json};
use vigie_formats::protobuf::Writer as _;
use vigie_testkit::Server;

use crate::vigie;

async fn ask(server: &Server, path: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let url = format!("{}{path}", server.loki);
    let answer = server.client.get(url).query(parameters).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn data(server: &Server, path: &str, parameters: &[(&str, &str)]) -> Value {
    let (status, text) = ask(server, path, parameters).await;
    assert_eq!(status, 200, "{path}: {text}");
    let body: Value = serde_json::from_str(&text).unwrap();
    body["data"].clone()
}

async fn push(server: &Server, body: &Value) -> u16 {
    let url = format!("{}/loki/api/v1/push", server.loki);
    server.client.post(url).json(body).send().await.unwrap().status().as_u16()
}

const TIMES: [(&str, &str); 2] = [("start", "1700000000"), ("end", "1700000100")];

async fn lines(server: &Server, query: &str, more: &[(&str, &str)]) -> Vec<String> {
    let parameters = [&[("query", query)], &TIMES[..], more].concat();
    let found = data(server, "/loki/api/v1/query_range", &parameters).await;
    let streams = found["result"].as_array().unwrap();
    let values = streams.iter().flat_map(|stream| stream["values"].as_array().unwrap());
    let mut all: Vec<(String, String)> = values
        .map(|value| (value[0].as_str().unwrap().to_owned(), value[1].as_str().unwrap().to_owned()))
        .collect();
    all.sort();
    all.into_iter().map(|(_, line)| line).collect()
}

fn sent() -> Value {
    json!({"streams": [
        {"stream": {"app": "web", "env": "prod"}, "values": [
            ["1700000001000000000", "level=info path=/a took=5ms"],
            ["1700000002000000000", "level=error path=/b took=900ms", {"trace_id": "abc"}],
        ]},
        {"stream": {"app": "db"}, "values": [["1700000003000000000", "{\"level\":\"warn\",\"rows\":12}"]]},
    ]})
}

#[tokio::test]
async fn lines_come_back_by_logql() {
    let mut server = vigie().start().await.unwrap();
    assert_eq!(push(&server, &sent()).await, 204);
    for (query, expected) in [
        (r#"{app="web"}"#, &["level=info path=/a took=5ms", "level=error path=/b took=900ms"][..]),
        (r#"{app=~"w.*", env!="dev"} |= "error""#, &["level=error path=/b took=900ms"]),
        (r#"{app="web"} != "error" !~ "x""#, &["level=info path=/a took=5ms"]),
        (
            r#"{app="web"} | logfmt | took > 100ms | line_format "{{.path}} {{.took}}""#,
            &["/b 900ms"],
        ),
        (r#"{app="web"} | trace_id="abc" | line_format "{{.detected_level}}""#, &["error"]),
        (r#"{service_name="db"} | json | rows >= 12 | line_format "{{.rows}}""#, &["12"]),
        (
            r#"{app="web"} | pattern "level=<l> path=<p> <_>" | l="info" | line_format "{{.p}}""#,
            &["/a"],
        ),
        (r#"{app="none"}"#, &[]),
    ] {
        assert_eq!(lines(&server, query, &[]).await, expected, "{query}");
    }
    let newest = lines(&server, r#"{app="web"}"#, &[("limit", "1")]).await;
    assert_eq!(newest, ["level=error path=/b took=900ms"]);
    let oldest = [("limit", "1"), ("direction", "forward")];
    let oldest = lines(&server, r#"{app="web"}"#, &oldest).await;
    assert_eq!(oldest, ["level=info path=/a took=5ms"]);
    // What was acknowledged is there after kill -9.
    server.kill().unwrap();
    server.launch().await.unwrap();
    assert_eq!(lines(&server, r#"{app="db"}"#, &[]).await.len(), 1);
}

#[tokio::test]
async fn labels_streams_and_health_are_told() {
    let server = vigie().start().await.unwrap();
    assert_eq!(push(&server, &sent()).await, 204);
    let names = data(&server, "/loki/api/v1/labels", &TIMES).await;
    assert_eq!(names, json!(["app", "env", "service_name"]));
    let values = data(&server, "/loki/api/v1/label/app/values", &TIMES).await;
    assert_eq!(values, json!(["db", "web"]));
    let series = [&TIMES[..], &[("match[]", r#"{app="db"}"#)]].concat();
    let series = data(&server, "/loki/api/v1/series", &series).await;
    assert_eq!(series, json!([{"app": "db", "service_name": "db"}]));
    let health = [("query", "vector(1)+vector(1)"), ("time", "4000000000")];
    let health = data(&server, "/loki/api/v1/query", &health).await;
    assert_eq!(health["result"][0]["value"][1], "2");
    let bad = ask(&server, "/loki/api/v1/query_range", &[("query", "{app")]).await;
    assert_eq!(bad.0, 400);
    assert!(
        bad.1.starts_with("parse error at line 1, col 5: syntax error: unexpected $end"),
        "{}",
        bad.1
    );
}

#[tokio::test]
async fn what_promtail_sends_is_taken_and_nonsense_is_not() {
    let server = vigie().start().await.unwrap();
    let mut message = Vec::new();
    message.put_message(1, |stream: &mut Vec<u8>| {
        stream.put_bytes(1, br#"{job="varlogs", filename="/var/log/x.log"}"#);
        stream.put_message(2, |entry: &mut Vec<u8>| {
            entry.put_message(1, |time: &mut Vec<u8>| time.put_uint(1, 1_700_000_005));
            entry.put_bytes(2, b"a line of a file");
        });
    });
    let body = snap::raw::Encoder::new().compress_vec(&message).unwrap();
    let url = format!("{}/loki/api/v1/push", server.loki);
    let post = |body: Vec<u8>| {
        let request = server.client.post(&url).header("Content-Type", "application/x-protobuf");
        request.body(body).send()
    };
    assert_eq!(post(body.clone()).await.unwrap().status(), 204);
    assert_eq!(lines(&server, r#"{job="varlogs"}"#, &[]).await, ["a line of a file"]);
    for body in [b"nonsense".to_vec(), body[..body.len() / 2].to_vec(), vec![0xff; 64]] {
        assert_eq!(post(body).await.unwrap().status(), 400);
    }
    assert_eq!(push(&server, &json!({"streams": []})).await, 422);
    assert_eq!(
        push(&server, &json!({"streams": [{"stream": {}, "values": [["1", "x"]]}]})).await,
        400
    );
}

#[tokio::test]
async fn numbers_come_from_lines() {
    let server = vigie().start().await.unwrap();
    assert_eq!(push(&server, &sent()).await, 204);
    let query = r#"sum by (app) (count_over_time({app=~".+"}[10s]))"#;
    let asked = [("query", query), ("start", "1700000000"), ("end", "1700000010"), ("step", "5")];
    let found = data(&server, "/loki/api/v1/query_range", &asked).await;
    assert_eq!(found["resultType"], "matrix");
    assert_eq!(
        found["result"],
        json!([
            {"metric": {"app": "db"}, "values": [[1_700_000_005, "1"], [1_700_000_010, "1"]]},
            {"metric": {"app": "web"}, "values": [[1_700_000_005, "2"], [1_700_000_010, "2"]]},
        ])
    );
    let query = r#"avg_over_time({app="web"} | logfmt | unwrap duration(took) [1m]) by (env)"#;
    let asked = [("query", query), ("time", "1700000010")];
    let found = data(&server, "/loki/api/v1/query", &asked).await;
    assert_eq!(found["resultType"], "vector");
    let expected = json!([{"metric": {"env": "prod"}, "value": [1_700_000_010, "0.4525"]}]);
    assert_eq!(found["result"], expected);
    // Without a step there are 250, no less than a second apart.
    let asked = [("query", r#"sum(rate({app="db"}[1m]))"#)];
    let found = data(&server, "/loki/api/v1/query_range", &[&asked[..], &TIMES].concat()).await;
    assert_eq!(found["result"][0]["values"].as_array().unwrap().len(), 60);
    for (query, step, expected) in [
        (
            r#"sum(rate({app="db"} | json | unwrap level [1m]))"#,
            "5",
            "pipeline error: 'SampleExtractionErr'",
        ),
        (r#"sum(rate({app="db"}[1m]))"#, "0", "zero or negative query resolution step"),
        (r#"sum(rate({app="db"}[1m]))"#, "1ms", "exceeded maximum resolution of 11,000 points"),
        (r#"sum(rate({app="db"}[1m]))"#, "x", "cannot parse \"x\" to a valid duration"),
        (r#"sum(rate({app="db"}))"#, "5", "parse error"),
    ] {
        let asked = [&TIMES[..], &[("query", query), ("step", step)]].concat();
        let (status, text) = ask(&server, "/loki/api/v1/query_range", &asked).await;
        assert_eq!(status, 400, "{query}");
        assert!(text.starts_with(expected), "{query}: {text}");
    }
}
