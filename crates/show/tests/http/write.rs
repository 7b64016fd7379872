//! Remote write: what is taken, what is refused, and how.

use vigie_formats::compression::compress_snappy;
use vigie_formats::remote_write::{encode_v1, encode_v2};
use vigie_model::{Labels, MetricBatch};
use vigie_show::FrontDoorOptions;
use vigie_show::prometheus::PrometheusOptions;

use crate::server::{self, NOW_MS, Server};

const V1: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn batch(names: &[&str]) -> MetricBatch {
    let mut batch = MetricBatch::new();
    for name in names {
        let labels = Labels::from_pairs([("__name__", *name), ("job", "writer")]);
        batch.push_series(&labels).sample(NOW_MS, 1.0).sample(NOW_MS + 15_000, 2.0);
    }
    batch
}

fn message(encode: fn(&MetricBatch, &mut Vec<u8>), batch: &MetricBatch) -> Vec<u8> {
    let mut message = Vec::new();
    encode(batch, &mut message);
    compress_snappy(&message).unwrap()
}

async fn send(
    server: &Server,
    content_type: &str,
    encoding: &str,
    body: Vec<u8>,
) -> (u16, reqwest::header::HeaderMap, String) {
    let request = Server::client()
        .post(server.url("/api/v1/write"))
        .header("content-type", content_type)
        .header("content-encoding", encoding)
        .body(body);
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.text().await.unwrap())
}

async fn names(server: &Server) -> String {
    let url = server.url("/api/v1/label/__name__/values");
    Server::client().get(url).send().await.unwrap().text().await.unwrap()
}

async fn start() -> Server {
    let options = PrometheusOptions { write_bytes_max: 1 << 20, ..PrometheusOptions::default() };
    server::start(FrontDoorOptions::default(), options).await
}

