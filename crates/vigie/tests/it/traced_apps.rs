//! The seed's traced applications as they are, each with the smallest surroundings that make it
//! run, send to Vigie; and what a single sender can do to it: many datagrams, a very large trace.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use vigie_formats::protobuf::Writer as _;
use vigie_testkit::{Server, node_of_seed, python_of_seed, shared};

use crate::vigie;

const PATIENCE: Duration = Duration::from_secs(45);

/// Surroundings of `tracing.py`: Flask is instrumented before the file makes its app; what goes to
/// port 14268 goes to Vigie's; the service on the internet is one of this machine. With `alias`,
/// the method that no OpenTelemetry ever had is the one that was meant.
const PYTHON_SURROUNDINGS: &str = r#"
import http.server, runpy, socket, sys, threading
file, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
class Redirected(socket.socket):
    def sendto(self, data, address):
        host, wanted = address
        return super().sendto(data, (host, port if wanted == 14268 else wanted))
socket.socket = Redirected

import requests
class Remote(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
remote = http.server.HTTPServer(("127.0.0.1", 0), Remote)
threading.Thread(target=remote.serve_forever, daemon=True).start()
ask = requests.get
requests.get = lambda url, **named: ask(f"http://127.0.0.1:{remote.server_port}/delay", **named)

from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer
from opentelemetry.instrumentation.flask import FlaskInstrumentor
FlaskInstrumentor().instrument()
if mode == "alias":
    Tracer.start_as_span = Tracer.start_as_current_span
app = runpy.run_path(file, run_name="seed")["app"]
client = app.test_client()
answers = [client.get("/api/users/7").status_code,
           client.post("/api/users", json={"name": "Ada"}).status_code]
trace.get_tracer_provider().shutdown()
print(*answers)
"#;

/// Surroundings of `instrumentation.js`: an app, and the collector's name leads to Vigie.
const NODE_SURROUNDINGS: &str = r"
const http = require('http');
const [, , file, port] = process.argv;
const request = http.request;
http.request = function (first, ...rest) {
  if (first && first.hostname === 'jaeger-collector') {
    first = { ...first, hostname: '127.0.0.1', host: '127.0.0.1', port };
  }
  return request.call(this, first, ...rest);
};
// Made when the file first names it: after the instrumentation, which must come before Express.
let made;
Object.defineProperty(global, 'app', { get: () => (made ??= require('express')()) });
require(file);
const { trace } = require('@opentelemetry/api');
const server = global.app.listen(0, '127.0.0.1', () => {
  http.get({ host: '127.0.0.1', port: server.address().port, path: '/api/users/42' }, (answer) => {
    answer.resume();
    answer.on('end', async () => {
      await new Promise((done) => setTimeout(done, 200));
      await trace.getTracerProvider().getDelegate().forceFlush();
      await new Promise((done) => setTimeout(done, 500));
      console.log(answer.statusCode);
      process.exit(0);
    });
  });
});
";

async fn jaeger(server: &Server, path: &str) -> Value {
    let url = format!("http://127.0.0.1:{}{path}", server.door("jaeger_port"));
    server.client.get(&url).send().await.unwrap().json().await.unwrap()
}

/// Asks until `wanted` is content with the spans of the service, and gives them.
async fn spans_of(server: &Server, service: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let found = jaeger(server, &format!("/api/traces?service={service}&limit=100")).await;
        let spans: Vec<Value> = found["data"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|trace| trace["spans"].as_array().cloned().unwrap_or_default())
            .collect();
        if wanted(&spans) {
            return spans;
        }
        assert!(started.elapsed() < PATIENCE, "{service}: {spans:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn names(spans: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> =
        spans.iter().filter_map(|span| span["operationName"].as_str()).collect();
    names.sort_unstable();
    names
}

fn parent_name<'a>(spans: &'a [Value], name: &str) -> &'a str {
    let span = spans.iter().find(|span| span["operationName"] == name).unwrap();
    let id = &span["references"][0]["spanID"];
    let parent = spans.iter().find(|other| &other["spanID"] == id);
    parent.and_then(|parent| parent["operationName"].as_str()).unwrap_or_default()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn server() -> Server {
    let mut builder = vigie();
    for door in ["jaeger_thrift_port", "jaeger_compact_port", "jaeger_port", "otlp_http_port"] {
        builder = builder.door(door).unwrap();
    }
    builder.start().await.unwrap()
}

fn python_app(python: &Path, file: &Path, server: &Server, mode: &str) -> String {
    let port = server.door("jaeger_thrift_port").to_string();
    let mut command = Command::new(python);
    command.args(["-c", PYTHON_SURROUNDINGS]).arg(file).args([port.as_str(), mode]);
    run(&mut command)
}

#[tokio::test]
async fn the_seeds_python_app_is_traced() {
    const NAME: &str = "the_seeds_python_app_is_traced";
    let Some(seed) = shared(NAME, "seed") else { return };
    let Some(python) = python_of_seed(NAME) else { return };
    let file = seed.join("tracing.py");
    let server = server().await;
    // As it is, its handlers fail, and the automatic spans say so.
    assert_eq!(python_app(&python, &file, &server, "as it is"), "500 500");
    let spans = spans_of(&server, "unknown_service", |spans| spans.len() >= 2).await;
    assert_eq!(names(&spans), ["/api/users", "/api/users/<int:user_id>"]);
    assert!(spans.iter().all(|span| {
        let tags = span["tags"].as_array().unwrap();
        tags.iter().any(|tag| tag["key"] == "http.status_code" && tag["value"] == 500)
    }));
    drop(server);
    let server = self::server().await;
    assert_eq!(python_app(&python, &file, &server, "alias"), "200 201");
    let spans = spans_of(&server, "unknown_service", |spans| spans.len() >= 9).await;
    let expected = [
        "/api/users",
        "/api/users/<int:user_id>",
        "GET",
        "create_user",
        "db_insert",
        "db_query",
        "external_api_call",
        "get_user",
        "validate_input",
    ];
    assert_eq!(names(&spans), expected);
    assert_eq!(parent_name(&spans, "db_query"), "get_user");
    assert_eq!(parent_name(&spans, "get_user"), "/api/users/<int:user_id>");
    assert_eq!(parent_name(&spans, "GET"), "external_api_call");
}

#[tokio::test]
async fn the_seeds_node_app_is_traced() {
    const NAME: &str = "the_seeds_node_app_is_traced";
    let Some(seed) = shared(NAME, "seed") else { return };
    let Some(modules) = node_of_seed(NAME) else { return };
    let server = server().await;
    let port = server.door("jaeger_thrift_port").to_string();
    let mut command = Command::new("node");
    command
        .env("NODE_PATH", &modules)
        .args(["-e", NODE_SURROUNDINGS, "--"])
        .arg("surroundings")
        .arg(seed.join("instrumentation.js"))
        .arg(port);
    assert_eq!(run(&mut command), "200");
    let service = "unknown_service:node";
    let has = |spans: &[Value], name: &str| spans.iter().any(|s| s["operationName"] == name);
    let spans = spans_of(&server, service, |spans| has(spans, "getUser") && spans.len() >= 2).await;
    let user = spans.iter().find(|span| span["operationName"] == "getUser").unwrap();
    let tags = user["tags"].as_array().unwrap();
    for (key, value) in [
        ("user.id", Value::from("42")),
        ("db.query.duration", Value::from(150.0)),
        ("cache.hit", Value::from(false)),
    ] {
        assert!(tags.iter().any(|tag| tag["key"] == key && tag["value"] == value), "{tags:#?}");
    }
    // Express' and HTTP's own spans belong to the same trace.
    let same = spans.iter().filter(|span| span["traceID"] == user["traceID"]).count();
    assert!(same >= 2, "{spans:#?}");
}

/// `emitBatch` of Jaeger's agent with one span, in Thrift's binary encoding.
fn packet(service: &str, span_id: i64) -> Vec<u8> {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.extend((text.len() as i32).to_be_bytes());
        out.extend(text.as_bytes());
    }
    fn field(out: &mut Vec<u8>, kind: u8, number: i16) {
        out.push(kind);
        out.extend(number.to_be_bytes());
    }
    const STRUCT: u8 = 12;
    const LIST: u8 = 15;
    const STRING: u8 = 11;
    const I32: u8 = 8;
    const I64: u8 = 10;
    let mut out = Vec::new();
    out.extend(0x8001_0004_u32.to_be_bytes());
    text(&mut out, "emitBatch");
    out.extend(0_i32.to_be_bytes());
    field(&mut out, STRUCT, 1);
    field(&mut out, STRUCT, 1);
    field(&mut out, STRING, 1);
    text(&mut out, service);
    out.push(0);
    field(&mut out, LIST, 2);
    out.push(STRUCT);
    out.extend(1_i32.to_be_bytes());
    let now_us = jiff::Timestamp::now().as_microsecond();
    for (number, value) in [(1, 7), (2, span_id), (3, span_id), (4, 0)] {
        field(&mut out, I64, number);
        out.extend(value.to_be_bytes());
    }
    field(&mut out, STRING, 5);
    text(&mut out, "datagram");
    field(&mut out, I32, 7);
    out.extend(1_i32.to_be_bytes());
    for (number, value) in [(8, now_us), (9, 5_i64)] {
        field(&mut out, I64, number);
        out.extend(value.to_be_bytes());
    }
    out.extend([0, 0, 0]);
    out
}

