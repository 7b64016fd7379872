//! Flags of what is done with rule files: check, test, replay.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

/// `check rules`
#[derive(Debug, Args)]
pub(crate) struct CheckRulesArgs {
    /// What is looked for besides errors: all, duplicate-rules, none
    #[arg(long, default_value = "duplicate-rules")]
    pub(crate) lint: String,
    /// End with exit code 3 when such a thing is found
    #[arg(long)]
    pub(crate) lint_fatal: bool,
    /// Leave out fields that Prometheus does not know
    #[arg(long)]
    pub(crate) ignore_unknown_fields: bool,
    /// Rule files; none: standard input
    pub(crate) files: Vec<PathBuf>,
}

/// `test rules`
#[derive(Debug, Args)]
pub(crate) struct TestRulesArgs {
    /// Only tests whose name matches this regular expression; may be repeated
    #[arg(long)]
    pub(crate) run: Vec<String>,
    /// Say when each test begins and ends
    #[arg(long)]
    pub(crate) debug: bool,
    /// Taken as promtool takes it; expected and found are always printed in full
    #[arg(long)]
    pub(crate) diff: bool,
    /// Leave out fields of rule files that Prometheus does not know
    #[arg(long)]
    pub(crate) ignore_unknown_fields: bool,
    /// Test files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// What is tested.
#[derive(Debug, Subcommand)]
pub(crate) enum TestWhat {
    /// Unit tests of rules, as promtool runs them
    Rules(TestRulesArgs),
}
/// What is done with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesWhat {
    /// Evaluate recording rules over a past range and write what they give
    Replay(ReplayArgs),
}

/// `rules replay`
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// From when: RFC 3339 or Unix seconds
    #[arg(long)]
    pub(crate) start: String,
    /// Until when [default: now]
    #[arg(long)]
    pub(crate) end: Option<String>,
    /// How often rules are evaluated whose group does not say
    #[arg(long, default_value = "1m")]
    pub(crate) eval_interval: String,
    /// Rule files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// `doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Configuration files, rule files, or folders; expositions (.prom, .txt) and sources of
    /// applications among them say what is exposed
    pub(crate) paths: Vec<PathBuf>,
    /// A running server, which knows what is exposed
    #[arg(long)]
    pub(crate) server: Option<String>,
    /// Whose data (X-Scope-OrgID)
    #[arg(long)]
    pub(crate) tenant: Option<String>,
}
