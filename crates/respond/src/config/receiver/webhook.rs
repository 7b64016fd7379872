//! Any HTTP server.

use std::path::PathBuf;

use vigie_dial::HttpConfig;
use vigie_language::section;
use vigie_language::yaml::{DurationMs, Opaque};

use crate::config::url::WebhookUrl;

section! {
    /// Tells by a POST of JSON.
    pub struct WebhookConfig("config.plain", check = check) {
        /// Whether to tell of resolved alerts.
        send_resolved: bool = true,
        /// How to talk to it.
        http_config: Option<HttpConfig> = None,
        /// Where it is; may be a template.
        url: WebhookUrl = WebhookUrl::default(),
        /// File with the address.
        url_file: PathBuf = PathBuf::new(),
        /// Most alerts in a message; 0 for all.
        max_alerts: u64 = 0,
        /// Longest wait; 0 for none.
        timeout: DurationMs = DurationMs(0),
        /// What to send instead of the usual; texts in it are templates.
        payload: Option<Opaque> = None,
    }
}

fn check(config: &mut WebhookConfig) -> Result<(), String> {
    super::one_of("url", !config.url.is_empty(), &config.url_file)
}
