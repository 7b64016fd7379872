//! Requests through a small real proxy.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use vigie_language::yaml::{Field as _, Node, Source};
use vigie_world::World;

use crate::tls::tests::{Authority, serve_tls};
use crate::{HttpClient, HttpConfig, HttpEnvironment, RequestLimits};

/// A proxy that answers plain requests itself, with the line that it was asked with, and that
/// opens tunnels to this machine whatever host is asked for. `CONNECT` without the header
/// `x-pass: yes` is refused.
async fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_one(stream));
        }
    });
    address
}

async fn serve_one(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await.unwrap_or(0) <= 2 {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    let request = head.first().cloned().unwrap_or_default();
    let Some(target) = request.strip_prefix("connect ") else {
        let body = format!("through the proxy: {request}");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        reader.write_all(answer.as_bytes()).await.unwrap();
        return;
    };
    if !head.iter().any(|line| line == "x-pass: yes") {
        reader.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        return;
    }
    let port = target.split(' ').next().and_then(|t| t.rsplit_once(':')).unwrap().1;
    let mut there = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
    reader.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    tokio::io::copy_bidirectional(&mut reader, &mut there).await.ok();
}

async fn ask(yaml: &str, environment: &HttpEnvironment, url: &str) -> Result<String, String> {
    let source = Source::default();
    let config = HttpConfig::read(&Node::parse(yaml, &source).unwrap(), &source).unwrap();
    let client =
        HttpClient::new(&config, environment, &World::real()).map_err(|error| error.to_string())?;
    let limits = RequestLimits { body_bytes: 10_000, timeout: Duration::from_secs(5) };
    let answer = client.get(url, HeaderMap::new(), limits).await;
    let answer = answer.and_then(crate::HttpAnswer::success).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

const THROUGH: &str = "through the proxy: get http://target.test:9100/metrics http/1.1";
const TARGET: &str = "http://target.test:9100/metrics";

#[tokio::test]
async fn a_proxy_is_taken_unless_the_host_is_exempt() {
    let proxy = proxy().await;
    let none = HttpEnvironment::default();
    let url = format!("proxy_url: http://{proxy}\n");
    assert_eq!(ask(&url, &none, TARGET).await.unwrap(), THROUGH);
    let listed = format!("{url}no_proxy: other.test\n");
    assert_eq!(ask(&listed, &none, TARGET).await.unwrap(), THROUGH);
    // Asked directly, a name that nobody knows cannot be reached.
    let exempt = format!("{url}no_proxy: 'target.test'\n");
    assert!(ask(&exempt, &none, TARGET).await.is_err());
    let other_port = format!("{url}no_proxy: 'target.test:1'\n");
    assert_eq!(ask(&other_port, &none, TARGET).await.unwrap(), THROUGH);
}

#[tokio::test]
async fn the_environment_names_a_proxy_only_when_asked() {
    let proxy = proxy().await;
    let environment = |no_proxy: &'static str| HttpEnvironment {
        variable: Arc::new({
            let proxy = proxy.clone();
            move |name| match name {
                "http_proxy" => Some(proxy.clone()),
                "NO_PROXY" => Some(no_proxy.to_owned()),
                _ => None,
            }
        }),
        ..HttpEnvironment::default()
    };
    let on = "proxy_from_environment: true\n";
    assert_eq!(ask(on, &environment(""), TARGET).await.unwrap(), THROUGH);
    assert!(ask(on, &environment(".test"), TARGET).await.is_err());
    assert!(ask("{}\n", &environment(""), TARGET).await.is_err());
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_with_the_headers_for_it() {
    let proxy = proxy().await;
    let authority = Authority::new();
    let server = serve_tls(authority.server(&["target.test"]).config(), "secure").await;
    let folder = tempfile::tempdir().unwrap();
    let ca = authority.write_ca(folder.path());
    let yaml = format!("proxy_url: http://{proxy}\ntls_config: {{ca_file: {}}}\n", ca.display());
    let url = format!("https://target.test:{}/", server.port());
    let none = HttpEnvironment::default();
    let refused = ask(&yaml, &none, &url).await.unwrap_err();
    assert!(refused.contains("tunnel") || refused.contains("403"), "{refused}");
    let with = format!("{yaml}proxy_connect_header: {{X-Pass: ['yes']}}\n");
    assert_eq!(ask(&with, &none, &url).await.unwrap(), "secure");
}
