//! Rules in the whole system: the seed's alerts fire, are written, survive a restart, and reach
//! Debian's Alertmanager; `promtool` and Vigie say the same of the same files.

mod promtool;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use vigie_testkit::{Server, free_port, program, shared};

use crate::vigie;

/// Ends a process when the test ends, however it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

async fn until(what: &str, server: &Server, holds: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The alert `name` as `/api/v1/alerts` shows it.
async fn alert(server: &Server, name: &str) -> Option<Value> {
    let answer = server.get("/api/v1/alerts", &[]).await.ok()?;
    let alerts = answer["data"]["alerts"].as_array()?.clone();
    alerts.into_iter().find(|alert| alert["labels"]["alertname"] == name)
}

/// Debian's Alertmanager on a free port; its address.
async fn alertmanager(binary: &std::path::Path, folder: &std::path::Path) -> (Running, String) {
    let config = folder.join("am.yml");
    std::fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
    let port = free_port().unwrap();
    let child = Command::new(binary)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.join("am").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (Running(child), format!("127.0.0.1:{port}"))
}

#[tokio::test]
async fn the_seeds_alerts_fire_and_reach_an_alertmanager() {
    let test = "the_seeds_alerts_fire_and_reach_an_alertmanager";
    let Some(seed) = shared(test, "seed") else { return };
    let Some(binary) = program(test, "prometheus-alertmanager") else { return };
    let builder = vigie();
    let folder = builder.folder().to_path_buf();
    let (_alertmanager, address) = alertmanager(&binary, &folder).await;
    // The seed's file to the letter, but for a wait that a test can afford.
    let rules = std::fs::read_to_string(seed.join("alert_rules.yml")).unwrap();
    std::fs::write(folder.join("alert_rules.yml"), rules.replace("for: 1m", "for: 2s")).unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, \
         external_labels: {{dc: here}}}}\nrule_files: ['alert_*.yml']\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['{address}']}}]\nscrape_configs:\n- job_name: web-app\n  \
         static_configs: [{{targets: ['127.0.0.1:1']}}]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let server = builder.arg("prometheus.yml").start().await.unwrap();
    until("it fires", &server, async || {
        alert(&server, "ServiceDown").await.is_some_and(|alert| alert["state"] == "firing")
    })
    .await;
    let fired = alert(&server, "ServiceDown").await.unwrap();
    assert_eq!(fired["annotations"]["summary"], "Service web-app is down");
    let series = server.query("ALERTS{alertstate=\"firing\"}").await.unwrap();
    assert_eq!(series[0]["metric"]["alertname"], "ServiceDown", "{series}");
    assert_eq!(series[0]["metric"]["severity"], "critical");
    let rules = server.get("/api/v1/rules", &[("type", "alert")]).await.unwrap();
    let group = &rules["data"]["groups"][0];
    assert_eq!((&group["name"], &group["interval"]), (&"example".into(), &1.into()));
    assert_eq!(group["rules"].as_array().unwrap().len(), 4);
    let url = format!("http://{address}/api/v2/alerts");
    let received = async || -> Option<Value> {
        let text = server.client.get(&url).send().await.ok()?.text().await.ok()?;
        let alerts: Value = serde_json::from_str(&text).ok()?;
        alerts.get(0).cloned()
    };
    until("Alertmanager has it", &server, async || received().await.is_some()).await;
    let received = received().await.unwrap();
    assert_eq!(received["labels"]["dc"], "here");
    assert_eq!(received["annotations"], fired["annotations"]);
    let own = server.client.get(format!("{}/metrics", server.api)).send().await.unwrap();
    let own = own.text().await.unwrap();
    assert!(own.contains("prometheus_rule_evaluations_total{rule_group=\""), "{own:.300}");
}

#[tokio::test]
async fn a_restart_keeps_since_when_an_alert_has_waited() {
    let builder = vigie().settings("[alert]\nfor_grace_period = \"0s\"");
    let folder = builder.folder().to_path_buf();
    let rules = "groups: [{name: g, interval: 1s, rules: [
        {record: one, expr: 'vector(1)'}, {alert: Waiting, expr: one > 0, for: 1h}]}]";
    std::fs::write(folder.join("rules.yml"), rules).unwrap();
    std::fs::write(folder.join("prometheus.yml"), "scrape_configs: []\n").unwrap();
    let mut server = builder.arg("prometheus.yml").arg("rules.yml").start().await.unwrap();
    let since = async |server: &Server| -> Option<String> {
        Some(alert(server, "Waiting").await?["activeAt"].as_str()?.to_owned())
    };
    until("it waits", &server, async || since(&server).await.is_some()).await;
    server
        .wait_for("count_over_time(ALERTS_FOR_STATE[1m]) >= 3", Duration::from_secs(60))
        .await
        .unwrap();
    let down = server.query("time()").await.unwrap()[1].as_str().unwrap().to_owned();
    assert!(server.stop().await.unwrap().success(), "{}", server.log());
    server.launch().await.unwrap();
    let down: f64 = down.parse().unwrap();
    // Since before it went down, moved by no more than it was away.
    until("state is restored", &server, async || {
        let value = server.query("min(ALERTS_FOR_STATE)").await.unwrap();
        let since: Option<f64> = value[0]["value"][1].as_str().and_then(|v| v.parse().ok());
        let now: f64 = server.query("time()").await.unwrap()[1].as_str().unwrap().parse().unwrap();
        since.is_some_and(|since| since < down && now > down)
            && alert(&server, "Waiting").await.is_some_and(|alert| alert["state"] == "pending")
    })
    .await;
}

#[tokio::test]
async fn a_reload_with_broken_rules_changes_nothing() {
    let builder = vigie();
    let folder = builder.folder().to_path_buf();
    let rules = |expression: &str| {
        format!("groups: [{{name: g, interval: 1s, rules: [{{record: r, expr: '{expression}'}}]}}]")
    };
    std::fs::write(folder.join("rules.yml"), rules("1")).unwrap();
    std::fs::write(folder.join("prometheus.yml"), "rule_files: [rules.yml]\n").unwrap();
    let server = builder.arg("prometheus.yml").start().await.unwrap();
    server.wait_for("r == 1", Duration::from_secs(60)).await.unwrap();
    let reload = async || {
        let url = format!("{}/-/reload", server.api);
        let answer = server.client.post(url).send().await.unwrap();
        (answer.status().is_success(), answer.text().await.unwrap())
    };
    std::fs::write(folder.join("rules.yml"), rules("sum(")).unwrap();
    let (is_done, said) = reload().await;
    assert!(!is_done && said.contains("rules.yml: 1:"), "{said}");
    assert_eq!(server.query("r").await.unwrap()[0]["value"][1], "1");
    std::fs::write(folder.join("rules.yml"), rules("2")).unwrap();
    assert!(reload().await.0);
    server.wait_for("r == 2", Duration::from_secs(60)).await.unwrap();
}
