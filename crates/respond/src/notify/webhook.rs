//! Any HTTP server, by a POST of JSON; and incident.io, which takes nearly the same.

use serde_json::Value as Json;

use super::message::{Message, wrong};
use super::payload::{data, rendered};
use super::post::{Post, Request};
use super::provider::Provider;
use super::{NotifyAlert, NotifyError};
use crate::config::{IncidentioConfig, Url, WebhookConfig};

/// What incident.io takes: 512 KiB.
const INCIDENTIO_BYTES_MAX: usize = 512 * 1024;

/// A webhook.
#[derive(Debug)]
pub(super) struct Webhook(pub(super) WebhookConfig);

/// The first of the alerts, and how many there are besides.
fn first(alerts: &[NotifyAlert], most: u64) -> (&[NotifyAlert], usize) {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    match alerts.get(..most) {
        Some(first) if most > 0 => (first, alerts.len() - most),
        _ => (alerts, 0),
    }
}

fn body(message: &Message<'_>, version: &str, truncated: usize) -> Json {
    let mut body = data(message);
    body.insert("version".to_owned(), version.into());
    body.insert("truncatedAlerts".to_owned(), truncated.into());
    Json::Object(body)
}

impl Provider for Webhook {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let (alerts, truncated) = first(message.alerts, config.max_alerts);
        let message = message.of_some(alerts);
        let body = match &config.payload {
            Some(payload) => rendered(&payload.0, &message)?,
            None => body(&message, "4", truncated),
        };
        let url = post.secret(config.url.reveal(), &config.url_file)?;
        let url = message.text(&url)?;
        if url.is_empty() {
            return Err(wrong("webhook URL is empty after templating"));
        }
        Ok(vec![Request::json(url, &body)])
    }
}

/// incident.io.
#[derive(Debug)]
pub(super) struct Incidentio(pub(super) IncidentioConfig);

impl Provider for Incidentio {
    fn requests(&self, message: &Message<'_>, post: &Post) -> Result<Vec<Request>, NotifyError> {
        let config = &self.0;
        let (alerts, truncated) = first(message.alerts, config.max_alerts);
        let message = message.of_some(alerts);
        let mut body = body(&message, "1", truncated);
        if body.to_string().len() > INCIDENTIO_BYTES_MAX
            && let Some(Json::Array(alerts)) = body.get_mut("alerts")
        {
            // One alert is made of the group; the others are of use, but not needed.
            alerts.truncate(1);
        }
        let url = config.url.as_ref().map_or("", Url::as_str);
        let url = post.secret(url, &config.url_file)?;
        let request = Request::json(url, &body);
        let token =
            post.secret(config.alert_source_token.reveal(), &config.alert_source_token_file)?;
        if token.is_empty() {
            return Ok(vec![request]);
        }
        let request = request.with_header("authorization", &format!("Bearer {token}"));
        Ok(vec![request.with_secret(&token)])
    }

    fn retried(&self) -> &'static [u16] {
        &[429]
    }
}
