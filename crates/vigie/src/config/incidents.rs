//! Section `[incidents]` of `vigie.toml`.

use serde::Deserialize;

/// How alerts become incidents.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct IncidentsSettings {
    /// Whether they do.
    pub(crate) enabled: bool,
    /// `route`: alerts of one group of the routing tree are one; `rule`: alerts of one name.
    pub(crate) group_by: String,
    /// Which alerts open one: conditions as in `alertmanager.yml`; none: all.
    pub(crate) matchers: Vec<String>,
    /// How long no alert fires before an incident is over.
    pub(crate) resolve_after: String,
    /// How long after it was over an incident is opened again rather than another one.
    pub(crate) reopen_within: String,
    /// How long incidents that are over are kept.
    pub(crate) retention: String,
}

impl Default for IncidentsSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            group_by: "route".into(),
            matchers: Vec::new(),
            resolve_after: "2m".into(),
            reopen_within: "30m".into(),
            retention: "90d".into(),
        }
    }
}

/// Section `[runbooks]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RunbooksSettings {
    /// Which alerts start which runbook, besides what alerts and runbooks say themselves.
    pub(crate) start: Vec<StartSettings>,
}

/// Alerts that start a runbook.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartSettings {
    /// The runbook's name.
    pub(crate) runbook: String,
    /// Conditions on the alert, as in `alertmanager.yml`.
    pub(crate) matchers: Vec<String>,
}
