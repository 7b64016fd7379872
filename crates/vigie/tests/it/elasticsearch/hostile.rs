//! Bodies that break or blow up other servers: a clear error, bounded memory, and the rest works.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{ask, bulk, count};
use crate::vigie;

/// Peak of resident memory in MiB.
fn peak_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

#[tokio::test]
async fn hostile_documents_are_refused_one_by_one() {
    let server = vigie().start().await.unwrap();
    let deep = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let deep_list = format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    for (name, document, expected) in [
        ("deep objects", deep.as_str(), 400),
        ("deep lists", deep_list.as_str(), 400),
        ("no object", "[1]", 400),
        ("not JSON", "{\"a\"", 400),
        ("a number that no float holds", "{\"n\": 1e999999}", 201),
        ("a key twice", "{\"a\":1,\"a\":2}", 201),
        ("odd text", "{\"a\":\"\\u0000\\ud83d\\ude00\"}", 201),
    ] {
        let answer = bulk(&server, "/hostile", format!("{{\"index\":{{}}}}\n{document}\n")).await;
        let item = &answer["items"][0]["index"];
        assert_eq!(item["status"], expected, "{name}: {answer}");
        assert_eq!(item.get("error").is_some(), expected == 400, "{name}: {answer}");
    }
    // Ten thousand different fields: kept, found, and no other document is harmed.
    let fields: Vec<String> = (0..10_000).map(|n| format!("\"field{n}\":\"v{n}\"")).collect();
    let answer =
        bulk(&server, "/wide", format!("{{\"index\":{{}}}}\n{{{}}}\n", fields.join(","))).await;
    assert_eq!(answer["errors"], false, "{answer:.500}");
    let query = json!({"query": {"match": {"field9876": "v9876"}}});
    assert_eq!(ask(&server, "POST", "/wide/_count", &query).await.1["count"], 1);
    assert_eq!(count(&server, "hostile").await, 3);
    assert!(peak_mib(server.pid()) < 700, "{} MiB", peak_mib(server.pid()));
}

#[tokio::test]
async fn bombs_and_bodies_that_are_too_large_are_refused() {
    let server = vigie().start().await.unwrap();
    let url = format!("{}/x/_bulk", server.elasticsearch);
    let bomb = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..600 {
            encoder.write_all(&zeros).unwrap();
        }
        encoder.finish().unwrap()
    };
    let answer = server
        .client
        .post(&url)
        .header("Content-Encoding", "gzip")
        .body(bomb)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["status"], 413, "{told}");
    // 101 MB as sent; the connection may be closed before all of it is.
    let large = server.client.post(&url).body(vec![b' '; 106_000_000]).send().await;
    assert!(large.is_err() || large.unwrap().status().as_u16() == 413);
    for (name, body) in
        [("cut off", "{\"index\":{}}\n{\"a\":1}"), ("nonsense", "hello\n"), ("empty", "")]
    {
        let answer = server.client.post(&url).body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{name}");
        assert!(answer.json::<Value>().await.unwrap()["error"]["reason"].is_string(), "{name}");
    }
    assert!(peak_mib(server.pid()) < 900, "{} MiB", peak_mib(server.pid()));
}

#[tokio::test]
async fn hostile_searches_are_refused_with_a_reason() {
    let server = vigie().start().await.unwrap();
    let lines: String = (0..200)
        .map(|n| format!("{{\"index\":{{}}}}\n{{\"text\":\"{}\",\"n\":{n}}}\n", "a".repeat(200)))
        .collect();
    assert_eq!(bulk(&server, "/texts", lines).await["errors"], false);
    let mut nested = json!({"match_all": {}});
    for _ in 0..50 {
        nested = json!({"bool": {"must": [nested]}});
    }
    let wide: Vec<Value> = (0..10_000).map(|n| json!({"term": {"n": n}})).collect();
    let mut aggregations = json!({"terms": {"field": "n"}});
    for _ in 0..50 {
        aggregations = json!({"terms": {"field": "n"}, "aggs": {"a": aggregations}});
    }
    for (name, body) in [
        ("deep query", json!({"query": nested})),
        ("wide query", json!({"query": {"bool": {"should": wide}}})),
        ("deep aggregations", json!({"aggs": {"a": aggregations}})),
        ("brackets", json!({"query": {"query_string": {"query": "(".repeat(100_000)}}})),
        ("expression that grows", json!({"query": {"regexp": {"text": "((a{900}){900}){900}"}}})),
        ("long expression", json!({"query": {"regexp": {"text": "a".repeat(5_000)}}})),
        ("window", json!({"from": 100_000, "size": 10})),
        (
            "many buckets",
            json!({"aggs": {"a": {"histogram": {"field": "n", "interval": 0.000_001}}}}),
        ),
        ("negative size", json!({"size": -1})),
        (
            "program",
            json!({"aggs": {"a": {"terms": {"field": "n"}, "aggs": {"s": {"bucket_script": {"buckets_path": {}, "script": "while(true){}"}}}}}}),
        ),
        ("unknown", json!({"query": {"foo": {}}})),
    ] {
        let (status, answer) = ask(&server, "POST", "/texts/_search", &body).await;
        assert_eq!(status, 400, "{name}: {answer:.300}");
        assert!(!answer["error"]["reason"].as_str().unwrap().is_empty(), "{name}");
    }
    // What explodes elsewhere is answered here: expressions and patterns run in linear time.
    for query in [
        json!({"regexp": {"text.keyword": "(a*)*(a*)*(a*)*b"}}),
        json!({"wildcard": {"text.keyword": format!("{}b", "*a".repeat(60))}}),
        json!({"query_string": {"query": "text:/(a+)+b/"}}),
    ] {
        let started = std::time::Instant::now();
        let (status, answer) =
            ask(&server, "POST", "/texts/_count", &json!({"query": query})).await;
        assert_eq!((status, &answer["count"]), (200, &json!(0)), "{answer}");
        assert!(started.elapsed().as_secs() < 20, "{query}");
    }
    let located = ask(&server, "POST", "/texts/_search", &json!({"query": {"foo": {}}})).await.1;
    assert_eq!(
        (&located["error"]["line"], &located["error"]["col"]),
        (&json!(1), &json!(17)),
        "{located}"
    );
    assert_eq!(count(&server, "texts").await, 200);
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let server = vigie().start().await.unwrap();
    let url = format!("{}/own/_bulk", server.elasticsearch);
    let body = "{\"index\":{}}\n{\"a\":1}\n";
    let sent = server.client.post(url).header("X-Scope-OrgID", "other").body(body);
    assert!(sent.send().await.unwrap().status().is_success());
    assert_eq!(ask(&server, "GET", "/own/_search", &json!({})).await.0, 404);
    assert_eq!(ask(&server, "GET", "/_search", &json!({})).await.1["hits"]["total"]["value"], 0);
}
