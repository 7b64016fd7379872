//! `alertmanager.yml`: reading, checking, and what follows from it.
//!
//! A text becomes a [`Config`] as written (unknown fields are errors with line and column), then
//! a [`LoadedConfig`]: the routing tree and the inhibition rules compiled, every receiver with
//! what `global` adds. The surface is that of Alertmanager 0.34; messages are its words where it
//! has words.

mod at;
mod error;
mod global;
mod inhibit;
mod interval;
mod matchers;
mod receiver;
mod resolve;
mod route;
#[cfg(test)]
mod tests;
mod tree;
mod url;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use vigie_language::section;
use vigie_language::yaml::{ConfigError, Field, Node, Opaque, Source};
use vigie_world::World;

pub use at::At;
pub use error::load_error;
pub use global::GlobalConfig;
pub use inhibit::WrittenInhibitRule;
pub use interval::{WrittenInterval, WrittenIntervals, WrittenTimes};
pub use receiver::{
    DiscordConfig, EmailConfig, IncidentioConfig, JiraConfig, JiraField, MattermostAttachment,
    MattermostConfig, MattermostField, MattermostPriority, MattermostProps, MsteamsConfig,
    Msteamsv2Config, OpsgenieConfig, OpsgenieResponder, PagerdutyConfig, PagerdutyImage,
    PagerdutyLink, PushoverConfig, Receiver, RocketchatAction, RocketchatConfig, RocketchatField,
    SigV4Config, SlackAction, SlackConfig, SlackConfirmation, SlackField, SnsConfig,
    TelegramConfig, ThreadingConfig, VictorOpsConfig, WebexConfig, WebhookConfig, WechatConfig,
};
pub use route::{GroupBy, WrittenRoute};
pub use url::{HostPort, SecretUrl, Url, WebhookUrl};

use crate::MatcherSyntax;
use crate::inhibit::InhibitRule;
use crate::route::RouteTree;

/// Bytes that a configuration file may have.
const FILE_BYTES_MAX: u64 = 16 << 20;

section! {
    /// The whole file as written.
    pub struct Config("config.plain") {
        /// What holds unless a receiver says otherwise.
        global: GlobalConfig = GlobalConfig::default(),
        /// The routing tree.
        route: Option<At<WrittenRoute>> = None,
        /// What silences what.
        inhibit_rules: Vec<At<WrittenInhibitRule>> = Vec::new(),
        /// Who can be told.
        receivers: Vec<At<Receiver>> = Vec::new(),
        /// Files with templates; patterns.
        templates: Vec<PathBuf> = Vec::new(),
        /// Old name of `time_intervals`.
        mute_time_intervals: Vec<WrittenIntervals> = Vec::new(),
        /// Intervals by name.
        time_intervals: Vec<WrittenIntervals> = Vec::new(),
        /// Where traces of the process go.
        tracing: Option<At<Opaque>> = None,
        /// Where events go.
        event_recorder: Option<At<Opaque>> = None,
    }
}

/// How a configuration is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConfigOptions {
    /// Syntax of matchers.
    pub syntax: MatcherSyntax,
    /// Whether what Alertmanager would refuse is refused.
    pub is_strict: bool,
}

/// A configuration that can run.
#[derive(Debug, Clone)]
pub struct LoadedConfig {
    /// As written.
    pub config: Config,
    /// The receivers with what `global` adds, so that each value a sender needs is in place.
    pub receivers: Vec<Receiver>,
    /// The routing tree.
    pub routes: Arc<RouteTree>,
    /// The inhibition rules.
    pub inhibit_rules: Arc<[InhibitRule]>,
    /// What works but should be known, each with its place.
    pub warnings: Vec<ConfigError>,
    /// Where it was read from.
    pub source: Source,
    /// How it was read.
    pub options: ConfigOptions,
}

impl LoadedConfig {
    /// The configuration as YAML, with secrets hidden; Alertmanager and amtool read it back.
    pub fn to_yaml(&self) -> String {
        let out = self.config.write_always();
        serde_saphyr::to_string(&out).unwrap_or_default()
    }

    /// The receiver of that name.
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name.value == name)
    }
}

/// Reads and checks the file at `path`.
pub fn load(
    path: &Path,
    world: &World,
    options: ConfigOptions,
) -> Result<LoadedConfig, ConfigError> {
    let source = Source {
        file: Some(path.to_path_buf()),
        folder: path.parent().map(Path::to_path_buf).unwrap_or_default(),
    };
    let fail = |error: std::io::Error| load_error(&source, &error);
    let length = world.disk.open_read(path).map_err(fail)?.length();
    if length > FILE_BYTES_MAX {
        return Err(ConfigError {
            file: source.file,
            ..ConfigError::new(format!("the file has more than {FILE_BYTES_MAX} bytes"))
        });
    }
    let bytes = world.disk.read(path).map_err(fail)?;
    parse(&String::from_utf8_lossy(&bytes), &source, options)
}

/// Reads and checks a text.
pub fn parse(
    text: &str,
    source: &Source,
    options: ConfigOptions,
) -> Result<LoadedConfig, ConfigError> {
    let node = Node::parse(text, source)?;
    let whole =
        |message: &str| ConfigError { file: source.file.clone(), ..ConfigError::new(message) };
    if node.is_null() {
        return Err(whole("no route provided in config"));
    }
    let mut config = Config::read(&node, source)?;
    let mut warnings = adopt(&mut config, source, options)?;
    let receivers = resolve::receivers(&config, source)?;
    let Some(root) = &config.route else { return Err(whole("no routes provided")) };
    let intervals = resolve::intervals(&config, source)?;
    let matchers = matchers::Reader { syntax: options.syntax, source };
    let routes = tree::compile(root, &config.receivers, &intervals, &matchers, &mut warnings)?;
    let inhibit_rules = matchers.inhibit_rules(&config.inhibit_rules, &mut warnings)?;
    Ok(LoadedConfig {
        receivers,
        routes: Arc::new(routes),
        inhibit_rules: inhibit_rules.into(),
        warnings,
        source: source.clone(),
        options,
        config,
    })
}

/// Takes what Alertmanager would refuse or what is not served here, with a warning each.
fn adopt(
    config: &mut Config,
    source: &Source,
    options: ConfigOptions,
) -> Result<Vec<ConfigError>, ConfigError> {
    let mut warnings = Vec::new();
    for email in config.receivers.iter_mut().flat_map(|receiver| &mut receiver.email_configs) {
        for (name, place) in email.adopt() {
            if options.is_strict {
                let message = format!("field {name} not found in type config.plain");
                return Err(place.error(source, message));
            }
            let instead = if name == "subject" { "headers: {Subject: ...}" } else { "text" };
            warnings.push(place.error(
                source,
                format!(
                    "email_configs has no field {name} in Alertmanager, which refuses it; taken \
                     as {instead}"
                ),
            ));
        }
    }
    for (section, name) in
        [(&config.tracing, "tracing"), (&config.event_recorder, "event_recorder")]
    {
        if let Some(section) = section {
            warnings.push(section.error(source, format!("{name} is not served")));
        }
    }
    if let Some(first) = config.mute_time_intervals.first() {
        let message = "mute_time_intervals is the old name of time_intervals";
        warnings.push(first.name.error(source, message));
    }
    Ok(warnings)
}
