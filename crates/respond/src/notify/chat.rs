//! Rocket.Chat and Mattermost.

use serde_json::{Value as Json, json};
use vigie_dial::HttpAnswer;

use super::message::{Message, cut};
use super::payload::Object;
use super::post::{Post, Request, told};
use super::provider::{Provider, json, receipt};
use super::{NotifyError, NotifyReceipt};
use crate::config::{
    MattermostConfig, MattermostField, MattermostPriority, RocketchatConfig, SecretUrl, Url,
};

/// Rocket.Chat's REST API.
#[derive(Debug)]
pub(super) struct Rocketchat(pub(super) RocketchatConfig);

impl Rocketchat {
    fn attachment(&self, message: &Message<'_>) -> Result<Json, NotifyError> {
        let config = &self.0;
        let mut fields = Vec::new();
        for field in &config.fields {
            fields.push(json!({
                "title": message.text(&field.title)?,
                "value": message.text(&field.value)?,
                "short": field.short.unwrap_or(config.short_fields),
            }));
        }
        let mut actions = Vec::new();
        for action in &config.actions {
            let action = Object::new()
                .put("type", "button")
                .put_some("text", message.text(&action.text)?)
                .put_some("url", message.text(&action.url)?)
                .put_some("msg", message.text(&action.msg)?);
            actions.push(action.json());
        }
        Ok(Object::new()
            .put_some("title", message.short(&config.title, 1024)?)
            .put_some("title_link", message.text(&config.title_link)?)
            .put_some("text", message.text(&config.text)?)
            .put_some("image_url", message.text(&config.image_url)?)
            .put_some("thumb_url", message.text(&config.thumb_url)?)
            .put_some("color", message.text(&config.color)?)
            .put_some("fields", fields)
            .put_some("actions", actions)
            .json())
    }
}

impl Provider for Rocketchat {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let body = Object::new()
            .put_some("channel", message.text(&config.channel)?)
            .put_some("emoji", message.text(&config.emoji)?)
            .put_some("avatar", message.text(&config.icon_url)?)
            .put("attachments", vec![self.attachment(message)?]);
        let token = post.secret(config.token.reveal(), &config.token_file)?;
        let id = post.secret(config.token_id.reveal(), &config.token_id_file)?;
        let base = config.api_url.as_ref().map_or("", Url::as_str).trim_end_matches('/');
        let request = Request::json(format!("{base}/api/v1/chat.postMessage"), &body.json())
            .with_header("x-auth-token", &token)
            .with_header("x-user-id", &id);
        Ok(vec![request])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }

    /// Errors may come with status 200.
    fn accept(&self, request: &Request, answer: &HttpAnswer) -> Result<NotifyReceipt, NotifyError> {
        let Some(json) = json(answer) else {
            return Err(told(request, true, "the answer of Rocket.Chat is not JSON"));
        };
        if json.get("success") == Some(&Json::Bool(true)) {
            return Ok(receipt(answer));
        }
        let error = json.get("error").and_then(Json::as_str).unwrap_or("no reason given");
        Err(told(request, false, &format!("error response from Rocket.Chat: {error}")))
    }
}

/// Mattermost's incoming webhooks.
#[derive(Debug)]
pub(super) struct Mattermost(pub(super) MattermostConfig);

const MATTERMOST_CHARACTERS_MAX: usize = 16_383;

fn fields(fields: &[MattermostField], message: &Message<'_>) -> Result<Vec<Json>, NotifyError> {
    let field = |field: &MattermostField| {
        let mut object = Object::new()
            .put_some("title", message.text(&field.title)?)
            .put_some("value", message.text(&field.value)?);
        if let Some(short) = field.short {
            object = object.put("short", short);
        }
        Ok(object.json())
    };
    fields.iter().map(field).collect()
}

/// Fields that an attachment has, whether it stands for itself or is the message.
macro_rules! attachment {
    ($config:expr, $message:expr) => {
        Object::new()
            .put_some("fallback", $message.text(&$config.fallback)?)
            .put_some("color", $message.text(&$config.color)?)
            .put_some("pretext", $message.text(&$config.pretext)?)
            .put_some("text", $message.text(&$config.text)?)
            .put_some("author_name", $message.text(&$config.author_name)?)
            .put_some("author_link", $message.text(&$config.author_link)?)
            .put_some("author_icon", $message.text(&$config.author_icon)?)
            .put_some("title", $message.text(&$config.title)?)
            .put_some("title_link", $message.text(&$config.title_link)?)
            .put_some("fields", fields(&$config.fields, $message)?)
            .put_some("thumb_url", $message.text(&$config.thumb_url)?)
            .put_some("footer", $message.text(&$config.footer)?)
            .put_some("footer_icon", $message.text(&$config.footer_icon)?)
            .put_some("image_url", $message.text(&$config.image_url)?)
            .json()
    };
}

impl Mattermost {
    /// The message's own text, and its attachments.
    fn content(&self, message: &Message<'_>) -> Result<(String, Vec<Json>), NotifyError> {
        let config = &self.0;
        if config.attachments.is_empty() {
            return Ok((String::new(), vec![attachment!(config, message)]));
        }
        let mut attachments = Vec::new();
        for attachment in &config.attachments {
            attachments.push(attachment!(attachment, message));
        }
        Ok((cut(message.text(&config.text)?, MATTERMOST_CHARACTERS_MAX), attachments))
    }
}

/// What the server would refuse is set to what it takes.
fn priority(priority: &MattermostPriority, message: &Message<'_>) -> Result<Json, NotifyError> {
    let level = message.text(&priority.priority)?.to_lowercase();
    let level = match level.as_str() {
        "urgent" | "important" => level,
        _ => "standard".to_owned(),
    };
    let some = |flag: bool| if flag { json!(true) } else { Json::Null };
    let asks = priority.requested_ack && level != "standard";
    let persists = priority.persistent_notifications && level == "urgent";
    Ok(Object::new()
        .put("priority", level)
        .put_some("requested_ack", some(asks))
        .put_some("persistent_notifications", some(persists))
        .json())
}

impl Provider for Mattermost {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let url = config.webhook_url.as_ref().map_or("", SecretUrl::reveal);
        let url = post.secret(url, &config.webhook_url_file)?;
        let (text, attachments) = self.content(message)?;
        let mut body = Object::new()
            .put_some("text", text)
            .put_some("channel", message.text(&config.channel)?)
            .put_some("username", message.text(&config.username)?)
            .put_some("icon_url", message.text(&config.icon_url)?)
            .put_some("icon_emoji", message.text(&config.icon_emoji)?)
            .put_some("type", message.text(&config.kind)?)
            .put("attachments", attachments);
        if let Some(props) = config.props.as_ref().filter(|props| !props.card.is_empty()) {
            body = body.put("props", json!({"card": message.text(&props.card)?}));
        }
        if let Some(level) = config.priority.as_ref().filter(|level| !level.priority.is_empty()) {
            body = body.put("priority", priority(level, message)?);
        }
        Ok(vec![Request::json(url, &body.json())])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}
