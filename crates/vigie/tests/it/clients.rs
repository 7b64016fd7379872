//! Real clients: applications of the seed are scraped, its script asks.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use vigie_testkit::{free_port, program, python, shared};

use crate::vigie;

/// Ends a process when the test ends, however it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

const PATIENCE: Duration = Duration::from_secs(90);

/// `metrics.py` of the seed with its smallest repair: without `functools.wraps` Flask refuses two
/// views of one name.
fn start_python_app(seed: &Path, folder: &Path, python: &Path, port: u16) -> Running {
    let source = std::fs::read_to_string(seed.join("metrics.py")).unwrap();
    let repaired = source
        .replace("import time\n", "import time\nimport functools\n")
        .replace("        def wrapper(", "        @functools.wraps(func)\n        def wrapper(")
        .replace("host='0.0.0.0', port=8080", &format!("host='127.0.0.1', port={port}"));
    assert_ne!(repaired, source);
    let file = folder.join("app.py");
    std::fs::write(&file, repaired).unwrap();
    let log = std::fs::File::create(folder.join("app.log")).unwrap();
    let mut command = Command::new(python);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Running(command.spawn().unwrap())
}

/// Waits until an application answers; what it logged says why when it does not.
async fn wait_for_app(client: &reqwest::Client, port: u16, log: &Path) {
    let started = std::time::Instant::now();
    while client.get(format!("http://127.0.0.1:{port}/metrics")).send().await.is_err() {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        assert!(started.elapsed() < PATIENCE, "the application does not answer: {said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn the_python_app_is_scraped_and_the_script_prints_numbers() {
    const NAME: &str = "the_python_app_is_scraped_and_the_script_prints_numbers";
    let Some(seed) = shared(NAME, "seed") else { return };
    let Some(python) = python(NAME) else { return };
    for tool in ["curl", "jq", "bc", "bash"] {
        if program(NAME, tool).is_none() {
            return;
        }
    }
    let port = free_port().unwrap();
    let builder = vigie();
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: web\n  static_configs:\n  \
         - targets: ['127.0.0.1:{port}']\n    labels: {{service: web-api, status: '500', pod: web-api-1}}\n"
    );
    std::fs::write(builder.folder().join("prometheus.yml"), config).unwrap();
    let _app = start_python_app(&seed, builder.folder(), &python, port);
    let server = builder.arg("prometheus.yml").start().await.unwrap();
    wait_for_app(&server.client, port, &server.folder().join("app.log")).await;
    server.wait_for("up{job=\"web\"} == 1", PATIENCE).await.unwrap();
    for _ in 0..5 {
        let url = format!("http://127.0.0.1:{port}/api/users");
        server.client.get(&url).send().await.unwrap();
        server.client.post(&url).send().await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let rate = "rate(http_requests_total{service=\"web-api\",endpoint=\"/api/users\"}[1h]) > 0";
    server.wait_for(rate, PATIENCE).await.unwrap();
    // A summary, a histogram and their parts arrive under their own names.
    server
        .wait_for("db_query_duration_seconds_count{query_type=\"insert\"}", PATIENCE)
        .await
        .unwrap();
    let metadata =
        server.get("/api/v1/metadata", &[("metric", "http_request_duration_seconds")]).await;
    assert_eq!(metadata.unwrap()["data"]["http_request_duration_seconds"][0]["type"], "histogram");

    let output = Command::new("bash")
        .arg(seed.join("analyze_metrics.sh"))
        .args(["web-api", "1h"])
        .env("PROMETHEUS_URL", &server.api)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |label: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(label));
        let text = line.unwrap_or_else(|| panic!("no {label} in:\n{said}"));
        text.trim().trim_end_matches(['s', '%']).parse::<f64>().unwrap()
    };
    assert!(number("Latence moyenne:") > 0.0, "{said}");
    assert!(number("P99:") > 0.0, "{said}");
    assert!(number("Requêtes/seconde:") >= 0.0, "{said}");
}

#[tokio::test]
async fn the_go_app_is_scraped() {
    const NAME: &str = "the_go_app_is_scraped";
    let Some(seed) = shared(NAME, "seed") else { return };
    if program(NAME, "go").is_none() {
        return;
    }
    let port = free_port().unwrap();
    let builder = vigie();
    let folder = builder.folder().join("app");
    std::fs::create_dir(&folder).unwrap();
    let source = std::fs::read_to_string(seed.join("metrics.go")).unwrap();
    std::fs::write(folder.join("main.go"), source.replace(":8080", &format!("127.0.0.1:{port}")))
        .unwrap();
    let go = |args: &[&str]| {
        let output = Command::new("go").args(args).current_dir(&folder).output().unwrap();
        output
            .status
            .success()
            .then_some(())
            .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let built = go(&["mod", "init", "app"])
        // `go get` alone leaves out the sums of what the packages in use import.
        .and_then(|()| go(&["get", "github.com/prometheus/client_golang@latest"]))
        .and_then(|()| go(&["mod", "tidy"]))
        .and_then(|()| go(&["build", "-o", "app", "."]));
    if let Err(error) = built {
        eprintln!("skipped: {NAME} needs client_golang: {error}");
        return;
    }
    let _app = Running(Command::new(folder.join("app")).stderr(Stdio::null()).spawn().unwrap());
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n- job_name: go\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n"
    );
    std::fs::write(builder.folder().join("prometheus.yml"), config).unwrap();
    let server = builder.arg("prometheus.yml").start().await.unwrap();
    server.wait_for("up{job=\"go\"} == 1", PATIENCE).await.unwrap();
    server.client.get(format!("http://127.0.0.1:{port}/api/x")).send().await.unwrap();
    // The seed's `string(rune(200))` is the letter È: the label value must arrive as it is.
    server.wait_for("http_requests_total{status_code=\"È\"} == 1", PATIENCE).await.unwrap();
    server.wait_for("go_goroutines", PATIENCE).await.unwrap();
}
