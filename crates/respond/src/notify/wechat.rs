//! WeChat (Weixin Work): a token first, then the message.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;
use vigie_dial::Method;
use vigie_language::yaml::Secret;

use super::message::{Message, MessageTemplates};
use super::payload::Object;
use super::post::{Post, Request, judge, told};
use super::provider::{json, receipt, shown};
use super::{Notifier, NotifyAlert, NotifyContext, NotifyError, NotifyReceipt, Rendered};
use crate::config::{Url, WechatConfig};

/// A token is good for two hours.
const TOKEN_LIFETIME_MS: i64 = 2 * 3_600_000;
/// The code of an answer to a token that is no longer good.
const TOKEN_EXPIRED: i64 = 42_001;

/// WeChat.
#[derive(Debug)]
pub(super) struct Wechat {
    pub(super) config: WechatConfig,
    pub(super) post: Post,
    pub(super) templates: MessageTemplates,
    /// A token and until when it is used.
    pub(super) token: Mutex<Option<(Secret, i64)>>,
}

impl Wechat {
    fn url(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let base = self.config.api_url.as_ref().map_or("", Url::as_str);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.extend_pairs(parameters).finish();
        format!("{base}{path}?{query}")
    }

    async fn token(&self, message: &Message<'_>, wait: Duration) -> Result<Secret, NotifyError> {
        // Held while asking, so that one token serves all who wait.
        let mut known = self.token.lock().await;
        let now_ms = self.post.now_ms();
        if let Some((token, until_ms)) = &*known
            && now_ms < *until_ms
        {
            return Ok(token.clone());
        }
        let config = &self.config;
        let secret = self.post.secret(config.api_secret.reveal(), &config.api_secret_file)?;
        let secret = message.text(&secret)?;
        let corp = message.text(&config.corp_id)?;
        let request = Request {
            method: Method::GET,
            url: Secret::new(self.url("gettoken", &[("corpsecret", &secret), ("corpid", &corp)])),
            headers: Vec::new(),
            body: String::new(),
            secrets: vec![secret],
        };
        let answer = self.post.send(&request, wait).await?;
        judge(&request, &answer, &[429])?;
        let json = json(&answer).unwrap_or(Json::Null);
        match json.get("access_token").and_then(Json::as_str) {
            Some(token) if !token.is_empty() => {
                let token = Secret::new(token);
                *known = Some((token.clone(), now_ms.saturating_add(TOKEN_LIFETIME_MS)));
                Ok(token)
            }
            _ => {
                let reason = format!("invalid APISecret for CorpID: {}", config.corp_id);
                Err(told(&request, false, &reason))
            }
        }
    }

    fn request(&self, message: &Message<'_>, token: &Secret) -> Result<Request, NotifyError> {
        let config = &self.config;
        let kind = if config.message_type.is_empty() { "text" } else { &config.message_type };
        let content = json!({"content": message.text(&config.message)?});
        let body = Object::new()
            .put(if kind == "markdown" { "markdown" } else { "text" }, content)
            .put_some("touser", message.text(&config.to_user)?)
            .put_some("toparty", message.text(&config.to_party)?)
            .put_some("totag", message.text(&config.to_tag)?)
            .put_some("agentid", message.text(&config.agent_id)?)
            .put("safe", "0")
            .put("msgtype", kind);
        let url = self.url("message/send", &[("access_token", token.reveal())]);
        Ok(Request::json(url, &body.json()).with_secret(token.reveal()))
    }

    async fn tell(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<NotifyReceipt, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        let token = self.token(&message, context.timeout).await?;
        let request = self.request(&message, &token)?;
        let answer = self.post.send(&request, context.timeout).await?;
        judge(&request, &answer, &[429])?;
        let Some(json) = json(&answer) else {
            return Err(told(&request, true, "the answer of WeChat is not JSON"));
        };
        let code = json.get("errcode").and_then(Json::as_i64).unwrap_or(0);
        if code == 0 {
            return Ok(receipt(&answer));
        }
        if code == TOKEN_EXPIRED {
            *self.token.lock().await = None;
        }
        let error = json.get("errmsg").and_then(Json::as_str).unwrap_or("no reason given");
        Err(told(&request, code == TOKEN_EXPIRED, error))
    }
}

impl Notifier for Wechat {
    fn notify<'a>(
        &'a self,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
    ) -> BoxFuture<'a, Result<NotifyReceipt, NotifyError>> {
        Box::pin(self.tell(context, alerts))
    }

    fn render(
        &self,
        context: &NotifyContext,
        alerts: &[NotifyAlert],
    ) -> Result<Rendered, NotifyError> {
        let message = Message::new(&self.templates, context, alerts);
        Ok(shown(&[self.request(&message, &Secret::default())?]))
    }
}
