//! Real OpenTelemetry and Zipkin clients send; the traces are found by Jaeger's API.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vigie_testkit::{Server, python};

use crate::vigie;

const PATIENCE: Duration = Duration::from_secs(30);

/// One trace by the SDK, sent by the exporter that the first argument names to the address in the
/// second. Prints the trace's id.
const SENDER: &str = r#"
import sys
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
kind, address = sys.argv[1:3]
if kind == "http":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.exporter.otlp.proto.http import Compression
    exporter = OTLPSpanExporter(endpoint=f"http://{address}/v1/traces", compression=Compression.Gzip)
elif kind == "grpc":
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    exporter = OTLPSpanExporter(endpoint=f"http://{address}", insecure=True, compression=grpc.Compression.Gzip)
else:
    from opentelemetry.exporter.zipkin.json import ZipkinExporter
    exporter = ZipkinExporter(endpoint=f"http://{address}/api/v2/spans")
provider = TracerProvider(resource=Resource.create({"service.name": f"shop-{kind}", "host.name": "h1"}))
provider.add_span_processor(SimpleSpanProcessor(exporter))
tracer = provider.get_tracer("test", "1.0")
with tracer.start_as_current_span("GET /users", kind=trace.SpanKind.SERVER) as root:
    root.set_attribute("http.status_code", 500)
    with tracer.start_as_current_span("SELECT") as child:
        child.set_attribute("db.system", "postgresql")
        try:
            raise ValueError("no such <user>")
        except ValueError as error:
            child.record_exception(error)
            child.set_status(trace.Status(trace.StatusCode.ERROR, "failed"))
    print(format(root.get_span_context().trace_id, "032x"))
provider.shutdown()
"#;

fn run(python: &Path, script: &str, args: &[&str]) -> String {
    let output = Command::new(python).arg("-c").arg(script).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    // An exporter that fails only logs.
    assert!(!errors.contains("Failed to export") && !errors.contains("Traceback"), "{errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    get_from(server, "jaeger_port", path).await
}

async fn get_from(server: &Server, door: &str, path: &str) -> (u16, Value) {
    let url = format!("http://127.0.0.1:{}{path}", server.door(door));
    let response = server.client.get(&url).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

fn tag<'a>(span: &'a Value, key: &str) -> &'a Value {
    let tags = span["tags"].as_array().unwrap();
    tags.iter().find(|tag| tag["key"] == key).map_or(&Value::Null, |tag| &tag["value"])
}

#[tokio::test]
async fn traces_of_real_clients_are_found() {
    const NAME: &str = "traces_of_real_clients_are_found";
    let Some(python) = python(NAME) else { return };
    let mut builder = vigie();
    for door in [
        "otlp_http_port",
        "otlp_grpc_port",
        "zipkin_port",
        "jaeger_port",
        "jaeger_query_grpc_port",
        "tempo_port",
    ] {
        builder = builder.door(door).unwrap();
    }
    let builder = builder.settings("[process.span_metrics]\ninterval = \"1s\"\n");
    let mut server = builder.start().await.unwrap();
    let mut sent = Vec::new();
    for (kind, door) in
        [("http", "otlp_http_port"), ("grpc", "otlp_grpc_port"), ("zipkin", "zipkin_port")]
    {
        let address = format!("127.0.0.1:{}", server.door(door));
        sent.push((kind, run(&python, SENDER, &[kind, &address])));
    }
    check_traces(&server, &sent).await;
    check_span_metrics(&server).await;
    check_monitor(&server).await;
    check_query_grpc(&python, &server, &sent);
    // Acknowledged is kept: the same again after a kill.
    server.kill().unwrap();
    server.launch().await.unwrap();
    check_traces(&server, &sent).await;
}

