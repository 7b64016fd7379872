//! Remotes against small servers, with queues on a real disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use parking_lot::Mutex;
use vigie_formats::compression::{Compression, decompress};
use vigie_formats::remote_write::{decode_v1, decode_v2};
use vigie_model::{Acknowledge, Labels, MetricBatch, TenantId, WriteFuture, WriteReport};

use super::*;
use crate::config::{self, Source};

#[derive(Debug)]
struct Store;

impl MetricSink for Store {
    fn write(&self, _tenant: &TenantId, _batch: MetricBatch, _ack: Acknowledge) -> WriteFuture<'_> {
        Box::pin(async { Ok(WriteReport::default()) })
    }
}

/// Answers with the statuses in turn, then with 204; keeps what it took as lines.
#[derive(Debug, Default)]
struct Receiver {
    statuses: Mutex<Vec<u16>>,
    taken: Mutex<Vec<String>>,
    requests: AtomicUsize,
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    receiver.requests.fetch_add(1, Ordering::Relaxed);
    if let Some(status) = receiver.statuses.lock().pop() {
        return StatusCode::from_u16(status).unwrap();
    }
    let (mut plain, mut batch) = (Vec::new(), MetricBatch::new());
    decompress(Compression::Snappy, &body, 1 << 20, &mut plain).unwrap();
    let content_type = headers["content-type"].to_str().unwrap();
    let decoded = if content_type.contains("v2.Request") {
        decode_v2(&plain, &mut batch)
    } else {
        decode_v1(&plain, &mut batch)
    };
    assert_eq!(decoded.unwrap().rejected, 0);
    for series in batch.series() {
        for row in series.samples.clone() {
            let line = format!("{} {}", batch.labels(series), batch.values[row as usize]);
            receiver.taken.lock().push(line);
        }
    }
    StatusCode::NO_CONTENT
}

async fn serve_at(address: &str, receiver: &Arc<Receiver>) -> String {
    let router = Router::new().route("/", post(receive)).with_state(Arc::clone(receiver));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn config(address: &str, more: &str) -> Config {
    let text = format!(
        "global: {{external_labels: {{site: x}}}}\nremote_write:\n- url: http://{address}/\n  queue_config: {{batch_send_deadline: 10ms, min_backoff: 5ms, max_backoff: 20ms, max_samples_per_send: 2}}\n{more}"
    );
    config::parse(&text, &Source::default(), &|_| None).unwrap().config
}

fn writers(folder: &tempfile::TempDir) -> RemoteWriters {
    RemoteWriters::new(World::real(), folder.path(), HttpEnvironment::default())
}

async fn write(sink: &Arc<dyn MetricSink>, names: &[&str]) {
    let mut batch = MetricBatch::new();
    for name in names {
        batch.push_series(&Labels::from_pairs([("__name__", name)])).sample(1_000, 1.0);
    }
    sink.write(&TenantId::default_tenant(), batch, Acknowledge::Logged).await.unwrap();
}

async fn until(what: &str, mut true_now: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if true_now() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}

#[tokio::test]
async fn samples_are_delivered_relabelled_in_both_versions() {
    for message in ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] {
        let (folder, receiver) = (tempfile::tempdir().unwrap(), Arc::new(Receiver::default()));
        let address = serve_at("127.0.0.1:0", &receiver).await;
        let writers = writers(&folder);
        let sink = writers.sink(Arc::new(Store));
        let more = format!(
            "  protobuf_message: {message}\n  write_relabel_configs: [{{source_labels: [__name__], regex: drop, action: drop}}]\n"
        );
        writers.apply(&config(&address, &more)).await.unwrap();
        write(&sink, &["a", "drop", "b", "c"]).await;
        write(&sink, &["d"]).await;
        until("four samples", || receiver.taken.lock().len() == 4).await;
        let expected: Vec<String> =
            ["a", "b", "c", "d"].iter().map(|name| format!("{name}{{site=\"x\"}} 1")).collect();
        assert_eq!(*receiver.taken.lock(), expected);
        let other = TenantId::new("other").unwrap();
        let mut batch = MetricBatch::new();
        batch.push_series(&Labels::from_pairs([("__name__", "secret")])).sample(1, 1.0);
        sink.write(&other, batch, Acknowledge::Logged).await.unwrap();
        writers.stop().await;
        assert_eq!(receiver.taken.lock().len(), 4, "another tenant's samples stay");
        assert_eq!(writers.metrics().samples_sent.load(Ordering::Relaxed), 4);
    }
}

#[tokio::test]
async fn a_busy_remote_gets_it_again_and_a_refusing_one_does_not() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Arc::new(Receiver::default()));
    let address = serve_at("127.0.0.1:0", &receiver).await;
    // The last one comes first.
    *receiver.statuses.lock() = vec![400, 429, 503, 503];
    let writers = writers(&folder);
    let sink = writers.sink(Arc::new(Store));
    writers.apply(&config(&address, "")).await.unwrap();
    write(&sink, &["refused"]).await;
    let metrics = Arc::clone(writers.metrics());
    until("a refusal", || metrics.samples_failed.load(Ordering::Relaxed) == 1).await;
    assert_eq!(metrics.requests_retried.load(Ordering::Relaxed), 3);
    *receiver.statuses.lock() = vec![503];
    write(&sink, &["a"]).await;
    until("the next sample", || !receiver.taken.lock().is_empty()).await;
    assert_eq!(*receiver.taken.lock(), ["a{site=\"x\"} 1"]);
    writers.stop().await;
}

