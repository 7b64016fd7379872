//! What misbehaves: senders with huge or odd alerts, receivers that redirect, hang or lie,
//! templates that do not end.

use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::running::{Alertmanager, Sink};

fn config(url: &str) -> String {
    format!(
        "route: {{receiver: r, group_by: [alertname], group_wait: 100ms, group_interval: 1s}}\n\
         receivers:\n- name: r\n  webhook_configs: [{{url: '{url}'}}]\n"
    )
}

#[tokio::test]
async fn huge_and_odd_alerts_arrive() {
    let sink = Sink::open().await;
    let server = Alertmanager::start(&config(&format!("{}/told", sink.address)), &[]).await;
    let odd = "quote \" backslash \\ newline \n tab \t null \u{1} é 😀 {{ .Labels }} <script>";
    server
        .fire(&[json!({
            "labels": {"alertname": "Odd", "odd": odd, "weird name-é": "x", "empty": ""},
            "annotations": {"large": "x".repeat(10 << 20), "odd": odd},
        })])
        .await;
    let told = sink.wait("/told", 1).await.remove(0).body;
    let alert = &told["alerts"][0];
    assert_eq!(alert["labels"]["odd"], odd);
    assert_eq!(alert["labels"]["weird name-é"], "x");
    assert_eq!(alert["labels"]["empty"], Value::Null);
    let large = alert["annotations"]["large"].as_str().unwrap();
    assert!(large.len() < 70_000 && large.ends_with("(cut: 10485760 bytes)"), "{}", large.len());
    for (body, expected) in [
        (json!([{"labels": {}}]), "at least one label pair required"),
        (json!([{"labels": {"a": 1}}]), "parsing alerts body"),
        (json!({"labels": {"a": "b"}}), "parsing alerts body"),
        (json!([{"labels": {"a": "b"}, "startsAt": "yesterday"}]), "invalid date-time"),
        (
            json!([{"labels": {"a": "b"}, "startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}]),
            "start time must be before end time",
        ),
        (json!([{"labels": {"a": "x".repeat(100_000)}}]), "labels of"),
    ] {
        let (status, text) = server.post("/api/v2/alerts", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert!(text.contains(expected), "{text}");
    }
    for path in ["/api/v2/alerts?filter=a%3D~[", "/api/v2/alerts?active=maybe", "/api/v2/silence/x"]
    {
        let answer = server.client.get(format!("{}{path}", server.address)).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
    }
}

/// The error of the last attempt, once there is one.
async fn last_error(server: &Alertmanager) -> String {
    for _ in 0..1_000 {
        let deliveries = server.get("/api/v1/respond/deliveries").await;
        let error = &deliveries["data"]["deliveries"][0]["lastError"]["error"];
        if let Some(error) = error.as_str() {
            return error.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no error: {}", server.log());
}

#[tokio::test]
async fn redirects_to_link_local_addresses_are_refused() {
    let sink = Sink::start(|_| {
        let to = "http://169.254.169.254/latest/meta-data/";
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response()
    })
    .await;
    let direct = "http://169.254.169.254/latest".to_owned();
    for url in [format!("{}/told", sink.address), direct] {
        let server = Alertmanager::start(&config(&url), &[]).await;
        server.fire(&[json!({"labels": {"alertname": "a"}})]).await;
        let error = last_error(&server).await;
        assert!(error.contains("link-local") || error.contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn receivers_that_lie_are_told_of_and_their_answers_are_short() {
    let answers: [fn(&str) -> Response; 2] = [
        |_| (StatusCode::BAD_REQUEST, "garbage ".repeat(100_000)).into_response(),
        |_| (StatusCode::SERVICE_UNAVAILABLE, vec![0xff_u8; 1 << 20]).into_response(),
    ];
    for answer in answers {
        let sink = Sink::start(answer).await;
        let url = format!("{}/path-that-is-secret", sink.address);
        let server = Alertmanager::start(&config(&url), &[]).await;
        server.fire(&[json!({"labels": {"alertname": "a"}})]).await;
        let error = last_error(&server).await;
        assert!(error.len() < 2_000, "{} bytes", error.len());
        let why = server.get("/api/v1/respond/why").await.to_string();
        let log = server.log();
        for text in [&error, &why, &log] {
            assert!(!text.contains("path-that-is-secret"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_and_the_process_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("http://{}", listener.local_addr().unwrap());
    let sink = Sink::open().await;
    let yaml = format!(
        "route: {{receiver: hangs, group_wait: 100ms, routes: [{{matchers: [a=b], receiver: r}}]}}\n\
         receivers:\n- name: hangs\n  webhook_configs: [{{url: '{hanging}'}}]\n- name: r\n  \
         webhook_configs: [{{url: '{}/told'}}]\n",
        sink.address
    );
    let server = Alertmanager::start(&yaml, &[]).await;
    server.fire(&[json!({"labels": {"x": "1"}}), json!({"labels": {"a": "b"}})]).await;
    sink.wait("/told", 1).await;
    // The sink knows of a request before Vigie knows of its answer.
    let started = Instant::now();
    loop {
        let metrics =
            server.client.get(format!("{}/metrics", server.address)).send().await.unwrap();
        let metrics = metrics.text().await.unwrap();
        if metrics.contains("vigie_respond_queue_length 1") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{metrics}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn templates_that_do_not_end_are_stopped() {
    let sink = Sink::open().await;
    let folder = tempfile::tempdir().unwrap();
    let template = "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}\
        {{ define \"b\" }}{{ range .Alerts }}{{ template \"b\" $ }}{{ end }}{{ end }}";
    std::fs::write(folder.path().join("x.tmpl"), template).unwrap();
    for name in ["a", "b"] {
        let yaml = format!(
            "templates: ['x.tmpl']\nroute: {{receiver: r, group_wait: 100ms}}\nreceivers:\n- name: r\n  \
             slack_configs: [{{api_url: '{}/told', text: '{{{{ template \"{name}\" . }}}}'}}]\n",
            sink.address
        );
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("alertmanager.yml"), yaml).unwrap();
        std::fs::copy(folder.path().join("x.tmpl"), other.path().join("x.tmpl")).unwrap();
        let server = Alertmanager::start_in(other, &[]).await;
        server.fire(&[json!({"labels": {"alertname": "a"}})]).await;
        let error = last_error(&server).await;
        assert!(
            error.contains("template") || error.contains("deep") || error.contains("limit"),
            "{error}"
        );
        assert!(sink.told().is_empty());
    }
}

#[tokio::test]
async fn a_preview_shows_another_configuration_and_reads_no_files() {
    let server = Alertmanager::start(&config("http://127.0.0.1:9/"), &[]).await;
    std::fs::write(server.folder().join("secret.tmpl"), "{{ define \"s\" }}secret{{ end }}")
        .unwrap();
    let yaml = "templates: ['*.tmpl']\nroute: {receiver: s, group_by: [alertname]}\nreceivers:\n- name: s\n  slack_configs: [{api_url: 'http://127.0.0.1:9', text: '{{ .CommonLabels.x }} of {{ .GroupLabels.alertname }}'}]\n";
    let body = json!({"labels": {"alertname": "A", "x": "1"}, "config": yaml});
    let (status, text) = server.post("/api/v1/respond/preview", &body).await;
    assert!(status.is_success(), "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let route = &answer["data"]["routes"][0];
    assert_eq!(route["groupKey"], "{}:{alertname=\"A\"}");
    assert!(route["messages"].to_string().contains("1 of A"), "{route}");
    let reads = yaml.replace("{{ .CommonLabels.x }}", "{{ template \"s\" . }}");
    let body = json!({"labels": {"alertname": "A"}, "config": reads});
    let (_, text) = server.post("/api/v1/respond/preview", &body).await;
    assert!(!text.contains("\"text\":\"secret"), "{text}");
    let wrong = json!({"labels": {}, "config": "route: {receiver: x}"});
    let (status, text) = server.post("/api/v1/respond/preview", &wrong).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("undefined receiver"), "{text}");
    let preview = json!({"matchers": "alertname=A"});
    let (status, _) = server.post("/api/v1/respond/silences/preview", &preview).await;
    assert!(status.is_success());
}
