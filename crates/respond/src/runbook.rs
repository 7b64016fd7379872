//! Runbooks at work: what is evaluated, what may run, and what became of it.
//!
//! Nothing is run unless the mode is `execute`, the condition holds with data that is there, the
//! program and its arguments are on the allow-list, no limit is reached, and the intent is on
//! disk. Each of these has a file here; the order in which they are asked is in
//! [`crate::desk`].

mod allow;
mod evidence;
mod gate;
mod judge;
mod options;
mod pairs;
mod prepare;
mod redact;
mod run;
mod select;
#[cfg(test)]
mod tests;

pub use allow::{AllowList, AllowedHttp, AllowedProgram, anchored};
pub use evidence::{Answer, Answers, Evidence, EvidenceError, ROWS_MAX, Sample, ask_all};
pub use gate::{Breaker, Gate, Ledger};
pub use judge::{JudgeInput, Judged, Truth, judge, with_approval};
pub use options::RunbookOptions;
pub(crate) use prepare::hex;
pub use prepare::{Deed, Prepared, Values, prepare};
pub use redact::Redactor;
pub use run::{Approval, Run, RunState, StepRun, StepStatus};
pub(crate) use select::is_asked_for;
pub use select::{Selector, inputs_of};
