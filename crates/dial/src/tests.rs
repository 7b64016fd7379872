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

fn cloud_client(
    credentials: CloudCredentials,
    variables: &'static [(&'static str, &'static str)],
    more: Vec<(&'static str, String)>,
) -> HttpClient {
    let variable = move |name: &str| {
        let given = more.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let fixed = variables.iter().find(|(known, _)| *known == name);
        given.or_else(|| fixed.map(|(_, value)| (*value).to_owned()))
    };
    let environment =
        HttpEnvironment { variable: Arc::new(variable), ..HttpEnvironment::default() };
    let config = HttpConfig::default();
    HttpClient::with_credentials(&config, credentials, &environment, &World::real()).unwrap()
}

fn read<T: vigie_language::yaml::Field>(yaml: &str) -> T {
    let source = Source::default();
    T::read(&Node::parse(yaml, &source).unwrap(), &source).unwrap()
}

#[tokio::test]
async fn an_assertion_is_signed_in_place_of_a_secret() {
    use base64::Engine as _;
    // A key of this test, made by `openssl genrsa 2048`; it opens nothing.
    let key = include_str!("tests/rsa-key.pem");
    let issued = Router::new().route(
        "/token",
        post(|Form(form): Form<Vec<(String, String)>>| async move {
            let get = |name: &str| {
                form.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            };
            assert_eq!(get("grant_type").as_deref(), Some(crate::config::JWT_BEARER));
            let assertion = get("assertion").unwrap();
            let parts: Vec<&str> = assertion.split('.').collect();
            let decode =
                |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
            let header: serde_json::Value = serde_json::from_slice(&decode(parts[0])).unwrap();
            assert_eq!((&header["alg"], &header["kid"]), (&"RS384".into(), &"k1".into()));
            let claims: serde_json::Value = serde_json::from_slice(&decode(parts[1])).unwrap();
            assert_eq!((&claims["iss"], &claims["sub"]), (&"us".into(), &"id".into()));
            assert_eq!((&claims["scope"], &claims["team"]), (&"a b".into(), &"shop".into()));
            assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
            let public = decode(include_str!("tests/rsa-public.b64url").trim());
            let public = ring::signature::UnparsedPublicKey::new(
                &ring::signature::RSA_PKCS1_2048_8192_SHA384,
                public,
            );
            let signed = format!("{}.{}", parts[0], parts[1]);
            public.verify(signed.as_bytes(), &decode(parts[2])).unwrap();
            r#"{"access_token": "t", "token_type": "bearer", "expires_in": 60}"#
        }),
    );
    let url = serve(issued.merge(echo_authorization())).await;
    let key = key.replace('\n', "\n      ");
    let client = client(&format!(
        "oauth2:\n  client_id: id\n  grant_type: '{}'\n  iss: us\n  scopes: [a, b]\n  claims: {{team: shop}}\n  signature_algorithm: RS384\n  client_certificate_key_id: k1\n  token_url: '{url}/token'\n  client_certificate_key: |\n      {key}\n",
        crate::config::JWT_BEARER
    ));
    let answer = client.get(&format!("{url}/"), HeaderMap::new(), LIMITS).await.unwrap();
    assert_eq!(answer.body, "Some(\"Bearer t\") None");
}

/// The token service answers as the reference of AssumeRole describes it.
#[tokio::test]
async fn requests_are_signed_with_keys_of_a_profile_and_of_a_role() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = "[default]\naws_access_key_id = NO\naws_secret_access_key = NO\n[shop]\naws_access_key_id = AKSHOP\naws_secret_access_key = s3cret\n";
    std::fs::write(&file, text).unwrap();
    let router = Router::new().route(
        "/",
        post(|headers: AxumHeaders, body: String| async move {
            let text = |name: &str| {
                headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
            };
            let authorization = text("authorization");
            if body.starts_with("Action=AssumeRole") {
                assert!(body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr"), "{body}");
                assert!(body.contains("ExternalId=x"), "{body}");
                assert!(authorization.contains("Credential=AKSHOP/"), "{authorization}");
                assert!(authorization.contains("/eu-west-1/sts/aws4_request"), "{authorization}");
                return "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKROLE</AccessKeyId><SecretAccessKey>r</SecretAccessKey><SessionToken>tok</SessionToken></Credentials></AssumeRoleResult></AssumeRoleResponse>".to_owned();
            }
            format!("{authorization} {}", text("x-amz-security-token"))
        }),
    );
    let url = serve(router).await;
    let asked = async |yaml: &str| {
        let credentials = CloudCredentials::Aws(read(yaml), "aps");
        let variables = vec![
            ("AWS_SHARED_CREDENTIALS_FILE", file.display().to_string()),
            ("AWS_ENDPOINT_URL_STS", format!("{url}/")),
        ];
        let client = cloud_client(credentials, &[("AWS_REGION", "eu-west-1")], variables);
        let answer = client
            .post(&format!("{url}/"), HeaderMap::new(), Bytes::from_static(b"body"), LIMITS)
            .await;
        answer.map(|answer| String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let own = asked("{profile: shop}").await.unwrap();
    assert!(own.starts_with("AWS4-HMAC-SHA256 Credential=AKSHOP/"), "{own}");
    assert!(own.contains("/eu-west-1/aps/aws4_request, SignedHeaders=host;x-amz-date,"), "{own}");
    let role = asked("{profile: shop, role_arn: 'arn:aws:iam::1:role/r', external_id: x}").await;
    let role = role.unwrap();
    assert!(role.contains("Credential=AKROLE/") && role.ends_with(" tok"), "{role}");
    let none = asked("{profile: nobody}").await.unwrap_err().to_string();
    assert!(none.contains("no keys") && !none.contains("s3cret"), "{none}");
}

/// The directory and the machine answer as Microsoft's documentation of both describes it.
#[tokio::test]
async fn tokens_of_azure_come_from_the_directory_or_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "projected\n").unwrap();
    let answer = |token: String| format!("{{\"access_token\":\"{token}\",\"expires_in\":3599}}");
    let router = Router::new()
        .route(
            "/{tenant}/oauth2/v2.0/token",
            post(move |path: axum::extract::Path<String>, body: String| async move {
                let form: Vec<(String, String)> =
                    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                let get = |name: &str| {
                    form.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
                };
                assert_eq!(get("scope").as_deref(), Some("https://monitor.azure.com//.default"));
                let proof = get("client_secret").or_else(|| get("client_assertion")).unwrap();
                answer(format!("{}-{}-{proof}", path.0, get("client_id").unwrap()))
            }),
        )
        .route(
            "/metadata/identity/oauth2/token",
            get(|headers: AxumHeaders, uri: axum::http::Uri| async move {
                assert_eq!(headers["metadata"], "true");
                let query = uri.query().unwrap();
                assert!(query.contains("resource=https%3A%2F%2Fmonitor.azure.com%2F"), "{query}");
                r#"{"access_token":"machine","expires_in":"3599"}"#
            }),
        );
    let url = serve(router.merge(echo_authorization())).await;
    for (yaml, token) in [
        ("{oauth: {client_id: c, client_secret: s, tenant_id: t}}".to_owned(), "t-c-s"),
        (
            format!(
                "{{workload_identity: {{client_id: c, tenant_id: t, token_file_path: '{}'}}}}",
                file.display()
            ),
            "t-c-projected",
        ),
        ("{managed_identity: {client_id: c}}".to_owned(), "machine"),
        ("{sdk: {tenant_id: t}}".to_owned(), "t-e-es"),
    ] {
        let variables = vec![
            ("AZURE_AUTHORITY_HOST", format!("{url}/")),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", url.clone()),
        ];
        let environment = &[("AZURE_CLIENT_ID", "e"), ("AZURE_CLIENT_SECRET", "es")];
        let client = cloud_client(CloudCredentials::Azure(read(&yaml)), environment, variables);
        let answer = client.get(&format!("{url}/"), HeaderMap::new(), LIMITS).await.unwrap();
        assert_eq!(answer.body, format!("Some(\"Bearer {token}\") None"), "{yaml}");
    }
}
