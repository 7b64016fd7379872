//! VictorOps (Splunk On-Call) and Pushover.

use serde_json::{Map, Value as Json};
use vigie_dial::Method;
use vigie_language::yaml::Secret;

use super::NotifyError;
use super::message::{Message, cut};
use super::post::{Post, Request};
use super::provider::Provider;
use crate::config::{PushoverConfig, Url, VictorOpsConfig};

/// VictorOps' REST endpoint.
#[derive(Debug)]
pub(super) struct VictorOps(pub(super) VictorOpsConfig);

const STATE_CHARACTERS_MAX: usize = 20_480;

impl Provider for VictorOps {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let key = post.secret(config.api_key.reveal(), &config.api_key_file)?;
        let base = config.api_url.as_ref().map_or("", Url::as_str);
        let url = format!("{base}{key}/{}", message.text(&config.routing_key)?);
        let kind = match message.text(&config.message_type)? {
            _ if !message.is_firing() => "RECOVERY".to_owned(),
            kind if ["INFO", "WARNING", "CRITICAL"].contains(&kind.as_str()) => kind,
            _ => "CRITICAL".to_owned(),
        };
        let mut body = Map::new();
        let mut put = |name: &str, value: String| body.insert(name.to_owned(), value.into());
        put("message_type", kind);
        put("entity_id", message.key_hash());
        put("entity_display_name", message.text(&config.entity_display_name)?);
        put("state_message", message.short(&config.state_message, STATE_CHARACTERS_MAX)?);
        put("monitoring_tool", message.text(&config.monitoring_tool)?);
        for (name, value) in &config.custom_fields {
            put(name, message.text(value)?);
        }
        Ok(vec![Request::json(url, &Json::Object(body)).with_secret(&key)])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}

/// Pushover.
#[derive(Debug)]
pub(super) struct Pushover(pub(super) PushoverConfig);

const PUSHOVER_URL: &str = "https://api.pushover.net/1/messages.json";

impl Provider for Pushover {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let token = message.text(&post.secret(config.token.reveal(), &config.token_file)?)?;
        let user = message.text(&post.secret(config.user_key.reveal(), &config.user_key_file)?)?;
        let text = if config.html {
            message.html(&config.message)?
        } else {
            message.text(&config.message)?
        };
        let text = cut(text, 1024).trim().to_owned();
        // An empty message is refused.
        let text = if text.is_empty() { "(no details)".to_owned() } else { text };
        let mut form = vec![
            ("token", token.clone()),
            ("user", user.clone()),
            ("title", message.short(&config.title, 250)?),
            ("message", text),
            ("url", message.short(&config.url, 512)?),
            ("url_title", message.text(&config.url_title)?),
            ("priority", message.text(&config.priority)?),
            ("retry", (config.retry.0 / 1_000).to_string()),
            ("expire", (config.expire.0 / 1_000).to_string()),
            ("device", message.text(&config.device)?),
            ("sound", message.text(&config.sound)?),
        ];
        if config.html {
            form.push(("html", "1".to_owned()));
        }
        if config.monospace {
            form.push(("monospace", "1".to_owned()));
        }
        if config.ttl.0 >= 1_000 {
            form.push(("ttl", (config.ttl.0 / 1_000).to_string()));
        }
        let body: String =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let form = Secret::new("application/x-www-form-urlencoded");
        Ok(vec![Request {
            method: Method::POST,
            url: Secret::new(PUSHOVER_URL),
            headers: vec![("content-type", form)],
            body,
            secrets: vec![token, user],
        }])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}
