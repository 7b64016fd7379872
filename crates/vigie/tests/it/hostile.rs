//! What comes from outside may be anything: the answer is a clear error and the rest keeps running.

use crate::{remote_write, remote_write_body, vigie};

/// Resident memory of a process in MiB.
fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

#[tokio::test]
async fn hostile_writes_are_refused_and_memory_stays_bounded() {
    let server = vigie().start().await.unwrap();
    let labels: &[(&str, &str)] = &[("__name__", "fine")];
    let good = remote_write_body(&[(labels, &[(1_000, 1.0)])]);

    // A snappy block that says it holds 4 GiB.
    let bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let truncated = good[..good.len() - 3].to_vec();
    let random: Vec<u8> =
        (0..4_096_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let many: Vec<(String, String)> =
        (0..1_000_000).map(|i| (format!("l{i:07}"), "x".into())).collect();
    let mut pairs: Vec<(&str, &str)> = vec![("__name__", "explosion")];
    pairs.extend(many.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let explosion = remote_write_body(&[(&pairs, &[(1_000, 1.0)])]);
    for (name, body) in [
        ("bomb", bomb),
        ("truncated", truncated),
        ("random", random),
        ("empty", Vec::new()),
        ("explosion", explosion),
    ] {
        let answer = remote_write(&server, body).send().await.unwrap();
        let status = answer.status().as_u16();
        let reason = answer.text().await.unwrap();
        // An empty body is a valid snappy error or an empty message; it is never taken as data.
        assert!((400..500).contains(&status), "{name}: {status} {reason}");
        assert!(!reason.trim().is_empty(), "{name}: no reason was given");
    }
    let mislabelled = server
        .client
        .post(format!("{}/api/v1/write", server.api))
        .header("Content-Type", "text/html")
        .header("Content-Encoding", "snappy")
        .body(good.clone())
        .send()
        .await
        .unwrap();
    assert!(mislabelled.status().is_client_error(), "{}", mislabelled.status());

    let answer = remote_write(&server, good).send().await.unwrap();
    assert!(answer.status().is_success(), "the rest is harmed: {}", answer.text().await.unwrap());
    let answer = server.get("/api/v1/query", &[("query", "fine"), ("time", "1")]).await.unwrap();
    assert_eq!(answer["data"]["result"][0]["value"][1], "1");
    assert!(resident_mib(server.pid()) < 700, "{} MiB", resident_mib(server.pid()));
}

#[tokio::test]
async fn hostile_queries_are_refused_with_a_reason() {
    let server = vigie().start().await.unwrap();
    let deep = "(".repeat(100_000) + "1" + &")".repeat(100_000);
    let long = format!("up{{a=\"{}\"}}", "x".repeat(500_000));
    let range =
        |query: &'static str, start: &'static str, end: &'static str, step: &'static str| {
            vec![("query", query), ("start", start), ("end", end), ("step", step)]
        };
    let cases: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("/api/v1/query", vec![]),
        ("/api/v1/query", vec![("query", "sum(")]),
        ("/api/v1/query", vec![("query", deep.as_str())]),
        ("/api/v1/query", vec![("query", "up"), ("time", "tomorrow")]),
        ("/api/v1/query", vec![("query", "up"), ("timeout", "soon")]),
        ("/api/v1/query", vec![("query", "up{a=~\"(\"}")]),
        ("/api/v1/query_range", range("up", "0", "100000", "1")),
        ("/api/v1/query_range", range("up", "10", "0", "1")),
        ("/api/v1/query_range", range("up", "0", "10", "0")),
        ("/api/v1/query_range", range("up", "NaN", "10", "1")),
        ("/api/v1/series", vec![]),
        ("/api/v1/series", vec![("match[]", "{")]),
        ("/api/v1/labels", vec![("start", "x")]),
    ];
    for (path, parameters) in cases {
        let url = format!("{}{path}", server.api);
        let answer = server.client.post(&url).form(&parameters).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert!((400..500).contains(&status), "{path} {parameters:.80?}: {status} {text:.200}");
        let body: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(body["status"], "error", "{path}");
        assert!(!body["error"].as_str().unwrap().is_empty(), "{path}");
    }
    let answer = server.client.post(format!("{}/api/v1/query", server.api));
    let answer = answer.form(&[("query", long.as_str())]).send().await.unwrap();
    assert!(answer.status().as_u16() < 500, "{}", answer.status());
    assert_eq!(server.query("1 + 1").await.unwrap()[1], "2");
}
