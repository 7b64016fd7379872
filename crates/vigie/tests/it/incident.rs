//! Alerts open incidents; people take them by the API and the command line; a kill loses nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vigie_testkit::{Server, client, shared};

use crate::{remote_write, remote_write_body, vigie};

const PATIENCE: Duration = Duration::from_secs(30);

async fn ask(server: &Server, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let url = format!("{}/api/v1/incidents{path}", server.api);
    let mut request = client().unwrap().request(method.parse().unwrap(), url);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Asks for the list until `wanted` is content with it.
async fn incidents(server: &Server, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let (status, found) = ask(server, "GET", "", None).await;
        assert_eq!(status, 200, "{found}");
        let list = found["data"].as_array().unwrap();
        if wanted(list) {
            return list.clone();
        }
        assert!(started.elapsed() < PATIENCE, "{found}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn alert(server: &Server, name: &str, instance: &str, ends: bool) {
    alert_of(server, name, instance, ends, None).await;
}

async fn alert_of(server: &Server, name: &str, instance: &str, ends: bool, runbook: Option<&str>) {
    let now = jiff::Timestamp::now();
    let mut alert = json!({
        "labels": {"alertname": name, "service": "shop", "severity": "critical", "instance": instance},
        "annotations": {"summary": "it fails"},
        "startsAt": now.to_string(),
        "generatorURL": "http://somewhere/graph?g0.expr=up",
    });
    if let Some(runbook) = runbook {
        alert["labels"]["runbook"] = json!(runbook);
    }
    if ends {
        alert["endsAt"] = json!(now.to_string());
    }
    let url = format!("{}/api/v2/alerts", server.alerts);
    let sent = server.client.post(url).json(&json!([alert])).send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
}

fn command(server: &Server, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigie"));
    command.args(["incident", "--server", &server.api, "--by", "ada"]).args(args);
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn alerts_open_incidents_that_people_take() {
    let settings = "[incidents]\ngroup_by = \"rule\"\nresolve_after = \"1s\"\n";
    let mut server = vigie().settings(settings).start().await.unwrap();
    assert!(incidents(&server, <[Value]>::is_empty).await.is_empty());
    alert(&server, "Down", "a", false).await;
    alert(&server, "Down", "b", false).await;
    alert(&server, "Slow", "a", false).await;
    let is_whole = |list: &[Value]| {
        list.len() == 2
            && list
                .iter()
                .any(|one| one["title"].as_str().unwrap().contains("Down") && one["firing"] == 2)
    };
    let list = incidents(&server, is_whole).await;
    let id_of = |name: &str| {
        let found = list.iter().find(|one| one["labels"]["alertname"] == name);
        found.unwrap_or_else(|| panic!("{list:#?}"))["id"].as_u64().unwrap()
    };
    let (down, slow) = (id_of("Down"), id_of("Slow"));
    assert!(list.iter().all(|one| one["state"] == "triggered" && one["severity"] == "critical"));

    // By the API and by the command line; a wrong request says what is wrong.
    let body = json!({"by": "grace", "comment": "on it"});
    let (status, taken) = ask(&server, "POST", &format!("/{down}/acknowledge"), Some(&body)).await;
    assert_eq!((status, &taken["data"]["state"]), (200, &json!("acknowledged")), "{taken}");
    assert_eq!(taken["data"]["acknowledgedBy"], "grace");
    assert!(command(&server, &["ack", &slow.to_string()]).contains("acknowledged"));
    command(&server, &["comment", &down.to_string(), "restarted the pods"]);
    command(&server, &["assign", &down.to_string(), "ada"]);
    for (path, body, expected) in [
        ("/999/acknowledge", json!({}), 404),
        (&*format!("/{down}/dance"), json!({}), 404),
        (&*format!("/{down}/comment"), json!({"text": ""}), 400),
        (&*format!("/{down}/edit"), json!({"wrong": 1}), 400),
        (&*format!("/{down}/merge"), json!({"from": [999]}), 404),
    ] {
        let (status, answer) = ask(&server, "POST", path, Some(&body)).await;
        assert_eq!(status, expected, "{path}: {answer}");
    }

    // Everything that was answered is there after kill -9.
    server.kill().unwrap();
    server.launch().await.unwrap();
    let (_, found) = ask(&server, "GET", &format!("/{down}"), None).await;
    let found = &found["data"];
    assert_eq!((&found["acknowledgedBy"], &found["owner"]), (&json!("grace"), &json!("ada")));
    let texts: Vec<&str> =
        found["timeline"].as_array().unwrap().iter().filter_map(|m| m["text"].as_str()).collect();
    assert!(texts.contains(&"restarted the pods"), "{texts:?}");
    let by_kind =
        |kind: &str| found["timeline"].as_array().unwrap().iter().any(|m| m["kind"] == kind);
    assert!(by_kind("alert") && by_kind("state") && by_kind("comment") && by_kind("edit"));

    // Merged, and over when the last alert is.
    assert!(
        command(&server, &["merge", &down.to_string(), &slow.to_string()])
            .contains(&down.to_string())
    );
    for (name, instance) in [("Down", "a"), ("Down", "b"), ("Slow", "a")] {
        alert(&server, name, instance, true).await;
    }
    incidents(&server, |list| {
        list.iter().any(|one| one["id"] == down && one["state"] == "resolved")
    })
    .await;
    let (status, markdown) = ask(&server, "GET", &format!("/{down}/postmortem"), None).await;
    assert_eq!(status, 200);
    let markdown = markdown.as_str().unwrap();
    for part in ["Down", "grace", "restarted the pods"] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
    assert_eq!(command(&server, &["postmortem", &down.to_string()]).trim(), markdown.trim());
    assert!(command(&server, &["list"]).contains("no incident"));
    assert!(command(&server, &["list", "--state", "resolved"]).contains("resolved"));
}

#[tokio::test]
async fn the_seeds_runbook_is_observed_and_nothing_is_done() {
    const NAME: &str = "the_seeds_runbook_is_observed_and_nothing_is_done";
    let Some(file) = shared(NAME, "seed/runbook.yml") else { return };
    let mut server = vigie().arg(file.display().to_string()).start().await.unwrap();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let series: [&[(&str, &str)]; 2] =
        [&[("__name__", "postgres_connections_active")], &[("__name__", "max_connections")]];
    let samples = [(now_ms, 90.0)];
    let limit = [(now_ms, 100.0)];
    let body = remote_write_body(&[(series[0], &samples), (series[1], &limit)]);
    assert!(remote_write(&server, body).send().await.unwrap().status().is_success());

    let runbook = "Database Connection Pool Exhausted";
    alert_of(&server, "PoolExhausted", "db", false, Some(runbook)).await;
    let has_run = |list: &[Value]| list.iter().any(|one| one["runs"] != json!([]));
    let list = incidents(&server, has_run).await;
    let (id, run) = (&list[0]["id"], &list[0]["runs"][0]);
    let get = async |server: &Server, path: &str| -> Value {
        let answer = client().unwrap().get(format!("{}{path}", server.api)).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let path = format!("/api/v1/runbooks/runs/{run}");
    let started = Instant::now();
    let run = loop {
        let found = get(&server, &path).await["data"].clone();
        if !["running", "waiting"].contains(&found["state"].as_str().unwrap()) {
            break found;
        }
        assert!(started.elapsed() < PATIENCE, "{found:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((&run["runbook"], &run["mode"]), (&json!(runbook), &json!("observe")));
    let statuses: Vec<&str> =
        run["steps"].as_array().unwrap().iter().filter_map(|s| s["status"].as_str()).collect();
    // A command; PromQL; SQL, of which there is no row; 90 of 100 are more than 80 %; would wait for
    // approval; two metrics of which nothing is known.
    let expected = ["would_run", "succeeded", "succeeded", "would_run", "would_run", "undecided"];
    assert_eq!(statuses, expected, "{run:#}");
    let restart = json!(["kubectl", "rollout", "restart", "deployment/web-api"]);
    assert_eq!(run["steps"][3]["argv"], restart, "{run:#}");
    let (_, incident) = ask(&server, "GET", &format!("/{id}"), None).await;
    let escalations = incident["data"]["escalations"].as_array().unwrap().clone();
    let actions: Vec<&str> = escalations.iter().filter_map(|e| e["action"].as_str()).collect();
    assert_eq!(actions, ["notify_oncall_engineer", "notify_team_lead", "notify_management"]);

    // The timers outlive a kill; an acknowledgement stops them; the runbook is not run again.
    server.kill().unwrap();
    server.launch().await.unwrap();
    let (_, again) = ask(&server, "GET", &format!("/{id}"), None).await;
    assert_eq!(again["data"]["escalations"], json!(escalations));
    let (status, taken) = ask(&server, "POST", &format!("/{id}/acknowledge"), None).await;
    assert_eq!(status, 200, "{taken}");
    let states = taken["data"]["escalations"].as_array().unwrap().iter();
    assert!(
        states.map(|e| e["state"].as_str().unwrap()).all(|state| state == "stopped"),
        "{taken}"
    );
    assert_eq!(
        get(&server, "/api/v1/runbooks/runs").await["data"].as_array().map(Vec::len),
        Some(1)
    );
}
