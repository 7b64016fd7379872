//! What `global` adds to receivers, and what a receiver cannot do without.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use vigie_dial::{Authorization, HttpConfig};
use vigie_language::yaml::{ConfigError, Secret, Source};

use super::global::SLACK_APP_URL;
use super::receiver::is_set;
use super::tree::Intervals;
use super::{At, Config, EmailConfig, GlobalConfig, Receiver, SecretUrl, SlackConfig, Url};

/// The intervals by name.
pub(super) fn intervals(config: &Config, source: &Source) -> Result<Intervals, ConfigError> {
    let mut all = Intervals::new();
    for written in config.mute_time_intervals.iter().chain(&config.time_intervals) {
        let compiled = Arc::new(written.compile());
        if all.insert(compiled.name.clone(), compiled).is_some() {
            let message = format!("time interval {:?} is not unique", written.name.value);
            return Err(written.name.error(source, message));
        }
    }
    Ok(all)
}

/// The receivers with every value in place.
pub(super) fn receivers(config: &Config, source: &Source) -> Result<Vec<Receiver>, ConfigError> {
    let mut names = BTreeSet::new();
    let mut all = Vec::with_capacity(config.receivers.len());
    for written in &config.receivers {
        if !names.insert(written.name.as_str()) {
            let message =
                format!("notification config name {:?} is not unique", written.name.value);
            return Err(written.name.error(source, message));
        }
        let mut receiver = written.value.clone();
        receiver.labels.insert("name".to_owned(), written.name.value.clone());
        Filler { global: &config.global, source }.fill(&mut receiver)?;
        all.push(receiver);
    }
    Ok(all)
}

struct Filler<'a> {
    global: &'a GlobalConfig,
    source: &'a Source,
}

/// Fills each entry of a list by a function that says what is missing.
fn each<T>(
    entries: &mut [At<T>],
    source: &Source,
    fill: impl Fn(&mut T) -> Result<(), &'static str>,
) -> Result<(), ConfigError> {
    for entry in entries {
        if let Err(message) = fill(&mut entry.value) {
            return Err(entry.error(source, message));
        }
    }
    Ok(())
}

