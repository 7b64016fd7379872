//! Microsoft Teams: cards of the old connectors, and adaptive cards of workflows.

use serde_json::json;

use super::NotifyError;
use super::message::Message;
use super::post::{Post, Request};
use super::provider::Provider;
use crate::config::{MsteamsConfig, Msteamsv2Config, SecretUrl};

/// A connector.
#[derive(Debug)]
pub(super) struct Msteams(pub(super) MsteamsConfig);

impl Provider for Msteams {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let url = config.webhook_url.as_ref().map_or("", SecretUrl::reveal);
        let url = post.secret(url, &config.webhook_url_file)?;
        let body = json!({
            "@context": "http://schema.org/extensions",
            "type": "MessageCard",
            "title": message.text(&config.title)?,
            "summary": message.text(&config.summary)?,
            "text": message.text(&config.text)?,
            "themeColor": if message.is_firing() { "8C1A1A" } else { "2DC72D" },
        });
        Ok(vec![Request::json(url, &body)])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}

/// A workflow.
#[derive(Debug)]
pub(super) struct Msteamsv2(pub(super) Msteamsv2Config);

impl Provider for Msteamsv2 {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let url = config.webhook_url.as_ref().map_or("", SecretUrl::reveal);
        let url = post.secret(url, &config.webhook_url_file)?;
        let title = json!({
            "type": "TextBlock",
            "text": message.text(&config.title)?,
            "weight": "Bolder",
            "size": "Medium",
            "wrap": true,
            "style": "heading",
            "color": if message.is_firing() { "Attention" } else { "Good" },
        });
        let text = json!({"type": "TextBlock", "text": message.text(&config.text)?, "wrap": true});
        let card = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.2",
            "body": [title, text],
            "msteams": {"width": "full"},
        });
        let body = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": card,
            }],
        });
        Ok(vec![Request::json(url, &body)])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}
