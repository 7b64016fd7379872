//! `receivers`: who can be told, and how.
//!
//! A receiver has a list of every kind of integration. Types here are as written; what `global`
//! adds is filled in by [`super::resolve`], so that whoever sends finds every value in place.

mod email;
mod jira;
mod mattermost;
mod message;
mod page;
mod rocketchat;
mod slack;
mod sns;
mod teams;
mod webhook;

use std::collections::BTreeMap;
use std::path::Path;

use vigie_language::section;

pub use email::{EmailConfig, ThreadingConfig};
pub use jira::{JiraConfig, JiraField};
pub use mattermost::{
    MattermostAttachment, MattermostConfig, MattermostField, MattermostPriority, MattermostProps,
};
pub use message::{DiscordConfig, TelegramConfig, WebexConfig, WechatConfig};
pub use page::{
    IncidentioConfig, OpsgenieConfig, OpsgenieResponder, PagerdutyConfig, PagerdutyImage,
    PagerdutyLink, PushoverConfig, VictorOpsConfig,
};
pub use rocketchat::{RocketchatAction, RocketchatConfig, RocketchatField};
pub use slack::{SlackAction, SlackConfig, SlackConfirmation, SlackField};
pub use sns::{SigV4Config, SnsConfig};
pub use teams::{MsteamsConfig, Msteamsv2Config};
pub use webhook::WebhookConfig;

use super::At;

section! {
    /// Somebody who can be told.
    pub struct Receiver("config.plain", check = check) {
        /// The name that routes use.
        name: At<String> = At::default(),
        /// For queries and filters (`name` is always one of them).
        labels: BTreeMap<String, String> = BTreeMap::new(),
        /// Discord.
        discord_configs: Vec<At<DiscordConfig>> = Vec::new(),
        /// Mail.
        email_configs: Vec<At<EmailConfig>> = Vec::new(),
        /// incident.io.
        incidentio_configs: Vec<At<IncidentioConfig>> = Vec::new(),
        /// PagerDuty.
        pagerduty_configs: Vec<At<PagerdutyConfig>> = Vec::new(),
        /// Slack.
        slack_configs: Vec<At<SlackConfig>> = Vec::new(),
        /// Any HTTP server.
        webhook_configs: Vec<At<WebhookConfig>> = Vec::new(),
        /// Opsgenie and Jira Service Management.
        opsgenie_configs: Vec<At<OpsgenieConfig>> = Vec::new(),
        /// WeChat.
        wechat_configs: Vec<At<WechatConfig>> = Vec::new(),
        /// Pushover.
        pushover_configs: Vec<At<PushoverConfig>> = Vec::new(),
        /// VictorOps.
        victorops_configs: Vec<At<VictorOpsConfig>> = Vec::new(),
        /// Amazon SNS.
        sns_configs: Vec<At<SnsConfig>> = Vec::new(),
        /// Telegram.
        telegram_configs: Vec<At<TelegramConfig>> = Vec::new(),
        /// Webex.
        webex_configs: Vec<At<WebexConfig>> = Vec::new(),
        /// Microsoft Teams, by the connectors that Microsoft switched off.
        msteams_configs: Vec<At<MsteamsConfig>> = Vec::new(),
        /// Microsoft Teams, by workflows.
        msteamsv2_configs: Vec<At<Msteamsv2Config>> = Vec::new(),
        /// Jira.
        jira_configs: Vec<At<JiraConfig>> = Vec::new(),
        /// Rocket.Chat.
        rocketchat_configs: Vec<At<RocketchatConfig>> = Vec::new(),
        /// Mattermost.
        mattermost_configs: Vec<At<MattermostConfig>> = Vec::new(),
    }
}

fn check(receiver: &mut Receiver) -> Result<(), String> {
    if receiver.name.is_empty() {
        return Err("missing name in receiver".into());
    }
    let name = &receiver.name.value;
    if let Some(label) = receiver.labels.get("name")
        && label != name
    {
        return Err(format!(
            "receiver label \"name\" must match receiver name {name:?}, got {label:?}"
        ));
    }
    Ok(())
}

/// Fails when both a value and its file are there.
fn not_both(name: &str, has_value: bool, file: &Path) -> Result<(), String> {
    if has_value && is_set(file) {
        return Err(format!("at most one of {name} & {name}_file must be configured"));
    }
    Ok(())
}

/// Fails when neither a value nor its file is there.
fn one_of(name: &str, has_value: bool, file: &Path) -> Result<(), String> {
    if !has_value && !is_set(file) {
        return Err(format!("one of {name} or {name}_file must be configured"));
    }
    not_both(name, has_value, file)
}

/// Whether a file was named.
pub(super) fn is_set(file: &Path) -> bool {
    !file.as_os_str().is_empty()
}
