//! Slack.

use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::section;
use vigie_language::yaml::{DurationMs, Secret};

use super::is_set;
use crate::config::global::SLACK_APP_URL;
use crate::config::url::{SecretUrl, Url};

section! {
    /// Tells in Slack.
    pub struct SlackConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = false,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The incoming webhook.
        api_url: Option<SecretUrl> = None,
        /// File of the webhook.
        api_url_file: PathBuf = PathBuf::new(),
        /// Token of an app.
        app_token: Secret = Secret::default(),
        /// File of the token.
        app_token_file: PathBuf = PathBuf::new(),
        /// Where an app posts.
        app_url: Option<Url> = None,
        /// The channel.
        channel: String = String::new(),
        /// Who speaks.
        username: String = "{{ template \"slack.default.username\" . }}".to_owned(),
        /// Colour of the bar.
        color: String = "{{ template \"slack.default.color\" . }}".to_owned(),
        /// Title.
        title: String = "{{ template \"slack.default.title\" . }}".to_owned(),
        /// Where the title leads.
        title_link: String = "{{ template \"slack.default.titlelink\" . }}".to_owned(),
        /// Above the attachment.
        pretext: String = "{{ template \"slack.default.pretext\" . }}".to_owned(),
        /// The attachment's text.
        text: String = "{{ template \"slack.default.text\" . }}".to_owned(),
        /// The message's own text.
        message_text: String = String::new(),
        /// Fields of the attachment.
        fields: Vec<SlackField> = Vec::new(),
        /// Whether fields stand side by side.
        short_fields: bool = false,
        /// Below the attachment.
        footer: String = "{{ template \"slack.default.footer\" . }}".to_owned(),
        /// Where attachments cannot be shown.
        fallback: String = "{{ template \"slack.default.fallback\" . }}".to_owned(),
        /// Id of actions.
        callback_id: String = "{{ template \"slack.default.callbackid\" . }}".to_owned(),
        /// Picture of who speaks.
        icon_emoji: String = "{{ template \"slack.default.iconemoji\" . }}".to_owned(),
        /// Picture of who speaks.
        icon_url: String = "{{ template \"slack.default.iconurl\" . }}".to_owned(),
        /// A picture.
        image_url: String = String::new(),
        /// A small picture.
        thumb_url: String = String::new(),
        /// Whether names become links.
        link_names: bool = false,
        /// Which parts are Markdown.
        mrkdwn_in: Vec<String> = Vec::new(),
        /// Buttons.
        actions: Vec<SlackAction> = Vec::new(),
        /// Whether a group's message is changed rather than a new one sent.
        update_message: bool = false,
        /// Longest wait; 0 for none.
        timeout: DurationMs = DurationMs(0),
    }
}

section! {
    /// A field of an attachment.
    pub struct SlackField("config.plain", check = check_field) {
        /// Title.
        title: String = String::new(),
        /// Value.
        value: String = String::new(),
        /// Whether it stands beside others.
        short: Option<bool> = None,
    }
}

section! {
    /// A button.
    pub struct SlackAction("config.plain", check = check_action) {
        /// Kind.
        kind as "type": String = String::new(),
        /// Text.
        text: String = String::new(),
        /// Where it leads.
        url: String = String::new(),
        /// How it looks.
        style: String = String::new(),
        /// Name of the message's action.
        name: String = String::new(),
        /// Its value.
        value: String = String::new(),
        /// What is asked before.
        confirm: Option<SlackConfirmation> = None,
    }
}

section! {
    /// What a button asks before it acts.
    pub struct SlackConfirmation("config.plain", check = check_confirmation) {
        /// The question.
        text: String = String::new(),
        /// Title.
        title: String = String::new(),
        /// Yes.
        ok_text: String = String::new(),
        /// No.
        dismiss_text: String = String::new(),
    }
}

fn check(config: &mut SlackConfig) -> Result<(), String> {
    super::not_both("api_url", config.api_url.is_some(), &config.api_url_file)?;
    super::not_both("app_token", !config.app_token.is_empty(), &config.app_token_file)?;
    let has_url = config.api_url.is_some() || is_set(&config.api_url_file);
    let has_token = !config.app_token.is_empty() || is_set(&config.app_token_file);
    if has_url && has_token {
        return Err("at most one of api_url/api_url_file & app_token/app_token_file must be \
                    configured"
            .into());
    }
    let is_app = config.api_url.as_ref().is_some_and(|url| url.reveal() == SLACK_APP_URL);
    if config.update_message && !is_app && !has_token {
        return Err(format!(
            "update_message can only be used with bot tokens. api_url must be set to \
             {SLACK_APP_URL}"
        ));
    }
    Ok(())
}

fn check_field(field: &mut SlackField) -> Result<(), String> {
    for (name, value) in [("title", &field.title), ("value", &field.value)] {
        if value.is_empty() {
            return Err(format!("missing {name} in Slack field configuration"));
        }
    }
    Ok(())
}

fn check_action(action: &mut SlackAction) -> Result<(), String> {
    for (name, value) in [("type", &action.kind), ("text", &action.text)] {
        if value.is_empty() {
            return Err(format!("missing {name} in Slack action configuration"));
        }
    }
    if !action.url.is_empty() {
        action.name.clear();
        action.value.clear();
        action.confirm = None;
    } else if action.name.is_empty() {
        return Err("missing name or url in Slack action configuration".into());
    }
    Ok(())
}

fn check_confirmation(confirmation: &mut SlackConfirmation) -> Result<(), String> {
    if confirmation.text.is_empty() {
        return Err("missing text in Slack confirmation configuration".into());
    }
    Ok(())
}
