//! `global`: what holds unless a receiver says otherwise.

use std::path::PathBuf;

use vigie_dial::{HttpConfig, TlsConfig};
use vigie_language::section;
use vigie_language::yaml::{DurationMs, Secret};

use super::url::{HostPort, SecretUrl, Url};

section! {
    /// The section as written; [`super::LoadedConfig::receivers`] has its values filled in.
    pub struct GlobalConfig("config.plain", check = check) {
        /// After how long an alert that is not sent again counts as resolved.
        resolve_timeout: DurationMs = DurationMs::seconds(300),
        /// How to talk to HTTP servers.
        http_config: Option<HttpConfig> = None,
        /// Jira.
        jira_api_url: Option<Url> = None,
        /// From whom mail is.
        smtp_from: String = String::new(),
        /// How we greet the mail server.
        smtp_hello: String = "localhost".to_owned(),
        /// The mail server.
        smtp_smarthost: HostPort = HostPort::default(),
        /// User at the mail server.
        smtp_auth_username: String = String::new(),
        /// Password there.
        smtp_auth_password: Secret = Secret::default(),
        /// File of the password.
        smtp_auth_password_file: PathBuf = PathBuf::new(),
        /// Secret of CRAM-MD5.
        smtp_auth_secret: Secret = Secret::default(),
        /// File of the secret.
        smtp_auth_secret_file: PathBuf = PathBuf::new(),
        /// Identity of PLAIN.
        smtp_auth_identity: String = String::new(),
        /// Whether mail may only go over TLS.
        smtp_require_tls: bool = true,
        /// TLS to the mail server.
        smtp_tls_config: Option<TlsConfig> = None,
        /// Whether TLS begins with the connection; by the port when absent.
        smtp_force_implicit_tls: Option<bool> = None,
        /// Slack's incoming webhook.
        slack_api_url: Option<SecretUrl> = None,
        /// File of the webhook.
        slack_api_url_file: PathBuf = PathBuf::new(),
        /// Token of a Slack app.
        slack_app_token: Secret = Secret::default(),
        /// File of the token.
        slack_app_token_file: PathBuf = PathBuf::new(),
        /// Where a Slack app posts.
        slack_app_url: Option<Url> = None,
        /// PagerDuty.
        pagerduty_url: Option<Url> = None,
        /// Opsgenie.
        opsgenie_api_url: Option<Url> = None,
        /// Its key.
        opsgenie_api_key: Secret = Secret::default(),
        /// File of the key.
        opsgenie_api_key_file: PathBuf = PathBuf::new(),
        /// WeChat.
        wechat_api_url: Option<Url> = None,
        /// Its secret.
        wechat_api_secret: Secret = Secret::default(),
        /// File of the secret.
        wechat_api_secret_file: PathBuf = PathBuf::new(),
        /// The company there.
        wechat_api_corp_id: String = String::new(),
        /// VictorOps.
        victorops_api_url: Option<Url> = None,
        /// Its key.
        victorops_api_key: Secret = Secret::default(),
        /// File of the key.
        victorops_api_key_file: PathBuf = PathBuf::new(),
        /// Telegram.
        telegram_api_url: Option<Url> = None,
        /// Its token.
        telegram_bot_token: Secret = Secret::default(),
        /// File of the token.
        telegram_bot_token_file: PathBuf = PathBuf::new(),
        /// Webex.
        webex_api_url: Option<Url> = None,
        /// Rocket.Chat.
        rocketchat_api_url: Option<Url> = None,
        /// Its token.
        rocketchat_token: Secret = Secret::default(),
        /// File of the token.
        rocketchat_token_file: PathBuf = PathBuf::new(),
        /// The token's id.
        rocketchat_token_id: Secret = Secret::default(),
        /// File of the token's id.
        rocketchat_token_id_file: PathBuf = PathBuf::new(),
        /// Mattermost's incoming webhook.
        mattermost_webhook_url: Option<SecretUrl> = None,
        /// File of the webhook.
        mattermost_webhook_url_file: PathBuf = PathBuf::new(),
    }
}

/// Where a Slack app posts unless the configuration says otherwise.
pub(super) const SLACK_APP_URL: &str = "https://slack.com/api/chat.postMessage";

fn check(global: &mut GlobalConfig) -> Result<(), String> {
    let is_set = |path: &PathBuf| !path.as_os_str().is_empty();
    let has_slack_url = global.slack_api_url.is_some();
    let pairs = [
        ("slack_app_token", !global.slack_app_token.is_empty(), &global.slack_app_token_file),
        ("slack_api_url", has_slack_url, &global.slack_api_url_file),
        ("opsgenie_api_key", !global.opsgenie_api_key.is_empty(), &global.opsgenie_api_key_file),
        ("victorops_api_key", !global.victorops_api_key.is_empty(), &global.victorops_api_key_file),
        (
            "telegram_bot_token",
            !global.telegram_bot_token.is_empty(),
            &global.telegram_bot_token_file,
        ),
        (
            "smtp_auth_password",
            !global.smtp_auth_password.is_empty(),
            &global.smtp_auth_password_file,
        ),
        ("smtp_auth_secret", !global.smtp_auth_secret.is_empty(), &global.smtp_auth_secret_file),
        ("rocketchat_token", !global.rocketchat_token.is_empty(), &global.rocketchat_token_file),
        (
            "rocketchat_token_id",
            !global.rocketchat_token_id.is_empty(),
            &global.rocketchat_token_id_file,
        ),
        ("wechat_api_secret", !global.wechat_api_secret.is_empty(), &global.wechat_api_secret_file),
        (
            "mattermost_webhook_url",
            global.mattermost_webhook_url.is_some(),
            &global.mattermost_webhook_url_file,
        ),
    ];
    for (name, is_inline, file) in pairs {
        if is_inline && is_set(file) {
            return Err(format!("at most one of {name} & {name}_file must be configured"));
        }
    }
    let has_token = !global.slack_app_token.is_empty() || is_set(&global.slack_app_token_file);
    let app_url = global.slack_app_url.as_ref().map_or(SLACK_APP_URL, Url::as_str);
    let same_url = global.slack_api_url.as_ref().is_some_and(|url| url.reveal() == app_url);
    if has_token && (has_slack_url || is_set(&global.slack_api_url_file)) && !same_url {
        return Err("at most one of slack_app_token/slack_app_token_file & \
                    slack_api_url/slack_api_url_file must be configured"
            .into());
    }
    Ok(())
}