#[tokio::test]
async fn ten_thousand_datagrams_become_spans() {
    const COUNT: i64 = 10_000;
    let server = server().await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(("127.0.0.1", server.door("jaeger_thrift_port"))).await.unwrap();
    let metric = async |name: &str| -> u64 {
        let text = server.client.get(format!("{}/metrics", server.api)).send().await.unwrap();
        let text = text.text().await.unwrap();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    };
    // Malformed ones between them harm nothing.
    let mut malformed = 0;
    for id in 1..=COUNT {
        let packet = packet("sprinkler", id);
        socket.send(&packet).await.unwrap();
        if id % 100 == 0 {
            socket.send(packet.get(..packet.len() / 2).unwrap()).await.unwrap();
            malformed += 1;
            // The kernel drops what waits too long; that is not what is tested here.
            let started = Instant::now();
            while metric("vigie_receive_agent_packets_total").await < (id + malformed) as u64 {
                assert!(started.elapsed() < PATIENCE, "datagrams were lost on the way");
            }
        }
    }
    let started = Instant::now();
    while metric("vigie_receive_agent_spans_total").await < COUNT as u64 {
        assert!(started.elapsed() < PATIENCE, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(metric("vigie_receive_agent_spans_total").await, COUNT as u64);
    assert_eq!(metric("vigie_receive_agent_malformed_total").await, malformed as u64);
    assert_eq!(metric("vigie_receive_agent_dropped_total").await, 0);
    // Each is a trace of its own.
    for id in [1, 4_711, COUNT] {
        let found = jaeger(&server, &format!("/api/traces/{id:016x}{:016x}", 7)).await;
        assert_eq!(found["data"][0]["spans"][0]["spanID"], format!("{id:016x}"), "{found}");
    }
}

/// OTLP's `ExportTraceServiceRequest` with spans of one trace; each span's parent is the one whose
/// number is half of its own.
fn request(trace: u128, numbers: std::ops::Range<u64>) -> Vec<u8> {
    let now_ns = u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap();
    let mut out = Vec::new();
    out.put_message(1, |of_resource: &mut Vec<u8>| {
        of_resource.put_message(1, |resource: &mut Vec<u8>| {
            resource.put_message(1, |pair: &mut Vec<u8>| {
                pair.put_bytes(1, b"service.name");
                pair.put_message(2, |value: &mut Vec<u8>| value.put_bytes(1, b"giant"));
            });
        });
        of_resource.put_message(2, |of_scope: &mut Vec<u8>| {
            for number in numbers {
                of_scope.put_message(2, |span: &mut Vec<u8>| {
                    span.put_bytes(1, &trace.to_be_bytes());
                    span.put_bytes(2, &number.to_be_bytes());
                    if number > 1 {
                        span.put_bytes(4, &(number / 2).to_be_bytes());
                    }
                    span.put_bytes(5, format!("step {}", number % 10).as_bytes());
                    for (field, time) in [(7_u64, now_ns + number), (8, now_ns + number + 1_000)] {
                        span.put_varint(field << 3 | 1);
                        span.extend(time.to_le_bytes());
                    }
                });
            }
        });
    });
    out
}

async fn post_spans(url: &str, client: &reqwest::Client, body: Vec<u8>) -> reqwest::Result<()> {
    let request = client.post(url).header("Content-Type", "application/x-protobuf").body(body);
    request.send().await?.error_for_status().map(drop)
}

#[tokio::test]
async fn a_trace_of_a_hundred_thousand_spans_is_found_whole() {
    const SPANS: u64 = 100_000;
    let server = server().await;
    let url = format!("http://127.0.0.1:{}/v1/traces", server.door("otlp_http_port"));
    for first in (1..=SPANS).step_by(5_000) {
        post_spans(&url, &server.client, request(77, first..first + 5_000)).await.unwrap();
    }
    let found = jaeger(&server, "/api/traces/4d").await;
    let spans = found["data"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len() as u64, SPANS);
    let ids: std::collections::HashSet<&str> =
        spans.iter().filter_map(|span| span["spanID"].as_str()).collect();
    assert_eq!(ids.len() as u64, SPANS);
    let roots = spans.iter().filter(|span| span["references"].as_array().unwrap().is_empty());
    assert_eq!(roots.count(), 1);
    // A list of results does not carry the spans.
    let path = "/api/v3/trace-summaries?query.service_name=giant&query.operation_name=step+3";
    let found = jaeger(&server, path).await;
    assert_eq!(found["result"]["summaries"][0]["spanCount"], SPANS, "{found}");
}

/// Posts batches of ten spans, each a trace of its own, until the server is gone.
async fn post_until_gone(url: String, client: reqwest::Client, first: u64, acked: Arc<AtomicU64>) {
    for at in first.. {
        if post_spans(&url, &client, request(at.into(), 1..11)).await.is_err() {
            return;
        }
        acked.store(at, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn acknowledged_spans_survive_kill_9_once() {
    let mut server = server().await;
    let url = format!("http://127.0.0.1:{}/v1/traces", server.door("otlp_http_port"));
    let acked = Arc::new(AtomicU64::new(0));
    let mut checked = Vec::new();
    for round in 0..3 {
        // The one after the last acknowledged may be there too: its answer did not arrive.
        let first = acked.load(Ordering::SeqCst) + 2;
        let (url, client) = (url.clone(), server.client.clone());
        let writer = tokio::spawn(post_until_gone(url, client, first, Arc::clone(&acked)));
        tokio::time::sleep(Duration::from_millis(300 + 170 * round)).await;
        server.kill().unwrap();
        writer.await.unwrap();
        let last = acked.load(Ordering::SeqCst);
        assert!(last >= first, "nothing was acknowledged in round {round}");
        server.launch().await.unwrap();
        checked.extend(first..=last);
        for trace in &checked {
            let found = jaeger(&server, &format!("/api/traces/{trace:x}")).await;
            let count = found["data"][0]["spans"].as_array().map(Vec::len);
            assert_eq!(count, Some(10), "trace {trace} of {last} in round {round}");
        }
    }
}
