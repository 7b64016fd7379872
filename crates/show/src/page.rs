//! The web page, embedded in the binary and compressed ahead of time.
//!
//! Every address that is no file is the page itself, whose address is its state. Without a page
//! at build time a line says how to get one.

mod door;

use std::io::Read as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use bytes::Bytes;
use tower::ServiceExt as _;

pub use door::PageDoor;

/// A file of the page.
#[derive(Debug)]
struct EmbeddedFile {
    path: &'static str,
    tag: &'static str,
    gzip: &'static [u8],
}

const FILES: &[EmbeddedFile] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));
const INDEX: &str = "index.html";
/// Below these nothing is a state of the page.
const API_PREFIXES: [&str; 4] = ["api/", "jaeger/", "elasticsearch/", "alertmanager/"];
/// Only what this server itself serves is run; styles are inline where charts need them.
const CONTENT_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
    object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'";
const MISSING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>Vigie</title><body><h1>Vigie</h1>\
    <p>This binary was built without its page. <code>cargo xtask run</code> builds both.</p>\
    <p>The API is served: <a href=\"api/v1/status/buildinfo\">build information</a>, \
    <a href=\"api/v1/targets\">targets</a>, <a href=\"metrics\">metrics</a>.</p></body></html>";

/// Where the page expects what it consists of and what it asks, unless it is told otherwise.
const BASE: &str = "<base href=\"/\" />";

/// The page as a router whose fallback it is: merge it last, or use it as a port's whole router.
pub fn router() -> Router {
    Router::new().fallback(serve)
}

/// `router` below `/prefix`, which the page in it is told of; `/` leads there. Unchanged when the
/// prefix is empty.
pub fn below(prefix: &str, router: Router) -> Router {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() {
        return router;
    }
    let prefix = format!("/{prefix}");
    let told: Arc<str> = Arc::from(prefix.as_str());
    let router = router.layer(Extension(Prefix(told)));
    let home = format!("{prefix}/");
    Router::new()
        .route("/", get(move || std::future::ready(Redirect::to(&home))))
        .nest(&prefix, router.clone())
        // What is nested does not have the address of the folder itself.
        .route(&format!("{prefix}/"), any(move |request: Request| index_below(router, request)))
}

/// `/` of what is below a prefix.
async fn index_below(router: Router, mut request: Request) -> Response {
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    match format!("/{query}").parse() {
        Ok(uri) => *request.uri_mut() = uri,
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    }
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

/// Below which address the page is served.
#[derive(Debug, Clone)]
struct Prefix(Arc<str>);

/// The page itself, for an address that a router has taken for something else.
pub(crate) async fn index(request: Request) -> Response {
    serve(request).await
}

async fn serve(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let found = find(path);
    // A missing file with an extension is missing; anything else is a state of the page.
    if found.is_none()
        && (is_file_name(path) || API_PREFIXES.iter().any(|prefix| path.starts_with(prefix)))
    {
        return (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    }
    let prefix = request.extensions().get::<Prefix>();
    let mut response = match (found.or_else(|| find(INDEX)), prefix) {
        (Some(file), Some(prefix)) if file.path == INDEX => index_with(file, prefix),
        (Some(file), _) => send(file, request.headers()),
        (None, _) => {
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], MISSING).into_response()
        }
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "SAMEORIGIN"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The page with the address below which it is.
fn index_with(file: &EmbeddedFile, prefix: &Prefix) -> Response {
    let mut text = String::new();
    if flate2::read::GzDecoder::new(file.gzip).read_to_string(&mut text).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let base = format!("<base href=\"{}/\" />", prefix.0);
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, text.replacen(BASE, &base, 1)).into_response()
}

fn find(path: &str) -> Option<&'static EmbeddedFile> {
    FILES.iter().find(|file| file.path == path)
}

fn is_file_name(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

fn send(file: &'static EmbeddedFile, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", file.tag);
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let mut response = if text(header::IF_NONE_MATCH).is_some_and(|known| known.contains(&tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if text(header::ACCEPT_ENCODING).is_some_and(|accepted| accepted.contains("gzip")) {
        let gzip = HeaderValue::from_static("gzip");
        ([(header::CONTENT_ENCODING, gzip)], Body::from(file.gzip)).into_response()
    } else {
        let mut whole = Vec::new();
        match flate2::read::GzDecoder::new(file.gzip).read_to_end(&mut whole) {
            Ok(_length) => Bytes::from(whole).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(file.path)));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    // Names below `assets/` carry a hash of their content.
    let caching = if file.path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::*;

    async fn get(path: &str) -> Response {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        router().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn every_state_is_the_page_and_missing_files_are_missing() {
        for path in ["/", "/query", "/targets?x=1.5", "/a/b"] {
            let response = get(path).await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert!(response.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        }
        for path in ["/assets/missing.js", "/api/v1/missing"] {
            assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn files_are_sent_with_their_tag() {
        let file: &'static EmbeddedFile = Box::leak(Box::new(EmbeddedFile {
            path: "assets/a.js",
            tag: "1",
            gzip: Box::leak(
                {
                    use std::io::Write as _;
                    let mut encoder =
                        flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                    encoder.write_all(b"let a;").unwrap();
                    encoder.finish().unwrap()
                }
                .into_boxed_slice(),
            ),
        }));
        let mut asked = HeaderMap::new();
        let plain = send(file, &asked);
        assert_eq!(plain.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(plain.headers().get(header::CONTENT_ENCODING).is_none());
        asked.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"1\""));
        assert_eq!(send(file, &asked).status(), StatusCode::NOT_MODIFIED);
    }
}
