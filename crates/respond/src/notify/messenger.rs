//! Discord, Telegram and Webex.

use serde_json::{Value as Json, json};
use vigie_dial::HttpAnswer;

use super::message::{Message, cut, cut_bytes, wrong};
use super::payload::Object;
use super::post::{Post, Request, told};
use super::provider::{Provider, json, receipt};
use super::{NotifyError, NotifyReceipt};
use crate::config::{DiscordConfig, SecretUrl, TelegramConfig, Url, WebexConfig};

/// Discord's webhooks.
#[derive(Debug)]
pub(super) struct Discord(pub(super) DiscordConfig);

impl Provider for Discord {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let url = config.webhook_url.as_ref().map_or("", SecretUrl::reveal);
        let url = post.secret(url, &config.webhook_url_file)?;
        let embed = json!({
            "title": message.short(&config.title, 256)?,
            "description": message.short(&config.message, 4096)?,
            "color": if message.is_firing() { 0x99_2D22 } else { 0x2E_CC71 },
        });
        let body = Object::new()
            .put("content", message.short(&config.content, 2000)?)
            .put("embeds", vec![embed])
            .put_some("username", config.username.as_str())
            .put_some("avatar_url", config.avatar_url.as_str());
        Ok(vec![Request::json(url, &body.json())])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}

/// Telegram's bots.
#[derive(Debug)]
pub(super) struct Telegram(pub(super) TelegramConfig);

const TELEGRAM_CHARACTERS_MAX: usize = 4096;

impl Telegram {
    fn is_html(&self) -> bool {
        self.0.parse_mode.as_deref().unwrap_or("HTML") == "HTML"
    }

    fn message_text(&self, message: &Message<'_>) -> Result<String, NotifyError> {
        if !self.is_html() {
            return Ok(cut(message.text(&self.0.message)?, TELEGRAM_CHARACTERS_MAX));
        }
        let text = message.html(&self.0.message)?;
        // Cut HTML is no HTML, and Telegram would refuse it.
        Ok(if text.chars().nth(TELEGRAM_CHARACTERS_MAX).is_some() {
            "The notification is longer than Telegram takes. Its template makes too much text."
                .to_owned()
        } else {
            text
        })
    }
}

impl Provider for Telegram {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let token = post.secret(config.bot_token.reveal(), &config.bot_token_file)?;
        let chat = match config.chat_id {
            0 => post.secret("", &config.chat_id_file)?,
            id => id.to_string(),
        };
        if chat.is_empty() {
            return Err(wrong("missing chat_id"));
        }
        let thread = match config.message_thread_id {
            0 => Json::Null,
            id => json!(id),
        };
        let body = Object::new()
            .put("chat_id", chat)
            .put("text", self.message_text(message)?)
            .put("disable_web_page_preview", true)
            .put_some("message_thread_id", thread)
            .put_some(
                "disable_notification",
                if config.disable_notifications { json!(true) } else { Json::Null },
            )
            .put_some("parse_mode", config.parse_mode.clone().unwrap_or_else(|| "HTML".into()));
        let base = config.api_url.as_ref().map_or("", Url::as_str).trim_end_matches('/');
        let url = format!("{base}/bot{token}/sendMessage");
        Ok(vec![Request::json(url, &body.json()).with_secret(&token)])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }

    fn accept(&self, request: &Request, answer: &HttpAnswer) -> Result<NotifyReceipt, NotifyError> {
        let json = json(answer).unwrap_or(Json::Null);
        if json.get("ok") == Some(&Json::Bool(true)) {
            return Ok(receipt(answer));
        }
        let error = json.get("description").and_then(Json::as_str).unwrap_or("no reason given");
        Err(told(request, false, &format!("error response from Telegram: {error}")))
    }
}

/// Webex.
#[derive(Debug)]
pub(super) struct Webex(pub(super) WebexConfig);

/// What Webex takes in one message.
const WEBEX_BYTES_MAX: usize = 7439;

impl Provider for Webex {
    fn requests(&self, message: &Message<'_>, _: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let body = Object::new()
            .put("markdown", cut_bytes(message.text(&config.message)?, WEBEX_BYTES_MAX))
            .put_some("roomId", message.text(&config.room_id)?);
        let url = config.api_url.as_ref().map_or("", Url::as_str);
        Ok(vec![Request::json(url, &body.json())])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}
