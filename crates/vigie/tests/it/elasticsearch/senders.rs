//! Senders as they speak on the wire: Beats, Fluent Bit, Vector, Logstash, Grafana, rsyslog.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vigie_testkit::{free_port, program};

use super::{ask, bulk, count};
use crate::vigie;

#[tokio::test]
async fn a_beat_sets_up_and_sends() {
    let server = vigie().settings("").start().await.unwrap();
    let root = server.client.get(&server.elasticsearch).send().await.unwrap();
    assert_eq!(root.headers()["x-elastic-product"], "Elasticsearch");
    assert_eq!(root.json::<Value>().await.unwrap()["version"]["number"], "8.5.3");
    let (_, license) = ask(&server, "GET", "/_license?human=false", &Value::Null).await;
    assert_eq!(license["license"]["status"], "active");
    // A policy, a template with a data stream, a pipeline: looked for, put, found.
    let policy =
        json!({"policy": {"phases": {"hot": {"actions": {"rollover": {"max_size": "50gb"}}}}}});
    assert_eq!(ask(&server, "GET", "/_ilm/policy/filebeat", &json!({})).await.0, 404);
    assert_eq!(ask(&server, "PUT", "/_ilm/policy/filebeat", &policy).await.0, 200);
    assert_eq!(ask(&server, "GET", "/_ilm/policy/filebeat", &json!({})).await.0, 200);
    assert_eq!(ask(&server, "HEAD", "/_index_template/filebeat-8.5.3", &json!({})).await.0, 404);
    let template = json!({
        "index_patterns": ["filebeat-8.5.3"], "data_stream": {}, "priority": 150,
        "template": {"settings": {"index": {"lifecycle": {"name": "filebeat"}}}, "mappings": {"properties": {"message": {"type": "match_only_text"}}}},
    });
    assert_eq!(ask(&server, "PUT", "/_index_template/filebeat-8.5.3", &template).await.0, 200);
    assert_eq!(ask(&server, "PUT", "/_data_stream/filebeat-8.5.3", &json!({})).await.0, 200);
    let body = "{\"create\":{\"_index\":\"filebeat-8.5.3\"}}\n{\"@timestamp\":\"2025-11-21T10:00:00.000Z\",\"message\":\"a line\"}\n".repeat(3);
    let url = format!(
        "{}/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status",
        server.elasticsearch
    );
    let answer: Value =
        server.client.post(url).body(body).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        answer,
        json!({"errors": false, "items": [{"create": {"status": 201}}, {"create": {"status": 201}}, {"create": {"status": 201}}]})
    );
    assert_eq!(count(&server, "filebeat-8.5.3").await, 3);
    // `index` is refused for a data stream, item by item.
    let refused =
        bulk(&server, "", "{\"index\":{\"_index\":\"filebeat-8.5.3\"}}\n{}\n".into()).await;
    assert_eq!(refused["items"][0]["index"]["status"], 400, "{refused}");
}

