//! The seed's configuration, templates and script.

use std::process::Command;
use std::time::Duration;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use vigie_testkit::{python, shared};

use super::running::{Alertmanager, Sink};
use crate::vigie;

/// A mail server that wants STARTTLS, then user and password; gives what it was sent.
async fn mail_server() -> (u16, mpsc::UnboundedReceiver<String>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    rustls::crypto::ring::default_provider().install_default().ok();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, mails) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            tokio::spawn(async move {
                let mut plain = BufReader::new(stream);
                plain.get_mut().write_all(b"220 test\r\n").await.unwrap();
                talk(&mut plain, "250-test\r\n250 STARTTLS\r\n", "STARTTLS").await;
                let stream = acceptor.accept(plain.into_inner()).await.unwrap();
                let mut secret = BufReader::new(stream);
                let said = talk(&mut secret, "250-test\r\n250 AUTH PLAIN\r\n", "QUIT").await;
                sender.send(said).ok();
            });
        }
    });
    (port, mails)
}

/// Answers until the client says `last`; gives all it said.
async fn talk<S>(stream: &mut BufReader<S>, hello: &str, last: &str) -> String
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut all, mut is_data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return all;
        }
        all.push_str(&line);
        let word = line.trim_end();
        let answer = match word.split(' ').next().unwrap_or_default() {
            _ if is_data && word != "." => continue,
            "." => {
                is_data = false;
                "250 ok\r\n"
            }
            "EHLO" | "HELO" => hello,
            "STARTTLS" => "220 go on\r\n",
            "AUTH" => "235 welcome\r\n",
            "DATA" => {
                is_data = true;
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
        if word == last {
            return all;
        }
    }
}

fn alert(labels: Value, is_over: bool) -> Value {
    let mut alert = json!({
        "labels": labels,
        "annotations": {"summary": "sum \"quoted\" <b>", "description": "two\nlines"},
        "generatorURL": "http://prometheus/graph",
    });
    if is_over {
        alert["startsAt"] = json!("2026-01-01T00:00:00Z");
        alert["endsAt"] = json!("2026-01-01T01:00:00Z");
    }
    alert
}

