//! `add_docker_metadata`: which container wrote a line, asked of Docker's socket.
//!
//! The container's id is told by the file's path. What the daemon says of it is kept for a while;
//! a daemon that does not answer is a warning and never holds events up for long.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use vigie_dial::{HeaderMap, HttpClient, HttpConfig, HttpEnvironment, RequestLimits};
use vigie_language::filebeat::Section;
use vigie_language::yaml::ConfigError;
use vigie_model::event::{Event, Object, Value};
use vigie_world::World;

use super::{ProcessorContext, access};

/// Containers that are known at once.
const KNOWN_MAX: usize = 10_000;
/// How long the daemon may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a daemon that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(30);
/// How long an answer counts; names and labels of a container hardly change.
const KEEP: Duration = Duration::from_mins(10);
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// What is known of containers.
#[derive(Debug)]
pub(super) struct Containers {
    host: String,
    http: HttpEnvironment,
    world: World,
    /// Which part of the path is the id, from 0.
    index: usize,
    /// Fields that hold an id.
    fields: Vec<String>,
    dedots: bool,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// `None`: there is no such container.
    containers: HashMap<String, (Option<Object>, Duration)>,
    /// The daemon is not asked before.
    paused_until: Duration,
    was_told: bool,
}

impl Containers {
    pub(super) fn build(
        section: &mut Section<'_>,
        context: &ProcessorContext,
    ) -> Result<Self, ConfigError> {
        section.ignore(&["match_source", "match_short_id", "cleanup_timeout", "ssl", "match_pids"]);
        let host = section.text("host")?;
        let host = host.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        if !["unix://", "tcp://", "http://", "https://"].iter().any(|s| host.starts_with(s)) {
            return Err(section.error(format!("`{host}` is not the address of a Docker daemon")));
        }
        let index = section.number("match_source_index", 4)?;
        let labels = section.object("labels")?;
        Ok(Self {
            host,
            http: context.http.clone(),
            world: context.world.clone(),
            index: usize::try_from(index).unwrap_or(usize::MAX),
            fields: section.texts("match_fields")?,
            dedots: !matches!(labels.get("dedot"), Some(Value::Boolean(false))),
            known: Mutex::default(),
        })
    }

    /// The id of the container that wrote `event`.
    fn id_of(&self, event: &Event) -> Option<String> {
        for name in &self.fields {
            if let Some(Value::String(id)) = access::get(event, name) {
                return Some(id.clone());
            }
        }
        let path = access::get(event, "log.file.path")?.as_str()?;
        let part = path.split('/').filter(|part| !part.is_empty()).nth(self.index)?;
        let is_id = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| part.to_owned())
    }

    /// Asks the daemon for the containers of `events` that are not known.
    pub(super) async fn learn(&self, events: &[Event]) {
        let now = self.world.clock.monotonic();
        let mut unknown: Vec<String> = Vec::new();
        {
            let known = self.known.lock();
            if now < known.paused_until {
                return;
            }
            for id in events.iter().filter_map(|event| self.id_of(event)) {
                let is_known = known.containers.get(&id).is_some_and(|(_, at)| now < *at + KEEP);
                if !is_known && !unknown.contains(&id) {
                    unknown.push(id);
                }
            }
        }
        for id in unknown {
            match self.ask(&id).await {
                Ok(container) => {
                    let mut known = self.known.lock();
                    if known.containers.len() >= KNOWN_MAX {
                        known.containers.clear();
                    }
                    known.containers.insert(id, (container, now));
                }
                Err(error) => {
                    let mut known = self.known.lock();
                    known.paused_until = now + PAUSE;
                    if !std::mem::replace(&mut known.was_told, true) {
                        tracing::warn!(
                            host = self.host,
                            error,
                            "Docker does not answer, containers have no names and labels"
                        );
                    }
                    return;
                }
            }
        }
    }

    async fn ask(&self, id: &str) -> Result<Option<Object>, String> {
        let config = HttpConfig::default();
        let (base, client) = match self.host.strip_prefix("unix://") {
            Some(socket) => {
                let socket = PathBuf::from(socket);
                let client =
                    HttpClient::over_unix_socket(&config, &self.http, &self.world, &socket);
                if !Path::exists(&socket) {
                    return Err("there is no such socket".to_owned());
                }
                ("http://docker".to_owned(), client)
            }
            None => {
                let base = self.host.replacen("tcp://", "http://", 1);
                (base, HttpClient::new(&config, &self.http, &self.world))
            }
        };
        let client = client.map_err(|error| error.to_string())?;
        let limits = RequestLimits { body_bytes: ANSWER_BYTES_MAX, timeout: TIMEOUT };
        let url = format!("{base}/containers/{id}/json");
        let answer = client.get(&url, HeaderMap::new(), limits).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status.as_u16() == 404 {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(format!("it answers {}", answer.status));
        }
        let body: serde_json::Value =
            serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        self.known.lock().was_told = false;
        Ok(Some(self.container(id, &body)))
    }

    fn container(&self, id: &str, body: &serde_json::Value) -> Object {
        let text = |path: &str| {
            body.pointer(path).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
        };
        let mut container = Object::new();
        container.push("id", Value::from(id));
        container.push("name", Value::String(text("/Name").trim_start_matches('/').to_owned()));
        access::put(&mut container, "image.name", Value::String(text("/Config/Image")));
        let mut labels = Object::new();
        let found = body.pointer("/Config/Labels").and_then(|labels| labels.as_object());
        for (name, value) in found.into_iter().flatten() {
            let value = Value::from(value.as_str().unwrap_or_default());
            if self.dedots {
                labels.insert(name.replace('.', "_"), value);
            } else {
                access::put(&mut labels, name, value);
            }
        }
        if !labels.is_empty() {
            container.push("labels", Value::Object(labels));
        }
        container
    }

    /// Adds what is known; the id at least.
    pub(super) fn enrich(&self, event: &mut Event) {
        let Some(id) = self.id_of(event) else { return };
        let mut all = Object::new();
        let known = self.known.lock();
        let container = match known.containers.get(&id) {
            Some((Some(container), _)) => container.clone(),
            _ => {
                let mut container = Object::new();
                container.push("id", Value::String(id));
                container
            }
        };
        all.push("container", Value::Object(container));
        access::merge(&mut event.fields, all, true);
    }
}