#[tokio::test]
async fn each_operation_has_its_own_outcome() {
    let server = vigie().start().await.unwrap();
    let body = [
        "{\"index\":{\"_id\":\"1\"}}\n{\"a\":1}\n",
        "{\"create\":{\"_id\":\"1\"}}\n{\"a\":2}\n",
        "{\"update\":{\"_id\":\"1\"}}\n{\"doc\":{\"b\":3}}\n",
        "{\"update\":{\"_id\":\"2\"}}\n{\"doc\":{\"b\":3}}\n",
        "{\"delete\":{\"_id\":\"3\"}}\n",
        "{\"index\":{}}\n{\"broken\":\n",
        "{\"index\":{\"_index\":\"Upper\"}}\n{}\n",
        "{\"index\":{\"_id\":\"4\"}}\n{\"a\":{\"b\":[1,{\"c\":2}]}}\n",
    ]
    .concat();
    let answer = bulk(&server, "/mixed", body).await;
    let statuses: Vec<u64> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap()["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 409, 200, 404, 404, 400, 400, 201], "{answer}");
    let found = ask(&server, "GET", "/mixed/_doc/1", &json!({})).await.1;
    assert_eq!(found["_source"], json!({"a": 1, "b": 3}));
    let found = ask(&server, "GET", "/mixed/_doc/4", &json!({})).await.1;
    assert_eq!(found["_source"], json!({"a": {"b": [1, {"c": 2}]}}));
    assert_eq!(count(&server, "mixed").await, 2);
}

#[tokio::test]
async fn fluent_bit_vector_and_logstash_bodies() {
    let server = vigie().start().await.unwrap();
    // Fluent Bit with its type name, Vector with routing, Logstash with a name by date.
    let body = [
        "{\"create\":{\"_index\":\"fluent-bit\",\"_type\":\"_doc\"}}\n{\"@timestamp\":\"2025-11-21T10:00:00.123456Z\",\"log\":\"x\"}\n",
        "{\"index\":{\"_index\":\"vector-2025.11.21\",\"routing\":\"a\"}}\n{\"timestamp\":\"2025-11-21T10:00:00Z\",\"message\":\"y\"}\n",
        "{\"index\":{\"_index\":\"<logs-{now/d}>\",\"require_alias\":false}}\r\n{\"@timestamp\":\"2025-11-21T10:00:00Z\"}\r\n",
    ]
    .concat();
    let gzipped = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let url = format!("{}/_bulk", server.elasticsearch);
    let sent = server.client.post(url).header("Content-Encoding", "gzip").body(gzipped);
    let answer: Value = sent.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"], false, "{answer}");
    assert!(answer["items"][2]["index"]["_index"].as_str().unwrap().starts_with("logs-2"));
    for index in ["fluent-bit", "vector-*", "logs-*"] {
        assert_eq!(count(&server, index).await, 1, "{index}");
    }
}

/// Ends rsyslogd when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn rsyslog_sends_with_its_module_for_elasticsearch() {
    const NAME: &str = "rsyslog_sends_with_its_module_for_elasticsearch";
    let program = program(NAME, "rsyslogd").or_else(|| Some("/usr/sbin/rsyslogd".into()));
    let Some(program) = program.filter(|path: &std::path::PathBuf| path.exists()) else { return };
    if Command::new(&program).arg("-v").output().is_err() {
        return;
    }
    let server = vigie().start().await.unwrap();
    let port = free_port().unwrap();
    let target = server.elasticsearch.rsplit(':').next().unwrap().to_owned();
    let folder = server.folder().display().to_string();
    let configuration = format!(
        "global(workDirectory=\"{folder}\")\n\
         module(load=\"imtcp\")\nmodule(load=\"omelasticsearch\")\n\
         input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\n\
         template(name=\"event\" type=\"list\" option.jsonf=\"on\") {{\n\
           property(outname=\"@timestamp\" name=\"timereported\" dateFormat=\"rfc3339\" format=\"jsonf\")\n\
           property(outname=\"host\" name=\"hostname\" format=\"jsonf\")\n\
           property(outname=\"message\" name=\"msg\" format=\"jsonf\")\n}}\n\
         action(type=\"omelasticsearch\" server=\"127.0.0.1\" serverport=\"{target}\" template=\"event\" \
         searchIndex=\"syslog\" bulkmode=\"on\" errorFile=\"{folder}/errors\")\n"
    );
    let file = server.folder().join("rsyslog.conf");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(program);
    command.arg("-n").arg("-i").arg(server.folder().join("rsyslog.pid")).arg("-f").arg(&file);
    let log = std::fs::File::create(server.folder().join("rsyslog.log")).unwrap();
    let _running = Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    let started = Instant::now();
    let mut stream = loop {
        match std::net::TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) => {
                let said = std::fs::read_to_string(server.folder().join("rsyslog.log")).unwrap();
                if said.contains("omelasticsearch") {
                    eprintln!("skipped: {NAME} needs the module omelasticsearch: {said}");
                    return;
                }
                assert!(started.elapsed() < Duration::from_secs(30), "{error} {said}");
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    for at in 0..20 {
        writeln!(
            stream,
            "<34>1 2025-11-21T10:00:{at:02}Z web-1 app - - - disk is nearly full {at}"
        )
        .unwrap();
    }
    drop(stream);
    loop {
        let (status, answer) = ask(
            &server,
            "POST",
            "/syslog/_count",
            &json!({"query": {"match_phrase": {"message": "nearly full"}}}),
        )
        .await;
        if status == 200 && answer["count"] == 20 {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{answer}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