impl Filler<'_> {
    fn fill(&self, receiver: &mut Receiver) -> Result<(), ConfigError> {
        let source = self.source;
        each(&mut receiver.email_configs, source, |config| self.email(config))?;
        each(&mut receiver.slack_configs, source, |config| self.slack(config))?;
        self.fill_pagers(receiver)?;
        self.fill_messengers(receiver)?;
        self.http_only(&mut receiver.webhook_configs, |config| &mut config.http_config);
        self.http_only(&mut receiver.sns_configs, |config| &mut config.http_config);
        each(&mut receiver.jira_configs, source, |config| {
            self.http(&mut config.http_config);
            or_else(&mut config.api_url, self.global.jira_api_url.as_ref());
            config.api_url.is_some().then_some(()).ok_or("no global Jira Cloud URL set")
        })
    }

    fn fill_pagers(&self, receiver: &mut Receiver) -> Result<(), ConfigError> {
        let (global, source) = (self.global, self.source);
        self.http_only(&mut receiver.pushover_configs, |config| &mut config.http_config);
        self.http_only(&mut receiver.incidentio_configs, |config| &mut config.http_config);
        each(&mut receiver.pagerduty_configs, source, |config| {
            self.http(&mut config.http_config);
            let url = "https://events.pagerduty.com/v2/enqueue";
            or_known(&mut config.url, global.pagerduty_url.as_ref(), url);
            Ok(())
        })?;
        each(&mut receiver.opsgenie_configs, source, |config| {
            self.http(&mut config.http_config);
            let url = "https://api.opsgenie.com/";
            or_known(&mut config.api_url, global.opsgenie_api_url.as_ref(), url);
            config.api_url = config.api_url.take().map(Url::with_slash);
            let key = (&mut config.api_key, &mut config.api_key_file);
            let from = (&global.opsgenie_api_key, &global.opsgenie_api_key_file);
            secret(key, from, "no global OpsGenie API Key set either inline or in a file")
        })?;
        each(&mut receiver.victorops_configs, source, |config| {
            self.http(&mut config.http_config);
            let url = "https://alert.victorops.com/integrations/generic/20131114/alert/";
            or_known(&mut config.api_url, global.victorops_api_url.as_ref(), url);
            config.api_url = config.api_url.take().map(Url::with_slash);
            let key = (&mut config.api_key, &mut config.api_key_file);
            let from = (&global.victorops_api_key, &global.victorops_api_key_file);
            secret(key, from, "no global VictorOps API Key set")
        })
    }

    fn fill_messengers(&self, receiver: &mut Receiver) -> Result<(), ConfigError> {
        let (global, source) = (self.global, self.source);
        self.http_only(&mut receiver.discord_configs, |config| &mut config.http_config);
        self.http_only(&mut receiver.msteams_configs, |config| &mut config.http_config);
        for config in &mut receiver.msteamsv2_configs {
            self.teams(&mut config.http_config);
        }
        each(&mut receiver.telegram_configs, source, |config| {
            self.http(&mut config.http_config);
            let url = "https://api.telegram.org";
            or_known(&mut config.api_url, global.telegram_api_url.as_ref(), url);
            let token = (&mut config.bot_token, &mut config.bot_token_file);
            let from = (&global.telegram_bot_token, &global.telegram_bot_token_file);
            secret(token, from, "missing bot_token or bot_token_file on telegram_config")
        })?;
        each(&mut receiver.webex_configs, source, |config| {
            self.http(&mut config.http_config);
            let url = "https://webexapis.com/v1/messages";
            or_known(&mut config.api_url, global.webex_api_url.as_ref(), url);
            Ok(())
        })?;
        each(&mut receiver.wechat_configs, source, |config| {
            self.http(&mut config.http_config);
            let url = "https://qyapi.weixin.qq.com/cgi-bin/";
            or_known(&mut config.api_url, global.wechat_api_url.as_ref(), url);
            config.api_url = config.api_url.take().map(Url::with_slash);
            or_text(&mut config.corp_id, &global.wechat_api_corp_id);
            let key = (&mut config.api_secret, &mut config.api_secret_file);
            let from = (&global.wechat_api_secret, &global.wechat_api_secret_file);
            secret(key, from, "no global Wechat Api Secret set either inline or in a file")?;
            if config.corp_id.is_empty() { Err("no global Wechat CorpID set") } else { Ok(()) }
        })?;
        each(&mut receiver.rocketchat_configs, source, |config| {
            self.http(&mut config.http_config);
            let url = "https://open.rocket.chat/";
            or_known(&mut config.api_url, global.rocketchat_api_url.as_ref(), url);
            let id = (&mut config.token_id, &mut config.token_id_file);
            let from = (&global.rocketchat_token_id, &global.rocketchat_token_id_file);
            secret(id, from, "no global Rocketchat TokenID set either inline or in a file")?;
            let token = (&mut config.token, &mut config.token_file);
            let from = (&global.rocketchat_token, &global.rocketchat_token_file);
            secret(token, from, "no global Rocketchat Token set either inline or in a file")
        })?;
        each(&mut receiver.mattermost_configs, source, |config| {
            self.http(&mut config.http_config);
            if config.webhook_url.is_none() && !is_set(&config.webhook_url_file) {
                config.webhook_url.clone_from(&global.mattermost_webhook_url);
                config.webhook_url_file.clone_from(&global.mattermost_webhook_url_file);
            }
            if config.webhook_url.is_none() && !is_set(&config.webhook_url_file) {
                return Err("missing webhook_url or webhook_url_file on mattermost_config");
            }
            Ok(())
        })
    }

    /// Integrations that take nothing else from `global`.
    fn http_only<T>(
        &self,
        entries: &mut [At<T>],
        http: impl Fn(&mut T) -> &mut Option<HttpConfig>,
    ) {
        for entry in entries {
            self.http(http(&mut entry.value));
        }
    }

    fn http(&self, http: &mut Option<HttpConfig>) {
        if http.is_none() {
            *http = Some(self.global.http_config.clone().unwrap_or_default());
        }
    }

    /// Teams' `http_config` inherits the proxy alone when it says nothing of one.
    fn teams(&self, http: &mut Option<HttpConfig>) {
        if let Some(http) = http
            && http.proxy.proxy_url.is_empty()
            && let Some(global) = &self.global.http_config
        {
            http.proxy.proxy_url.clone_from(&global.proxy.proxy_url);
        }
        self.http(http);
    }

    fn email(&self, config: &mut EmailConfig) -> Result<(), &'static str> {
        let global = self.global;
        if config.tls_config.is_none() {
            config.tls_config = Some(global.smtp_tls_config.clone().unwrap_or_default());
        }
        if config.smarthost.is_empty() {
            config.smarthost = global.smtp_smarthost.clone();
        }
        if config.smarthost.is_empty() {
            return Err("no global SMTP smarthost set");
        }
        or_text(&mut config.from, &global.smtp_from);
        if config.from.is_empty() {
            return Err("no global SMTP from set");
        }
        or_text(&mut config.hello, &global.smtp_hello);
        or_text(&mut config.auth_username, &global.smtp_auth_username);
        or_text(&mut config.auth_identity, &global.smtp_auth_identity);
        let password = (&mut config.auth_password, &mut config.auth_password_file);
        inherit(password, (&global.smtp_auth_password, &global.smtp_auth_password_file));
        let auth = (&mut config.auth_secret, &mut config.auth_secret_file);
        inherit(auth, (&global.smtp_auth_secret, &global.smtp_auth_secret_file));
        config.require_tls = config.require_tls.or(Some(global.smtp_require_tls));
        config.force_implicit_tls = config.force_implicit_tls.or(global.smtp_force_implicit_tls);
        Ok(())
    }

    fn slack(&self, config: &mut SlackConfig) -> Result<(), &'static str> {
        let global = self.global;
        or_known(&mut config.app_url, global.slack_app_url.as_ref(), SLACK_APP_URL);
        let has_url = config.api_url.is_some();
        let authorizes =
            config.http_config.as_ref().is_some_and(|http| http.authorization.is_some());
        // A webhook or an authorization of one's own goes before the global token.
        if !has_url && !authorizes {
            let token = (&mut config.app_token, &mut config.app_token_file);
            inherit(token, (&global.slack_app_token, &global.slack_app_token_file));
        }
        if !has_url && !is_set(&config.api_url_file) {
            config.api_url.clone_from(&global.slack_api_url);
            config.api_url_file.clone_from(&global.slack_api_url_file);
        }
        let has_token = !config.app_token.is_empty() || is_set(&config.app_token_file);
        if config.api_url.is_none() && !is_set(&config.api_url_file) && !has_token {
            return Err("no Slack API URL nor App token set either inline or in a file");
        }
        self.http(&mut config.http_config);
        if !has_token {
            return Ok(());
        }
        let Some(http) = &mut config.http_config else { return Ok(()) };
        if http.authorization.is_some() {
            return Err("http authorization can't be set when using Slack App tokens");
        }
        http.authorization = Some(Authorization {
            kind: "Bearer".to_owned(),
            credentials: config.app_token.clone(),
            credentials_file: config.app_token_file.clone(),
        });
        config.api_url = config.app_url.as_ref().map(|url| SecretUrl::new(url.as_str()));
        config.api_url_file = PathBuf::new();
        Ok(())
    }
}

fn or_text(text: &mut String, global: &str) {
    if text.is_empty() {
        global.clone_into(text);
    }
}

fn or_else(url: &mut Option<Url>, global: Option<&Url>) {
    if url.is_none() {
        *url = global.cloned();
    }
}

fn or_known(url: &mut Option<Url>, global: Option<&Url>, known: &str) {
    or_else(url, global);
    url.get_or_insert_with(|| Url::known(known));
}

/// Takes value and file of `global` when neither is there.
fn inherit((value, file): (&mut Secret, &mut PathBuf), global: (&Secret, &PathBuf)) {
    if value.is_empty() && !is_set(file) {
        value.clone_from(global.0);
        file.clone_from(global.1);
    }
}

fn secret(
    own: (&mut Secret, &mut PathBuf),
    global: (&Secret, &PathBuf),
    missing: &'static str,
) -> Result<(), &'static str> {
    let (value, file) = own;
    inherit((&mut *value, &mut *file), global);
    if value.is_empty() && !is_set(file) { Err(missing) } else { Ok(()) }
}
