//! Reacting: from settings or from Alertmanager's flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use vigie_respond::config::ConfigOptions;
use vigie_respond::{EngineTimes, Limits, MatcherSyntax};

use super::{Port, listen_address};
use crate::args::AlertmanagerArgs;
use crate::config::{RespondSettings, duration};

/// How the process reacts to alerts.
#[derive(Debug, Clone)]
pub(crate) struct RespondPlan {
    /// `alertmanager.yml`; none: alerts are taken and shown, nobody is told.
    pub(crate) config: Option<PathBuf>,
    pub(crate) ports: Vec<Port>,
    /// Folder of its own.
    pub(crate) data: PathBuf,
    pub(crate) external_url: Option<String>,
    pub(crate) route_prefix: String,
    pub(crate) options: ConfigOptions,
    pub(crate) limits: Limits,
    pub(crate) times: EngineTimes,
    /// The version that clients are told.
    pub(crate) version: String,
    /// Peers that somebody expects; there is no gossip.
    pub(crate) peers: Vec<String>,
    pub(crate) allows_link_local: bool,
    /// Asked as long as reacting works, and how often: a dead man's switch elsewhere notices
    /// when it does not.
    pub(crate) heartbeat: Option<(String, Duration)>,
}

/// The version whose behaviour is served.
pub(crate) const SERVED_VERSION: &str = "0.34.0";

impl RespondPlan {
    /// For reading a configuration without running it.
    pub(crate) fn for_check(config: PathBuf, options: ConfigOptions) -> Self {
        Self {
            config: Some(config),
            ports: Vec::new(),
            data: PathBuf::new(),
            external_url: None,
            route_prefix: String::new(),
            options,
            limits: Limits::default(),
            times: EngineTimes::default(),
            version: SERVED_VERSION.to_owned(),
            peers: Vec::new(),
            allows_link_local: false,
            heartbeat: None,
        }
    }

    /// `vigie run`
    pub(super) fn from_settings(
        settings: &RespondSettings,
        mut configs: Vec<PathBuf>,
        ports: Vec<Port>,
        data: &Path,
        external_url: Option<String>,
    ) -> Result<Self> {
        if configs.len() > 1 {
            let names: Vec<String> = configs.iter().map(|p| p.display().to_string()).collect();
            bail!("more than one Alertmanager configuration: {}; name one", names.join(", "));
        }
        let interval = duration(&settings.heartbeat_interval).context("heartbeat_interval")?;
        let retention = duration(&settings.retention).context("[respond] retention")?;
        Ok(Self {
            config: configs.pop(),
            ports,
            data: data.join("respond"),
            external_url: settings.external_url.clone().or(external_url),
            route_prefix: String::new(),
            options: ConfigOptions {
                syntax: syntax(&settings.matchers)?,
                is_strict: settings.strict,
            },
            limits: Limits::default(),
            times: EngineTimes { retention, ..EngineTimes::default() },
            version: settings.version.clone(),
            peers: Vec::new(),
            allows_link_local: settings.allow_link_local,
            heartbeat: settings.heartbeat_url.clone().map(|url| (url, interval)),
        })
    }

    /// `alertmanager`
    pub(super) fn from_alertmanager(args: &AlertmanagerArgs) -> Result<Self> {
        let mut limits = Limits::default();
        limits.silences_max = args.silences_max.filter(|n| *n > 0).unwrap_or(limits.silences_max);
        limits.silence_bytes_max =
            args.silence_bytes_max.filter(|n| *n > 0).unwrap_or(limits.silence_bytes_max);
        let path = args.external_url.as_deref().and_then(path_of).unwrap_or_default();
        Ok(Self {
            config: Some(args.config_file.clone()),
            ports: args.listen_address.iter().map(|a| listen_address(a)).collect::<Result<_>>()?,
            data: args.data.clone(),
            external_url: args.external_url.clone(),
            route_prefix: args.route_prefix.clone().unwrap_or(path),
            options: ConfigOptions { syntax: syntax(&args.features)?, is_strict: args.strict },
            limits,
            times: EngineTimes {
                retention: duration(&args.retention).context("--data.retention")?,
                gc_interval: duration(&args.gc_interval).context("--alerts.gc-interval")?,
                start_delay: duration(&args.start_delay).context("--dispatch.start-delay")?,
            },
            version: SERVED_VERSION.to_owned(),
            peers: args.cluster.peers.clone(),
            allows_link_local: false,
            heartbeat: None,
        })
    }
}

/// The path of `https://host/path`.
fn path_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    rest.split_once('/').map(|(_, path)| path.to_owned())
}

fn syntax(features: &str) -> Result<MatcherSyntax> {
    let mut syntax = MatcherSyntax::Fallback;
    for feature in features.split(',').map(str::trim).filter(|feature| !feature.is_empty()) {
        match feature {
            "classic-mode" | "classic" => syntax = MatcherSyntax::Classic,
            "utf8-strict-mode" | "utf8" => syntax = MatcherSyntax::Utf8,
            "fallback"
            | "receiver-name-in-metrics"
            | "alert-names-in-metrics"
            | "auto-gomemlimit"
            | "auto-gomaxprocs"
            | "group-key-in-metrics"
            | "event-recorder" => {}
            other => bail!("unknown option {other:?} for --enable-feature"),
        }
    }
    Ok(syntax)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_choose_the_syntax() {
        assert_eq!(syntax("").unwrap(), MatcherSyntax::Fallback);
        assert_eq!(
            syntax("receiver-name-in-metrics,utf8-strict-mode").unwrap(),
            MatcherSyntax::Utf8
        );
        assert!(syntax("x").is_err());
        assert_eq!(path_of("https://a/b/c").as_deref(), Some("b/c"));
        assert_eq!(path_of("https://a"), None);
    }
}
