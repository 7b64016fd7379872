//! PostgreSQL's own client and drivers ask Vigie.

use std::process::{Command, Output};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vigie_testkit::{Server, ServerBuilder, program, python};

use crate::vigie;

/// A server that keeps three lines of log and a metric, and the port of the protocol.
async fn filled(builder: ServerBuilder) -> (Server, u16) {
    let server = builder.door("postgres_port").unwrap().start().await.unwrap();
    fill(&server, None).await;
    let port = server.door("postgres_port");
    (server, port)
}

async fn fill(server: &Server, password: Option<&str>) {
    let mut bulk = String::new();
    for (service, status, message) in [
        ("web-api", 200, "fine"),
        ("web-api", 500, "connection pool is empty"),
        ("db", 500, "it's \"wrong\""),
    ] {
        bulk.push_str("{\"create\":{\"_index\":\"logs-x\"}}\n");
        let document = json!({
            "@timestamp": "2026-02-03T04:05:06.789Z", "service": service, "status": status,
            "message": message,
        });
        bulk.push_str(&(document.to_string() + "\n"));
    }
    let url = format!("{}/_bulk", server.elasticsearch);
    let mut request = server.client.post(url).header("content-type", "application/x-ndjson");
    if let Some(password) = password {
        request = request.basic_auth("ann", Some(password));
    }
    assert!(request.body(bulk).send().await.unwrap().status().is_success());
}

fn psql(port: u16, arguments: &[&str]) -> Output {
    let mut command = Command::new("psql");
    command.args(["-X", "-w", "-h", "127.0.0.1", "-U", "ann", "-d", "vigie", "-p"]);
    command.arg(port.to_string()).args(arguments);
    command.env_remove("PGPASSWORD").output().unwrap()
}

fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_asks_what_the_api_counts() {
    const NAME: &str = "psql_asks_what_the_api_counts";
    if program(NAME, "psql").is_none() {
        return;
    }
    let (server, port) = filled(vigie()).await;
    // The statement of the seed's runbook.
    let seed = "SELECT message, timestamp FROM logs WHERE service='web-api' AND message LIKE \
                '%connection pool%' ORDER BY timestamp DESC LIMIT 10";
    let (out, err) = told(&psql(port, &["-A", "-t", "-c", seed]));
    assert_eq!(out, "connection pool is empty|2026-02-03 04:05:06.789+00\n", "{err}");
    let count = format!("{}/logs-x/_count", server.elasticsearch);
    let answer = server.client.get(count).send().await.unwrap().text().await.unwrap();
    assert!(answer.contains("\"count\":3"), "{answer}");
    let several = "SELECT count(*) AS n FROM logs; SHOW server_version;";
    let (out, err) = told(&psql(port, &["-A", "-c", several]));
    assert_eq!(out, "n\n3\n(1 row)\nserver_version\n16.0\n(1 row)\n", "{err}");

    // Another database is another tenant.
    let (out, err) = told(&psql(port, &["-A", "-t", "-d", "other", "-c", "SELECT 1 AS one"]));
    assert_eq!(out, "1\n", "{err}");
    for (statement, expected) in [
        ("DELETE FROM logs", "ERROR:  25006"),
        ("SELECT nothing FROM logs", "ERROR:  42000"),
        ("SELECT * FROM", "ERROR:  42000"),
    ] {
        let output = psql(port, &["-v", "VERBOSITY=verbose", "-c", statement]);
        let (_, err) = told(&output);
        assert!(err.contains(expected), "{statement}: {err}");
        assert_eq!(output.status.code(), Some(1), "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_of_postgres_ask_with_parameters() {
    const NAME: &str = "drivers_of_postgres_ask_with_parameters";
    let Some(python) = python(NAME) else { return };
    let (_server, port) = filled(vigie()).await;
    let script = format!(
        r#"
import asyncio, asyncpg, datetime, psycopg
from psycopg.rows import dict_row

place = dict(host="127.0.0.1", port={port}, user="ann", dbname="vigie", sslmode="prefer")
with psycopg.connect(**place, row_factory=dict_row) as connection:
    # Text and binary, prepared and not.
    for binary in [False, True]:
        for prepare in [False, True]:
            rows = connection.execute(
                "SELECT timestamp, service, status, status / 3.0 AS third, status > 400 AS failed"
                " FROM logs WHERE status >= %s AND service = %s",
                [500, "db"], binary=binary, prepare=prepare).fetchall()
            assert len(rows) == 1, rows
            row = rows[0]
            assert row["service"] == "db" and row["status"] == 500, row
            assert row["failed"] is True and abs(row["third"] - 500 / 3) < 1e-9, row
            expected = datetime.datetime(2026, 2, 3, 4, 5, 6, 789000, datetime.timezone.utc)
            assert row["timestamp"] == expected, row
    since = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    found = connection.execute(
        "SELECT count(*) AS n FROM logs WHERE timestamp > %s AND trace_id IS NULL", [since])
    assert found.fetchone() == {{"n": 3}}
    connection.commit()
    # An error ends the transaction, and only that.
    try:
        connection.execute("UPDATE logs SET status = 1")
        raise SystemExit("a write was taken")
    except psycopg.errors.ReadOnlySqlTransaction:
        pass
    try:
        connection.execute("SELECT 1 AS one")
        raise SystemExit("an aborted transaction went on")
    except psycopg.errors.InFailedSqlTransaction:
        pass
    connection.rollback()
    assert connection.execute("SELECT 1 AS one").fetchone() == {{"one": 1}}

async def ask():
    connection = await asyncpg.connect(
        host="127.0.0.1", port={port}, user="ann", database="vigie")
    # A cursor takes the rows one by one: the portal is carried on.
    async with connection.transaction():
        services = []
        async for row in connection.cursor(
                "SELECT service FROM logs WHERE status < $1 ORDER BY service", 1000, prefetch=1):
            services.append(row["service"])
    assert services == ["db", "web-api", "web-api"], services
    await connection.close()

asyncio.run(ask())
print("asked")
"#
    );
    let output = Command::new(python).args(["-c", &script]).output().unwrap();
    let (out, err) = told(&output);
    assert_eq!(out, "asked\n", "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_cancelled() {
    const NAME: &str = "a_statement_is_cancelled";
    let Some(python) = python(NAME) else { return };
    let (_server, port) = filled(vigie()).await;
    let many = (0..9).map(|at| format!("logs l{at}")).collect::<Vec<_>>().join(", ");
    let script = format!(
        r#"
import psycopg, threading
with psycopg.connect("host=127.0.0.1 port={port} user=ann dbname=vigie") as connection:
    timer = threading.Timer(0.5, connection.cancel)
    timer.start()
    try:
        connection.execute("WITH m AS (SELECT l0.status FROM {many}), n AS (SELECT m.status FROM m, logs)"
                           " SELECT count(*) FROM n a, n b")
        print("carried out")
    except psycopg.errors.QueryCanceled as error:
        print(error)
    connection.rollback()
    print(connection.execute("SELECT 7").fetchone()[0])
"#
    );
    let output = Command::new(python).args(["-c", &script]).output().unwrap();
    let (out, err) = told(&output);
    assert_eq!(out, "canceling statement due to user request\n7\n", "{err}");
}

/// A message: its letter, its length, its body.
fn message(letter: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 4) as u32;
    [&[letter], &length.to_be_bytes()[..], body].concat()
}

fn start(parameters: &[u8]) -> Vec<u8> {
    let body = [b"\0\x03\0\0", parameters, b"\0"].concat();
    [&((body.len() + 4) as u32).to_be_bytes()[..], &body].concat()
}

/// What the server says to these bytes until it closes the connection.
async fn said(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut out = Vec::new();
    let reading = stream.read_to_end(&mut out);
    // A connection that is closed with bytes unread may be reset.
    drop(tokio::time::timeout(std::time::Duration::from_secs(60), reading).await.unwrap());
    out
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_messages_of_postgres_harm_nobody_else() {
    let (server, port) = filled(vigie()).await;
    let started = start(b"user\0ann\0");
    let bind = b"\0\0\0\0\0\0\0\x03\0\x01\0\x01\0\x01";
    let parse = b"\0SELECT service, message FROM logs\0\0\0";
    let terminate = message(b'X', b"");
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("a length of nothing", vec![0, 0, 0, 0], "invalid length of startup packet"),
        ("a length of gigabytes", vec![0x7f, 0xff, 0xff, 0xff], "invalid length"),
        ("another version", vec![0, 0, 0, 9, 0, 2, 0, 0, 0], "unsupported frontend protocol 2.0"),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "invalid length"),
        ("nobody", start(b""), "no PostgreSQL user name"),
        ("a long message", [&started[..], b"Q\x7f\xff\xff\xff"].concat(), "are the most"),
        (
            "a cut message",
            [&started[..], &message(b'B', b"\0\0\0\x09")].concat(),
            "invalid message",
        ),
        (
            "more formats than columns, then all rows at once",
            [
                &started[..],
                &message(b'P', parse),
                &message(b'B', bind),
                &message(b'E', b"\0\x7f\xff\xff\xff"),
                &message(b'S', b""),
                &terminate,
            ]
            .concat(),
            "bind message has 3 formats but 2 are needed",
        ),
        (
            "another letter",
            [&started[..], &message(b'?', b"")].concat(),
            "invalid frontend message",
        ),
    ];
    for (name, bytes, expected) in cases {
        let answer = said(port, &bytes).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(holds(&answer, expected), "{name}: {text}");
    }
    let fine = [&start(b"user\0ann\0")[..], &message(b'Q', b"SELECT 1\0"), &terminate].concat();
    assert!(holds(&said(port, &fine).await, "SELECT 1"));
    let panics = server.client.get(format!("{}/metrics", server.api)).send().await.unwrap();
    let text = panics.text().await.unwrap();
    assert!(!text.contains("vigie_show_panics_total{"), "{text}");
}
