//! Lists a kind of objects, then watches it, and lists again when the server has forgotten.
//!
//! As in "Efficient detection of changes" of the Kubernetes API concepts: a list is taken in
//! pages, a watch starts at the list's resource version, and 410 means to list again.

mod lines;

use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use url::Url;
use vigie_world::World;

use super::connect::Connection;
use super::object::{Kind, Object};
use lines::Lines;
use vigie_dial::RequestLimits;

/// Objects a page; what the official clients ask for.
const PAGE_OBJECTS: u32 = 500;

/// Objects of one kind that are taken at most.
const OBJECTS_MAX: usize = 1_000_000;

/// The largest page, and how long it may take.
const PAGE_LIMITS: RequestLimits =
    RequestLimits { body_bytes: 256 << 20, timeout: Duration::from_mins(1) };

/// How long the server may think before a watch begins.
const WATCH_START: Duration = Duration::from_secs(30);

/// How long a watch lasts at least; up to twice that, so that not all end at once.
const WATCH_SECONDS: u64 = 300;

/// Waits between attempts, before jitter: as the official clients do it.
const WAIT_MIN: Duration = Duration::from_millis(800);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A watch that lasted this long has worked: the next failure waits little again.
const WORKED_AFTER: Duration = Duration::from_secs(10);

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WatchScope {
    pub(super) kind: Kind,
    /// Only this namespace.
    pub(super) namespace: Option<String>,
    pub(super) label_selector: String,
    pub(super) field_selector: String,
}

/// What happened, and in which watch of a discovery.
#[derive(Debug)]
pub(super) struct WatchEvent {
    pub(super) watch: usize,
    pub(super) change: Change,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Change {
    /// These are all objects.
    Listed(Vec<Object>),
    /// An object came or changed.
    Applied(Box<Object>),
    /// The object of this key went.
    Deleted(String),
    /// Whatever was wrong is right again.
    Recovered,
    /// It does not work and will be tried again.
    Failed(String),
}

/// Why a list or watch ended.
enum Trouble {
    /// The server no longer knows the resource version.
    Expired,
    /// The server said no.
    Refused(String),
    /// There was no answer, or the server cannot give one now.
    Unreachable(String),
    /// Nobody listens any more.
    Abandoned,
}

/// A part of the wire format: a page of objects.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMetadata,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

/// A part of the wire format: a line of a watch.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// A part of the wire format: any object's version.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Versioned {
    metadata: PageMetadata,
}

/// A part of the wire format: why something failed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
    message: String,
}

/// How far a watch has come.
#[derive(Debug, Default)]
struct Position {
    /// The resource version to go on from; empty: list first.
    version: String,
    /// Whether the last attempt brought anything: then the next may begin at once.
    progressed: bool,
}

/// Lists and watches one scope for ever.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) index: usize,
    pub(super) scope: WatchScope,
    pub(super) connection: Connection,
    pub(super) world: World,
    pub(super) events: mpsc::Sender<WatchEvent>,
}

impl Watch {
    /// Ends when nobody listens.
    pub(super) async fn run(self) {
        let mut position = Position::default();
        let mut wait = WAIT_MIN;
        while !self.events.is_closed() {
            position.progressed = false;
            let listing = position.version.is_empty();
            let outcome = if listing {
                self.list(&mut position).await
            } else {
                self.watch(&mut position).await
            };
            if position.progressed {
                wait = WAIT_MIN;
            }
            let pause = match outcome {
                Ok(()) => !listing && !position.progressed,
                Err(Trouble::Expired) => {
                    position.version.clear();
                    !position.progressed
                }
                Err(Trouble::Refused(reason)) => {
                    position.version.clear();
                    self.fail(listing, &reason).await;
                    true
                }
                Err(Trouble::Unreachable(reason)) => {
                    self.fail(listing, &reason).await;
                    true
                }
                Err(Trouble::Abandoned) => return,
            };
            if pause {
                let jitter = wait.mul_f64(self.world.random.unit());
                self.world.clock.sleep(wait + jitter).await;
                wait = (wait * 2).min(WAIT_MAX);
            }
        }
    }