async fn check_traces(server: &Server, sent: &[(&str, String)]) {
    let (_, services) = get(server, "/api/services").await;
    assert_eq!(services["data"], serde_json::json!(["shop-grpc", "shop-http", "shop-zipkin"]));
    for (kind, id) in sent {
        let (status, found) = get(server, &format!("/api/traces/{id}")).await;
        assert_eq!(status, 200, "{found}");
        let spans = found["data"][0]["spans"].as_array().unwrap();
        assert_eq!(spans.len(), 2, "{found}");
        let (root, child) = (&spans[0], &spans[1]);
        assert_eq!(root["operationName"], "GET /users");
        assert_eq!(child["references"][0]["spanID"], root["spanID"]);
        assert_eq!(tag(root, "span.kind"), "server");
        // Zipkin's tags are all text.
        let code = tag(root, "http.status_code");
        assert!(*code == 500 || *code == "500", "{code}");
        assert_eq!(tag(child, "db.system"), "postgresql");
        assert_eq!(tag(child, "otel.status_code"), "ERROR", "{kind}");
        let tags = "%7B%22http.status_code%22%3A%22500%22%7D";
        for search in [
            format!("service=shop-{kind}"),
            format!("service=shop-{kind}&operation=SELECT&tag=error:true"),
            format!("service=shop-{kind}&tags={tags}"),
        ] {
            let (_, found) = get(server, &format!("/api/traces?{search}")).await;
            assert_eq!(found["data"][0]["traceID"], **id, "{search}: {found}");
            assert_eq!(found["data"].as_array().unwrap().len(), 1);
        }
        let (_, found) =
            get(server, &format!("/api/traces?service=shop-{kind}&minDuration=1h")).await;
        assert_eq!(found["data"], serde_json::json!([]));
        let (_, v3) = get(server, &format!("/api/v3/traces/{id}")).await;
        let groups = v3["result"]["resourceSpans"].as_array().unwrap();
        assert_eq!(groups[0]["scopeSpans"][0]["spans"].as_array().unwrap().len(), 2, "{v3}");
    }
    for (kind, id) in sent {
        check_tempo(server, kind, id).await;
    }
    let (status, found) = get(server, "/api/traces/ffffffffffffffffffffffffffffffff").await;
    assert_eq!((status, &found["errors"][0]["msg"]), (404, &Value::from("trace not found")));
}

