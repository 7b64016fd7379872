//! The front door: limits, encodings, TLS, users, tenants, origins.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vigie_show::FrontDoorOptions;
use vigie_show::prometheus::PrometheusOptions;

use crate::server::{self, Server};

async fn with_door(door: FrontDoorOptions) -> Server {
    server::start(door, PrometheusOptions::default()).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn form(server: &Server) -> reqwest::RequestBuilder {
    Server::client()
        .post(server.url("/api/v1/labels"))
        .header("content-type", "application/x-www-form-urlencoded")
}

#[tokio::test]
async fn bodies_have_limits() {
    let server = with_door(FrontDoorOptions {
        body_bytes_max: 10_000,
        decoded_bytes_max: 100_000,
        ..FrontDoorOptions::default()
    })
    .await;
    let large = form(&server).body(vec![b'a'; 10_001]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let stream = futures::stream::iter((0..20).map(|_| Ok::<_, std::io::Error>(vec![b'a'; 1000])));
    let chunked = form(&server).body(reqwest::Body::wrap_stream(stream)).send().await.unwrap();
    assert_eq!(chunked.status(), 413);
    let bomb = form(&server).header("content-encoding", "gzip").body(gzip(&vec![0; 1 << 20]));
    assert_eq!(bomb.send().await.unwrap().status(), 413);
    let cut = gzip(b"limit=1");
    let cut = form(&server).header("content-encoding", "gzip").body(cut[..cut.len() - 3].to_vec());
    assert_eq!(cut.send().await.unwrap().status(), 400);
    let unknown = form(&server).header("content-encoding", "br").body("x");
    assert_eq!(unknown.send().await.unwrap().status(), 415);
    for (encoding, body) in
        [("gzip", gzip(b"limit=x")), ("zstd", zstd::encode_all(&b"limit=x"[..], 1).unwrap())]
    {
        let answer = form(&server).header("content-encoding", encoding).body(body);
        let text = answer.send().await.unwrap().text().await.unwrap();
        assert!(text.contains("strconv.Atoi"), "{encoding}: {text}");
    }
    let too_many = "a=1&".repeat(2400);
    assert_eq!(form(&server).body(too_many).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn slow_heads_and_silent_connections_are_closed() {
    let header_timeout = Duration::from_millis(150);
    let server =
        with_door(FrontDoorOptions { header_timeout, ..FrontDoorOptions::default() }).await;
    for beginning in ["", "GET / HTTP/1.1\r\nHost: lo", "PRI * HT"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest));
        assert!(closed.await.is_ok(), "{beginning:?} was kept open");
    }
}

#[tokio::test]
async fn connections_are_limited_and_given_back() {
    let server =
        with_door(FrontDoorOptions { connections_max: 1, ..FrontDoorOptions::default() }).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asked = Server::client().get(server.url("/-/healthy")).timeout(Duration::from_millis(200));
    assert!(asked.send().await.is_err(), "a second connection was served");
    drop(first);
    let asked = Server::client().get(server.url("/-/healthy"));
    assert_eq!(asked.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn panics_end_one_request_only() {
    let server = with_door(FrontDoorOptions::default()).await;
    let client = Server::client();
    assert_eq!(client.get(server.url("/crash")).send().await.unwrap().status(), 500);
    let metrics = client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("vigie_show_panics_total{part=\"prometheus\"} 1"), "{metrics}");
    let counted =
        "vigie_show_http_requests_total{part=\"prometheus\",handler=\"other\",code=\"500\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn answers_are_compressed_and_carry_an_id() {
    let server = server::start_filled().await;
    let client = reqwest::Client::builder().no_gzip().build().unwrap();
    let ask = |encoding: &'static str| {
        let request = client.get(server.url("/metrics")).header("accept-encoding", encoding);
        async move { request.header("x-request-id", "abc-1").send().await.unwrap() }
    };
    let plain = ask("identity").await;
    assert!(plain.headers().get("content-encoding").is_none());
    assert_eq!(plain.headers()["x-request-id"], "abc-1");
    assert_eq!(ask("gzip").await.headers()["content-encoding"], "gzip");
    assert_eq!(ask("zstd").await.headers()["content-encoding"], "zstd");
}

#[tokio::test]
async fn tenants_are_separate() {
    let server = server::start_filled().await;
    let client = Server::client();
    let ask = |tenant: Option<&'static str>| {
        let mut request = client.get(server.url("/api/v1/label/job/values"));
        if let Some(tenant) = tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    let filled = r#"{"status":"success","data":["a","b"]}"#.to_owned();
    assert_eq!(ask(None).await, (200, filled.clone()));
    assert_eq!(ask(Some("default")).await, (200, filled));
    assert_eq!(ask(Some("other")).await.1, r#"{"status":"success","data":[]}"#);
    for wrong in ["..", "a/b", "a|b", ""] {
        assert_eq!(ask(Some(wrong)).await.0, 400, "{wrong:?}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let server = with_door(FrontDoorOptions {
        cors_origin: Some("https://grafana\\.example".to_owned()),
        ..FrontDoorOptions::default()
    })
    .await;
    let post = |origin: &'static str| {
        let request = form(&server).header("origin", origin).body("limit=1");
        async move { request.send().await.unwrap() }
    };
    assert_eq!(post("https://evil.example").await.status(), 403);
    let allowed = post("https://grafana.example").await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://grafana.example");
    let rebound = Server::client().get(server.url("/metrics")).header("host", "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), 403);
}

struct Certificates {
    authority: String,
    server: (String, String),
    client: String,
}

fn certificates() -> Certificates {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    // A name of its own: to OpenSSL a certificate whose issuer has its name has signed itself.
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "the issuer");
    let authority = parameters.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority_key);
    let signed = |names: &[&str]| {
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let parameters = rcgen::CertificateParams::new(names).unwrap();
        (parameters.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let server = signed(&["127.0.0.1", "localhost"]);
    let client = signed(&["client"]);
    Certificates { authority: authority.pem(), server, client: format!("{}{}", client.0, client.1) }
}

fn write_files(folder: &Path, certificates: &Certificates, more: &str) {
    std::fs::write(folder.join("ca.pem"), &certificates.authority).unwrap();
    std::fs::write(folder.join("cert.pem"), &certificates.server.0).unwrap();
    std::fs::write(folder.join("key.pem"), &certificates.server.1).unwrap();
    let text = format!("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n{more}");
    std::fs::write(folder.join("web.yml"), text).unwrap();
}

fn tls_client(certificates: &Certificates, with_certificate: bool) -> reqwest::Client {
    let _first = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(certificates.authority.as_bytes()).unwrap();
    let mut builder = reqwest::Client::builder().tls_certs_only([root]);
    if with_certificate {
        let identity = reqwest::Identity::from_pem(certificates.client.as_bytes()).unwrap();
        builder = builder.identity(identity);
    }
    builder.build().unwrap()
}

fn with_web_config(folder: &Path) -> FrontDoorOptions {
    FrontDoorOptions { web_config: Some(folder.join("web.yml")), ..FrontDoorOptions::default() }
}

#[tokio::test]
async fn tls_users_and_headers() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificates();
    let hash = bcrypt::hash("secret", 4).unwrap();
    let more = format!(
        "  min_version: TLS13\nbasic_auth_users:\n  ada: {hash}\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n"
    );
    write_files(folder.path(), &files, &more);
    let server = with_door(with_web_config(folder.path())).await;
    let client = tls_client(&files, false);
    let url = format!("https://{}/-/healthy", server.address);
    let nobody = client.get(&url).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    assert_eq!(nobody.headers()["www-authenticate"], "Basic");
    let right = client.get(&url).basic_auth("ada", Some("secret")).send().await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(right.version(), reqwest::Version::HTTP_2);
    assert_eq!(right.headers()["x-frame-options"], "deny");
    let wrong = client.get(&url).basic_auth("ada", Some("guess")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(Server::client().get(server.url("/-/healthy")).send().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_has_the_certificate_and_the_users_of_the_door() {
    let is_there = std::process::Command::new("psql").arg("--version").output().is_ok();
    if !is_there {
        println!("skipped: postgres_has_the_certificate_and_the_users_of_the_door needs psql");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = certificates();
    let hash = bcrypt::hash("secret", 4).unwrap();
    write_files(folder.path(), &files, &format!("basic_auth_users:\n  ada: {hash}\n"));
    let server = server::start_postgres(with_web_config(folder.path())).await;
    let ask = |mode: &str, password: &str| {
        let place = format!(
            "host=localhost hostaddr=127.0.0.1 port={} user=ada dbname=vigie sslmode={mode} \
             sslrootcert={}",
            server.address.port(),
            folder.path().join("ca.pem").display()
        );
        let mut psql = std::process::Command::new("psql");
        psql.args(["-X", "-w", "-A", "-t", &place, "-c", "SELECT 6 * 7"]);
        let output = psql.env("PGPASSWORD", password).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    };
    let (out, err) = ask("verify-full", "secret");
    assert_eq!(out, "42\n", "{err}");
    let (_, err) = ask("verify-full", "guess");
    assert!(err.contains("password authentication failed for user \"ada\""), "{err}");
    let (_, err) = ask("disable", "secret");
    assert!(err.contains("this port takes encrypted connections only"), "{err}");
}

#[tokio::test]
async fn clients_show_certificates_and_files_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let files = certificates();
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    write_files(folder.path(), &files, more);
    let server = with_door(with_web_config(folder.path())).await;
    let url = format!("https://{}/-/healthy", server.address);
    assert!(tls_client(&files, false).get(&url).send().await.is_err());
    assert_eq!(tls_client(&files, true).get(&url).send().await.unwrap().status(), 200);
    let renewed = certificates();
    write_files(folder.path(), &renewed, "");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(tls_client(&renewed, false).get(&url).send().await.unwrap().status(), 200);
    assert!(tls_client(&files, true).get(&url).send().await.is_err());
}
