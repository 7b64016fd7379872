//! Runbooks: what is looked at and done when an alert fires, as people write it in YAML.
//!
//! The short form has `symptoms`, `investigation`, `remediation` and `escalation`; the richer one
//! adds inputs, variables, checks, limits. Reading gives a [`Runbook`] in which every condition,
//! query and argument vector is parsed, so that what can never work is said with its place when
//! the file is read and not at night. Nothing here evaluates or runs anything.

mod condition;
mod operand;
mod read;
mod section;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::fmt;

pub use condition::{Compare, Condition, Operand, Query};
pub use text::{Part, Text};
pub use words::{WordsError, split_words};

use crate::yaml::{ConfigError, Node, Source};

/// Runbooks that one file may have.
pub const RUNBOOKS_MAX: usize = 1_000;
/// Steps that one runbook may have.
pub const STEPS_MAX: usize = 200;

/// How much a runbook may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nothing at all.
    Off,
    /// Everything is evaluated and written down, nothing is run.
    Observe,
    /// Steps are run.
    Execute,
}

impl Mode {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Observe => "observe",
            Self::Execute => "execute",
        }
    }

    /// The mode with that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Observe, Self::Execute].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// Which part of a runbook a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Gathers evidence.
    Investigation,
    /// Changes something.
    Remediation,
}

impl Phase {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Investigation => "investigation",
            Self::Remediation => "remediation",
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Runs a program with these arguments; the first is the program.
    Command(Vec<Text>),
    /// Runs a script that is fixed in the file, by an interpreter.
    Script {
        /// Absolute path of the interpreter.
        interpreter: String,
        /// The script: without placeholders.
        text: String,
    },
    /// Asks.
    Query(Query),
    /// Makes a request.
    Http(HttpCall),
    /// Tells a receiver.
    Notify {
        /// Name of the receiver, or of a notify action.
        receiver: String,
        /// What is told.
        message: Text,
    },
}

impl Action {
    /// What kind it is, for people.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Command(_) => "command",
            Self::Script { .. } => "script",
            Self::Query(Query::Promql(_)) => "promql",
            Self::Query(Query::Sql(_)) => "sql",
            Self::Http(_) => "http",
            Self::Notify { .. } => "notify",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(words) => {
                for (at, word) in words.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" ")?;
                    }
                    words::write_quoted(f, &word.to_string())?;
                }
                Ok(())
            }
            Self::Script { interpreter, text } => write!(f, "{interpreter} -c {text}"),
            Self::Query(query) => write!(f, "{query}"),
            Self::Http(call) => write!(f, "{} {}", call.method, call.url),
            Self::Notify { receiver, message } => write!(f, "notify {receiver}: {message}"),
        }
    }
}

/// A request of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Where.
    pub url: Text,
    /// Headers.
    pub headers: Vec<(String, Text)>,
    /// What is sent.
    pub body: Text,
    /// Statuses that are a success; none: 200 to 299.
    pub expect: Vec<u16>,
}

/// A value that a run is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name.
    pub name: String,
    /// The label of the alert whose value it is.
    pub label: String,
    /// The value when there is no such label.
    pub default: Option<String>,
    /// An anchored regular expression that the value matches.
    pub pattern: String,
}

/// A value that is asked for when a run starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Name.
    pub name: String,
    /// The query; the first row or series counts.
    pub query: Query,
    /// A label or column of it whose value is taken; empty: the number.
    pub label: String,
}

/// What a step is repeated for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForEach {
    /// These values.
    Values(Vec<String>),
    /// The values of a label in the answer to a query.
    Query {
        /// The query.
        query: Query,
        /// The label or column.
        label: String,
    },
}

/// What has to hold after a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Verify {
    /// The condition.
    pub condition: Condition,
    /// Within how long.
    pub within_ms: u64,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What people call it.
    pub name: String,
    /// Which part it belongs to.
    pub phase: Phase,
    /// What it does.
    pub action: Action,
    /// What has to hold before.
    pub condition: Option<Condition>,
    /// What has to hold so that the step is looked at at all.
    pub when: Option<Condition>,
    /// What it is repeated for.
    pub for_each: Option<ForEach>,
    /// How long it may take.
    pub timeout_ms: Option<u64>,
    /// How often it is tried again.
    pub retries: u32,
    /// How long it waits before that.
    pub retry_pause_ms: u64,
    /// What has to hold after it.
    pub verify: Option<Verify>,
    /// What undoes it when that does not hold.
    pub rollback: Option<Action>,
    /// Who may approve it; none: those of the runbook.
    pub approvers: Vec<String>,
    /// Variables of the environment.
    pub environment: Vec<(String, Text)>,
    /// Whether the run goes on when it fails.
    pub continues: bool,
    /// Line in the file.
    pub line: u32,
}

/// Somebody who is told when nobody has answered by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationStep {
    /// How long after the incident was opened.
    pub after_ms: u64,
    /// Who: a name that the on-call configuration gives a meaning.
    pub action: String,
    /// Line in the file.
    pub line: u32,
}

/// How many targets may be acted on within an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct BlastRadius {
    /// At most this many.
    pub targets_max: Option<u32>,
    /// At most this share of [`of`](Self::of), from 0 to 1.
    pub share_max: Option<f64>,
    /// How many there are: a PromQL query.
    pub of: String,
}

/// Which alerts start a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Starts {
    /// Alerts of these names.
    pub alerts: Vec<String>,
    /// Alerts that all of these conditions on labels fit.
    pub matchers: Vec<String>,
}

/// A runbook.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What people see.
    pub symptoms: Vec<String>,
    /// Who wrote it: nobody approves their own steps.
    pub author: String,
    /// How much it may do at most.
    pub mode: Mode,
    /// Which alerts start it.
    pub starts: Starts,
    /// Values that it is started with.
    pub inputs: Vec<Input>,
    /// Values that it asks for.
    pub variables: Vec<Variable>,
    /// What it acts on: one run for each at once.
    pub target: Text,
    /// How long it rests after a run on the same target.
    pub cooldown_ms: Option<u64>,
    /// How often it runs within an hour at most.
    pub runs_per_hour_max: Option<u32>,
    /// How many runs there are at once at most.
    pub concurrency_max: Option<u32>,
    /// How much it may touch.
    pub blast_radius: Option<BlastRadius>,
    /// How often it is started without an alert.
    pub every_ms: Option<u64>,
    /// Who may approve its steps.
    pub approvers: Vec<String>,
    /// How long an approval is waited for.
    pub approval_ms: Option<u64>,
    /// Steps, investigation first.
    pub steps: Vec<Step>,
    /// Who is told when nobody answers.
    pub escalation: Vec<EscalationStep>,
    /// Line in the file.
    pub line: u32,
}

/// Reads the runbooks of a file: one under `runbook`, several under `runbooks`.
pub fn parse(text: &str, source: &Source) -> Result<Vec<Runbook>, ConfigError> {
    let root = Node::parse(text, source)?;
    read::runbooks(&root, source)
}

/// Reads a condition.
pub fn parse_condition(text: &str) -> Result<Condition, String> {
    condition::parse(text)
}
