//! Elasticsearch's API, asked by the clients and senders that people have.

mod crash;
mod hostile;
mod senders;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vigie_testkit::{Server, program, python, shared};

use crate::vigie;

/// A script beside this file.
fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/elasticsearch").join(name)
}

/// Runs a script of a client against the server; it prints "ok" when all held.
fn run(command: &mut Command, server: &Server) {
    let output = command.arg(&server.elasticsearch).output().unwrap();
    let (said, failed) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("ok"), "{said}\n{failed}\n{}", server.log());
}

/// Python with a client installed, or the reason why the test is left out.
fn python_with(test: &str, package: &str) -> Option<std::path::PathBuf> {
    let python = python(test)?;
    let found = Command::new(&python).args(["-c", &format!("import {package}")]).output().unwrap();
    if !found.status.success() {
        eprintln!("skipped: {test} needs the Python package {package}");
        return None;
    }
    Some(python)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_works() {
    let Some(python) = python_with("the_official_python_client_works", "elasticsearch") else {
        return;
    };
    let server = vigie().start().await.unwrap();
    run(Command::new(python).arg(script("python_client.py")), &server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_of_opensearch_works() {
    let Some(python) = python_with("the_python_client_of_opensearch_works", "opensearchpy") else {
        return;
    };
    let server = vigie().start().await.unwrap();
    run(Command::new(python).arg(script("opensearch_client.py")), &server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_javascript_client_works() {
    const NAME: &str = "the_official_javascript_client_works";
    let (Some(node), Some(npm)) = (program(NAME, "node"), program(NAME, "npm")) else { return };
    let server = vigie().start().await.unwrap();
    let folder = server.folder().join("js");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("package.json"), "{\"private\": true, \"type\": \"module\"}")
        .unwrap();
    std::fs::copy(script("client.mjs"), folder.join("client.mjs")).unwrap();
    let installed = Command::new(npm)
        .args(["install", "--silent", "--no-audit", "--no-fund", "@elastic/elasticsearch@8"])
        .current_dir(&folder)
        .output()
        .unwrap();
    if !installed.status.success() {
        eprintln!("skipped: {NAME} needs the package @elastic/elasticsearch");
        return;
    }
    run(Command::new(node).arg("client.mjs").current_dir(&folder), &server);
}

/// Documents like the seed's `log-line.json`, of now, with the fields that its script asks for.
fn seed_documents(seed: &Path) -> String {
    let line: Value =
        serde_json::from_slice(&std::fs::read(seed.join("log-line.json")).unwrap()).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let mut body = String::new();
    for at in 0..300_u64 {
        let mut document = line.clone();
        let fields = document.as_object_mut().unwrap();
        // As a date in milliseconds, which the field takes as well as text.
        fields.insert("@timestamp".into(), json!(now - at * 1_000));
        fields.insert("response_time".into(), json!(at * 10));
        fields.insert("correlation_id".into(), format!("corr-{}", at % 10).into());
        if at % 5 == 0 {
            fields.insert("level".into(), "ERROR".into());
            fields.insert("error_type".into(), "TimeoutError".into());
            fields.insert("message".into(), "Database timeout".into());
        }
        body.push_str(&format!("{{\"create\":{{\"_index\":\"logs-2025.11.21\"}}}}\n{document}\n"));
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_of_the_seed_finds_errors() {
    const NAME: &str = "the_script_of_the_seed_finds_errors";
    let Some(seed) = shared(NAME, "seed") else { return };
    for tool in ["curl", "jq", "bash"] {
        if program(NAME, tool).is_none() {
            return;
        }
    }
    let server = vigie().start().await.unwrap();
    let answer = bulk(&server, "", seed_documents(&seed)).await;
    assert_eq!(answer["errors"], false, "{answer}");
    // Without arguments it analyses web-api; the modes `trace` and `correlation` end in jq
    // expressions that jq itself refuses.
    let output = Command::new("bash")
        .arg(seed.join("log_investigation.sh"))
        .env("ELASTICSEARCH_URL", &server.elasticsearch)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Nombre d'erreurs récentes: 60"), "{said}");
    assert!(said.contains("60 TimeoutError: Database timeout"), "{said}");
    // The latest fifty of those that took a second and more.
    assert!(said.contains("GET /api/users: 1490ms") && !said.contains(": 1500ms"), "{said}");
    assert!(said.contains("Pic d'erreurs détecté (dernières 10min: 60 erreurs)"), "{said}");
}

/// Sends a bulk body; the answer.
async fn bulk(server: &Server, path: &str, body: String) -> Value {
    let url = format!("{}{path}/_bulk", server.elasticsearch);
    let sent = server.client.post(url).header("Content-Type", "application/x-ndjson").body(body);
    sent.send().await.unwrap().json().await.unwrap()
}

/// Asks with a body; status and answer.
async fn ask(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let url = format!("{}{path}", server.elasticsearch);
    let request = server.client.request(method, url).header("Content-Type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

/// How many documents an index has.
async fn count(server: &Server, index: &str) -> u64 {
    ask(server, "POST", &format!("/{index}/_count"), &json!({})).await.1["count"].as_u64().unwrap()
}
