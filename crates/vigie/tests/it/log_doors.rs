//! Syslog and GELF by clients that others wrote: straight to the store, and through a pipeline.

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::process::Command;

use serde_json::{Value, json};
use vigie_testkit::{Server, client, free_port, program, python};

use crate::logstash::documents;
use crate::vigie;

/// Runs Python with `arguments`, and fails with what it said.
fn run_python(python: &std::path::Path, script: &str, arguments: &[String]) {
    let output = Command::new(python).args(["-c", script]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn sorted(hits: &[Value]) -> Vec<String> {
    let text = |hit: &Value| hit["_source"]["message"].as_str().unwrap_or_default().to_owned();
    let mut messages: Vec<String> = hits.iter().map(text).collect();
    messages.sort();
    messages
}

const LOGGER: &str = r#"
import logging, logging.handlers, socket, sys
port = int(sys.argv[1])
for name, kind in (("udp", socket.SOCK_DGRAM), ("tcp", socket.SOCK_STREAM)):
    handler = logging.handlers.SysLogHandler(("127.0.0.1", port), "local3", socktype=kind)
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.warning("python by %s", name)
    logger.error("python by %s again", name)
    handler.close()
"#;

#[tokio::test(flavor = "multi_thread")]
async fn syslog_of_pythons_handler_and_of_logger() {
    const NAME: &str = "syslog_of_pythons_handler_and_of_logger";
    let Some(python) = python(NAME) else { return };
    let server = vigie().door("syslog_port").unwrap().start().await.unwrap();
    let port = server.door("syslog_port");
    run_python(&python, LOGGER, &[port.to_string()]);
    let expected = ["python by tcp", "python by tcp again", "python by udp", "python by udp again"];
    let found = documents(&server, "logs-*", 4).await;
    assert_eq!(sorted(&found), expected);
    let error =
        found.iter().find(|hit| hit["_source"]["message"] == "python by tcp again").unwrap();
    let source = &error["_source"];
    assert_eq!(source["log"]["level"], "error");
    assert_eq!(source["log"]["syslog"]["facility"], json!({"code": 19, "name": "local3"}));
    assert_eq!(source["host"]["ip"], "127.0.0.1");

    let Some(logger) = program(NAME, "logger") else { return };
    for (at, kind) in ["--udp --rfc3164", "--udp --rfc5424", "--tcp --rfc3164", "--tcp --rfc5424"]
        .into_iter()
        .chain(["--tcp --rfc5424 --octet-count"])
        .enumerate()
    {
        let status = Command::new(&logger)
            .args(["--server", "127.0.0.1", "--port", &port.to_string()])
            .args(kind.split(' '))
            .args(["--priority", "daemon.crit", "--tag", "my-daemon", &format!("--id={}", 40 + at)])
            .arg(format!("logger {at}"))
            .status();
        assert!(status.unwrap().success(), "{kind}");
    }
    let found = documents(&server, "logs-*", 9).await;
    for at in 0..5 {
        let message = format!("logger {at}");
        let hit = found.iter().find(|hit| hit["_source"]["message"] == *message);
        let source = &hit.unwrap_or_else(|| panic!("{at}: {found:?}"))["_source"];
        assert_eq!(source["process"], json!({"name": "my-daemon", "pid": 40 + at}), "{source}");
        assert_eq!(source["log"]["syslog"]["priority"], 26, "{source}");
        assert!(source["host"]["hostname"].as_str().is_some_and(|name| !name.is_empty()));
        assert!(source.get("tags").is_none(), "{source}");
    }
}

const GELF: &str = r#"
import logging, sys, pygelf
port = int(sys.argv[1])
for name, handler in (
    ("udp", pygelf.GelfUdpHandler("127.0.0.1", port, compress=False, _service="shop")),
    ("zlib", pygelf.GelfUdpHandler("127.0.0.1", port, compress=True, _service="shop")),
    ("pieces", pygelf.GelfUdpHandler("127.0.0.1", port, compress=False, chunk_size=1000)),
    ("tcp", pygelf.GelfTcpHandler("127.0.0.1", port, _service="shop")),
):
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.error("gelf by %s%s", name, "x" * 20000 if name == "pieces" else "")
    handler.close()
"#;

async fn metric(server: &Server, name: &str) -> Option<f64> {
    let text = client().unwrap().get(format!("{}/metrics", server.api)).send().await.unwrap();
    let text = text.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn gelf_of_pygelf() {
    const NAME: &str = "gelf_of_pygelf";
    let Some(python) = python(NAME) else { return };
    let server = vigie().door("gelf_port").unwrap().start().await.unwrap();
    let port = server.door("gelf_port");
    run_python(&python, GELF, &[port.to_string()]);
    let found = documents(&server, "logs-*", 4).await;
    let pieces = format!("gelf by pieces{}", "x".repeat(20_000));
    let expected = [&pieces, "gelf by tcp", "gelf by udp", "gelf by zlib"];
    assert_eq!(sorted(&found), expected);
    let hit = found.iter().find(|hit| hit["_source"]["message"] == "gelf by zlib").unwrap();
    let source = &hit["_source"];
    assert_eq!((&source["service"], &source["level"]), (&json!("shop"), &json!(3)), "{source}");
    assert_eq!(source["host"]["ip"], "127.0.0.1");
    // What cannot be read is counted, and so is what comes.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"\x1f\x8bno gzip", ("127.0.0.1", port)).unwrap();
    socket.send_to(b"{\"short_message\":\"last\"}", ("127.0.0.1", port)).unwrap();
    documents(&server, "logs-*", 5).await;
    let labels = "{kind=\"gelf\",input=\"gelf\"}";
    for (name, value) in [("messages_wrong", 1.0), ("events", 5.0), ("datagrams_dropped", 0.0)] {
        let name = format!("vigie_receive_log_{name}_total{labels}");
        assert_eq!(metric(&server, &name).await, Some(value), "{name}");
    }
}

const FORWARD: &str = r#"
import gzip, socket, sys
import msgpack
from fluent.sender import FluentSender
port = int(sys.argv[1])
sender = FluentSender("app", host="127.0.0.1", port=port, nanosecond_precision=True)
for number in range(100):
    assert sender.emit("access", {"message": "by fluent-logger", "n": number}), sender.last_error
sender.close()
# With acknowledgements, which fluent-logger does not ask for; in all ways of carrying events.
entries = [[1706933107, {"message": "acknowledged", "n": number}] for number in range(100, 200)]
packed = b"".join(map(msgpack.packb, entries))
with socket.create_connection(("127.0.0.1", port), timeout=30) as stream:
    unpacker = msgpack.Unpacker()
    for at, message in enumerate((
        ["app", entries],
        ["app", packed],
        ["app", gzip.compress(packed), {"compressed": "gzip"}],
        ["app", 1706933107, entries[0][1]],
    )):
        options = message.pop() if isinstance(message[-1], dict) and at == 2 else {}
        stream.sendall(msgpack.packb(message + [{**options, "chunk": "chunk %d" % at}]))
        answers = []
        while not answers:
            received = stream.recv(1000)
            assert received, "closed"
            unpacker.feed(received)
            answers = list(unpacker)
        assert answers == [{"ack": "chunk %d" % at}], answers
"#;

#[tokio::test(flavor = "multi_thread")]
async fn forward_of_fluent_logger_and_what_is_acknowledged_is_kept() {
    const NAME: &str = "forward_of_fluent_logger_and_what_is_acknowledged_is_kept";
    let Some(python) = python(NAME) else { return };
    let mut server = vigie().door("forward_port").unwrap().start().await.unwrap();
    run_python(&python, FORWARD, &[server.door("forward_port").to_string()]);
    documents(&server, "logs-*", 401).await;
    server.kill().unwrap();
    server.launch().await.unwrap();
    let found = documents(&server, "logs-2024.02.03", 301).await;
    assert_eq!(found[0]["_source"]["@timestamp"], "2024-02-03T04:05:07.000Z");
    assert_eq!(found[0]["_source"]["tags"], json!(["app"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_takes_syslog_over_tls_and_gelf() {
    const NAME: &str = "a_pipeline_takes_syslog_over_tls_and_gelf";
    let Some(python) = python(NAME) else { return };
    let (syslog, gelf) = (free_port().unwrap(), free_port().unwrap());
    let builder = vigie();
    let folder = builder.folder().to_path_buf();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("door.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("door.key"), made.signing_key.serialize_pem()).unwrap();
    let conf = format!(
        r#"input {{ syslog {{ port => {syslog} timezone => "Europe/Berlin" ssl_enabled => true
             ssl_certificate => "{0}/door.pem" ssl_key => "{0}/door.key" }}
             gelf {{ port => {gelf} use_tcp => true }} }}
           filter {{ mutate {{ add_field => {{ "by" => "pipeline" }} }} }}
           output {{ elasticsearch {{ hosts => ["elasticsearch:9200"] index => "doors" }} }}"#,
        folder.display()
    );
    std::fs::write(folder.join("logstash.conf"), conf).unwrap();
    let builder = builder
        .arg(folder.join("logstash.conf").display().to_string())
        .settings(&format!("[logstash]\nport = {}\n", free_port().unwrap()));
    let server = builder.start().await.unwrap();
    let script = r#"
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
with context.wrap_socket(plain, server_hostname="localhost") as stream:
    for text in ("<13>Feb  3 2024 04:05:06 web app[7]: two\nlines", "<14>1 2024-02-03T04:05:06.5Z web app - - - second"):
        stream.sendall(b"%d %s" % (len(text), text.encode()))
"#;
    let arguments = [syslog.to_string(), folder.join("door.pem").display().to_string()];
    run_python(&python, script, &arguments);
    let mut stream = TcpStream::connect(("127.0.0.1", gelf)).unwrap();
    let message = "{\"host\":\"web\",\"timestamp\":1706933107,\"short_message\":\"third\"}\0";
    stream.write_all(message.as_bytes()).unwrap();
    let found = documents(&server, "doors", 3).await;
    let source = |at: usize| &found[at]["_source"];
    assert_eq!(source(0)["message"], "two\nlines");
    assert_eq!(source(0)["@timestamp"], "2024-02-03T03:05:06.000Z");
    assert_eq!(source(0)["host"], json!({"hostname": "web", "ip": "127.0.0.1"}));
    assert_eq!(source(1)["@timestamp"], "2024-02-03T04:05:06.500Z");
    assert_eq!(source(1)["log"]["syslog"]["severity"], json!({"code": 6, "name": "Informational"}));
    assert_eq!(source(2)["message"], "third");
    assert_eq!(source(2)["host"], "web");
    assert!(found.iter().all(|hit| hit["_source"]["by"] == "pipeline"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_http_answers_when_events_are_kept() {
    let port = free_port().unwrap();
    let builder = vigie();
    let file = builder.folder().join("logstash.conf");
    let conf = format!(
        r#"input {{ http {{ port => {port} user => "me" password => "secret" response_code => 202 }} }}
           output {{ elasticsearch {{ hosts => ["elasticsearch:9200"] index => "posted" }} }}"#
    );
    std::fs::write(&file, conf).unwrap();
    let builder = builder
        .arg(file.display().to_string())
        .settings(&format!("[logstash]\nport = {}\n", free_port().unwrap()));
    let mut server = builder.start().await.unwrap();
    let post = |password: &str| {
        let request = client().unwrap().post(format!("http://127.0.0.1:{port}/hook?a=b"));
        request.basic_auth("me", Some(password.to_owned()))
    };
    let refused = post("guess").json(&json!({"n": 0})).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let list = json!([{"n": 1}, {"n": 2, "@timestamp": "2024-02-03T04:05:06Z"}]);
    assert_eq!(post("secret").json(&list).send().await.unwrap().status(), 202);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"a line\nand another").unwrap();
    let body = gzip.finish().unwrap();
    let text = post("secret").header("content-encoding", "gzip").body(body).send().await.unwrap();
    assert_eq!((text.status().as_u16(), text.text().await.unwrap()), (202, "ok".to_owned()));
    // Answered is kept.
    server.kill().unwrap();
    server.launch().await.unwrap();
    let found = documents(&server, "posted", 3).await;
    let source = &found[0]["_source"];
    assert_eq!((&source["n"], &source["url"]["path"]), (&json!(2), &json!("/hook?a=b")));
    assert!(found.iter().any(|hit| hit["_source"]["message"] == "a line\nand another"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inputs_port_that_is_taken_stops_the_start() {
    for kind in ["tcp", "udp", "beats"] {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let _udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        let builder = vigie();
        let file = builder.folder().join("logstash.conf");
        std::fs::write(&file, format!("input {{ {kind} {{ port => {port} }} }}")).unwrap();
        let builder = builder
            .arg(file.display().to_string())
            .settings(&format!("[logstash]\nport = {}\n", free_port().unwrap()));
        let error = format!("{:#}", builder.start().await.err().unwrap());
        let said = format!("input {kind} (line 1)");
        assert!(error.contains(&said) && error.contains(&port.to_string()), "{error}");
    }
}
