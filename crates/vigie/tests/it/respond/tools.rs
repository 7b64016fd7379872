//! Debian's tools: amtool against Vigie, prometheus to Vigie, Vigie to alertmanager; and Vigie's
//! own amtool.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vigie_testkit::{free_port, program};

use super::running::{Alertmanager, Sink, output};
use crate::vigie;

const CONFIG: &str = "
route:
  receiver: default
  group_by: [alertname]
  group_wait: 100ms
  group_interval: 1s
  repeat_interval: 1h
  routes:
  - matchers: [severity=\"critical\"]
    receiver: pager
    continue: true
  - match_re: {team: 'a|b'}
    receiver: team
receivers:
- name: default
- name: pager
  webhook_configs: [{url: 'http://127.0.0.1:9/secret-path', http_config: {basic_auth: {username: u, password: secret-word}}}]
- name: team
inhibit_rules:
- source_matchers: [alertname=Source]
  target_matchers: [alertname=Target]
";

/// Ends a process when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The same commands for Debian's amtool and for Vigie's.
async fn amtool_works(amtool: PathBuf) {
    let server = Alertmanager::start(CONFIG, &[]).await;
    let url = format!("--alertmanager.url={}", server.address);
    let run = |args: &[&str]| output(&amtool, &[&[url.as_str()], args].concat());

    run(&["alert", "add", "Down", "node=a", "severity=critical", "--annotation=summary=it is"]);
    run(&["alert", "add", "alertname=Up", "node=b"]);
    let alerts = run(&["alert", "query"]);
    assert!(
        alerts.contains("Down") && alerts.contains("it is") && alerts.contains("Up"),
        "{alerts}"
    );
    let alerts = run(&["alert", "query", "node=~a|c", "-o", "json"]);
    let alerts: Value = serde_json::from_str(&alerts).unwrap();
    assert_eq!(alerts.as_array().unwrap().len(), 1, "{alerts}");
    assert_eq!(alerts[0]["labels"]["alertname"], "Down");

    let id = run(&["silence", "add", "Down", "-c", "why not", "-a", "me", "-d", "2h"]);
    let id = id.trim();
    let silences = run(&["silence", "query"]);
    assert!(silences.contains(id) && silences.contains("why not"), "{silences}");
    assert!(!run(&["alert", "query"]).contains("Down"), "silenced");
    assert!(run(&["alert", "query", "--silenced"]).contains("Down"));
    let longer = run(&["silence", "update", id, "-d", "5h", "-c", "longer"]);
    assert!(longer.contains(id), "the same silence, for longer: {longer}");
    let exported = run(&["silence", "query", "-o", "json"]);
    let file = server.folder().join("silences.json");
    std::fs::write(&file, &exported).unwrap();
    run(&["silence", "expire", id]);
    assert!(!run(&["silence", "query"]).contains(id));
    assert!(run(&["silence", "query", "--expired"]).contains(id));
    run(&["silence", "import", file.to_str().unwrap()]);
    assert!(run(&["silence", "query"]).contains("longer"));

    let shown = run(&["config", "show"]);
    assert!(shown.contains("receiver: pager") && !shown.contains("secret-"), "{shown}");
    let tree = run(&["config", "routes", "show"]);
    assert!(tree.contains("severity=\"critical\"") && tree.contains("receiver: team"), "{tree}");
    let receivers = run(&["config", "routes", "test", "severity=critical", "team=a"]);
    assert_eq!(receivers.trim(), "pager,team");
    let file = server.folder().join("alertmanager.yml");
    let checked = run(&["check-config", file.to_str().unwrap()]);
    assert!(checked.contains("SUCCESS"), "{checked}");
    assert!(run(&["cluster", "show"]).contains("ready"));
}

#[tokio::test]
async fn debians_amtool_works_against_vigie() {
    let Some(amtool) = program("debians_amtool_works_against_vigie", "amtool") else { return };
    amtool_works(amtool).await;
}

#[tokio::test]
async fn vigies_amtool_works_as_debians() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("amtool");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_vigie"), &link).unwrap();
    amtool_works(link).await;
}