#[tokio::test]
async fn both_versions_are_taken() {
    let server = start().await;
    let (status, headers, _) =
        send(&server, V1, "snappy", message(encode_v1, &batch(&["one"]))).await;
    assert_eq!(status, 204);
    assert!(headers.get("x-prometheus-remote-write-samples-written").is_none());
    let (status, headers, text) =
        send(&server, V2, "snappy", message(encode_v2, &batch(&["two"]))).await;
    assert_eq!(status, 204, "{text}");
    assert_eq!(headers["x-prometheus-remote-write-samples-written"], "2");
    assert_eq!(headers["x-prometheus-remote-write-histograms-written"], "0");
    assert_eq!(headers["x-prometheus-remote-write-exemplars-written"], "0");
    let mut plain = Vec::new();
    encode_v1(&batch(&["three"]), &mut plain);
    let zstd = zstd::encode_all(&plain[..], 1).unwrap();
    assert_eq!(send(&server, V1, "zstd", zstd).await.0, 204);
    assert_eq!(names(&server).await, r#"{"status":"success","data":["one","three","two"]}"#);
}

#[tokio::test]
async fn what_is_not_remote_write_is_refused() {
    let server = start().await;
    let whole = message(encode_v1, &batch(&["one"]));
    let cut = whole[..whole.len() - 4].to_vec();
    let large = compress_snappy(&vec![0; (1 << 20) + 1]).unwrap();
    // A length of 2^32 - 1 and nothing behind it.
    let lying = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    let noise = compress_snappy(&[0xff; 100]).unwrap();
    let other = "application/x-protobuf;proto=other.Message";
    for (what, content_type, encoding, body, expected) in [
        ("cut", V1, "snappy", cut, 400),
        ("too large", V1, "snappy", large, 413),
        ("lying length", V1, "snappy", lying, 413),
        ("noise", V1, "snappy", noise.clone(), 400),
        ("noise", V2, "snappy", noise, 400),
        ("json", "application/json", "snappy", whole.clone(), 415),
        ("other message", other, "snappy", whole.clone(), 415),
        ("other encoding", V1, "br", whole.clone(), 415),
        ("not compressed as said", V1, "gzip", whole, 400),
    ] {
        let (status, _, text) = send(&server, content_type, encoding, body).await;
        assert_eq!(status, expected, "{what}: {text}");
    }
    assert_eq!(names(&server).await, r#"{"status":"success","data":[]}"#);
}

#[tokio::test]
async fn a_series_of_a_million_labels_is_refused() {
    let options = PrometheusOptions::default();
    let server = server::start(FrontDoorOptions::default(), options).await;
    let pairs: Vec<(String, &str)> = (0..1_000_000).map(|at| (format!("l{at:07}"), "v")).collect();
    let mut batch = batch(&["good"]);
    let sorted = [("__name__", "bad")].into_iter();
    let sorted = sorted.chain(pairs.iter().map(|(name, value)| (name.as_str(), *value)));
    batch.push_series_sorted(sorted).sample(NOW_MS, 1.0);
    let (status, _, text) = send(&server, V1, "snappy", message(encode_v1, &batch)).await;
    assert_eq!(status, 400, "{text}");
    assert!(!names(&server).await.contains("bad"));
}

#[tokio::test]
async fn the_good_series_of_a_request_are_taken() {
    let server = start().await;
    let mut mixed = batch(&["good"]);
    mixed.push_series_sorted([("job", "nameless")]).sample(NOW_MS, 1.0);
    let (status, headers, text) = send(&server, V2, "snappy", message(encode_v2, &mixed)).await;
    assert_eq!(status, 400, "{text}");
    assert_eq!(headers["x-prometheus-remote-write-samples-written"], "2");
    assert!(text.starts_with("1 samples were not taken\n"), "{text}");
    assert_eq!(names(&server).await, r#"{"status":"success","data":["good"]}"#);
}

async fn import(server: &Server, path: &str, body: &str) -> (u16, String) {
    let request = Server::client().post(server.url(path)).body(body.to_owned());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn text_and_json_lines_come_in_and_go_out() {
    let server = start().await;
    let text = "# TYPE a counter\na{x=\"1\"} 5 1700000000000\na{x=\"1\"} 6 1700000015000\nb +Inf 1700000000000\n";
    let path = "/api/v1/import/prometheus?extra_label=site=s";
    assert_eq!(import(&server, path, text).await, (204, String::new()));
    let line = r#"{"metric":{"__name__":"c","y":"é"},"values":[1.5,null],"timestamps":[1700000000000,1700000015000]}"#;
    assert_eq!(import(&server, "/api/v1/import", line).await, (204, String::new()));
    for (path, wrong, expected) in [
        ("/api/v1/import/prometheus", "a 1\nb{ 2\n", "line 2"),
        ("/api/v1/import", "{}", "line 1: missing field"),
        ("/api/v1/import", r#"{"metric":{"a":"b"},"values":[],"timestamps":[]}"#, "no metric name"),
        ("/api/v1/import?timestamp=x", line, "timestamp \"x\" is not a number"),
    ] {
        let (status, text) = import(&server, path, wrong).await;
        assert!(status == 400 && text.contains(expected), "{wrong}: {status} {text}");
    }
    let url = server.url("/api/v1/export?match[]=a&match[]=b&match[]=c");
    let out = Server::client().get(url).send().await.unwrap().text().await.unwrap();
    let mut lines: Vec<_> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"{"metric":{"__name__":"a","site":"s","x":"1"},"values":[5,6],"timestamps":[1700000000000,1700000015000]}"#,
            r#"{"metric":{"__name__":"b","site":"s"},"values":["Infinity"],"timestamps":[1700000000000]}"#,
            r#"{"metric":{"__name__":"c","y":"é"},"values":[1.5,null],"timestamps":[1700000000000,1700000015000]}"#,
        ]
    );
}

#[tokio::test]
async fn remote_read_answers_in_samples_and_in_chunks() {
    use vigie_formats::remote_read::{ReadQuery, ReadRequest, encode_read_request};
    let server = start().await;
    send(&server, V1, "snappy", message(encode_v1, &batch(&["one", "two"]))).await;
    let ask = |accepted: Vec<u64>| {
        let query = ReadQuery {
            range: vigie_model::TimeRange::new(NOW_MS, NOW_MS + 15_000),
            matchers: vec![
                vigie_model::Matcher::equal("__name__", "one"),
                // An external label of the server's: not stored, but asked for.
                vigie_model::Matcher::equal("region", "eu"),
            ],
            hints: None,
        };
        let mut message = Vec::new();
        let request = ReadRequest { queries: vec![query], accepted_response_types: accepted };
        encode_read_request(&request, &mut message);
        Server::client()
            .post(server.url("/api/v1/read"))
            .header("content-encoding", "snappy")
            .body(compress_snappy(&message).unwrap())
            .send()
    };
    let samples = ask(vec![]).await.unwrap();
    assert_eq!(samples.headers()["content-type"], "application/x-protobuf");
    assert_eq!(samples.headers()["content-encoding"], "snappy");
    let mut message = Vec::new();
    let body = samples.bytes().await.unwrap();
    let snappy = vigie_formats::compression::Compression::Snappy;
    vigie_formats::compression::decompress(snappy, &body, 1 << 20, &mut message).unwrap();
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds(&message, "one") && holds(&message, "region") && !holds(&message, "two"));
    let chunks = ask(vec![1, 0]).await.unwrap();
    let streamed = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
    assert_eq!(chunks.headers()["content-type"], streamed);
    let body = chunks.bytes().await.unwrap();
    let (length, frame) = (usize::from(body[0]), &body[5..]);
    assert_eq!(length, frame.len(), "one frame: length, checksum, message");
    assert!(holds(frame, "one") && holds(frame, "region") && !holds(frame, "two"));
}
