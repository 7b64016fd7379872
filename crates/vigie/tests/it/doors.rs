//! Senders of other systems: InfluxDB's own clients, Graphite and OpenTSDB over their ports.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use vigie_testkit::{free_port, python};

use crate::vigie;

const PATIENCE: Duration = Duration::from_secs(20);

/// Both clients of InfluxDB write a point; the first one looks around before it does.
const CLIENTS: &str = r#"
import sys, time
from urllib.parse import urlparse
from influxdb import InfluxDBClient
from influxdb_client import InfluxDBClient as Client2, Point, WritePrecision
from influxdb_client.client.write_api import SYNCHRONOUS
address = sys.argv[1]
at = urlparse(address)
one = InfluxDBClient(host=at.hostname, port=at.port, database="shop")
assert one.ping()
one.create_database("shop")
one.get_list_database()
now = int(time.time())
one.write_points([
    {"measurement": "cpu load", "tags": {"host": "a,b", "free": ""}, "time": now,
     "fields": {"idle": 98.5, "cores": 4, "on": True, "note": "x=1, y"}},
], time_precision="s")
try:
    one.write("broken line", {"db": "shop", "precision": "ns"}, protocol="line")
    raise SystemExit("a broken line was taken")
except Exception as error:
    assert "unable to parse" in str(error), error
two = Client2(url=address, token="any", org="any")
assert two.ping()
write = two.write_api(write_options=SYNCHRONOUS)
write.write(bucket="b", record=Point("mem").tag("host", "c").field("used", 23.25)
            .time(now, WritePrecision.S))
try:
    write.write(bucket="b", record="mem,host=c used=oops")
    raise SystemExit("a wrong value was taken")
except Exception as error:
    assert error.status == 400, error
"#;

#[tokio::test]
async fn clients_of_influxdb_write() {
    const NAME: &str = "clients_of_influxdb_write";
    let Some(python) = python(NAME) else { return };
    let known = Command::new(&python).args(["-c", "import influxdb, influxdb_client"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {NAME} needs the Python packages influxdb and influxdb-client");
        return;
    }
    let port = free_port().unwrap();
    let server = vigie().receive(&format!("influx_port = {port}\n")).start().await.unwrap();
    for address in [server.api.clone(), format!("http://127.0.0.1:{port}")] {
        let output = Command::new(&python).args(["-c", CLIENTS, &address]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{address}: {said}");
    }
    let value = |result: serde_json::Value| result[0]["value"][1].as_str().unwrap().to_owned();
    for (query, expected) in [
        (r#"{"cpu load_idle",host="a,b",db="shop"}"#, "98.5"),
        (r#"{"cpu load_cores"}"#, "4"),
        (r#"{"cpu load_on"}"#, "1"),
        (r#"{"cpu load_note"}"#, "0"),
        (r#"mem_used{host="c"}"#, "23.25"),
    ] {
        let found = server.wait_for(query, PATIENCE).await.unwrap();
        assert_eq!(value(found), expected, "{query}");
    }
}

#[tokio::test]
async fn samples_are_aggregated_as_they_come() {
    let builder = vigie().receive("stream_aggregation = \"aggregation.yml\"\n");
    let rules = "- match: 'requests{env=\"prod\"}'\n  interval: 1s\n  without: [host]\n  outputs: [sum_samples]\n  flush_on_shutdown: true\n";
    std::fs::write(builder.folder().join("aggregation.yml"), rules).unwrap();
    let server = builder.start().await.unwrap();
    let lines = "requests{env=\"prod\",host=\"a\"} 2\nrequests{env=\"prod\",host=\"b\"} 3\nrequests{env=\"test\",host=\"a\"} 7\n";
    let import = format!("{}/api/v1/import/prometheus", server.api);
    assert_eq!(server.client.post(import).body(lines).send().await.unwrap().status(), 204);
    let sum = "{\"requests:1s_without_host_sum_samples\",env=\"prod\"} == 5";
    server.wait_for(sum, PATIENCE).await.unwrap();
    server.wait_for("requests{env=\"test\"} == 7", PATIENCE).await.unwrap();
    let raw = server.query("requests{env=\"prod\"}").await.unwrap();
    assert_eq!(raw.as_array().unwrap().len(), 0, "{raw}");
}

#[tokio::test]
async fn graphite_and_opentsdb_have_ports_when_asked() {
    let (graphite, opentsdb) = (free_port().unwrap(), free_port().unwrap());
    let settings = format!("graphite_port = {graphite}\nopentsdb_port = {opentsdb}\n");
    let server = vigie().receive(&settings).start().await.unwrap();

    let mut stream = TcpStream::connect(("127.0.0.1", graphite)).unwrap();
    stream.write_all(b"servers.a.cpu;dc=eu 12.5\nwrong\n").unwrap();
    drop(stream);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"servers.b.cpu 13 -1\n", ("127.0.0.1", graphite)).unwrap();

    let mut stream = TcpStream::connect(("127.0.0.1", opentsdb)).unwrap();
    let now = vigie_world::World::real().clock.now_ms() / 1000;
    let lines = format!("put sys.cpu {now} 42 host=a\nput sys.cpu\nexit\n");
    stream.write_all(lines.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("put: illegal argument: no timestamp"), "{answer}");

    // The same port speaks HTTP.
    let put = format!("http://127.0.0.1:{opentsdb}/api/put?details");
    let body = format!(
        r#"[{{"metric":"sys.mem","timestamp":{now},"value":7,"tags":{{"host":"a"}}}},{{"metric":"x","value":"?"}}]"#
    );
    let answer = server.client.post(&put).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let told: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((told["success"].as_u64(), told["failed"].as_u64()), (Some(1), Some(1)));

    for query in [
        r#"{"servers.a.cpu",dc="eu"} == 12.5"#,
        r#"{"servers.b.cpu"} == 13"#,
        r#"{"sys.cpu",host="a"} == 42"#,
        r#"{"sys.mem",host="a"} == 7"#,
    ] {
        server.wait_for(query, PATIENCE).await.unwrap();
    }
}