#[tokio::test]
async fn a_reload_is_all_or_nothing_and_a_restart_forgets_nothing() {
    let server = Alertmanager::start(CONFIG, &[]).await;
    let status = server.get("/api/v2/status").await;
    assert_eq!(status["cluster"]["peers"].as_array().unwrap().len(), 1);
    let original = async || {
        server.get("/api/v2/status").await["config"]["original"].as_str().unwrap().to_owned()
    };
    let file = server.folder().join("alertmanager.yml");
    std::fs::write(&file, "route: {receiver: default, grup_wait: 1s}\n").unwrap();
    let answer = server.client.post(format!("{}/-/reload", server.address)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 500);
    let reason = answer.text().await.unwrap();
    assert!(reason.contains("line 1, column 28: field grup_wait not found"), "{reason}");
    assert!(original().await.contains("pager"), "the old configuration runs on");
    std::fs::write(&file, "route: {receiver: new}\nreceivers: [{name: new}]\n").unwrap();
    server.signal("HUP");
    let begun = Instant::now();
    while !original().await.contains("receiver: new") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let silence = json!({
        "matchers": [{"name": "a", "value": "b", "isRegex": false}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "me", "comment": "c",
    });
    let (status, answer) = server.post("/api/v2/silences", &silence).await;
    assert!(status.is_success(), "{answer}");
    let folder = server.stop().await;
    let server = Alertmanager::start_in(folder, &["--web.route-prefix", "/am"]).await;
    let silences = server.get("/am/api/v2/silences").await;
    assert_eq!(silences[0]["comment"], "c", "{silences}");
    let metrics = server.client.get(format!("{}/am/metrics", server.address)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "alertmanager_silences{state=\"active\"} 1",
        "alertmanager_config_last_reload_successful 1",
        "alertmanager_build_info{",
    ] {
        assert!(metrics.contains(line), "{line} is not in:\n{metrics}");
    }
}

const RULES: &str = "groups:\n- name: g\n  interval: 1s\n  rules:\n  - alert: Always\n    expr: vector(1)\n    labels: {severity: critical, quote: \"a\\\"b\\nc\"}\n    annotations: {summary: 'value {{ $value }}'}\n";

#[tokio::test]
async fn debians_prometheus_sends_alerts_to_vigie() {
    const NAME: &str = "debians_prometheus_sends_alerts_to_vigie";
    let Some(prometheus) = program(NAME, "prometheus") else { return };
    let sink = Sink::open().await;
    let config =
        CONFIG.replace("http://127.0.0.1:9/secret-path", &format!("{}/told", sink.address));
    let server = Alertmanager::start(&config, &[]).await;
    let target = server.address.trim_start_matches("http://").to_owned();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
    let yaml = format!(
        "global: {{evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['{target}']}}]\n"
    );
    std::fs::write(folder.path().join("prometheus.yml"), yaml).unwrap();
    let port = free_port().unwrap();
    let _prometheus = Running(
        Command::new(prometheus)
            .args(["--config.file", "prometheus.yml", "--storage.tsdb.path", "data"])
            // The first alert is sent before it knows to whom; the next would follow in a minute.
            .arg("--rules.alert.resend-delay=1s")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let told = sink.wait("/told", 1).await;
    let alert = &told[0].body["alerts"][0];
    assert_eq!(alert["labels"]["alertname"], "Always");
    assert_eq!(alert["labels"]["quote"], "a\"b\nc");
    assert_eq!(alert["annotations"]["summary"], "value 1");
    let authorization = told[0].headers["authorization"].to_str().unwrap();
    assert_eq!(authorization, "Basic dTpzZWNyZXQtd29yZA==");
    let old = server.get("/api/v1/alerts").await;
    assert_eq!(old["status"], "success");
    assert_eq!(old["data"][0]["status"]["silencedBy"], Value::Null);
    assert_eq!(old["data"][0]["receivers"], json!(["pager"]));
}

/// Rules in Vigie tell Vigie itself, and Debian's alertmanager; both hold the same.
#[tokio::test]
async fn vigies_rules_reach_itself_and_debians_alertmanager() {
    const NAME: &str = "vigies_rules_reach_itself_and_debians_alertmanager";
    let Some(alertmanager) = program(NAME, "prometheus-alertmanager") else { return };
    let builder = vigie();
    let (folder, port) = (builder.folder().to_path_buf(), free_port().unwrap());
    std::fs::write(folder.join("am.yml"), "route: {receiver: d}\nreceivers: [{name: d}]\n")
        .unwrap();
    let _alertmanager = Running(
        Command::new(alertmanager)
            .args(["--config.file=am.yml", "--storage.path=am", "--cluster.listen-address="])
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    std::fs::write(folder.join("rules.yml"), RULES).unwrap();
    let yaml = format!(
        "global: {{evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{port}', 'alertmanager:9093']}}]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), yaml).unwrap();
    let server = builder.arg("prometheus.yml").start().await.unwrap();
    let here = format!("{}/api/v2/alerts", server.alerts);
    let there = format!("http://127.0.0.1:{port}/api/v2/alerts");
    let begun = Instant::now();
    let mut held = Vec::new();
    for url in [here, there] {
        loop {
            let answer = server.client.get(&url).send().await;
            let alerts: Value = match answer {
                Ok(answer) => answer.json().await.unwrap_or_default(),
                Err(_) => Value::Null,
            };
            if alerts[0]["labels"]["alertname"] == "Always" {
                held.push(alerts[0].clone());
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{url}: {alerts}\n{}", server.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    for field in ["labels", "annotations", "fingerprint", "startsAt"] {
        assert_eq!(held[0][field], held[1][field], "{field}");
    }
}
