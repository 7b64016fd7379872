//! PagerDuty: Events API v2 by a routing key, v1 by a service key.

use serde_json::{Value as Json, json};

use super::NotifyError;
use super::message::{Message, wrong};
use super::payload::{Object, rendered, typed};
use super::post::{Post, Request};
use super::provider::Provider;
use crate::config::{PagerdutyConfig, Url};

const V1_URL: &str = "https://events.pagerduty.com/generic/2010-04-15/create_event.json";
const DESCRIPTION_CHARACTERS_MAX: usize = 1024;
/// What PagerDuty takes: 512 kB.
const EVENT_BYTES_MAX: usize = 512_000;
/// Details that are sent unless the configuration has its own of that name.
const DETAILS: [(&str, &str); 4] = [
    ("firing", "{{ .Alerts.Firing | toJson }}"),
    ("resolved", "{{ .Alerts.Resolved | toJson }}"),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

/// PagerDuty's Events API.
#[derive(Debug)]
pub(super) struct Pagerduty(pub(super) PagerdutyConfig);

impl Pagerduty {
    fn is_v1(&self) -> bool {
        !self.0.service_key.is_empty() || !self.0.service_key_file.as_os_str().is_empty()
    }

    fn details(&self, message: &Message<'_>) -> Result<Json, NotifyError> {
        let mut details = serde_json::Map::new();
        for (name, template) in DETAILS {
            if !self.0.details.contains_key(name) {
                details.insert(name.to_owned(), typed(message.text(template)?));
            }
        }
        for (name, value) in &self.0.details {
            details.insert(name.clone(), rendered(&value.0, message)?);
        }
        Ok(Json::Object(details))
    }

    fn v1(&self, message: &Message<'_>, post: &Post) -> Result<Request, NotifyError> {
        let config = &self.0;
        let key = post.secret(config.service_key.reveal(), &config.service_key_file)?;
        let key = not_empty(message.text(&key)?, "service")?;
        let mut event = Object::new()
            .put("service_key", key.as_str())
            .put("incident_key", message.key_hash())
            .put("event_type", action(message))
            .put("event_action", "")
            .put("payload", Json::Null)
            .put("description", message.short(&config.description, DESCRIPTION_CHARACTERS_MAX)?)
            .put("details", self.details(message)?);
        if message.is_firing() {
            event = event
                .put_some("client", message.text(&config.client)?)
                .put_some("client_url", message.text(&config.client_url)?);
        }
        let event = fitted(event.json(), "/details");
        Ok(Request::json(V1_URL, &event).with_secret(&key))
    }

    fn v2(&self, message: &Message<'_>, post: &Post) -> Result<Request, NotifyError> {
        let config = &self.0;
        let key = post.secret(config.routing_key.reveal(), &config.routing_key_file)?;
        let key = not_empty(message.text(&key)?, "routing")?;
        let severity = if config.severity.is_empty() { "error" } else { config.severity.as_str() };
        // The API refuses an event without a source; Alertmanager's is the client by default.
        let source = if config.source.is_empty() { &config.client } else { &config.source };
        let payload = Object::new()
            .put("summary", message.short(&config.description, DESCRIPTION_CHARACTERS_MAX)?)
            .put("source", message.text(source)?)
            .put("severity", message.text(severity)?)
            .put_some("class", message.text(&config.class)?)
            .put_some("component", message.text(&config.component)?)
            .put_some("group", message.text(&config.group)?)
            .put_some("custom_details", self.details(message)?);
        let event = Object::new()
            .put("routing_key", key.as_str())
            .put("event_action", action(message))
            .put("dedup_key", message.key_hash())
            .put("payload", payload.json())
            .put_some("client", message.text(&config.client)?)
            .put_some("client_url", message.text(&config.client_url)?)
            .put_some("images", self.images(message)?)
            .put_some("links", self.links(message)?);
        let event = fitted(event.json(), "/payload/custom_details");
        let url = config.url.as_ref().map_or("", Url::as_str);
        Ok(Request::json(url, &event).with_secret(&key))
    }

    fn images(&self, message: &Message<'_>) -> Result<Vec<Json>, NotifyError> {
        let mut images = Vec::new();
        for image in &self.0.images {
            let src = message.text(&image.src)?;
            if !src.is_empty() {
                let (alt, href) = (message.text(&image.alt)?, message.text(&image.href)?);
                images.push(json!({"src": src, "alt": alt, "href": href}));
            }
        }
        Ok(images)
    }

    fn links(&self, message: &Message<'_>) -> Result<Vec<Json>, NotifyError> {
        let mut links = Vec::new();
        for link in &self.0.links {
            let href = message.text(&link.href)?;
            if !href.is_empty() {
                links.push(json!({"href": href, "text": message.text(&link.text)?}));
            }
        }
        Ok(links)
    }
}

impl Provider for Pagerduty {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        Ok(vec![if self.is_v1() { self.v1(message, post)? } else { self.v2(message, post)? }])
    }

    fn retried(&self) -> &'static [u16] {
        // Too many requests: 403 in v1, 429 in v2.
        if self.is_v1() { &[403] } else { &[429] }
    }
}

fn action(message: &Message<'_>) -> &'static str {
    if message.is_firing() { "trigger" } else { "resolve" }
}

fn not_empty(key: String, kind: &str) -> Result<String, NotifyError> {
    if key.is_empty() { Err(wrong(format!("{kind} key cannot be empty"))) } else { Ok(key) }
}

/// The event, without its details where it is too large with them.
fn fitted(mut event: Json, details: &str) -> Json {
    if event.to_string().len() > EVENT_BYTES_MAX
        && let Some(details) = event.pointer_mut(details)
    {
        *details = json!({
            "error": "Custom details have been removed because the original event exceeds the \
                      maximum size of 512KB"
        });
    }
    event
}
