//! A real Elasticsearch, by `_bulk`: what it cannot take now is tried again, what it never takes is
//! set aside, what is there already is done.

use std::sync::atomic::{AtomicUsize, Ordering};

use vigie_dial::Method;
use vigie_formats::event_json::parse_json_object;
use vigie_language::logstash::{ConfigError, Sprintf};
use vigie_model::event::{DeliverFuture, Event, Object, Refusal, RefusalKind, Value};
use vigie_world::World;

use super::elasticsearch::Naming;
use super::http::{Dialer, TRIES_MAX};
use super::{Output, OutputContext, set_aside};
use crate::codec::json;
use crate::options::Options;
use crate::text;

/// A request holds about so many bytes.
const BODY_BYTES: usize = 8 << 20;

/// A real Elasticsearch.
#[derive(Debug)]
pub(super) struct Bulk {
    naming: Naming,
    hosts: Vec<String>,
    /// Whose turn it is.
    next: AtomicUsize,
    dialer: Dialer,
    outputs: OutputContext,
}

impl Bulk {
    pub(super) fn build(
        options: &Options<'_>,
        hosts: &[String],
        naming: Naming,
        outputs: &OutputContext,
        world: World,
    ) -> Result<Self, ConfigError> {
        let secure = options.boolean("ssl", false)? || options.boolean("ssl_enabled", false)?;
        let path = options.text("path")?.unwrap_or_default();
        let dialer = Dialer::build(options, outputs, &world)?;
        let hosts = hosts.iter().map(|host| address(host, secure, &path)).collect();
        let next = AtomicUsize::new(0);
        Ok(Self { naming, hosts, next, dialer, outputs: outputs.clone() })
    }

    fn lines(&self, event: &Event, now_ns: i64) -> String {
        let mut header = Object::new();
        header.push("_index", Value::String(text::render(&self.naming.index, event, now_ns)));
        for (key, template) in [
            ("_id", &self.naming.id),
            ("routing", &self.naming.routing),
            ("pipeline", &self.naming.pipeline),
        ] {
            let rendered =
                template.as_ref().map(|template: &Sprintf| text::render(template, event, now_ns));
            if let Some(value) = rendered.filter(|value| !value.is_empty()) {
                header.push(key, Value::String(value));
            }
        }
        let mut action = Object::new();
        action.push(self.naming.action.as_str(), Value::Object(header));
        format!("{}\n{}\n", text::json(&Value::Object(action)), json(event))
    }

    /// Sends `events`; gives back those to be tried again.
    async fn send(&self, events: Vec<Event>) -> Result<Vec<Event>, Refusal> {
        let now_ns = self.dialer.world.clock.now_ms().saturating_mul(1_000_000);
        let body: String = events.iter().map(|event| self.lines(event, now_ns)).collect();
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.hosts.len().max(1);
        let host = self.hosts.get(turn).map_or("", String::as_str);
        let url = format!("{host}/_bulk");
        let answer = self.dialer.send(&Method::POST, &url, "application/x-ndjson", body).await?;
        if !answer.status.is_success() {
            let message = format!("{url}: HTTP status {}", answer.status);
            return Err(Refusal::new(RefusalKind::Unavailable, message));
        }
        // An answer that cannot be read acknowledges nothing.
        let items =
            parse_json_object(&answer.body).ok().and_then(|mut answer| answer.remove("items"));
        let Some(Value::List(items)) = items
            .filter(|items| matches!(items, Value::List(items) if items.len() == events.len()))
        else {
            let message = format!("{url}: the answer does not tell of each document");
            return Err(Refusal::new(RefusalKind::Unavailable, message));
        };
        let (mut again, mut refused) = (Vec::new(), Vec::new());
        for (event, item) in events.into_iter().zip(items) {
            let outcome = item.as_object().and_then(|item| item.iter().next()).map(|(_, one)| one);
            let outcome = outcome.and_then(Value::as_object);
            let status = outcome.and_then(|one| one.get("status"));
            match status {
                Some(Value::Integer(200..=299 | 409)) => {}
                Some(Value::Integer(429 | 500..=599)) | None => again.push(event),
                Some(_) => {
                    let reason = outcome.and_then(|one| one.get("error")).map(text::of_value);
                    refused.push((event, reason.unwrap_or_default()));
                }
            }
        }
        set_aside(self.outputs.dead_letters.as_ref(), "elasticsearch", refused)?;
        Ok(again)
    }
}

fn address(host: &str, secure: bool, path: &str) -> String {
    let host = host.trim_end_matches('/');
    let (scheme, rest) = match host.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => (if secure { "https" } else { "http" }, host),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if has_port { "" } else { ":9200" };
    let tail = rest.get(authority.len()..).unwrap_or_default();
    format!("{scheme}://{authority}{port}{tail}{}", path.trim_end_matches('/'))
}

impl Output for Bulk {
    fn write(&self, events: Vec<Event>) -> DeliverFuture<'_> {
        Box::pin(async move {
            let mut chunk = Vec::new();
            let mut bytes = 0;
            let mut chunks = Vec::new();
            for event in events {
                bytes += json(&event).len();
                chunk.push(event);
                if bytes > BODY_BYTES {
                    chunks.push(std::mem::take(&mut chunk));
                    bytes = 0;
                }
            }
            chunks.push(chunk);
            for chunk in chunks {
                let mut left = chunk;
                for attempt in 0..TRIES_MAX {
                    if left.is_empty() {
                        break;
                    }
                    if attempt > 0 {
                        self.dialer.wait(attempt).await;
                    }
                    left = self.send(left).await?;
                }
                if !left.is_empty() {
                    let message = format!("{} documents are not taken now", left.len());
                    return Err(Refusal::new(RefusalKind::Unavailable, message));
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn hosts_become_addresses() {
        for (host, secure, path, expected) in [
            ("es", false, "", "http://es:9200"),
            ("es:9201", true, "/p/", "https://es:9201/p"),
            ("https://es.example.com/x", false, "", "https://es.example.com:9200/x"),
            ("http://[::1]:9200", false, "", "http://[::1]:9200"),
        ] {
            assert_eq!(address(host, secure, path), expected);
        }
    }
}
