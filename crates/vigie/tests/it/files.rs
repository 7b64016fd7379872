//! Files that grow, as a `filebeat.yml` says: the seed's, its logger's, under rotation and crashes.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vigie_testkit::{Server, client, free_port, python, shared};

use crate::logstash::documents;
use crate::vigie;

/// A server whose `filebeat.yml` is `text`, `HERE` in it being the server's folder.
async fn shipping(text: &str) -> Server {
    let builder = vigie();
    let file = builder.folder().join("filebeat.yml");
    let text = text.replace("HERE", &builder.folder().display().to_string());
    std::fs::write(&file, text).unwrap();
    builder.arg(file.display().to_string()).start().await.unwrap()
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// How many documents all indices have.
async fn count(server: &Server) -> u64 {
    let url = format!("{}/logs-*/_count", server.elasticsearch);
    let answer = client().unwrap().get(url).send().await.unwrap();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    body["count"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_filebeat_and_logstash_work_together() {
    const NAME: &str = "the_seeds_filebeat_and_logstash_work_together";
    let (Some(filebeat), Some(logstash)) =
        (shared(NAME, "seed/filebeat.yml"), shared(NAME, "seed/logstash.conf"))
    else {
        return;
    };
    let builder = vigie();
    let folder = builder.folder().to_owned();
    let id = "0a".repeat(32);
    let containers = folder.join(format!("docker/containers/{id}"));
    std::fs::create_dir_all(&containers).unwrap();
    std::fs::create_dir_all(folder.join("var-log")).unwrap();
    // The ports and the two folders are all that is changed.
    let (lines, beats) = (free_port().unwrap(), free_port().unwrap());
    let text = std::fs::read_to_string(logstash).unwrap();
    let text = text.replace("5000", &lines.to_string()).replace("5044", &beats.to_string());
    std::fs::write(folder.join("logstash.conf"), text).unwrap();
    let text = std::fs::read_to_string(filebeat).unwrap();
    let text = text
        .replace("5044", &beats.to_string())
        .replace("/var/log/", &format!("{}/var-log/", folder.display()))
        .replace("/var/lib/docker/", &format!("{}/docker/", folder.display()));
    std::fs::write(folder.join("filebeat.yml"), text).unwrap();
    append(
        &folder.join("var-log/app.log"),
        "{\"timestamp\":\"2023-11-10T10:30:45.123Z\",\"n\":1,\"password\":\"do-not-keep\"}\n",
    );
    append(
        &folder.join("var-log/auth.log"),
        "{\"timestamp\":\"2023-11-10T10:30:45.123Z\",\"n\":2}\n",
    );
    let inner = json!({"timestamp": "2023-11-10T10:30:46Z", "n": 3, "token": "do-not-keep"});
    let line =
        json!({"log": format!("{inner}\n"), "stream": "stderr", "time": "2023-11-10T10:30:46.5Z"});
    append(&containers.join(format!("{id}-json.log")), &format!("{line}\n"));
    let server = builder
        .arg(folder.join("logstash.conf").display().to_string())
        .arg(folder.join("filebeat.yml").display().to_string())
        .settings(&format!("[logstash]\nport = {}\n", free_port().unwrap()))
        .start()
        .await
        .unwrap();
    let found = documents(&server, "logs-*", 3).await;
    let of = |n: u64| &found.iter().find(|hit| hit["_source"]["n"] == n).unwrap()["_source"];
    for n in [1, 2, 3] {
        let source = of(n);
        assert!(source["tags"].as_array().unwrap().contains(&json!("processed")), "{source}");
        assert!(source.get("password").is_none() && source.get("token").is_none());
        assert_eq!(source["agent"]["type"], "filebeat");
    }
    assert_eq!(of(1)["fields"]["service"], "system");
    assert_eq!(of(2)["log"]["file"]["path"], folder.join("var-log/auth.log").display().to_string());
    assert_eq!((&of(3)["stream"], &of(3)["container"]["id"]), (&json!("stderr"), &json!(id)));
    assert!(of(3)["fields"].get("service").is_none());

    // Rotated and written on, by both of the usual ways.
    std::fs::rename(folder.join("var-log/app.log"), folder.join("var-log/app.log.1")).unwrap();
    append(&folder.join("var-log/app.log"), "{\"timestamp\":\"2023-11-10T11:00:00Z\",\"n\":4}\n");
    std::fs::copy(folder.join("var-log/auth.log"), folder.join("var-log/auth.log.1")).unwrap();
    OpenOptions::new().write(true).truncate(true).open(folder.join("var-log/auth.log")).unwrap();
    append(
        &folder.join("var-log/auth.log"),
        "{\"timestamp\":\"2023-11-10T11:00:01Z\",\"n\":55555}\n",
    );
    let found = documents(&server, "logs-*", 5).await;
    let mut all: Vec<u64> = found.iter().map(|hit| hit["_source"]["n"].as_u64().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4, 55_555]);
    // Only what was JSON before the pipeline's `date` has its own time; its `json` comes later.
    let dated = documents(&server, "logs-2023.11.10", 1).await;
    assert_eq!(dated[0]["_source"]["n"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_logger_is_found_by_its_correlation_id() {
    const NAME: &str = "the_seeds_logger_is_found_by_its_correlation_id";
    let (Some(python), Some(logger)) = (python(NAME), shared(NAME, "seed/logging_config.py"))
    else {
        return;
    };
    let server = shipping(
        "filebeat.inputs:\n- type: log\n  paths: [HERE/app.log]\n  scan_frequency: 200ms\n  json.keys_under_root: true\n  json.add_error_key: true\n",
    )
    .await;
    // An application with the middleware of the logger, asked once.
    let app = "import sys\nsys.path.insert(0, sys.argv[1])\nimport flask, logging_config\napp = flask.Flask('shop')\nlogging_config.request_logging_middleware(app)\n@app.get('/buy')\ndef buy():\n    return 'ok'\napp.test_client().get('/buy', headers={'X-Correlation-ID': 'c-4711'})\n";
    let output = Command::new(python)
        .args(["-c", app, &logger.parent().unwrap().display().to_string()])
        .current_dir(server.folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(server.folder().join("app.log")).unwrap();
    let written = "\"correlation_id\": \"c-4711\"";
    let lines = log.lines().filter(|line| line.contains(written)).count();
    assert!(lines > 0, "{log}");
    let started = Instant::now();
    let found = loop {
        let url = format!("{}/logs-*/_search?q=correlation_id:c-4711", server.elasticsearch);
        let answer = client().unwrap().get(url).send().await.unwrap().text().await.unwrap();
        let body: Value = serde_json::from_str(&answer).unwrap();
        let hits = body["hits"]["hits"].as_array().cloned().unwrap_or_default();
        if hits.len() >= lines {
            break hits;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{answer}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(found.len(), lines);
    for hit in &found {
        assert_eq!(hit["_source"]["service"], "my-app");
        assert_eq!(hit["_source"]["level"], "INFO");
    }
}

/// Lines are written while files are rotated and the server is killed: each comes once at least,
/// and those that come twice are few.
#[tokio::test(flavor = "multi_thread")]
async fn no_line_is_lost_by_rotation_and_kills() {
    const LINES: u64 = 20_000;
    let mut server = shipping(
        "filebeat.inputs:\n- type: filestream\n  id: soak\n  paths: ['HERE/logs/app.log*']\n  prospector.scanner.check_interval: 100ms\n",
    )
    .await;
    let logs = server.folder().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let writing = tokio::task::spawn_blocking({
        let logs = logs.clone();
        move || {
            let mut file =
                OpenOptions::new().create(true).append(true).open(logs.join("app.log")).unwrap();
            for n in 0..LINES {
                if n > 0 && n % 2_500 == 0 {
                    for at in (1..9).rev() {
                        let (from, to) = (format!("app.log.{at}"), format!("app.log.{}", at + 1));
                        std::fs::rename(logs.join(from), logs.join(to)).ok();
                    }
                    std::fs::rename(logs.join("app.log"), logs.join("app.log.1")).unwrap();
                    file = OpenOptions::new()
                        .create(true)
                        .append(true)
                        .open(logs.join("app.log"))
                        .unwrap();
                }
                writeln!(file, "line {n} of the soak").unwrap();
                if n % 200 == 0 {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
    });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(350)).await;
        server.kill().unwrap();
        server.launch().await.unwrap();
    }
    writing.await.unwrap();
    let started = Instant::now();
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = count(&server).await;
        if now >= LINES && now == before {
            break;
        }
        before = now;
        assert!(started.elapsed() < Duration::from_secs(60), "{now}\n{}", server.log());
    }
    let statement = "SELECT COUNT(DISTINCT message) AS lines, COUNT(*) AS documents FROM logs WHERE message LIKE 'line % of the soak'";
    let url = format!("{}/api/v1/sql", server.api);
    let answer = client().unwrap().post(url).json(&json!({"query": statement})).send().await;
    let answer = answer.unwrap().text().await.unwrap();
    let body: Value = serde_json::from_str(&answer).unwrap();
    let number = |column: usize| body["data"]["rows"][0][column].as_u64();
    assert_eq!(number(0), Some(LINES), "{answer}");
    let twice = number(1).unwrap() - LINES;
    // Three kills, each of what was handed on and not yet noted: a batch of each of two files.
    assert!(twice <= 3 * 2 * 2_048, "{twice} lines came again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipper_sends_to_another_vigie() {
    let receiver = vigie().door("beats_port").unwrap().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "filebeat.inputs:\n- type: log\n  paths: ['{0}/*.txt']\n  scan_frequency: 200ms\n  tags: [far]\nname: edge-1\nprocessors:\n- drop_event.when.contains.message: secret\noutput.logstash.hosts: ['127.0.0.1:{1}']\n",
        folder.path().display(),
        receiver.door("beats_port"),
    );
    std::fs::write(folder.path().join("filebeat.yml"), config).unwrap();
    append(&folder.path().join("a.txt"), "one\na secret\ntwo\n");
    let mut filebeat = Command::new(env!("CARGO_BIN_EXE_vigie"));
    filebeat.arg("filebeat").args(["-e", "-c", "filebeat.yml", "--path.data", "kept"]);
    let tested = Command::new(env!("CARGO_BIN_EXE_vigie"))
        .args(["filebeat", "test", "config", "-c", "filebeat.yml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&tested.stdout), "Config OK\n");
    let mut child = filebeat.current_dir(folder.path()).spawn().unwrap();
    let started = Instant::now();
    while count(&receiver).await < 2 && started.elapsed() < Duration::from_secs(20) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let url = format!("{}/logs-*/_search?sort=log.offset", receiver.elasticsearch);
    let answer = client().unwrap().get(url).send().await.unwrap().text().await.unwrap();
    let body: Value = serde_json::from_str(&answer).unwrap();
    let hits = body["hits"]["hits"].as_array().unwrap();
    let messages: Vec<&str> =
        hits.iter().map(|hit| hit["_source"]["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["one", "two"]);
    assert_eq!(hits[0]["_source"]["host"]["name"], "edge-1");
    assert_eq!(hits[0]["_source"]["tags"][0], "far");
}
