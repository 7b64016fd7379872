//! A run of a runbook, as it is kept on disk: after a restart it goes on where it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vigie_language::runbook::{Runbook, Step};

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Steps are taken.
    Running,
    /// Somebody is asked.
    Waiting,
    /// A step was running when the process ended: a person says what became of it.
    Unknown,
    /// All steps were taken or left out.
    Succeeded,
    /// A step failed.
    Failed,
    /// Somebody ended it.
    Aborted,
}

impl RunState {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }

    /// Whether nothing more happens.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Aborted)
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Its turn has not come.
    Pending,
    /// Somebody is asked.
    Waiting,
    /// It is on disk that it begins now.
    Running,
    /// It was done; whether it helped is looked at.
    Verifying,
    /// It did not help and is undone: on disk before that begins.
    RollingBack,
    /// It was done.
    Succeeded,
    /// It was tried and failed.
    Failed,
    /// Its condition does not hold.
    Skipped,
    /// Its condition cannot be evaluated.
    Undecided,
    /// It would be done, were that allowed.
    WouldRun,
    /// A rule of safety or a person refused it.
    Refused,
    /// It was running when the process ended.
    Unknown,
    /// The run ended before.
    Aborted,
}

impl StepStatus {
    /// As the API names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::RollingBack => "rolling_back",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Undecided => "undecided",
            Self::WouldRun => "would_run",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Aborted => "aborted",
        }
    }

    /// Whether its turn is over.
    pub const fn is_over(self) -> bool {
        !matches!(
            self,
            Self::Pending | Self::Waiting | Self::Running | Self::Verifying | Self::RollingBack
        )
    }
}

/// Somebody's leave to take a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who may give it.
    pub approvers: Vec<String>,
    /// Until when.
    pub expires_ms: i64,
    /// The hash of what was shown when it was asked for.
    pub hash: String,
    /// Who gave it.
    pub by: Option<String>,
    /// What they said.
    pub comment: String,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    /// Its place in the runbook.
    pub place: usize,
    /// What people call it.
    pub name: String,
    /// Which part of the runbook it belongs to.
    pub phase: String,
    /// What kind it is.
    pub kind: String,
    /// What it does, in one line.
    pub text: String,
    /// Its condition.
    pub condition: String,
    /// What it is repeated for.
    pub item: Option<String>,
    /// How far it is.
    pub status: StepStatus,
    /// The argument vector.
    pub argv: Vec<String>,
    /// What came of the condition.
    pub verdict: String,
    /// How it ended.
    pub detail: String,
    /// What it wrote.
    pub output: String,
    /// Whether it wrote more.
    pub is_truncated: bool,
    /// How often it was tried.
    pub attempt: u32,
    /// When it began; milliseconds since the epoch.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Until when it is looked at whether it helped.
    pub verify_until_ms: Option<i64>,
    /// The hash of what it does.
    pub hash: String,
    /// The leave that it needs.
    pub approval: Option<Approval>,
}

impl StepRun {
    /// The step of a runbook, before its turn.
    pub fn of(place: usize, step: &Step) -> Self {
        Self {
            place,
            name: step.name.clone(),
            phase: step.phase.as_str().to_owned(),
            kind: step.action.kind().to_owned(),
            text: crate::desk::shortened(step.action.to_string(), 2 << 10),
            condition: step.condition.as_ref().map(ToString::to_string).unwrap_or_default(),
            item: None,
            status: StepStatus::Pending,
            argv: Vec::new(),
            verdict: String::new(),
            detail: String::new(),
            output: String::new(),
            is_truncated: false,
            attempt: 0,
            started_ms: None,
            ended_ms: None,
            verify_until_ms: None,
            hash: String::new(),
            approval: None,
        }
    }

    /// Whether something of it may have been done to the outside and nobody knows.
    pub const fn is_in_the_air(&self) -> bool {
        matches!(self.status, StepStatus::Running | StepStatus::RollingBack)
    }
}

/// A run of a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: u64,
    /// Name of the runbook.
    pub runbook: String,
    /// The incident it is for.
    pub incident: Option<u64>,
    /// What it acts on.
    pub target: String,
    /// The mode it was started in: `observe` or `execute`.
    pub mode: String,
    /// Whether it only shows what would be done.
    pub is_dry: bool,
    /// Who started it.
    pub by: String,
    /// Whether a person did.
    pub is_by_hand: bool,
    /// Labels of the alert.
    pub labels: BTreeMap<String, String>,
    /// Inputs.
    pub inputs: BTreeMap<String, String>,
    /// Variables; asked for when it began.
    pub variables: BTreeMap<String, String>,
    /// Whether the variables were asked for.
    pub has_variables: bool,
    /// How far it is.
    pub state: RunState,
    /// Why it ended so.
    pub detail: String,
    /// When it began; milliseconds since the epoch.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: Option<i64>,
    /// Its steps.
    pub steps: Vec<StepRun>,
}

impl Run {
    /// The steps of `runbook`, before anything was done.
    pub fn steps_of(runbook: &Runbook) -> Vec<StepRun> {
        runbook.steps.iter().enumerate().map(|(place, step)| StepRun::of(place, step)).collect()
    }

    /// The step whose turn it is.
    pub fn current(&self) -> Option<usize> {
        self.steps.iter().position(|step| !step.status.is_over())
    }

    /// Whether it acts on the outside.
    pub fn may_execute(&self) -> bool {
        self.mode == "execute" && !self.is_dry
    }

    /// Whether something was done to the outside for it.
    pub fn has_acted(&self) -> bool {
        self.steps.iter().any(|step| step.phase == "remediation" && step.attempt > 0)
    }
}
