//! `check rules`, with promtool's output and exit codes.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use vigie_alert::{
    GoExpander, GroupDefinition, ReadOptions, RuleFileError, duplicate_rules, parse_rule_file,
};
use vigie_world::World;

use crate::args::CheckRulesArgs;
use crate::log::{say, warn};

/// promtool's exit code for findings that are no errors.
const LINT_EXIT_CODE: u8 = 3;

/// Standard input is read up to this.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Checks rule files.
pub(crate) fn check_rules(args: &CheckRulesArgs, world: &World) -> Result<ExitCode> {
    Ok(match check_rules_outcome(args, world)? {
        Checked { has_failed: true, has_errors: true } => ExitCode::FAILURE,
        Checked { has_failed: true, .. } if args.lint_fatal => ExitCode::from(LINT_EXIT_CODE),
        Checked { .. } => ExitCode::SUCCESS,
    })
}

/// As [`check_rules`], for who has more to check before the exit code is known.
pub(crate) fn check_rules_outcome(args: &CheckRulesArgs, world: &World) -> Result<Checked> {
    let mut outcome = Checked::default();
    let lint = lints(&args.lint);
    if args.files.is_empty() {
        say("Checking standard input");
        let mut text = String::new();
        std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text)?;
        outcome.one(&parse(&text, "", args), "", lint);
    }
    for file in &args.files {
        if !file.is_file() {
            anyhow::bail!("path '{}' does not exist", file.display());
        }
    }
    for file in &args.files {
        let name = file.display().to_string();
        say(&format!("Checking {name}"));
        let result = read(file, world).map_or_else(Err, |text| parse(&text, &name, args));
        outcome.one(&result, &format!("{name}: "), lint);
    }
    Ok(outcome)
}

/// Whether duplicates are looked for.
fn lints(options: &str) -> bool {
    let mut duplicates = false;
    for option in options.split(',') {
        match option {
            "all" | "duplicate-rules" => duplicates = true,
            "none" => {}
            other => say(&format!("WARNING: unknown lint option: {other:?}")),
        }
    }
    duplicates
}

fn read(file: &Path, world: &World) -> Result<String, Vec<RuleFileError>> {
    let failed =
        |message: String| vec![RuleFileError { place: vigie_alert::Place::default(), message }];
    let bytes = world.disk.read(file).map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| failed("not UTF-8".to_owned()))
}

fn parse(
    text: &str,
    name: &str,
    args: &CheckRulesArgs,
) -> Result<Vec<GroupDefinition>, Vec<RuleFileError>> {
    let expander = GoExpander::default();
    let options = ReadOptions {
        default_interval_ms: 60_000,
        ignore_unknown_fields: args.ignore_unknown_fields,
        expander: &expander,
    };
    parse_rule_file(text, name, options)
}

/// What was found in rule files.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// Errors, or what the linter looks for.
    pub(crate) has_failed: bool,
    pub(crate) has_errors: bool,
}

impl Checked {
    fn one(
        &mut self,
        result: &Result<Vec<GroupDefinition>, Vec<RuleFileError>>,
        prefix: &str,
        lint: bool,
    ) {
        match result {
            Err(errors) => {
                warn("  FAILED:");
                for error in errors {
                    warn(&format!("{prefix}{error}"));
                }
                self.has_failed = true;
                self.has_errors = true;
            }
            Ok(groups) => match duplicates(groups, lint) {
                Some(found) => {
                    warn("  FAILED:");
                    warn(&found);
                    self.has_failed = true;
                }
                None => {
                    let count: usize = groups.iter().map(|group| group.rules.len()).sum();
                    say(&format!("  SUCCESS: {count} rules found"));
                }
            },
        }
        say("");
    }
}

fn duplicates(groups: &[GroupDefinition], lint: bool) -> Option<String> {
    let found = duplicate_rules(groups);
    if !lint || found.is_empty() {
        return None;
    }
    let mut text = format!("lint error {} duplicate rule(s) found.\n", found.len());
    for rule in &found {
        text.push_str(&format!("Metric: {}\nLabel(s):\n", rule.name));
        for (name, value) in &rule.labels {
            text.push_str(&format!("\t{name}: {value}\n"));
        }
    }
    text.push_str("Might cause inconsistency while recording expressions");
    Some(text)
}
