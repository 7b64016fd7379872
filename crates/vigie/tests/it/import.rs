//! `vigie import`: what others have kept is found again, once.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use vigie_model::{Histogram, HistogramPoint, Labels, MetricBatch, Span};
use vigie_testkit::{Server, free_port, program};

use crate::vigie;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs the import; gives what it said.
fn import(server: &Server, kind: &str, path: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["import", kind])
        .arg(path)
        .args(["--server", &server.api, "--state", "import.json"])
        .current_dir(server.folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{errors}");
    said
}

/// The answer to an instant query, of whatever server.
async fn ask(client: &reqwest::Client, api: &str, query: &str, time: i64) -> Value {
    let url = format!("{api}/api/v1/query");
    let parameters = [("query", query.to_owned()), ("time", time.to_string())];
    let answer = client.get(url).query(&parameters).send().await.unwrap();
    let mut body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], "success", "{query}: {body}");
    body["data"]["result"].take()
}

/// Equal but for the last digits of numbers: bounds of buckets come from a table there.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (Value::String(a), Value::String(b)) => {
            let numbers = (a.parse::<f64>(), b.parse::<f64>());
            a == b || matches!(numbers, (Ok(a), Ok(b)) if (a - b).abs() <= 1e-14 * a.abs())
        }
        (a, b) => a == b,
    }
}

const OLD: i64 = 1_700_000_000;

/// Two hours of two series and of one that will be deleted in part.
fn old_samples() -> String {
    let mut text = "# TYPE old gauge\n".to_owned();
    for (series, factor) in [("a", 1.25), ("b", -3.0), ("gone", 1.0)] {
        for at in 0..480 {
            let value = f64::from(at % 97) * factor;
            text.push_str(&format!("old{{s=\"{series}\"}} {value} {}\n", OLD + i64::from(at) * 15));
        }
    }
    text.push_str("# EOF\n");
    text
}

fn histograms(now_ms: i64) -> Vec<u8> {
    let mut batch = MetricBatch::new();
    let labels = Labels::from_pairs([("__name__", "native"), ("h", "x")]);
    let mut builder = batch.push_series(&labels);
    for at in 0..20 {
        // Not 0: that is where this version cannot tell floats from integers.
        let count = f64::from(at + 1);
        let histogram = Histogram {
            schema: 2,
            zero_threshold: 0.001,
            zero_count: count,
            count: 4.0 * count,
            sum: 1.5 * count,
            positive_spans: vec![Span { offset: -1, length: 2 }],
            positive_buckets: vec![count, count],
            negative_spans: vec![Span { offset: 3, length: 1 }],
            negative_buckets: vec![count],
            ..Histogram::default()
        };
        builder.histogram(HistogramPoint {
            timestamp_ms: now_ms - 600_000 + i64::from(at) * 30_000,
            start_timestamp_ms: 0,
            histogram: Arc::new(histogram),
        });
    }
    let mut encoded = Vec::new();
    vigie_formats::remote_write::encode_v1(&batch, &mut encoded);
    snap::raw::Encoder::new().compress_vec(&encoded).unwrap()
}

