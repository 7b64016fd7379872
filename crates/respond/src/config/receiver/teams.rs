//! Microsoft Teams.

use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::section;

use crate::config::url::SecretUrl;

section! {
    /// Tells in Teams by a connector.
    pub struct MsteamsConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The webhook.
        webhook_url: Option<SecretUrl> = None,
        /// File of the webhook.
        webhook_url_file: PathBuf = PathBuf::new(),
        /// Title.
        title: String = "{{ template \"msteams.default.title\" . }}".to_owned(),
        /// Summary.
        summary: String = "{{ template \"msteams.default.summary\" . }}".to_owned(),
        /// Text.
        text: String = "{{ template \"msteams.default.text\" . }}".to_owned(),
    }
}

section! {
    /// Tells in Teams by a workflow.
    pub struct Msteamsv2Config("config.plain", check = check_v2) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// The webhook.
        webhook_url: Option<SecretUrl> = None,
        /// File of the webhook.
        webhook_url_file: PathBuf = PathBuf::new(),
        /// Title.
        title: String = "{{ template \"msteamsv2.default.title\" . }}".to_owned(),
        /// Text.
        text: String = "{{ template \"msteamsv2.default.text\" . }}".to_owned(),
    }
}

fn check(config: &mut MsteamsConfig) -> Result<(), String> {
    super::one_of("webhook_url", config.webhook_url.is_some(), &config.webhook_url_file)
}

fn check_v2(config: &mut Msteamsv2Config) -> Result<(), String> {
    super::one_of("webhook_url", config.webhook_url.is_some(), &config.webhook_url_file)
}
