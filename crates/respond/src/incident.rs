//! Incidents: alerts that belong together, with a state, an owner and a timeline.
//!
//! [`Book`] is a state machine as the [`Engine`](crate::Engine) is: it is told what time it is,
//! which alerts fire and what people do, and leaves [`Kept`](crate::desk::Kept) records of what has to
//! survive a restart. It looks at which alerts fire *now* instead of following single changes, so
//! that nothing is missed when this was off.

mod book;
mod change;
mod observe;
mod postmortem;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

pub use book::{Book, BookOptions, GroupBy};
pub use change::{ChangeError, Edit};
pub use observe::Observed;
pub use postmortem::{postmortem_json, postmortem_markdown};

/// How far an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Nobody takes care yet.
    Triggered,
    /// Somebody takes care.
    Acknowledged,
    /// The harm is over, the cause is not.
    Mitigated,
    /// It is over.
    Resolved,
}

impl IncidentState {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Acknowledged => "acknowledged",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Triggered, Self::Acknowledged, Self::Mitigated, Self::Resolved]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// An alert of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentAlert {
    /// What it is about.
    pub labels: BTreeMap<String, String>,
    /// What people are told.
    pub annotations: BTreeMap<String, String>,
    /// Since when; milliseconds since the epoch.
    pub starts_ms: i64,
    /// When it ended; `None` while it fires.
    pub ends_ms: Option<i64>,
    /// Link to what raised it.
    pub generator_url: String,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MomentKind {
    /// An alert fires or is over.
    Alert,
    /// Somebody was told, or could not be.
    Notification,
    /// A silence.
    Silence,
    /// The state changed.
    State,
    /// Title, severity or owner changed.
    Edit,
    /// Somebody wrote something.
    Comment,
    /// A runbook began or ended.
    Runbook,
    /// A step of a runbook.
    Step,
    /// A step was approved or refused.
    Approval,
    /// Somebody was called since nobody answered.
    Escalation,
    /// Something was deployed.
    Deployment,
    /// Incidents were merged.
    Merge,
    /// An incident was split.
    Split,
}

impl MomentKind {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Notification => "notification",
            Self::Silence => "silence",
            Self::State => "state",
            Self::Edit => "edit",
            Self::Comment => "comment",
            Self::Runbook => "runbook",
            Self::Step => "step",
            Self::Approval => "approval",
            Self::Escalation => "escalation",
            Self::Deployment => "deployment",
            Self::Merge => "merge",
            Self::Split => "split",
        }
    }
}

/// An entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Its place in the timeline, from 1.
    pub number: u64,
    /// When; milliseconds since the epoch.
    pub at_ms: i64,
    /// What kind.
    pub kind: MomentKind,
    /// Who.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// What, in one line.
    pub text: String,
    /// More: the output of a step.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// The step of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The alert's fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// Where more of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Moment {
    /// Something that happens at `at_ms`; its number is given when it is added.
    pub fn new(at_ms: i64, kind: MomentKind, by: &str, text: impl Into<String>) -> Self {
        Self {
            number: 0,
            at_ms,
            kind,
            by: by.to_owned(),
            text: text.into(),
            detail: String::new(),
            run: None,
            step: None,
            alert: None,
            link: None,
        }
    }
}

/// How far a step of an escalation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationState {
    /// Its time has not come.
    Waiting,
    /// Somebody is being told.
    Sending,
    /// Somebody was told.
    Told,
    /// Nobody could be told.
    Failed,
    /// Somebody answered before.
    Stopped,
}

impl EscalationState {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Told => "told",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// A step of an escalation, with the time at which it is due: kept on disk, so that a restart
/// neither loses nor repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationTimer {
    /// How long after the incident was opened.
    pub after_ms: u64,
    /// Who, by a name of the on-call configuration.
    pub action: String,
    /// When; milliseconds since the epoch.
    pub due_ms: i64,
    /// How far it is.
    pub state: EscalationState,
    /// Who was told, or why nobody.
    pub detail: String,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub id: u64,
    /// Keys of the groups of alerts that it takes.
    pub keys: BTreeSet<String>,
    /// Keys of all groups of the routing tree in which its alerts are.
    pub group_keys: BTreeSet<String>,
    /// What people call it.
    pub title: String,
    /// How far it is.
    pub state: IncidentState,
    /// How bad it is.
    pub severity: String,
    /// Whether somebody set the severity.
    pub is_severity_set: bool,
    /// Who takes care.
    pub owner: String,
    /// Labels that its alerts share.
    pub labels: BTreeMap<String, String>,
    /// When it was opened; milliseconds since the epoch, as all times below.
    pub opened_ms: i64,
    /// When something happened last.
    pub updated_ms: i64,
    /// When somebody took it.
    pub acknowledged_ms: Option<i64>,
    /// Who.
    pub acknowledged_by: String,
    /// When the harm was over.
    pub mitigated_ms: Option<i64>,
    /// When it was over.
    pub resolved_ms: Option<i64>,
    /// Since when no alert fires.
    pub quiet_ms: Option<i64>,
    /// The incident that it became a part of.
    pub merged_into: Option<u64>,
    /// Its alerts by fingerprint.
    pub alerts: BTreeMap<String, IncidentAlert>,
    /// Alerts that there was no room for.
    pub alerts_left_out: u64,
    /// Who is called when nobody answers.
    pub escalation: Vec<EscalationTimer>,
    /// Runs of runbooks.
    pub runs: Vec<u64>,
    /// Names of runbooks that were considered already.
    #[serde(default)]
    pub runbooks_seen: BTreeSet<String>,
    /// The number of the next moment.
    pub moment_next: u64,
    /// Everything that happened, the oldest first.
    #[serde(skip)]
    pub timeline: VecDeque<Moment>,
}

impl Incident {
    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        self.state != IncidentState::Resolved && self.merged_into.is_none()
    }

    /// How many of its alerts fire.
    pub fn firing(&self) -> usize {
        self.alerts.values().filter(|alert| alert.ends_ms.is_none()).count()
    }

    /// The next step of the escalation that waits.
    pub fn next_escalation(&self) -> Option<&EscalationTimer> {
        let waiting = |timer: &&EscalationTimer| timer.state == EscalationState::Waiting;
        self.escalation.iter().filter(waiting).min_by_key(|timer| timer.due_ms)
    }

    /// What is about as bad as it gets first.
    pub fn severity_rank(severity: &str) -> u8 {
        match severity.to_ascii_lowercase().as_str() {
            "critical" | "page" | "emergency" | "sev1" | "p1" => 4,
            "error" | "high" | "sev2" | "p2" => 3,
            "warning" | "warn" | "sev3" | "p3" => 2,
            "" => 0,
            _ => 1,
        }
    }
}
