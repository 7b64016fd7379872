//! Who is asked for what, against a small server.

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use parking_lot::Mutex;
use vigie_formats::remote_read::{decode_read_request, put_query_result, put_series};
use vigie_model::{Labels, Points};

use super::*;
use crate::config::{self, Source};

/// Answers each request with one series that has the labels asked for; keeps what was asked.
async fn serve(asked: Arc<Mutex<Vec<ReadQuery>>>) -> String {
    let handler = move |body: Bytes| {
        let asked = Arc::clone(&asked);
        async move {
            let mut plain = Vec::new();
            decompress(Compression::Snappy, &body, 1 << 20, &mut plain).unwrap();
            let request = decode_read_request(&plain).unwrap();
            assert_eq!(request.accepted_response_types, [0]);
            let query = request.queries[0].clone();
            let labels: Vec<_> =
                query.matchers.iter().map(|m| (m.name.clone(), m.value.clone())).collect();
            let end_ms = query.range.end_ms;
            let points =
                Points { timestamps_ms: vec![end_ms], values: vec![1.5], ..Points::default() };
            let (mut result, mut response) = (Vec::new(), Vec::new());
            put_series(&mut result, &Labels::from_pairs(labels), &points);
            put_query_result(&mut response, &result);
            asked.lock().push(query);
            compress_snappy(&response).unwrap()
        }
    };
    let router = Router::new().route("/", post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn readers(text: &str) -> RemoteReaders {
    let config = config::parse(text, &Source::default(), &|_| None).unwrap().config;
    let readers = RemoteReaders::new(World::real(), HttpEnvironment::default());
    readers.apply(&config).unwrap();
    readers
}

#[tokio::test]
async fn only_what_is_older_than_the_store_is_asked_for() {
    let asked: Arc<Mutex<Vec<ReadQuery>>> = Arc::default();
    let address = serve(Arc::clone(&asked)).await;
    let readers = readers(&format!(
        "global: {{external_labels: {{site: x}}}}\nremote_read: [{{url: 'http://{address}/'}}]\n"
    ));
    let matchers = [Matcher::equal("__name__", "up")];
    let range = TimeRange::new(1_000, 5_000);
    let answers = readers.read(&matchers, range, Some(3_000)).await;
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].batch.labels(&answers[0].batch.series()[0]).to_string(), "up");
    assert_eq!(answers[0].batch.timestamps_ms, [2_999]);
    let query = asked.lock().pop().unwrap();
    assert_eq!(query.range, TimeRange::new(1_000, 2_999));
    assert_eq!(query.matchers, [matchers[0].clone(), Matcher::equal("site", "x")]);
    // All of it is in the store.
    assert!(readers.read(&matchers, range, Some(500)).await.is_empty());
    // The store is empty.
    readers.read(&matchers, range, None).await;
    assert_eq!(asked.lock().pop().unwrap().range, range);
    // The query names the external label itself: its series keep it.
    let matchers = [Matcher::equal("__name__", "up"), Matcher::equal("site", "y")];
    let answers = readers.read(&matchers, range, None).await;
    let labels = answers[0].batch.labels(&answers[0].batch.series()[0]);
    assert_eq!(labels.get("site"), Some("y"));
}

#[tokio::test]
async fn recent_samples_and_required_matchers_are_respected() {
    let asked: Arc<Mutex<Vec<ReadQuery>>> = Arc::default();
    let address = serve(Arc::clone(&asked)).await;
    let readers = readers(&format!(
        "remote_read: [{{url: 'http://{address}/', read_recent: true, required_matchers: {{job: a}}}}]\n"
    ));
    let range = TimeRange::new(1_000, 5_000);
    assert!(readers.read(&[Matcher::equal("job", "b")], range, Some(0)).await.is_empty());
    assert_eq!(readers.read(&[Matcher::equal("job", "a")], range, Some(0)).await.len(), 1);
    assert_eq!(asked.lock().pop().unwrap().range, range);
}