/// The rates that come by themselves.
async fn check_span_metrics(server: &Server) {
    for expression in [
        // Tempo's names: three servers' spans and three spans that failed.
        r#"sum(traces_spanmetrics_calls_total{span_name="GET /users",span_kind="SPAN_KIND_SERVER"}) == 3"#,
        r#"sum(traces_spanmetrics_latency_count{status_code="STATUS_CODE_ERROR"}) == 3"#,
        // The collector's, of one sender.
        r#"traces_span_metrics_calls_total{service_name="shop-grpc",span_name="SELECT"} == 1"#,
        // Nobody known called the three.
        r#"count(traces_service_graph_request_total{client="user"} == 1) == 3"#,
        // They begin at zero, so that the first call is a rate.
        r#"increase(traces_spanmetrics_calls_total{service="shop-http",span_name="SELECT"}[1m]) > 0"#,
    ] {
        server.wait_for(expression, PATIENCE).await.unwrap();
    }
    let found = server
        .get(
            "/api/v1/query_exemplars",
            &[
                ("query", r#"traces_spanmetrics_latency_bucket{service="shop-http"}"#),
                ("start", "0"),
                ("end", "32503680000"),
            ],
        )
        .await
        .unwrap();
    let id = &found["data"][0]["exemplars"][0]["labels"]["trace_id"];
    let (status, _) = get(server, &format!("/api/traces/{}", id.as_str().unwrap())).await;
    assert_eq!(status, 200, "{found}");
}

/// Jaeger's monitor tab asks these.
async fn check_monitor(server: &Server) {
    let common =
        "service=shop-http&service=shop-grpc&groupByOperation=true&step=1000&lookback=60000";
    for (kind, more, name) in [
        ("calls", "", "service_operation_call_rate"),
        ("errors", "&spanKind=internal", "service_operation_error_rate"),
        ("latencies", "&quantile=0.95", "service_operation_latencies"),
    ] {
        let path = format!("/api/metrics/{kind}?{common}{more}");
        let (status, found) = get(server, &path).await;
        assert_eq!((status, &found["name"]), (200, &Value::from(name)), "{found}");
        let metrics = found["metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), 2, "{path}: {found}");
        let last = metrics[0]["metricPoints"].as_array().unwrap().last().unwrap();
        let value = last["gaugeValue"]["doubleValue"].as_f64().unwrap();
        assert!(value > 0.0, "{path}: {found}");
        if kind == "errors" {
            assert!((value - 1.0).abs() < 1e-9, "{found}");
        }
    }
    let (status, found) = get(server, "/api/metrics/calls").await;
    assert_eq!(status, 400, "{found}");
    let (_, found) = get(server, "/api/metrics/minstep").await;
    assert_eq!(found["data"], 1);
}

/// gRPC's own client calls both generations of Jaeger's query service. The messages are written
/// and read by hand, as no package on PyPI has Jaeger's.
const QUERY_CLIENT: &str = r#"
import sys, grpc
address, trace_id, service = sys.argv[1:4]
channel = grpc.insecure_channel(address)
def text(field, value):
    data = value if isinstance(value, bytes) else value.encode()
    return bytes([field << 3 | 2, len(data)]) + data
def one(method, message):
    return channel.unary_unary(f"/jaeger.{method}")(message)
def many(method, message):
    return list(channel.unary_stream(f"/jaeger.{method}")(message))
for generation in ("api_v2", "api_v3"):
    query = generation + ".QueryService/"
    assert text(1, service) in one(query + "GetServices", b""), generation
    operations = one(query + "GetOperations", text(1, service) + text(2, "server"))
    assert b"GET /users" in operations and b"SELECT" not in operations, operations
    id = bytes.fromhex(trace_id) if generation == "api_v2" else trace_id
    trace = many(query + "GetTrace", text(1, id))
    assert len(trace) == 1 and b"SELECT" in trace[0] and bytes.fromhex(trace_id) in trace[0], trace
    search = text(1, service) + text(2, "SELECT") + text(3, text(1, "db.system") + text(2, "postgresql"))
    found = many(query + "FindTraces", text(1, search))
    assert len(found) == 1 and bytes.fromhex(trace_id) in found[0], found
    assert many(query + "FindTraces", text(1, text(1, "nobody"))) == []
    try:
        many(query + "GetTrace", text(1, b"\xff" * 16 if generation == "api_v2" else "f" * 32))
        raise SystemExit("a trace that is not there was found")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
summaries = many("api_v3.QueryService/FindTraceSummaries", text(1, text(1, service)))
assert len(summaries) == 1 and b"GET /users" in summaries[0], summaries
try:
    one("api_v2.QueryService/Nothing", b"")
    raise SystemExit("a method that is not there answered")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
"#;

fn check_query_grpc(python: &Path, server: &Server, sent: &[(&str, String)]) {
    let address = format!("127.0.0.1:{}", server.door("jaeger_query_grpc_port"));
    for (kind, id) in sent {
        run(python, QUERY_CLIENT, &[&address, id, &format!("shop-{kind}")]);
    }
}

/// gRPC's own client asks for a strategy.
const SAMPLING_CLIENT: &str = r#"
import struct, sys, grpc
address = sys.argv[1]
call = grpc.insecure_channel(address).unary_unary("/jaeger.api_v2.SamplingManager/GetSamplingStrategy")
assert call(b"\x0a\x04shop") .startswith(b"\x12\x09\x09" + struct.pack("<d", 0.25)), call(b"\x0a\x04shop")
assert call(b"\x0a\x04mail") == b"\x08\x01\x1a\x02\x08\x05", call(b"\x0a\x04mail")
"#;

#[tokio::test]
async fn sdks_are_told_what_to_sample() {
    let mut builder = vigie();
    for door in ["jaeger_sampling_port", "jaeger_grpc_port", "jaeger_admin_port"] {
        builder = builder.door(door).unwrap();
    }
    std::fs::write(
        builder.folder().join("strategies.json"),
        r#"{"service_strategies": [
              {"service": "shop", "type": "probabilistic", "param": 0.25,
               "operation_strategies": [{"operation": "pay", "type": "probabilistic", "param": 1}]},
              {"service": "mail", "type": "ratelimiting", "param": 5}],
            "default_strategy": {"type": "probabilistic", "param": 0.5}}"#,
    )
    .unwrap();
    let builder = builder.settings("[process.head_sampling]\nstrategies = \"strategies.json\"\n");
    let server = builder.start().await.unwrap();
    let (_, found) = get_from(&server, "jaeger_sampling_port", "/sampling?service=shop").await;
    assert_eq!(
        found,
        serde_json::json!({
            "strategyType": "PROBABILISTIC",
            "probabilisticSampling": {"samplingRate": 0.25},
            "operationSampling": {
                "defaultSamplingProbability": 0.25,
                "defaultLowerBoundTracesPerSecond": 0,
                "perOperationStrategies": [
                    {"operation": "pay", "probabilisticSampling": {"samplingRate": 1}},
                ],
            },
        })
    );
    let (_, found) = get_from(&server, "jaeger_sampling_port", "/?service=mail").await;
    assert_eq!(found["rateLimitingSampling"]["maxTracesPerSecond"], 5);
    let (_, found) = get_from(&server, "jaeger_sampling_port", "/?service=other").await;
    assert_eq!(found["probabilisticSampling"]["samplingRate"], 0.5);
    let (status, found) = get_from(&server, "jaeger_admin_port", "/").await;
    assert_eq!((status, &found["status"]), (200, &Value::from("Server available")));
    let Some(python) = python("sdks_are_told_what_to_sample over gRPC") else { return };
    run(&python, SAMPLING_CLIENT, &[&format!("127.0.0.1:{}", server.door("jaeger_grpc_port"))]);
}

