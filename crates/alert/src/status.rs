//! What the APIs show of groups and rules.

use std::sync::Arc;
use std::time::Duration;

use crate::{AlertInstance, AlertState, GroupDefinition};

/// How a rule's last evaluation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuleHealth {
    /// Not yet evaluated.
    #[default]
    Unknown,
    /// Well.
    Good,
    /// With an error.
    Bad,
}

impl RuleHealth {
    /// As Prometheus writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Good => "ok",
            Self::Bad => "err",
        }
    }
}

/// A rule at one moment.
#[derive(Debug, Clone)]
pub struct RuleStatus {
    /// How the last evaluation went.
    pub health: RuleHealth,
    /// What went wrong in it; empty when nothing did.
    pub last_error: String,
    /// How long it took.
    pub evaluation_duration: Duration,
    /// When it was, milliseconds since the epoch; `None` before the first.
    pub last_evaluation_ms: Option<i64>,
    /// The highest state of its alerts.
    pub state: AlertState,
    /// Its alerts that are pending or firing, by labels.
    pub alerts: Vec<AlertInstance>,
}

/// A group at one moment.
#[derive(Debug, Clone)]
pub struct GroupStatus {
    /// What it is.
    pub definition: Arc<GroupDefinition>,
    /// How long the last evaluation took.
    pub evaluation_duration: Duration,
    /// When it was; `None` before the first.
    pub last_evaluation_ms: Option<i64>,
    /// Its rules, in the order of the definition.
    pub rules: Vec<RuleStatus>,
}
