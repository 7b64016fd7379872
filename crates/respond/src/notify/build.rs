//! From a configuration to what tells its receivers.

use std::sync::Arc;

use tokio::sync::Mutex;
use vigie_dial::{HttpConfig, HttpError};

use super::chat::{Mattermost, Rocketchat};
use super::email::Email;
use super::jira::Jira;
use super::message::MessageTemplates;
use super::messenger::{Discord, Telegram, Webex};
use super::opsgenie::Opsgenie;
use super::pager::{Pushover, VictorOps};
use super::pagerduty::Pagerduty;
use super::post::{NotifyEnvironment, Post};
use super::provider::{HttpNotifier, Provider};
use super::slack::Slack;
use super::sns::Sns;
use super::teams::{Msteams, Msteamsv2};
use super::webhook::{Incidentio, Webhook};
use super::wechat::Wechat;
use super::{Integration, Integrations, Notifier};
use crate::config::Receiver;

/// Makes what tells each of the receivers, whose values `global` must have filled in already.
pub fn build_integrations(
    receivers: &[Receiver],
    templates: &MessageTemplates,
    environment: &NotifyEnvironment,
) -> Result<Integrations, HttpError> {
    let mut all = Integrations::new();
    for receiver in receivers {
        let mut builder = Builder { templates, environment, integrations: Vec::new() };
        builder.pagers(receiver)?;
        builder.messengers(receiver)?;
        builder.others(receiver)?;
        all.insert(receiver.name.value.clone(), builder.integrations);
    }
    Ok(all)
}

struct Builder<'b> {
    templates: &'b MessageTemplates,
    environment: &'b NotifyEnvironment,
    integrations: Vec<Integration>,
}

/// Adds every entry of a list whose provider needs nothing but its configuration.
macro_rules! add {
    ($builder:ident, $kind:literal, $list:expr, $provider:path, $config:ident => $timeout:expr) => {
        for (index, entry) in $list.iter().enumerate() {
            let $config = entry.value.clone();
            let post = $builder.post($config.http_config.as_ref(), $timeout)?;
            let sends_resolved = $config.send_resolved;
            $builder.http($kind, index, sends_resolved, $provider($config), post);
        }
    };
    ($builder:ident, $kind:literal, $list:expr, $provider:path) => {
        add!($builder, $kind, $list, $provider, config => 0)
    };
}

impl Builder<'_> {
    fn post(&self, config: Option<&HttpConfig>, timeout_ms: u64) -> Result<Post, HttpError> {
        Post::new(config, self.environment, timeout_ms)
    }

    fn http<P: Provider + 'static>(
        &mut self,
        kind: &'static str,
        index: usize,
        sends_resolved: bool,
        provider: P,
        post: Post,
    ) {
        let templates = self.templates.clone();
        self.push(
            kind,
            index,
            sends_resolved,
            Arc::new(HttpNotifier { provider, post, templates }),
        );
    }

    fn push(
        &mut self,
        kind: &'static str,
        index: usize,
        sends_resolved: bool,
        notifier: Arc<dyn Notifier>,
    ) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.integrations.push(Integration { kind, index, sends_resolved, notifier });
    }

    fn pagers(&mut self, receiver: &Receiver) -> Result<(), HttpError> {
        add!(self, "pagerduty", receiver.pagerduty_configs, Pagerduty, config => config.timeout.0);
        add!(self, "opsgenie", receiver.opsgenie_configs, Opsgenie);
        add!(self, "victorops", receiver.victorops_configs, VictorOps);
        add!(self, "pushover", receiver.pushover_configs, Pushover);
        add!(self, "incidentio", receiver.incidentio_configs, Incidentio, config => config.timeout.0);
        Ok(())
    }

    fn messengers(&mut self, receiver: &Receiver) -> Result<(), HttpError> {
        add!(self, "slack", receiver.slack_configs, Slack, config => config.timeout.0);
        add!(self, "discord", receiver.discord_configs, Discord);
        add!(self, "telegram", receiver.telegram_configs, Telegram);
        add!(self, "webex", receiver.webex_configs, Webex);
        add!(self, "msteams", receiver.msteams_configs, Msteams);
        add!(self, "msteamsv2", receiver.msteamsv2_configs, Msteamsv2);
        add!(self, "rocketchat", receiver.rocketchat_configs, Rocketchat);
        add!(self, "mattermost", receiver.mattermost_configs, Mattermost);
        for (index, entry) in receiver.wechat_configs.iter().enumerate() {
            let config = entry.value.clone();
            let sends_resolved = config.send_resolved;
            let post = self.post(config.http_config.as_ref(), 0)?;
            let templates = self.templates.clone();
            let wechat = Wechat { config, post, templates, token: Mutex::new(None) };
            self.push("wechat", index, sends_resolved, Arc::new(wechat));
        }
        Ok(())
    }

    fn others(&mut self, receiver: &Receiver) -> Result<(), HttpError> {
        add!(self, "webhook", receiver.webhook_configs, Webhook, config => config.timeout.0);
        add!(self, "sns", receiver.sns_configs, Sns);
        for (index, entry) in receiver.jira_configs.iter().enumerate() {
            let config = entry.value.clone();
            let sends_resolved = config.send_resolved;
            let post = self.post(config.http_config.as_ref(), 0)?;
            let jira = Jira { config, post, templates: self.templates.clone() };
            self.push("jira", index, sends_resolved, Arc::new(jira));
        }
        for (index, entry) in receiver.email_configs.iter().enumerate() {
            let config = entry.value.clone();
            let sends_resolved = config.send_resolved;
            let email = Email::new(config, self.templates.clone(), self.environment.clone())?;
            self.push("email", index, sends_resolved, Arc::new(email));
        }
        Ok(())
    }
}
