//! Nothing acknowledged is lost: not by `kill -9`, and nothing appears twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::{remote_write, remote_write_body, vigie};

/// Writes one sample after the other until the server is gone; counts the acknowledged ones.
async fn write_until_gone(url: String, client: reqwest::Client, first: i64, acked: Arc<AtomicI64>) {
    for at in first.. {
        let labels: &[(&str, &str)] = &[("__name__", "written"), ("job", "crash")];
        let body = remote_write_body(&[(labels, &[(at * 1_000, at as f64)])]);
        let sent = client
            .post(&url)
            .header("Content-Type", "application/x-protobuf")
            .header("Content-Encoding", "snappy")
            .body(body)
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => acked.store(at, Ordering::SeqCst),
            _ => return,
        }
    }
}

#[tokio::test]
async fn acknowledged_samples_survive_kill_9() {
    let mut server = vigie().start().await.unwrap();
    let url = format!("{}/api/v1/write", server.api);
    let acked = Arc::new(AtomicI64::new(0));
    for round in 0..4 {
        let first = acked.load(Ordering::SeqCst) + 1;
        let writer = tokio::spawn(write_until_gone(
            url.clone(),
            server.client.clone(),
            first,
            Arc::clone(&acked),
        ));
        tokio::time::sleep(Duration::from_millis(300 + 170 * round)).await;
        server.kill().unwrap();
        writer.await.unwrap();
        assert!(acked.load(Ordering::SeqCst) >= first, "nothing was acknowledged in round {round}");
        server.launch().await.unwrap();

        let last = acked.load(Ordering::SeqCst);
        let time = (last + 1).to_string();
        let expression = format!("count_over_time(written[{}s])", last + 1);
        let answer =
            server.get("/api/v1/query", &[("query", &expression), ("time", &time)]).await.unwrap();
        let kept: i64 = answer["data"]["result"][0]["value"][1].as_str().unwrap().parse().unwrap();
        // One more than acknowledged may have been written: its acknowledgement did not arrive.
        assert!(
            kept == last || kept == last + 1,
            "round {round}: {kept} kept, {last} acknowledged"
        );
    }
}

#[tokio::test]
async fn data_is_the_same_after_a_graceful_restart() {
    let mut server = vigie().start().await.unwrap();
    let mut series = Vec::new();
    for at in 0..50_i64 {
        series.push((at * 15_000, (at * at) as f64));
    }
    let labels: &[(&str, &str)] = &[("__name__", "kept")];
    let sent = remote_write(&server, remote_write_body(&[(labels, &series)])).send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    let parameters = [("query", "kept"), ("start", "0"), ("end", "735"), ("step", "15")];
    let before = server.get("/api/v1/query_range", &parameters).await.unwrap();
    assert_eq!(before["data"]["result"][0]["values"].as_array().unwrap().len(), 50);
    assert!(server.stop().await.unwrap().success());
    server.launch().await.unwrap();
    let after = server.get("/api/v1/query_range", &parameters).await.unwrap();
    assert_eq!(before["data"], after["data"]);
}

/// How many samples of `long` are found, and whether the server said that it is ready before it
/// was asked; `None` while the port is closed.
async fn count_long(server: &vigie_testkit::Server) -> Option<(u64, bool)> {
    let ready = server.client.get(format!("{}/-/ready", server.api)).send().await.ok()?;
    let parameters = [("query", "sum(count_over_time(long[1h]))"), ("time", "3600")];
    let answer = server.get("/api/v1/query", &parameters).await.ok()?;
    let value = &answer["data"]["result"][0]["value"][1];
    let count = value.as_str().map_or(0, |text| text.parse().unwrap());
    Some((count, ready.status().is_success()))
}

#[tokio::test]
async fn a_long_log_is_replayed_after_kill_9_while_questions_are_answered() {
    const SERIES: usize = 2_000;
    const TICKS: i64 = 150;
    let mut server = vigie().start().await.unwrap();
    let names: Vec<String> = (0..SERIES).map(|at| at.to_string()).collect();
    for tick in 1..=TICKS {
        let labels: Vec<_> = names.iter().map(|at| [("__name__", "long"), ("at", at)]).collect();
        let points = [(tick * 1_000, (tick * tick) as f64)];
        let series: Vec<_> = labels.iter().map(|labels| (&labels[..], &points[..])).collect();
        let sent = remote_write(&server, remote_write_body(&series)).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    }
    server.kill().unwrap();
    server.spawn().unwrap();
    let (mut last, mut early_answers) = (0, 0);
    let started = std::time::Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_mins(1), "never ready");
        let Some((count, ready)) = count_long(&server).await else {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        assert!(count >= last, "what was found stays");
        last = count;
        if ready {
            break;
        }
        early_answers += 1;
        if early_answers == 1 {
            let labels: &[(&str, &str)] = &[("__name__", "early")];
            let body = remote_write_body(&[(labels, &[(1_000, 1.0)])]);
            let sent = remote_write(&server, body).send().await.unwrap();
            assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
        }
    }
    assert_eq!(last, SERIES as u64 * TICKS as u64, "all is there once it says so");
    assert!(early_answers > 0, "it answered before all was replayed");
    let early = server.get("/api/v1/query", &[("query", "early"), ("time", "2")]).await.unwrap();
    assert_eq!(early["data"]["result"][0]["value"][1], "1");
    let replay = server.get("/api/v1/status/walreplay", &[]).await.unwrap();
    assert_eq!(replay["data"]["max"], replay["data"]["current"]);
    assert!(server.stop().await.unwrap().success());
    server.launch().await.unwrap();
    assert_eq!(count_long(&server).await, Some((last, true)));
}
