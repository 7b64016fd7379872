//! Tests of sending alerts, to servers of the test's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use vigie_model::Labels;

use super::*;
use crate::config::{Source, parse};

/// What a test's Alertmanager got, and how many requests it refuses at first.
#[derive(Debug, Default)]
struct Got {
    alerts: Mutex<Vec<Value>>,
    refuse: AtomicUsize,
}

async fn take(State(got): State<Arc<Got>>, body: String) -> StatusCode {
    let refuses = got.refuse.load(Ordering::SeqCst);
    if refuses > 0 {
        got.refuse.store(refuses - 1, Ordering::SeqCst);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let alerts: Vec<Value> = serde_json::from_str(&body).unwrap();
    got.alerts.lock().extend(alerts);
    StatusCode::OK
}

async fn alertmanager(refuse: usize) -> (Arc<Got>, String) {
    let got = Arc::new(Got { refuse: AtomicUsize::new(refuse), ..Got::default() });
    let router = Router::new().route("/am/api/v2/alerts", post(take)).with_state(Arc::clone(&got));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (got, address)
}

fn config(address: &str) -> AlertingConfig {
    let text = format!(
        "alerting:\n  alertmanagers:\n  - path_prefix: /am/\n    static_configs:\n    \
         - targets: ['{address}', 'dropped:1', 'vigie:9093']\n    relabel_configs:\n    \
         - {{source_labels: [__address__], regex: 'dropped.*', action: drop}}\n    \
         alert_relabel_configs:\n    - {{action: labeldrop, regex: replica}}\n"
    );
    let source = Source { file: None, folder: "/".into() };
    parse(&text, &source, &|_| None).unwrap().config.alerting
}

fn alert(name: &str, ends_at_ms: i64) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", name), ("replica", "a")]),
        annotations: BTreeMap::from([("summary".to_owned(), "it \"is\"\n down".to_owned())]),
        starts_at_ms: Some(1_500),
        ends_at_ms: Some(ends_at_ms),
        generator_url: "http://v/graph".to_owned(),
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not become so");
}

#[tokio::test]
async fn alerts_are_posted_until_they_are_taken() {
    let refuse_all = 1_000;
    let (got, address) = alertmanager(refuse_all).await;
    let own = BTreeSet::from(["vigie:9093".to_owned()]);
    let all = Alertmanagers::new(World::real(), HttpEnvironment::default(), own);
    all.apply(&config(&address)).await.unwrap();
    let url = format!("http://{address}/am/api/v2/alerts");
    assert_eq!(
        all.addresses(),
        (vec![url.clone()], vec!["http://dropped:1/am/api/v2/alerts".to_owned()])
    );
    let tenant = TenantId::default_tenant();
    all.send(&tenant, vec![alert("A", 60_000)]);
    let numbers = all.metrics().destination(&url);
    until(|| numbers.errors.load(Ordering::Relaxed) > 0).await;
    // While the first waits to be tried again, its end comes: one request carries the end only.
    all.send(&tenant, vec![alert("A", 30_000), alert("B", 60_000)]);
    got.refuse.store(0, Ordering::SeqCst);
    // The sender counts when it has read the answer, which is after the server has the alerts.
    until(|| numbers.sent.load(Ordering::Relaxed) == 2).await;
    let posted = got.alerts.lock().clone();
    assert_eq!(
        posted[0],
        serde_json::json!({
            "labels": {"alertname": "A"},
            "annotations": {"summary": "it \"is\"\n down"},
            "startsAt": "1970-01-01T00:00:01.5Z",
            "endsAt": "1970-01-01T00:00:30Z",
            "generatorURL": "http://v/graph",
        })
    );
    assert_eq!(posted.len(), 2);
    assert_eq!(posted[1]["labels"]["alertname"], "B");
    all.stop().await;
}

#[tokio::test]
async fn a_reload_ends_those_that_are_gone() {
    let (_got, address) = alertmanager(0).await;
    let all = Alertmanagers::new(World::real(), HttpEnvironment::default(), BTreeSet::new());
    all.apply(&config(&address)).await.unwrap();
    assert_eq!(all.addresses().0.len(), 2);
    all.apply(&AlertingConfig::default()).await.unwrap();
    assert_eq!(all.addresses().0, [""; 0]);
    all.stop().await;
}

#[test]
fn a_full_queue_drops_what_has_waited_longest() {
    let queue = AlertQueue::new(Arc::default());
    let alerts: Vec<Alert> = (0..=queue::QUEUE_MAX).map(|n| alert(&format!("{n:05}"), 0)).collect();
    queue.push(&alerts);
    let batch = queue.take();
    assert_eq!(batch[0].labels.get("alertname"), Some("00001"));
    assert_eq!(batch.len(), queue::BATCH_MAX);
}