    /// Takes all pages.
    async fn list(&self, position: &mut Position) -> Result<(), Trouble> {
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let url = self.list_url(&next);
            let mut headers = headers();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
            let answer = self.connection.client.get(url.as_str(), headers, PAGE_LIMITS).await;
            let answer = answer.map_err(|error| Trouble::Unreachable(error.to_string()))?;
            if answer.status.as_u16() != 200 {
                return Err(refusal(answer.status, &answer.body));
            }
            let kind = self.scope.kind;
            // Reading a page takes long enough to keep other tasks of this thread waiting.
            let read = tokio::task::spawn_blocking(move || read_page(kind, &answer.body)).await;
            let (metadata, page) = match read {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return Err(Trouble::Refused(error.to_string())),
                Err(error) => return Err(Trouble::Refused(error.to_string())),
            };
            objects.extend(page);
            if objects.len() > OBJECTS_MAX {
                return Err(Trouble::Refused(format!("more than {OBJECTS_MAX} objects")));
            }
            if metadata.next.is_empty() {
                position.version = metadata.resource_version;
                return self.send(Change::Listed(objects)).await;
            }
            next = metadata.next;
        }
    }

    /// Follows changes from `position` on until the server ends that.
    async fn watch(&self, position: &mut Position) -> Result<(), Trouble> {
        let seconds = WATCH_SECONDS + self.world.random.below(WATCH_SECONDS);
        let url = self.watch_url(&position.version, seconds);
        let open = self.connection.client.open(url.as_str(), headers(), None);
        let response = match tokio::time::timeout(WATCH_START, open).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Trouble::Unreachable(error.to_string())),
            Err(_) => return Err(Trouble::Unreachable(format!("Get {url}: no answer"))),
        };
        let status = response.status();
        let mut lines = Lines::new(response);
        if status.as_u16() != 200 {
            let line = tokio::time::timeout(WATCH_START, lines.next()).await;
            let line = line.ok().and_then(Result::ok).flatten();
            return Err(refusal(status, &line.unwrap_or_default()));
        }
        self.send(Change::Recovered).await?;
        let begin = self.world.clock.monotonic();
        // The server should have ended it by then: the connection is dead.
        let limit = Duration::from_secs(seconds) + WATCH_START;
        let follow = self.follow(&mut lines, position);
        let outcome = tokio::time::timeout(limit, follow).await.unwrap_or(Ok(()));
        let lasted = self.world.clock.monotonic().saturating_sub(begin);
        position.progressed |= lasted >= WORKED_AFTER;
        outcome
    }

    async fn follow(&self, lines: &mut Lines, position: &mut Position) -> Result<(), Trouble> {
        loop {
            match lines.next().await {
                Ok(Some(line)) if line.is_empty() => {}
                Ok(Some(line)) => self.take_line(&line, position).await?,
                Ok(None) => return Ok(()),
                // A broken connection is the end of this watch; that the next one cannot
                // begin is what is worth telling.
                Err(reason) => {
                    tracing::debug!(reason, "watch of the kubernetes api broke off");
                    return Ok(());
                }
            }
        }
    }

    async fn take_line(&self, line: &[u8], position: &mut Position) -> Result<(), Trouble> {
        let unread = |error: serde_json::Error| Trouble::Refused(format!("watch: {error}"));
        let line: Line<'_> = serde_json::from_slice(line).map_err(unread)?;
        let json = line.object.get();
        if line.kind == "ERROR" {
            let status: Status = serde_json::from_str(json).unwrap_or_default();
            return Err(match status.code {
                410 => Trouble::Expired,
                _ => Trouble::Refused(status.message),
            });
        }
        let object: Versioned = serde_json::from_str(json).map_err(unread)?;
        match line.kind.as_str() {
            "ADDED" | "MODIFIED" => {
                let object = Object::parse(self.scope.kind, json).map_err(unread)?;
                self.send(Change::Applied(Box::new(object))).await?;
            }
            "DELETED" => {
                let object = Object::parse(self.scope.kind, json).map_err(unread)?;
                self.send(Change::Deleted(object.metadata().key())).await?;
            }
            // BOOKMARK: only the version counts. Others are from the future.
            _ => {}
        }
        if !object.metadata.resource_version.is_empty() {
            position.version = object.metadata.resource_version;
            position.progressed = true;
        }
        Ok(())
    }

    fn list_url(&self, next: &str) -> Url {
        let mut url = self.url();
        let mut query = url.query_pairs_mut();
        query.append_pair("limit", &PAGE_OBJECTS.to_string());
        if !next.is_empty() {
            query.append_pair("continue", next);
        }
        drop(query);
        url
    }

    fn watch_url(&self, version: &str, seconds: u64) -> Url {
        let mut url = self.url();
        url.query_pairs_mut()
            .append_pair("watch", "true")
            .append_pair("allowWatchBookmarks", "true")
            .append_pair("resourceVersion", version)
            .append_pair("timeoutSeconds", &seconds.to_string());
        url
    }

    fn url(&self) -> Url {
        let mut url = self.connection.server.clone();
        let (group, plural) = self.scope.kind.path();
        // An address that cannot be a base was refused when the connection was made.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(group);
            if let Some(namespace) = &self.scope.namespace {
                path.push("namespaces").push(namespace);
            }
            path.push(plural);
        }
        let selectors = [
            ("labelSelector", &self.scope.label_selector),
            ("fieldSelector", &self.scope.field_selector),
        ];
        for (name, selector) in selectors {
            if !selector.is_empty() {
                url.query_pairs_mut().append_pair(name, selector);
            }
        }
        url
    }

    async fn send(&self, change: Change) -> Result<(), Trouble> {
        let event = WatchEvent { watch: self.index, change };
        self.events.send(event).await.map_err(|_| Trouble::Abandoned)
    }

    async fn fail(&self, listing: bool, reason: &str) {
        let doing = if listing { "list" } else { "watch" };
        let plural = self.scope.kind.path().1;
        let place = self.scope.namespace.as_ref();
        let place = place.map(|name| format!(" in namespace {name:?}")).unwrap_or_default();
        let message = format!("failed to {doing} {plural}{place}: {reason}");
        // That nobody listens is seen before the next attempt.
        self.send(Change::Failed(message)).await.ok();
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers
}

/// What a status other than 200 means; its body says why, if it is the API's.
fn refusal(status: reqwest::StatusCode, body: &[u8]) -> Trouble {
    if status.as_u16() == 410 {
        return Trouble::Expired;
    }
    let said: Status = serde_json::from_slice(body).unwrap_or_default();
    let message =
        if said.message.is_empty() { String::new() } else { format!(": {}", said.message) };
    let message = format!("server returned HTTP status {status}{message}");
    // A server that has too much to do is not to be asked for everything again.
    match status.as_u16() {
        429 | 503 => Trouble::Unreachable(message),
        _ => Trouble::Refused(message),
    }
}

fn read_page(kind: Kind, body: &[u8]) -> Result<(PageMetadata, Vec<Object>), serde_json::Error> {
    let page: Page<'_> = serde_json::from_slice(body)?;
    let items = page.items.unwrap_or_default();
    let objects = items.into_iter().map(|item| Object::parse(kind, item.get()));
    Ok((page.metadata, objects.collect::<Result<_, _>>()?))
}
