//! What the operator allows: the limits within which every runbook stays.

use std::path::PathBuf;
use std::sync::Arc;

use vigie_language::runbook::Mode;
use vigie_world::ProcessLimits;

use super::{AllowList, Redactor, Selector};

/// The limits within which every runbook stays.
#[derive(Debug, Clone)]
pub struct RunbookOptions {
    /// How much may be done at most.
    pub mode: Mode,
    /// What may be run.
    pub allow: AllowList,
    /// Who may approve where a runbook names nobody.
    pub approvers: Vec<String>,
    /// Whether approvals count only from users who logged in.
    pub approvals_need_login: bool,
    /// How long an approval is waited for, and how long it is good for.
    pub approval_ms: u64,
    /// How long a step may take unless it says so itself.
    pub timeout_ms: u64,
    /// How long any step may take.
    pub timeout_ms_max: u64,
    /// Bytes of output that are kept of a step.
    pub output_bytes_max: usize,
    /// How long a runbook rests after a run on the same target, unless it says so itself.
    pub cooldown_ms: u64,
    /// How often one runbook runs within an hour at most.
    pub runs_per_hour_max: u32,
    /// How often all runbooks together run within an hour at most.
    pub all_runs_per_hour_max: u32,
    /// How many runs there are at once.
    pub concurrency_max: usize,
    /// Failures in a row after which a runbook rests.
    pub breaker_failures: u32,
    /// How long it rests then; a person can end it.
    pub breaker_ms: u64,
    /// Targets that one runbook acts on within an hour.
    pub targets_per_hour_max: u32,
    /// Runs that are kept.
    pub runs_max: usize,
    /// Where programs run.
    pub folder: PathBuf,
    /// As whom; `None`: this process' own user.
    pub user: Option<(u32, u32)>,
    /// The environment of every program, besides what the step and the alert say.
    pub environment: Vec<(String, String)>,
    /// What the kernel allows.
    pub limits: ProcessLimits,
    /// Takes secrets out of what programs write.
    pub redactor: Arc<Redactor>,
    /// Which alerts start which runbook, besides what the runbooks say.
    pub selectors: Vec<(Selector, String)>,
}

impl Default for RunbookOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            allow: AllowList::default(),
            approvers: Vec::new(),
            approvals_need_login: false,
            approval_ms: 3_600_000,
            timeout_ms: 60_000,
            timeout_ms_max: 900_000,
            output_bytes_max: 64 << 10,
            cooldown_ms: 600_000,
            runs_per_hour_max: 6,
            all_runs_per_hour_max: 60,
            concurrency_max: 4,
            breaker_failures: 3,
            breaker_ms: 3_600_000,
            targets_per_hour_max: 10,
            runs_max: 1_000,
            folder: PathBuf::from("/"),
            user: None,
            environment: Vec::new(),
            limits: ProcessLimits::default(),
            redactor: Arc::default(),
            selectors: Vec::new(),
        }
    }
}