/// The same trace by Tempo's API.
async fn check_tempo(server: &Server, kind: &str, id: &str) {
    let tempo = async |path: String| {
        let (status, found) = get_from(server, "tempo_port", &path).await;
        assert_eq!(status, 200, "{path}: {found}");
        found
    };
    // { resource.service.name = "shop-KIND" } >> { name = "SELECT" && status = error }
    let query = format!(
        "%7Bresource.service.name%3D%22shop-{kind}%22%7D%3E%3E%7Bname%3D%22SELECT%22%26%26status%3Derror%7D"
    );
    let found = tempo(format!("/api/search?q={query}")).await;
    let traces = found["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 1, "{found}");
    // An id may begin with zeros, which Tempo leaves out.
    let found_id = traces[0]["traceID"].as_str().unwrap();
    assert_eq!(found_id.trim_start_matches('0'), id.trim_start_matches('0'), "{found}");
    assert_eq!(traces[0]["rootServiceName"], format!("shop-{kind}"), "{found}");
    assert_eq!(traces[0]["rootTraceName"], "GET /users", "{found}");
    let found = tempo(format!("/api/v2/traces/{id}")).await;
    assert!(found["trace"]["resourceSpans"][0]["scopeSpans"].is_array(), "{found}");
    let found = tempo("/api/v2/search/tag/resource.service.name/values".to_owned()).await;
    let values = found["tagValues"].as_array().unwrap();
    assert!(values.iter().any(|value| value["value"] == format!("shop-{kind}")), "{found}");
}

/// Metrics and logs by the SDK over OTLP.
const METRICS_AND_LOGS: &str = r#"
import sys, logging
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
kind, address = sys.argv[1:3]
if kind == "http":
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    exporter = OTLPMetricExporter(endpoint=f"http://{address}/v1/metrics")
else:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    exporter = OTLPMetricExporter(endpoint=f"http://{address}", insecure=True)
resource = Resource.create({"service.name": f"shop-{kind}"})
view = View(instrument_name="size", aggregation=ExponentialBucketHistogramAggregation())
provider = MeterProvider(resource=resource, views=[view],
    metric_readers=[PeriodicExportingMetricReader(exporter, export_interval_millis=600000)])
meter = provider.get_meter("test")
meter.create_counter("orders", unit="{order}").add(7, {"http.method": "GET"})
histogram = meter.create_histogram("latency", unit="s")
size = meter.create_histogram("size", unit="By")
for value in (0.1, 0.2, 30):
    histogram.record(value)
    size.record(value)
assert provider.shutdown() is None
"#;

#[tokio::test]
async fn metrics_of_the_sdk_become_series() {
    const NAME: &str = "metrics_of_the_sdk_become_series";
    let Some(python) = python(NAME) else { return };
    let mut builder = vigie();
    for door in ["otlp_http_port", "otlp_grpc_port"] {
        builder = builder.door(door).unwrap();
    }
    let server = builder.start().await.unwrap();
    for (kind, door) in [("http", "otlp_http_port"), ("grpc", "otlp_grpc_port")] {
        let address = format!("127.0.0.1:{}", server.door(door));
        run(&python, METRICS_AND_LOGS, &[kind, &address]);
        let job = format!("job=\"shop-{kind}\"");
        for query in [
            format!("orders_total{{http_method=\"GET\", {job}}} == 7"),
            format!("latency_seconds_count{{{job}}} == 3"),
            format!("latency_seconds_bucket{{le=\"+Inf\", {job}}} == 3"),
            format!("histogram_count(size_bytes{{{job}}}) == 3"),
            format!("target_info{{{job}, telemetry_sdk_language=\"python\"}} == 1"),
        ] {
            server.wait_for(&query, PATIENCE).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_its_own_form() {
    let server = vigie()
        .door("otlp_http_port")
        .unwrap()
        .door("jaeger_thrift_port")
        .unwrap()
        .door("zipkin_port")
        .unwrap()
        .start()
        .await
        .unwrap();
    let cases = [
        ("otlp_http_port", "/v1/traces", "application/json", "{\"resourceSpans\": 5}", 400),
        ("otlp_http_port", "/v1/traces", "application/json", "{}", 200),
        ("otlp_http_port", "/v1/traces", "application/x-protobuf", "\u{7f}abc", 400),
        ("otlp_http_port", "/v1/traces", "text/plain", "x", 415),
        ("otlp_http_port", "/v1/metrics", "application/json", "[", 400),
        ("otlp_http_port", "/v1/logs", "application/json", "{\"resourceLogs\":[{}]}", 200),
        ("jaeger_thrift_port", "/api/traces", "application/json", "{}", 400),
        ("jaeger_thrift_port", "/api/traces", "application/x-thrift", "\u{c}\u{0}", 400),
        (
            "zipkin_port",
            "/api/v2/spans",
            "application/json",
            "[{\"traceId\": \"x\", \"id\": \"1\"}]",
            400,
        ),
        ("zipkin_port", "/api/v2/spans", "application/json", "[]", 202),
    ];
    for (door, path, media, body, expected) in cases {
        let url = format!("http://127.0.0.1:{}{path}", server.door(door));
        let request = server.client.post(&url).header("content-type", media).body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), expected, "{path} {body}");
    }
}