#[tokio::test]
async fn what_was_not_delivered_survives_a_restart() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Arc::new(Receiver::default()));
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    for name in ["a", "b"] {
        let writers = writers(&folder);
        writers.apply(&config(&address, "")).await.unwrap();
        write(&writers.sink(Arc::new(Store)), &[name]).await;
        writers.stop().await;
        assert_eq!(writers.metrics().samples_sent.load(Ordering::Relaxed), 0);
    }
    serve_at(&address, &receiver).await;
    let first = writers(&folder);
    first.apply(&config(&address, "")).await.unwrap();
    until("both samples", || receiver.taken.lock().len() == 2).await;
    assert_eq!(*receiver.taken.lock(), ["a{site=\"x\"} 1", "b{site=\"x\"} 1"]);
    first.stop().await;
    let second = writers(&folder);
    second.apply(&config(&address, "")).await.unwrap();
    write(&second.sink(Arc::new(Store)), &["c"]).await;
    until("the third", || receiver.taken.lock().len() >= 3).await;
    assert_eq!(receiver.taken.lock().len(), 3, "what was delivered is not sent again");
    second.stop().await;
}

#[tokio::test]
async fn a_full_queue_drops_its_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let writers = writers(&folder).with_queue_bytes_max(800);
    writers.apply(&config("127.0.0.1:1", "")).await.unwrap();
    let sink = writers.sink(Arc::new(Store));
    for _ in 0..40 {
        write(&sink, &["a"]).await;
    }
    assert!(writers.metrics().samples_dropped.load(Ordering::Relaxed) > 10);
    assert!(writers.metrics().queue_bytes.load(Ordering::Relaxed) <= 800);
    writers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_senders_keep_each_target_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let seen: Arc<Mutex<Vec<(String, f64)>>> = Arc::default();
    let busy = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (kept, counters) = (Arc::clone(&seen), Arc::clone(&busy));
    let handler = move |body: Bytes| {
        let (kept, counters) = (Arc::clone(&kept), Arc::clone(&counters));
        async move {
            let now = counters.0.fetch_add(1, Ordering::SeqCst) + 1;
            counters.1.fetch_max(now, Ordering::SeqCst);
            // Long enough that senders meet, and of different lengths.
            tokio::time::sleep(Duration::from_millis(body.len() as u64 % 7)).await;
            let (mut plain, mut batch) = (Vec::new(), MetricBatch::new());
            decompress(Compression::Snappy, &body, 1 << 20, &mut plain).unwrap();
            decode_v1(&plain, &mut batch).unwrap();
            for series in batch.series() {
                let instance = batch.labels(series).get("instance").unwrap_or_default().to_owned();
                for row in series.samples.clone() {
                    kept.lock().push((instance.clone(), batch.values[row as usize]));
                }
            }
            let now = counters.0.fetch_sub(1, Ordering::SeqCst);
            // One in five fails after it was taken in: it comes again.
            if now == 3 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
        }
    };
    let router = Router::new().route("/", post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let text = format!(
        "remote_write:\n- url: http://{address}/\n  queue_config: {{batch_send_deadline: 10ms, min_backoff: 5ms, max_samples_per_send: 5, capacity: 10, min_shards: 4}}\n"
    );
    let config = config::parse(&text, &Source::default(), &|_| None).unwrap().config;
    let writers = writers(&folder);
    let sink = writers.sink(Arc::new(Store));
    writers.apply(&config).await.unwrap();
    for round in 0..50_u32 {
        for target in 0..20 {
            let mut batch = MetricBatch::new();
            let instance = format!("host-{target}");
            let labels = [("__name__", "up"), ("instance", &instance), ("job", "j")];
            batch
                .push_series(&Labels::from_pairs(labels))
                .sample(i64::from(round), f64::from(round));
            sink.write(&TenantId::default_tenant(), batch, Acknowledge::Logged).await.unwrap();
        }
    }
    let metrics = Arc::clone(writers.metrics());
    until("all samples", || metrics.samples_sent.load(Ordering::Relaxed) == 1_000).await;
    assert_eq!(metrics.shards.load(Ordering::Relaxed), 4);
    writers.stop().await;
    assert_eq!(metrics.shards.load(Ordering::Relaxed), 0);
    assert!(busy.1.load(Ordering::SeqCst) > 1, "senders work at the same time");
    let mut newest: std::collections::HashMap<String, f64> = std::collections::HashMap::new();
    for (instance, value) in seen.lock().iter() {
        // A request that comes again repeats its samples; a new one is the next of its series.
        let next = newest.get(instance).map_or(0.0, |newest| newest + 1.0);
        assert!(*value <= next, "{instance} has {value} before {next}");
        newest.insert(instance.clone(), value.max(next - 1.0));
    }
    assert_eq!(newest.len(), 20);
    assert!(newest.values().all(|value| *value == 49.0), "{newest:?}");
}
