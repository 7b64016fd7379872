//! The client against small servers.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Form;
use axum::http::HeaderMap as AxumHeaders;
use axum::response::Redirect;
use axum::routing::{get, post};

use super::*;
use vigie_language::yaml::{Field as _, Node, Source};

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn http_config(yaml: &str) -> HttpConfig {
    let source = Source::default();
    HttpConfig::read(&Node::parse(yaml, &source).unwrap(), &source).unwrap()
}

fn client(yaml: &str) -> HttpClient {
    let environment = HttpEnvironment::default();
    HttpClient::new(&http_config(yaml), &environment, &World::real()).unwrap()
}

const LIMITS: RequestLimits = RequestLimits { body_bytes: 1_000, timeout: Duration::from_secs(5) };

fn echo_authorization() -> Router {
    Router::new().route(
        "/",
        get(|headers: AxumHeaders| async move {
            let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
            format!("{:?} {:?}", text("authorization"), text("x-a"))
        }),
    )
}

async fn body_of(client: &HttpClient, url: &str) -> Result<String, HttpError> {
    let answer = client.get(url, HeaderMap::new(), LIMITS).await?.success()?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test]
async fn credentials_are_sent_also_from_files() {
    let url = serve(echo_authorization()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "from-file\n").unwrap();
    let cases = [
        ("  basic_auth: {username: u, password: p}\n".to_owned(), "Some(\"Basic dTpw\") None"),
        ("  bearer_token: t\n".to_owned(), "Some(\"Bearer t\") None"),
        (
            format!("  authorization: {{type: Token, credentials_file: {}}}\n", file.display()),
            "Some(\"Token from-file\") None",
        ),
        ("  http_headers: {X-A: {secrets: [s]}}\n".to_owned(), "None Some(\"s\")"),
    ];
    for (yaml, expected) in cases {
        assert_eq!(body_of(&client(&yaml), &url).await.unwrap(), expected, "{yaml}");
    }
}

#[tokio::test]
async fn an_oauth2_token_is_asked_for_once() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let token = |headers: AxumHeaders, Form(form): Form<Vec<(String, String)>>| async move {
        ASKED.fetch_add(1, Ordering::SeqCst);
        assert_eq!(headers["authorization"], "Basic aWQ6c2VjcmV0");
        assert!(form.contains(&("scope".to_owned(), "a b".to_owned())), "{form:?}");
        "{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":3600}"
    };
    let url = serve(echo_authorization().route("/token", post(token))).await;
    let client = client(&format!(
        "  oauth2: {{client_id: id, client_secret: secret, scopes: [a, b], token_url: '{url}/token'}}\n"
    ));
    for _ in 0..3 {
        assert_eq!(body_of(&client, &url).await.unwrap(), "Some(\"Bearer abc\") None");
    }
    assert_eq!(ASKED.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn redirects_are_followed_unless_told_otherwise() {
    let router = echo_authorization().route("/away", get(|| async { Redirect::to("/") }));
    let url = format!("{}/away", serve(router).await);
    assert_eq!(body_of(&client(""), &url).await.unwrap(), "None None");
    let error = body_of(&client("  follow_redirects: false\n"), &url).await.unwrap_err();
    assert_eq!(error.to_string(), "server returned HTTP status 303 See Other");
}

#[tokio::test]
async fn bodies_have_a_limit_also_when_they_are_bombs() {
    let bomb = || async {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![b'0'; 500_000]).unwrap();
        ([("content-encoding", "gzip")], gzip.finish().unwrap())
    };
    let router = Router::new()
        .route("/bomb", get(bomb))
        .route("/long", get(|| async { "x".repeat(1_001) }))
        .route("/torn", get(|| async { ([("content-encoding", "gzip")], "not gzip") }));
    let url = serve(router).await;
    let client = client("");
    for path in ["/bomb", "/long"] {
        let error = body_of(&client, &format!("{url}{path}")).await.unwrap_err();
        assert_eq!(error, HttpError::BodyTooLarge, "{path}");
    }
    let error = body_of(&client, &format!("{url}/torn")).await.unwrap_err();
    assert!(error.to_string().contains("gzip"), "{error}");
}

#[tokio::test]
async fn failures_are_told_in_prometheus_words() {
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        "late"
    };
    let url = serve(Router::new().route("/slow", get(slow))).await;
    let client = client("");
    let error = body_of(&client, &format!("{url}/none")).await.unwrap_err();
    assert_eq!(error.to_string(), "server returned HTTP status 404 Not Found");
    let limits = RequestLimits { timeout: Duration::from_millis(50), ..LIMITS };
    let slow = format!("{url}/slow");
    let error = client.get(&slow, HeaderMap::new(), limits).await.unwrap_err();
    assert_eq!(error.to_string(), format!("Get \"{slow}\": context deadline exceeded"));
    let error = body_of(&client, "http://127.0.0.1:1/").await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
}
