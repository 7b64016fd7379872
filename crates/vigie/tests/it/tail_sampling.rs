//! Traces are sampled when they are complete, by a collector's configuration.

use std::time::Duration;

use serde_json::{Value, json};
use vigie_testkit::Server;

use crate::vigie;

const PATIENCE: Duration = Duration::from_secs(30);

/// As people have it for the collector.
const COLLECTOR: &str = r#"
receivers: {otlp: {protocols: {grpc: null}}}
processors:
  batch:
  tail_sampling:
    decision_wait: 2s
    num_traces: 1000
    policies:
      - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
      - name: probes
        type: drop
        drop:
          drop_sub_policy:
            - {name: path, type: string_attribute, string_attribute: {key: url.path, values: [/health]}}
      - name: half-of-mail
        type: and
        and:
          and_sub_policy:
            - {name: mail, type: string_attribute, string_attribute: {key: service.name, values: [mail]}}
            - {name: half, type: probabilistic, probabilistic: {sampling_percentage: 50}}
exporters: {debug: null}
service: {pipelines: {traces: {receivers: [otlp], processors: [tail_sampling], exporters: [debug]}}}
"#;

/// A trace of one span; `code` is OTLP's status, `path` an attribute.
fn trace(service: &str, id: &str, code: u64, path: &str) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let start = 1_700_000_000_000_000_000_u64;
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", service)]},
        "scopeSpans": [{"spans": [{
            "traceId": id, "spanId": "00f067aa0ba902b7", "name": "GET", "kind": 2,
            "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + 1_000_000).to_string(),
            "attributes": [text("url.path", path), json!({"key": "tries", "value": {"intValue": "3"}})],
            "status": {"code": code},
            "events": [{"name": "seen", "timeUnixNano": start.to_string()}],
        }]}],
    }]})
}

async fn send(server: &Server, trace: &Value) {
    let url = format!("http://127.0.0.1:{}/v1/traces", server.door("otlp_http_port"));
    let answer = server.client.post(url).json(trace).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// The spans of a trace, none when it is not there.
async fn spans(server: &Server, id: &str) -> Vec<Value> {
    let url = format!("http://127.0.0.1:{}/api/traces/{id}", server.door("jaeger_port"));
    let answer = server.client.get(url).send().await.unwrap();
    let found: Value = answer.json().await.unwrap();
    found["data"][0]["spans"].as_array().cloned().unwrap_or_default()
}

async fn metric(server: &Server, name: &str) -> f64 {
    let text = server.client.get(format!("{}/metrics", server.api)).send().await.unwrap();
    let text = text.text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok()).unwrap_or_default()
}

async fn until(server: &Server, name: &str, value: f64) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while metric(server, name).await != value {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    if waited.await.is_err() {
        panic!("{name} is {} and not {value}", metric(server, name).await);
    }
}

#[tokio::test]
async fn traces_are_sampled_when_they_are_complete() {
    const ERROR: &str = "4bf92f3577b34da6a3ce929d0e0e4731";
    const FINE: &str = "4bf92f3577b34da6a3ce929d0e0e4732";
    const PROBE: &str = "4bf92f3577b34da6a3ce929d0e0e4733";
    const UNDECIDED: &str = "4bf92f3577b34da6a3ce929d0e0e4734";
    let mut builder = vigie();
    for door in ["otlp_http_port", "jaeger_port"] {
        builder = builder.door(door).unwrap();
    }
    std::fs::write(builder.folder().join("collector.yaml"), COLLECTOR).unwrap();
    let path = builder.folder().join("collector.yaml").display().to_string();
    let mut server = builder.arg(path).start().await.unwrap();
    for (id, code, path) in [(ERROR, 2, "/buy"), (FINE, 1, "/buy"), (PROBE, 2, "/health")] {
        send(&server, &trace("shop", id, code, path)).await;
        // What is acknowledged can be found at once.
        assert_eq!(spans(&server, id).await.len(), 1, "{id}");
    }
    until(&server, "vigie_process_tail_sampling_removed_spans_total", 2.0).await;
    // A span that comes late follows its trace; its acknowledgement makes what is before it durable.
    send(&server, &trace("shop", FINE, 2, "/late")).await;
    send(&server, &trace("shop", UNDECIDED, 1, "/buy")).await;
    server.kill().unwrap();
    server.launch().await.unwrap();
    for (id, expected) in [(ERROR, 1), (FINE, 0), (PROBE, 0), (UNDECIDED, 1)] {
        assert_eq!(spans(&server, id).await.len(), expected, "{id}");
    }

    // Half of the mails stay, and tell that they stand for two.
    let ids: Vec<String> = (1..=40_u64)
        .map(|n| format!("{:016x}{n:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    for id in &ids {
        send(&server, &trace("mail", id, 1, "/send")).await;
    }
    until(&server, "vigie_process_tail_sampling_waiting", 0.0).await;
    let away = metric(&server, "vigie_process_tail_sampling_away_total").await;
    until(&server, "vigie_process_tail_sampling_removed_spans_total", away).await;
    // Once more what is durable, then the same after a kill.
    send(&server, &trace("shop", ERROR, 2, "/again")).await;
    for is_after_kill in [false, true] {
        if is_after_kill {
            server.kill().unwrap();
            server.launch().await.unwrap();
        }
        let mut kept = 0.0;
        for id in &ids {
            let found = spans(&server, id).await;
            let Some(span) = found.first() else { continue };
            kept += 1.0;
            assert_eq!(found.len(), 1, "{id}: once");
            let shown = span.to_string();
            assert!(shown.contains("ot=th:8;rv:"), "{shown}");
            assert!(shown.contains("\"tries\"") && shown.contains("seen"), "{shown}");
        }
        assert_eq!(kept, 40.0 - away);
        assert!((8.0..=32.0).contains(&kept), "{kept}");
    }
}

#[tokio::test]
async fn wrong_policies_stop_the_start() {
    let builder = vigie()
        .settings("[process.tail_sampling]\npolicies = [{ name = \"x\", type = \"often\" }]\n");
    let error = builder.start().await.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(error.contains("the type `often` is not known"), "{error}");
}
