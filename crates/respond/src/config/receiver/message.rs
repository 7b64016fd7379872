//! Messengers with a plain message: Discord, Telegram, Webex, WeChat.

use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::section;
use vigie_language::yaml::Secret;

use crate::config::url::{SecretUrl, Url};

section! {
    /// Tells in Discord.
    pub struct DiscordConfig("config.plain", check = check_discord) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The webhook.
        webhook_url: Option<SecretUrl> = None,
        /// File of the webhook.
        webhook_url_file: PathBuf = PathBuf::new(),
        /// The message's own text.
        content: String = String::new(),
        /// Title.
        title: String = "{{ template \"discord.default.title\" . }}".to_owned(),
        /// Text.
        message: String = "{{ template \"discord.default.message\" . }}".to_owned(),
        /// Who speaks.
        username: String = String::new(),
        /// Picture of who speaks.
        avatar_url: String = String::new(),
    }
}

section! {
    /// Tells in Telegram.
    pub struct TelegramConfig("config.plain", check = check_telegram) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// Where Telegram is.
        api_url: Option<Url> = None,
        /// The bot's token.
        bot_token: Secret = Secret::default(),
        /// File of the token.
        bot_token_file: PathBuf = PathBuf::new(),
        /// Where the message goes.
        chat_id: i64 = 0,
        /// File with that number.
        chat_id_file: PathBuf = PathBuf::new(),
        /// Thread in the chat.
        message_thread_id: i64 = 0,
        /// Text.
        message: String = "{{ template \"telegram.default.message\" . }}".to_owned(),
        /// Whether nobody's telephone rings.
        disable_notifications: bool = false,
        /// `Markdown`, `MarkdownV2`, `HTML` or nothing.
        parse_mode: Option<String> = None,
    }
}

section! {
    /// Tells in Webex.
    pub struct WebexConfig("config.plain", check = check_webex) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it; must authorize.
        http_config: Option<HttpConfig> = None,
        /// Where Webex is.
        api_url: Option<Url> = None,
        /// Text.
        message: String = "{{ template \"webex.default.message\" . }}".to_owned(),
        /// Room.
        room_id: String = String::new(),
    }
}

section! {
    /// Tells in WeChat.
    pub struct WechatConfig("config.plain", check = check_wechat) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = false,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The secret.
        api_secret: Secret = Secret::default(),
        /// File of the secret.
        api_secret_file: PathBuf = PathBuf::new(),
        /// The company.
        corp_id: String = String::new(),
        /// Text.
        message: String = "{{ template \"wechat.default.message\" . }}".to_owned(),
        /// Where WeChat is.
        api_url: Option<Url> = None,
        /// Whom.
        to_user: String = "{{ template \"wechat.default.to_user\" . }}".to_owned(),
        /// Which party.
        to_party: String = "{{ template \"wechat.default.to_party\" . }}".to_owned(),
        /// Which tag.
        to_tag: String = "{{ template \"wechat.default.to_tag\" . }}".to_owned(),
        /// Which agent.
        agent_id: String = "{{ template \"wechat.default.agent_id\" . }}".to_owned(),
        /// `text` or `markdown`.
        message_type: String = String::new(),
    }
}

impl TelegramConfig {
    /// How Telegram reads the text.
    pub fn parse_mode(&self) -> &str {
        self.parse_mode.as_deref().unwrap_or("HTML")
    }
}

impl WechatConfig {
    /// `text` or `markdown`.
    pub fn message_type(&self) -> &str {
        if self.message_type.is_empty() { "text" } else { &self.message_type }
    }
}

fn check_discord(config: &mut DiscordConfig) -> Result<(), String> {
    super::one_of("webhook_url", config.webhook_url.is_some(), &config.webhook_url_file)
}

fn check_telegram(config: &mut TelegramConfig) -> Result<(), String> {
    super::not_both("bot_token", !config.bot_token.is_empty(), &config.bot_token_file)?;
    if config.chat_id == 0 && !super::is_set(&config.chat_id_file) {
        return Err("missing chat_id or chat_id_file on telegram_config".into());
    }
    super::not_both("chat_id", config.chat_id != 0, &config.chat_id_file)?;
    if !matches!(config.parse_mode(), "" | "Markdown" | "MarkdownV2" | "HTML") {
        return Err("unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML \
                    or empty string"
            .into());
    }
    Ok(())
}

fn check_webex(config: &mut WebexConfig) -> Result<(), String> {
    if config.room_id.is_empty() {
        return Err("missing room_id on webex_config".into());
    }
    if config.http_config.as_ref().is_none_or(|http| http.authorization.is_none()) {
        return Err("missing webex_configs.http_config.authorization".into());
    }
    Ok(())
}

fn check_wechat(config: &mut WechatConfig) -> Result<(), String> {
    if !matches!(config.message_type(), "text" | "markdown") {
        return Err(format!(
            "weChat message type {:?} does not match valid options text, markdown",
            config.message_type
        ));
    }
    super::not_both("api_secret", !config.api_secret.is_empty(), &config.api_secret_file)
}
