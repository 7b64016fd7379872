//! A small API server: lists in pages, watches with bookmarks, forgets, stops and starts.
//!
//! It runs on a thread of its own, so that stopping it cuts every connection, as when the
//! process of a real one ends.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// Objects a page, whatever was asked for.
const PAGE: usize = 2;

#[derive(Debug, Default)]
struct Stored {
    version: u64,
    /// Versions before this one are forgotten.
    oldest: u64,
    objects: BTreeMap<(String, String), Value>,
    log: Vec<(u64, String, &'static str, Value)>,
    requests: Vec<String>,
    /// Paths that are answered with 403.
    forbidden: Vec<String>,
    /// Continue tokens that are answered with 410.
    expired_pages: usize,
}

type Shared = Arc<Mutex<Stored>>;

/// The server.
#[derive(Debug)]
pub(in super::super) struct ApiServer {
    stored: Shared,
    port: u16,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ApiServer {
    pub(in super::super) fn start() -> Self {
        let stored = Shared::default();
        stored.lock().version = 10;
        let mut server = Self { stored, port: 0, runtime: None };
        server.start_again();
        server
    }

    pub(in super::super) fn start_again(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.port = listener.local_addr().unwrap().port();
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&self.stored));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await
        });
        self.runtime = Some(runtime);
    }

    pub(in super::super) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be waited for on a thread of another one.
            let end = move || runtime.shutdown_timeout(Duration::from_secs(5));
            std::thread::spawn(end).join().unwrap();
        }
    }

    pub(in super::super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Creates or changes an object of `collection`, such as `/api/v1/pods`.
    pub(in super::super) fn put(&self, collection: &str, mut object: Value) {
        let mut stored = self.stored.lock();
        stored.version += 1;
        let version = stored.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let id = (collection.to_owned(), key(&object));
        let before = stored.objects.insert(id, object.clone());
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        stored.log.push((version, collection.to_owned(), kind, object));
    }

    pub(in super::super) fn delete(&self, collection: &str, key: &str) {
        let mut stored = self.stored.lock();
        stored.version += 1;
        let version = stored.version;
        let mut object = stored.objects.remove(&(collection.to_owned(), key.to_owned())).unwrap();
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        stored.log.push((version, collection.to_owned(), "DELETED", object));
    }

    /// Sends a bookmark to all watches of `collection`.
    pub(in super::super) fn bookmark(&self, collection: &str) {
        let mut stored = self.stored.lock();
        stored.version += 1;
        let version = stored.version;
        let object = json!({"kind": "Pod", "metadata": {"resourceVersion": version.to_string()}});
        stored.log.push((version, collection.to_owned(), "BOOKMARK", object));
    }

    /// Sends a line that says something else than an object.
    pub(in super::super) fn error(&self, collection: &str, code: u16, message: &str) {
        let mut stored = self.stored.lock();
        stored.version += 1;
        let version = stored.version;
        let object = json!({"kind": "Status", "code": code, "message": message});
        stored.log.push((version, collection.to_owned(), "ERROR", object));
    }

    /// Forgets what happened before now.
    pub(in super::super) fn forget(&self) {
        let mut stored = self.stored.lock();
        stored.oldest = stored.version;
        stored.log.clear();
    }

    pub(in super::super) fn forbid(&self, paths: &[&str]) {
        self.stored.lock().forbidden = paths.iter().map(|path| (*path).to_owned()).collect();
    }

    pub(in super::super) fn expire_pages(&self, count: usize) {
        self.stored.lock().expired_pages = count;
    }

    /// Requests so far whose path and query hold `part`.
    pub(in super::super) fn requests(&self, part: &str) -> Vec<String> {
        let stored = self.stored.lock();
        stored.requests.iter().filter(|one| one.contains(part)).cloned().collect()
    }
}

fn key(object: &Value) -> String {
    let field = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    super::super::object::key_of(&field("namespace"), &field("name"))
}

fn status(code: StatusCode, message: &str) -> Response {
    let body = json!({
        "kind": "Status", "status": "Failure", "code": code.as_u16(), "message": message,
    });
    (code, axum::Json(body)).into_response()
}

async fn answer(State(stored): State<Shared>, request: Request) -> Response {
    let uri = request.uri();
    let path = uri.path().to_owned();
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let mut now = stored.lock();
    now.requests.push(uri.to_string());
    if now.forbidden.contains(&path) {
        return status(StatusCode::FORBIDDEN, "pods is forbidden: User \"x\" cannot list it");
    }
    let (collection, namespace) = match path.split_once("/namespaces/") {
        Some((api, rest)) => {
            let (namespace, plural) = rest.split_once('/').unwrap();
            (format!("{api}/{plural}"), Some(namespace.to_owned()))
        }
        None => (path, None),
    };
    if query.get("watch").is_some_and(|value| value == "true") {
        let version: u64 = query["resourceVersion"].parse().unwrap();
        if version < now.oldest {
            return status(StatusCode::GONE, "too old resource version");
        }
        drop(now);
        return watch(stored, collection, namespace, version);
    }
    list(&mut now, &collection, namespace.as_deref(), &query)
}

fn list(
    now: &mut Stored,
    collection: &str,
    namespace: Option<&str>,
    query: &BTreeMap<String, String>,
) -> Response {
    let offset: usize = query.get("continue").map_or(0, |token| token.parse().unwrap());
    if offset > 0 && now.expired_pages > 0 {
        now.expired_pages -= 1;
        return status(StatusCode::GONE, "The provided continue parameter is too old");
    }
    let limit = query.get("limit").map_or(PAGE, |limit| limit.parse::<usize>().unwrap().min(PAGE));
    let all: Vec<&Value> = now
        .objects
        .iter()
        .filter(|((of, _), object)| of == collection && is_in(object, namespace))
        .map(|(_, object)| object)
        .collect();
    let next =
        if offset + limit < all.len() { (offset + limit).to_string() } else { String::new() };
    let items: Vec<&Value> = all.into_iter().skip(offset).take(limit).collect();
    let items = if items.is_empty() { Value::Null } else { json!(items) };
    let metadata = json!({"resourceVersion": now.version.to_string(), "continue": next});
    axum::Json(json!({"kind": "List", "metadata": metadata, "items": items})).into_response()
}

fn is_in(object: &Value, namespace: Option<&str>) -> bool {
    namespace.is_none_or(|name| object["metadata"]["namespace"] == name)
}

fn watch(stored: Shared, collection: String, namespace: Option<String>, from: u64) -> Response {
    let lines = futures::stream::unfold(from, move |seen| {
        let (stored, collection, namespace) =
            (Arc::clone(&stored), collection.clone(), namespace.clone());
        async move {
            loop {
                let found = after(&stored.lock(), seen, &collection, namespace.as_deref());
                if let Some((version, line)) = found {
                    return Some((Ok::<_, Infallible>(line), version));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    Body::from_stream(lines).into_response()
}

/// What a watch that has seen `seen` is told next.
fn after(
    now: &Stored,
    seen: u64,
    collection: &str,
    namespace: Option<&str>,
) -> Option<(u64, String)> {
    let concerns = |kind: &str, object: &Value| {
        matches!(kind, "BOOKMARK" | "ERROR") || is_in(object, namespace)
    };
    let mut log = now.log.iter();
    let (version, _, kind, object) = log.find(|(version, of, kind, object)| {
        *version > seen && of == collection && concerns(kind, object)
    })?;
    Some((*version, format!("{}\n", json!({"type": kind, "object": object}))))
}
