//! Pipelines of `logstash.conf`: the seed's, with JSON by TCP and UDP; the commands; the API.

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vigie_testkit::{Server, client, free_port, shared};

use crate::vigie;

async fn get(url: String) -> Value {
    let answer = client().unwrap().get(url).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Documents of `index`, when there are `count`.
pub(crate) async fn documents(server: &Server, index: &str, count: usize) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let url = format!("{}/{index}/_search?size=1000&sort=@timestamp", server.elasticsearch);
        let found = get(url).await;
        let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
        if hits.len() == count {
            return hits;
        }
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(20), "{found}\n{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The seed's pipeline on ports of our own: the numbers 5000 and 5044 are all that is changed.
async fn seed_server(test: &str) -> Option<(Server, u16)> {
    let (server, port, _) = seed_server_with_beats(test).await?;
    Some((server, port))
}

/// The same, with the port for Beats.
pub(crate) async fn seed_server_with_beats(test: &str) -> Option<(Server, u16, u16)> {
    let path = shared(test, "seed/logstash.conf")?;
    let (port, beats) = (free_port().unwrap(), free_port().unwrap());
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace("5000", &port.to_string()).replace("5044", &beats.to_string());
    let builder = vigie();
    let file = builder.folder().join("logstash.conf");
    std::fs::write(&file, text).unwrap();
    let builder = builder
        .arg(file.display().to_string())
        .settings(&format!("[logstash]\nport = {}\n", free_port().unwrap()));
    Some((builder.start().await.unwrap(), port, beats))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_takes_json_by_tcp_and_udp() {
    const NAME: &str = "the_seed_takes_json_by_tcp_and_udp";
    let Some((server, port)) = seed_server(NAME).await else { return };
    let line: Value = match shared(NAME, "seed/log-line.json") {
        Some(path) => serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap(),
        None => return,
    };
    let mut with_secrets = line.clone();
    for name in ["password", "token", "secret"] {
        with_secrets[name] = json!("do-not-keep-4711");
    }
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{line}\n{with_secrets}\n").as_bytes()).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut later = with_secrets.clone();
    later["timestamp"] = json!("2023-11-11 01:02:03,456");
    socket.send_to(later.to_string().as_bytes(), ("127.0.0.1", port)).unwrap();

    let first = documents(&server, "logs-2023.11.10", 2).await;
    let second = documents(&server, "logs-2023.11.11", 1).await;
    assert_eq!(second[0]["_source"]["@timestamp"], "2023-11-11T01:02:03.456Z");
    for hit in first.iter().chain(&second) {
        let source = &hit["_source"];
        assert_eq!(source["trace_id"], "abc123def456");
        assert_eq!(source["metadata"]["feature_flags"], json!(["new_ui", "beta_feature"]));
        let tags: Vec<&str> =
            source["tags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(tags.contains(&"processed") && tags.contains(&"_geoip_lookup_failure"), "{tags:?}");
        for name in ["password", "token", "secret"] {
            assert!(source.get(name).is_none(), "{source}");
        }
    }
    // What the filters removed is on no disk, the write-ahead log included.
    assert!(!holds(server.folder(), b"do-not-keep-4711"));
    assert!(holds(server.folder(), b"processed"));
}

/// Whether a file below `folder` holds `text`, the configuration and the log aside.
fn holds(folder: &Path, text: &[u8]) -> bool {
    let finder = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_data = !name.ends_with(".conf") && !name.ends_with(".toml") && name != "log";
        is_data && std::fs::read(&path).is_ok_and(|bytes| finder(&bytes))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_survives_kill_and_tells_what_it_did() {
    let (port, api) = (free_port().unwrap(), free_port().unwrap());
    let builder = vigie();
    let file = builder.folder().join("mine.conf");
    let text = format!(
        "input {{ tcp {{ port => {port} type => \"app\" tags => [\"in\"] }} }}\n\
         filter {{ grok {{ match => {{ \"message\" => \"^%{{WORD:verb}} %{{NUMBER:took:int}}\" }} }}\n\
           if \"_grokparsefailure\" in [tags] {{ drop {{ }} }} }}\n\
         output {{ elasticsearch {{ hosts => [\"http://vigie:9200\"] index => \"mine\" \
           document_id => \"%{{took}}\" }} }}\n"
    );
    std::fs::write(&file, text).unwrap();
    let builder =
        builder.arg(file.display().to_string()).settings(&format!("[logstash]\nport = {api}\n"));
    let mut server = builder.start().await.unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET 1\nPOST 2\n???\nGET 1\n").unwrap();
    documents(&server, "mine", 2).await;
    let stats = get(format!("http://127.0.0.1:{api}/_node/stats/pipelines")).await;
    let pipeline = &stats["pipelines"]["main"];
    assert_eq!(pipeline["events"]["in"], 4, "{stats}");
    assert_eq!(pipeline["plugins"]["filters"][0]["failures"], 1, "{stats}");
    assert_eq!(pipeline["plugins"]["outputs"][0]["events"]["out"], 3, "{stats}");
    for path in ["/", "/_node/pipelines", "/_node/hot_threads", "/_node/plugins"] {
        assert_eq!(get(format!("http://127.0.0.1:{api}{path}")).await["status"], "green");
    }
    let health = get(format!("http://127.0.0.1:{api}/_health_report")).await;
    assert_eq!(health["indicators"]["pipelines"]["indicators"]["main"]["status"], "green");

    server.kill().unwrap();
    server.launch().await.unwrap();
    let hits = documents(&server, "mine", 2).await;
    assert_eq!(hits[0]["_source"]["type"], "app");
    assert_eq!(hits[0]["_source"]["tags"], json!(["in"]));
}

#[test]
fn commands_check_and_show_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.conf");
    let text = "input { udp { port => 5000 codec => json } }\n\
                filter {\n  mutate { rename => { \"a\" => \"b\" } }\n  if [b] == 2 { drop { } }\n}\n\
                output { stdout { } }\n";
    std::fs::write(&good, text).unwrap();
    let bad = folder.path().join("bad.conf");
    std::fs::write(&bad, "filter {\n  grok { match = { } }\n}\n").unwrap();
    let run = |args: &[&str]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"{\"a\":1}\n{\"a\":2}\nplain\n").unwrap();
        let output = child.wait_with_output().unwrap();
        let (out, errors) = (output.stdout, output.stderr);
        (
            String::from_utf8(out).unwrap(),
            String::from_utf8(errors).unwrap(),
            output.status.success(),
        )
    };
    let good = good.to_str().unwrap();
    let (out, _, is_well) = run(&["check", good]);
    assert!(is_well && out.contains("inputs udp 5000; 2 filters; outputs stdout"), "{out}");
    let (out, errors, is_well) = run(&["check", bad.to_str().unwrap()]);
    let expected = "expected `=>` after the option's name `match`, found `=` at line 2, column 16";
    assert!(!is_well && out.contains(expected), "{out}{errors}");
    let (out, errors, is_well) = run(&["process", "--config", good]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(is_well && lines.len() == 2, "{out}{errors}");
    assert!(
        lines[0].ends_with("\"b\":1}") && lines[1].ends_with("\"message\":\"plain\"}"),
        "{out}"
    );
    let (out, ..) = run(&["process", "--config", good, "--steps"]);
    for expected in
        ["mutate (line 3):", "  - a: 1", "  + b: 1", "drop (line 4): dropped", "=> 0 events"]
    {
        assert!(out.contains(expected), "{expected}\n{out}");
    }
    let (out, errors, is_well) = run(&["logstash", "-t", "-f", good]);
    assert!(is_well && out.ends_with("Configuration OK\n"), "{out}{errors}");
}

/// Expressions and texts on which an independent grok must agree; its patterns are the legacy ones.
const GROK_QUESTIONS: [(&str, &str); 24] = [
    ("%{IP:a} %{WORD:b}", "10.0.0.1 get"),
    ("%{IP:a}", "x 999.1.1.1 y"),
    ("%{IP:a}", "addr 2001:db8::ff00:42:8329 end"),
    ("%{NUMBER:a}", "took -1.25e"),
    ("%{NUMBER:a}%{WORD:b}", "12abc"),
    ("%{GREEDYDATA:a}%{NUMBER:b}", "abc 12.5"),
    ("%{BASE16NUM:a}", "at 0xBEEF"),
    ("%{QS:a}", "say \"it \\\" is\" x"),
    ("%{UUID:a}", "u=6ba7b810-9dad-11d1-80b4-00c04fd430c8;"),
    ("%{MAC:a}", "00-1B-44-11-3A-B7"),
    ("%{HOSTNAME:a}", "  web-1.example.com. "),
    ("%{HOSTPORT:a}", "db:5432"),
    ("%{UNIXPATH:a}", "open /var/log/a b"),
    ("%{WINPATH:a}", "C:\\Users\\x"),
    ("%{URI:a}", "see http://u@h.example:80/p/q?x=y#z ok"),
    ("%{MONTH:a} %{MONTHDAY:b}", "on October 07"),
    ("%{TIME:a}", "at 23:59:60.5 x"),
    ("%{TIMESTAMP_ISO8601:a}", "2023-11-10 14:30:45,123 INFO"),
    ("%{HTTPDATE:a}", "[10/Oct/2000:13:55:36 -0700]"),
    ("%{LOGLEVEL:a}", "a Warning b"),
    ("%{SYSLOGBASE:a} %{GREEDYDATA:m}", "Nov 10 14:30:45 web1 sshd[4721]: hello"),
    ("%{COMMONAPACHELOG}", "h - u [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 23"),
    ("%{EMAILADDRESS:a}", "to jane.doe@example.org,"),
    ("(?<q>[A-F0-9]{10}): %{DATA:d}=<%{NOTSPACE:n}>", "BEF25A7296: to=<x@y>"),
];

#[test]
fn dead_letters_are_listed_and_replayed_once() {
    let folder = tempfile::tempdir().unwrap();
    let letters = folder.path().join("data/dead_letters");
    std::fs::create_dir_all(&letters).unwrap();
    let letter = |id: u32| {
        let event = json!({"@timestamp": "2026-11-27T09:00:00.000Z", "id": id});
        let time = "2026-11-27T10:00:00.000Z";
        let letter = json!({"time": time, "plugin": "elasticsearch", "reason": "status 400",
                            "event": event, "metadata": {}});
        format!("{letter}\n")
    };
    std::fs::write(letters.join("1795000000000.jsonl"), letter(1) + &letter(2)).unwrap();
    std::fs::write(letters.join("1795000000001.jsonl"), letter(3) + "{\"time\":").unwrap();
    let out = folder.path().join("out.jsonl");
    let config = folder.path().join("mend.conf");
    let text = format!(
        "filter {{ mutate {{ add_field => {{ why => '%{{[@metadata][dead_letter_queue][reason]}}' \
         }} }} }} output {{ file {{ path => '{}' codec => json_lines }} }}",
        out.display()
    );
    std::fs::write(&config, text).unwrap();
    let data = folder.path().join("data").display().to_string();
    let run = |args: &[&str]| {
        let ended = Command::new(env!("CARGO_BIN_EXE_vigie"))
            .arg("dead-letters")
            .args(args)
            .args(["--data", &data])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success(), "{errors}");
        String::from_utf8(ended.stdout).unwrap()
    };
    let listed = run(&["list"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("elasticsearch  status 400  {"), "{listed}");
    let replay = ["replay", "--config", config.to_str().unwrap()];
    assert_eq!(run(&replay), "3 dead letters replayed\n");
    assert_eq!(run(&replay), "0 dead letters replayed\n");
    assert_eq!(run(&["list"]), "");
    let written = std::fs::read_to_string(&out).unwrap();
    let written: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = written.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(written[0]["why"], "status 400");
    assert_eq!(written[0]["@timestamp"], "2026-11-27T09:00:00.000Z");
}

#[test]
fn an_independent_grok_finds_the_same() {
    use vigie_language::grok::{FieldNames, Grok, GrokLibrary};
    const NAME: &str = "an_independent_grok_finds_the_same";
    let Some(python) = vigie_testkit::python(NAME) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/logstash/pygrok_says.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = GROK_QUESTIONS.iter().map(|pair| json!(pair).to_string() + "\n").collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: {NAME} needs the Python package pygrok");
        return;
    }
    let library = GrokLibrary::standard(FieldNames::Legacy);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().count(), GROK_QUESTIONS.len());
    let mut wrong = Vec::new();
    for ((pattern, text), said) in GROK_QUESTIONS.iter().zip(said.lines()) {
        let grok = Grok::compile(pattern, &library, true).unwrap();
        let found = grok.captures(text).unwrap();
        // What is empty or did not take part is none here; pygrok says null or "".
        let mut said: Value = serde_json::from_str(said).unwrap();
        if let Some(said) = said.as_object_mut() {
            said.retain(|_, value| !value.is_null() && value != "");
        }
        let ours = found.map(|captures| {
            let named = captures.iter().filter(|capture| !capture.text.is_empty());
            named
                .map(|c| (c.field.to_owned(), Value::from(c.text)))
                .collect::<serde_json::Map<_, _>>()
        });
        if json!(ours) != said {
            wrong.push(format!("{pattern} on {text}: pygrok {said}, here {}", json!(ours)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
