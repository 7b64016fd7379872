//! Slack: incoming webhooks, and `chat.postMessage` by an app's token.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use vigie_dial::HttpAnswer;

use super::message::Message;
use super::payload::Object;
use super::post::{Post, Request, told};
use super::provider::{Provider, answer_text, json, receipt};
use super::{NotifyError, NotifyReceipt};
use crate::config::{SecretUrl, SlackAction, SlackConfig};

const TITLE_CHARACTERS_MAX: usize = 1024;
/// The part of a message's address that says what is done with it.
const POST_METHOD: &str = "chat.postMessage";
const UPDATE_METHOD: &str = "chat.update";

/// Slack.
#[derive(Debug)]
pub(super) struct Slack(pub(super) SlackConfig);

impl Slack {
    fn attachment(&self, message: &Message<'_>) -> Result<Json, NotifyError> {
        let config = &self.0;
        let markdown = if config.mrkdwn_in.is_empty() {
            json!(["fallback", "pretext", "text"])
        } else {
            json!(config.mrkdwn_in)
        };
        let mut fields = Vec::new();
        for field in &config.fields {
            fields.push(json!({
                "title": message.text(&field.title)?,
                "value": message.text(&field.value)?,
                "short": field.short.unwrap_or(config.short_fields),
            }));
        }
        let actions: Vec<Json> =
            config.actions.iter().map(|entry| action(entry, message)).collect::<Result<_, _>>()?;
        Ok(Object::new()
            .put_some("title", message.short(&config.title, TITLE_CHARACTERS_MAX)?)
            .put_some("title_link", message.text(&config.title_link)?)
            .put_some("pretext", message.text(&config.pretext)?)
            .put("text", message.text(&config.text)?)
            .put("fallback", message.text(&config.fallback)?)
            .put("callback_id", message.text(&config.callback_id)?)
            .put_some("fields", fields)
            .put_some("actions", actions)
            .put_some("image_url", message.text(&config.image_url)?)
            .put_some("thumb_url", message.text(&config.thumb_url)?)
            .put("footer", message.text(&config.footer)?)
            .put_some("color", message.text(&config.color)?)
            .put_some("mrkdwn_in", markdown)
            .json())
    }
}

fn action(action: &SlackAction, message: &Message<'_>) -> Result<Json, NotifyError> {
    let mut object = Object::new()
        .put("type", message.text(&action.kind)?)
        .put("text", message.text(&action.text)?)
        .put_some("url", message.text(&action.url)?)
        .put_some("style", message.text(&action.style)?)
        .put_some("name", message.text(&action.name)?)
        .put_some("value", message.text(&action.value)?);
    if let Some(confirm) = &action.confirm {
        let confirm = Object::new()
            .put("text", message.text(&confirm.text)?)
            .put_some("title", message.text(&confirm.title)?)
            .put_some("ok_text", message.text(&confirm.ok_text)?)
            .put_some("dismiss_text", message.text(&confirm.dismiss_text)?);
        object = object.put("confirm", confirm.json());
    }
    Ok(object.json())
}

impl Provider for Slack {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let url = config.api_url.as_ref().map_or("", SecretUrl::reveal);
        let mut url = post.secret(url, &config.api_url_file)?;
        let mut channel = message.text(&config.channel)?;
        let mut body = Object::new();
        // A message that is known is changed; the app's token is needed for both.
        let known = &message.context.remembered;
        if config.update_message
            && let (Some(timestamp), Some(known_channel)) = (known.get("ts"), known.get("channel"))
        {
            channel.clone_from(known_channel);
            body = body.put("ts", timestamp.as_str());
            url = url.replace(POST_METHOD, UPDATE_METHOD);
        }
        let body = body
            .put_some("channel", channel)
            .put_some("username", message.text(&config.username)?)
            .put_some("icon_emoji", message.text(&config.icon_emoji)?)
            .put_some("icon_url", message.text(&config.icon_url)?)
            .put_some("link_names", if config.link_names { json!(true) } else { Json::Null })
            .put_some("text", message.text(&config.message_text)?)
            .put("attachments", vec![self.attachment(message)?]);
        let secret = url.clone();
        Ok(vec![Request::json(url, &body.json()).with_secret(&secret)])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }

    /// Slack tells errors with status 200: JSON of the app's API, a word from webhooks.
    fn accept(&self, request: &Request, answer: &HttpAnswer) -> Result<NotifyReceipt, NotifyError> {
        if !answer.header("content-type").starts_with("application/json") {
            let text = answer_text(request, answer);
            if text == "ok" {
                return Ok(receipt(answer));
            }
            let text = format!("received an error response from Slack: {text}");
            return Err(told(request, false, &text));
        }
        let Some(json) = json(answer) else {
            return Err(told(request, true, "the answer of Slack is not JSON"));
        };
        if json.get("ok") != Some(&Json::Bool(true)) {
            let error = json.get("error").and_then(Json::as_str).unwrap_or("no reason given");
            return Err(told(request, false, &format!("error response from Slack: {error}")));
        }
        let mut remember = BTreeMap::new();
        if self.0.update_message {
            for name in ["ts", "channel"] {
                if let Some(value) = json.get(name).and_then(Json::as_str) {
                    remember.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(NotifyReceipt { remember, ..receipt(answer) })
    }
}