async fn start_prometheus(folder: &Path, client: &reqwest::Client) -> (Running, String) {
    let port = free_port().unwrap();
    std::fs::write(folder.join("p.yml"), "scrape_configs: []\n").unwrap();
    let child = Command::new("prometheus")
        .args(["--config.file=p.yml", "--storage.tsdb.path=prom"])
        .args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"])
        .args(["--enable-feature=native-histograms", "--storage.tsdb.retention.time=100y"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let api = format!("http://127.0.0.1:{port}");
    for _ in 0..300 {
        let ready = client.get(format!("{api}/-/ready")).send().await;
        if ready.is_ok_and(|answer| answer.status().is_success()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (Running(child), api)
}

#[tokio::test]
async fn blocks_of_prometheus_are_read_in_place_once() {
    const NAME: &str = "blocks_of_prometheus_are_read_in_place_once";
    if program(NAME, "prometheus").is_none() || program(NAME, "promtool").is_none() {
        return;
    }
    let server = vigie().start().await.unwrap();
    let folder = server.folder();
    std::fs::write(folder.join("old.om"), old_samples()).unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "old.om", "prom"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (_running, theirs) = start_prometheus(folder, &server.client).await;
    let now_ms = vigie_world::World::real().clock.now_ms();
    let pushed = server
        .client
        .post(format!("{theirs}/api/v1/write"))
        .header("Content-Encoding", "snappy")
        .header("Content-Type", "application/x-protobuf")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .body(histograms(now_ms))
        .send()
        .await
        .unwrap();
    assert!(pushed.status().is_success(), "{}", pushed.text().await.unwrap());
    // A deletion in a block is kept as tombstones beside it.
    let (start, end) = (OLD + 600, OLD + 3_000);
    let delete = format!(
        "{theirs}/api/v1/admin/tsdb/delete_series?match[]=old{{s=\"gone\"}}&start={start}&end={end}"
    );
    assert!(server.client.post(delete).send().await.unwrap().status().is_success());
    let snapshot = server.client.post(format!("{theirs}/api/v1/admin/tsdb/snapshot"));
    let snapshot: Value = snapshot.send().await.unwrap().json().await.unwrap();
    let snapshot = folder.join("prom/snapshots").join(snapshot["data"]["name"].as_str().unwrap());

    let said = import(&server, "prometheus", &snapshot);
    assert!(said.contains("samples sent") && !said.contains("not taken"), "{said}");
    let now = now_ms / 1000;
    for (query, time) in [
        ("old[3h]", OLD + 480 * 15),
        ("count_over_time(old{s=\"gone\"}[3h])", OLD + 480 * 15),
        ("native[1h]", now),
        ("histogram_count(native)", now),
        ("histogram_sum(native)", now),
    ] {
        let (ours, theirs) = (
            ask(&server.client, &server.api, query, time).await,
            ask(&server.client, &theirs, query, time).await,
        );
        assert!(same(&ours, &theirs), "{query}: {ours}\n{theirs}");
        assert!(!ours.as_array().unwrap().is_empty(), "{query} has no answer");
    }
    let again = import(&server, "prometheus", &snapshot);
    assert_eq!(again.trim(), "0 samples sent");

    // An import that was cut off after its first series goes on and brings nothing twice.
    let state = folder.join("import.json");
    let mut noted: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    for done in noted["done"].as_object_mut().unwrap().values_mut() {
        *done = 1.into();
    }
    std::fs::write(&state, noted.to_string()).unwrap();
    let resumed = import(&server, "prometheus", &snapshot);
    let sent: u64 = resumed.split(' ').next().unwrap().parse().unwrap();
    assert!(sent > 0 && sent < 1_300, "{resumed}");
    let counts = ask(&server.client, &server.api, "sum(count_over_time(old[3h]))", OLD + 7_200);
    let expected = ask(&server.client, &theirs, "sum(count_over_time(old[3h]))", OLD + 7_200).await;
    assert_eq!(counts.await, expected);
}

#[tokio::test]
async fn files_of_openmetrics_and_json_lines_are_imported() {
    let server = vigie().start().await.unwrap();
    let file = server.folder().join("old.om");
    std::fs::write(&file, old_samples()).unwrap();
    assert_eq!(import(&server, "openmetrics", &file).trim(), "1440 samples sent");
    assert_eq!(import(&server, "openmetrics", &file).trim(), "0 samples sent");
    std::fs::remove_file(server.folder().join("import.json")).unwrap();

    // What is exported comes in elsewhere as it was.
    let export = format!("{}/api/v1/export?match[]=old", server.api);
    let lines = server.client.get(export).send().await.unwrap().text().await.unwrap();
    let other = vigie().start().await.unwrap();
    let file = other.folder().join("old.jsonl");
    std::fs::write(&file, &lines).unwrap();
    assert_eq!(import(&other, "victoriametrics", &file).trim(), "1440 samples sent");
    assert_eq!(import(&other, "victoriametrics", &file).trim(), "0 samples sent");
    let time = OLD + 480 * 15;
    let ours = ask(&server.client, &server.api, "old[3h]", time).await;
    assert_eq!(ours, ask(&other.client, &other.api, "old[3h]", time).await);
    assert_eq!(ours[0]["values"].as_array().unwrap().len(), 480);

    std::fs::write(&file, "{\"metric\":{}}\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["import", "victoriametrics"])
        .arg(&file)
        .args(["--server", &other.api, "--state", "other.json"])
        .current_dir(other.folder())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the line at byte 0"), "{said}");
}
