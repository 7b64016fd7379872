//! One notification as templates see it, and rendering them.

use std::sync::Arc;

use vigie_language::template::alertmanager::{self, Alert, Labels, Notification};
use vigie_language::template::{Host, Limits, Templates, Time, Value};

use super::{NotifyAlert, NotifyContext, NotifyError, NotifyFailure};

/// The templates of a configuration: the default ones, then those of its files.
#[derive(Debug, Clone)]
pub struct MessageTemplates {
    pub(super) templates: Arc<Templates>,
    external_url: Arc<str>,
}

/// The default templates, by Alertmanager's names.
const DEFAULT: &str = include_str!("default.tmpl");
const DEFAULT_EMAIL: &str = include_str!("email.tmpl");

impl MessageTemplates {
    /// The default templates with those of `files`: names, which errors tell, and texts.
    pub fn new(
        files: &[(String, String)],
        external_url: &str,
    ) -> Result<Self, vigie_language::template::Error> {
        let mut templates = Templates::new(&[alertmanager::FUNCTIONS]);
        templates.parse("default.tmpl", DEFAULT)?;
        templates.parse("email.tmpl", DEFAULT_EMAIL)?;
        for (name, text) in files {
            templates.parse(name, text)?;
        }
        Ok(Self { templates: Arc::new(templates), external_url: external_url.into() })
    }

    /// Whether a text of the configuration is a template, and calls only templates that exist.
    pub fn check(&self, text: &str) -> Result<(), vigie_language::template::Error> {
        self.templates.as_ref().clone().parse("", text)
    }
}

/// What one notification renders its texts with.
#[derive(Debug)]
pub(super) struct Message<'a> {
    templates: &'a MessageTemplates,
    pub(super) context: &'a NotifyContext,
    pub(super) alerts: &'a [NotifyAlert],
    data: Notification,
    value: Value,
}

impl<'a> Message<'a> {
    pub(super) fn new(
        templates: &'a MessageTemplates,
        context: &'a NotifyContext,
        alerts: &'a [NotifyAlert],
    ) -> Self {
        let data = notification(templates, context, alerts);
        let value = data.to_value();
        Self { templates, context, alerts, data, value }
    }

    /// The same for some of the alerts.
    pub(super) fn of_some(&self, alerts: &'a [NotifyAlert]) -> Self {
        Self::new(self.templates, self.context, alerts)
    }

    pub(super) fn is_firing(&self) -> bool {
        self.data.status == "firing"
    }

    pub(super) fn data(&self) -> &Notification {
        &self.data
    }

    /// Alertmanager's key of the group where length is limited.
    pub(super) fn key_hash(&self) -> String {
        vigie_dial::sign::sha256_hex(self.context.group_key.as_bytes())
    }

    pub(super) fn text(&self, template: &str) -> Result<String, NotifyError> {
        if !template.contains("{{") {
            return Ok(template.to_owned());
        }
        let result =
            self.templates.templates.render(template, &self.value, self, Limits::default());
        result.map_err(|error| wrong(error.to_string()))
    }

    /// Rendered with everything escaped that would be HTML.
    pub(super) fn html(&self, template: &str) -> Result<String, NotifyError> {
        let result =
            self.templates.templates.render_html(template, &self.value, self, Limits::default());
        result.map_err(|error| wrong(error.to_string()))
    }

    /// A text of at most so many characters; longer ones end in an ellipsis.
    pub(super) fn short(&self, template: &str, characters: usize) -> Result<String, NotifyError> {
        Ok(cut(self.text(template)?, characters))
    }
}

impl Host for Message<'_> {
    fn now(&self) -> Time {
        Time::from_unix_ms(self.context.now_ms)
    }

    fn external_url(&self) -> String {
        self.templates.external_url.to_string()
    }

    fn route_label(&self, name: &str) -> Result<String, String> {
        Ok(self.data.route_labels.get(name).cloned().unwrap_or_default())
    }
}

/// A configuration or template that does not work: no other attempt will.
pub(super) fn wrong(reason: impl Into<String>) -> NotifyError {
    NotifyError { retry: false, failure: NotifyFailure::Configuration, reason: reason.into() }
}

/// Cuts to so many characters, the last of which is then an ellipsis.
pub(super) fn cut(text: String, characters: usize) -> String {
    if text.chars().nth(characters).is_none() {
        return text;
    }
    if characters <= 3 {
        return text.chars().take(characters).collect();
    }
    let mut kept: String = text.chars().take(characters - 1).collect();
    kept.push('…');
    kept
}

/// Cuts to so many bytes, with an ellipsis of three.
pub(super) fn cut_bytes(text: String, bytes: usize) -> String {
    if text.len() <= bytes {
        return text;
    }
    let mut end = bytes.saturating_sub(3);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or(""))
}

fn notification(
    templates: &MessageTemplates,
    context: &NotifyContext,
    alerts: &[NotifyAlert],
) -> Notification {
    let owned = |labels: &vigie_model::Labels| -> Labels {
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let firing = alerts.iter().any(|alert| !alert.is_resolved());
    let described: Vec<Alert> = alerts
        .iter()
        .map(|alert| Alert {
            status: if alert.is_resolved() { "resolved" } else { "firing" }.to_owned(),
            labels: owned(&alert.labels),
            annotations: alert.annotations.as_ref().clone(),
            starts_at: Time::from_unix_ms(alert.starts_at_ms),
            ends_at: alert.ends_at_ms.map_or(Time::ZERO, Time::from_unix_ms),
            generator_url: alert.generator_url.to_string(),
            fingerprint: alert.fingerprint.to_string(),
        })
        .collect();
    let common = |of: fn(&Alert) -> &Labels| -> Labels {
        let Some((first, others)) = described.split_first() else { return Labels::new() };
        let mut common = of(first).clone();
        common.retain(|name, value| others.iter().all(|other| of(other).get(name) == Some(value)));
        common
    };
    Notification {
        // As Alertmanager, which quotes it for the links into its page.
        receiver: regex::escape(&context.receiver),
        status: if firing { "firing" } else { "resolved" }.to_owned(),
        notification_reason: context.reason.as_str().to_owned(),
        group_labels: owned(&context.group_labels),
        common_labels: common(|alert| &alert.labels),
        common_annotations: common(|alert| &alert.annotations),
        route_labels: context.route_labels.as_ref().clone(),
        external_url: templates.external_url.to_string(),
        alerts: described,
    }
}