/// What the seed's mail, pager, chat and webhook are told: its own times, templates and routes,
/// with addresses of this machine and the pager's second API.
#[tokio::test]
async fn the_seeds_receivers_are_told() {
    let Some(seed) = shared("the_seeds_receivers_are_told", "seed") else { return };
    let sink = Sink::open().await;
    let (mail_port, mut mails) = mail_server().await;
    let written = std::fs::read_to_string(seed.join("alertmanager.yml")).unwrap();
    let config = written
        .replace("smtp.gmail.com:587", &format!("localhost:{mail_port}"))
        .replace("global:\n", &format!("global:\n  pagerduty_url: {}/pager\n  smtp_tls_config: {{insecure_skip_verify: true}}\n", sink.address))
        .replace("service_key:", "routing_key:")
        .replace("https://hooks.slack.com/services/.../.../...", &format!("{}/slack", sink.address))
        .replace("http://incident-management.example.com/webhook", &format!("{}/webhook", sink.address));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    for file in ["email.tmpl", "slack.tmpl"] {
        let to = folder.path().join("templates").join(file);
        std::fs::copy(seed.join("templates").join(file), to).unwrap();
    }
    std::fs::write(folder.path().join("alertmanager.yml"), config).unwrap();
    let server = Alertmanager::start_in(folder, &[]).await;
    let log = server.log();
    assert!(log.contains("email_configs has no field subject"), "{log}");

    let critical = json!({"alertname": "ServiceDown", "severity": "critical", "service": "database",
        "environment": "production", "instance": "db-1"});
    let slow = json!({"alertname": "HighRequestLatency", "severity": "warning", "service": "web",
        "environment": "production", "instance": "web-1"});
    let other = json!({"alertname": "HighRequestLatency", "severity": "warning", "service": "web",
        "environment": "production", "instance": "web-2"});
    let disk = json!({"alertname": "LowDiskSpace", "severity": "warning", "instance": "x"});
    let all = [&critical, &slow, &other, &disk].map(|labels| alert(labels.clone(), false));
    server.fire(&all).await;

    let pager = sink.wait("/pager", 1).await.remove(0).body;
    assert_eq!(pager["event_action"], "trigger");
    assert_eq!(pager["routing_key"], "your-pagerduty-key");
    assert_eq!(pager["dedup_key"].as_str().unwrap().len(), 64);
    assert!(pager["payload"]["summary"].as_str().unwrap().contains("ServiceDown"), "{pager}");
    assert!(
        ["critical", "error", "warning", "info"]
            .contains(&pager["payload"]["severity"].as_str().unwrap())
    );
    // `continue`: the same alert goes to the database team.
    let slack = sink.wait("/slack", 1).await.remove(0).body;
    assert_eq!(slack["channel"], "#db-alerts");
    let attachment = &slack["attachments"][0];
    assert!(attachment["title"].as_str().unwrap().contains("ServiceDown - Firing"), "{slack}");
    let text = attachment["text"].as_str().unwrap();
    assert!(text.contains("sum \"quoted\" <b>") && text.contains("• instance: db-1"), "{slack}");
    let webhook = sink.wait("/webhook", 1).await.remove(0);
    assert_eq!(webhook.headers["authorization"], "Basic YWxlcnRtYW5hZ2VyOnNlY3JldA==");
    assert_eq!(webhook.body["status"], "firing");
    assert_eq!(webhook.body["alerts"].as_array().unwrap().len(), 2, "grouped: {webhook:?}");
    assert_eq!(webhook.body["groupLabels"]["service"], "web");
    let mail = tokio::time::timeout(Duration::from_secs(60), mails.recv()).await.unwrap().unwrap();
    assert!(mail.contains("AUTH PLAIN ") && mail.contains("RCPT TO:<team@example.com>"), "{mail}");
    assert!(mail.contains("Subject: [LowDiskSpace]"), "{mail}");
    assert!(mail.contains("Alert: sum"), "{mail}");

    server.fire(&[alert(slow, true), alert(other, true)]).await;
    let resolved = sink.wait("/webhook", 2).await.remove(1);
    assert_eq!(resolved.body["status"], "resolved");
    let why = server.get("/api/v1/respond/why?receiver=prod-team").await;
    let entries = why["data"][0]["entries"].as_array().unwrap();
    let told = entries.iter().filter(|entry| entry["what"] == "told").count();
    assert_eq!(told, 2, "{why}");
    for text in [server.log(), why.to_string(), server.get("/api/v2/status").await.to_string()] {
        for secret in ["your-pagerduty-key", "YWxlcnRtYW5hZ2VyOnNlY3JldA", "/slack"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

/// The script as it is: one turn of its loop, then its sleep ends it.
const ONE_TURN: &str = "
import importlib.util, logging, sys, time
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
spec = importlib.util.spec_from_file_location('incident_response', sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
def sleep(seconds):
    print('slept', seconds)
    sys.exit(0)
time.sleep = sleep
module.IncidentResponder(sys.argv[2], sys.argv[3]).run_incident_response()
";

#[tokio::test]
async fn the_seeds_script_gets_alerts_and_queries() {
    const NAME: &str = "the_seeds_script_gets_alerts_and_queries";
    let Some(seed) = shared(NAME, "seed") else { return };
    let Some(python) = python(NAME) else { return };
    let server = vigie().start().await.unwrap();
    for name in ["HighErrorRate", "ServiceUnhealthy", "Unknown"] {
        let body = json!([{"labels": {"alertname": name}}]);
        let url = format!("{}/api/v1/alerts", server.alerts);
        let answer = server.client.post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.text().await.unwrap().trim(), "{\"status\":\"success\"}");
    }
    let script = seed.join("incident_response.py");
    let output = Command::new(python)
        .args(["-c", ONE_TURN])
        .arg(script)
        .args([&server.api, &server.alerts])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("slept 30"), "{said}{error}");
    for name in ["HighErrorRate", "ServiceUnhealthy"] {
        assert!(said.contains(&format!("Exécution du runbook pour {name}")), "{said}{error}");
    }
    assert!(said.contains("Pas de runbook pour Unknown"), "{said}{error}");
}
