//! `test rules`, with promtool's output and exit codes.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use regex::Regex;
use vigie_alert::{GoExpander, UnitTestOptions, run_unit_tests};
use vigie_world::World;

use crate::args::TestRulesArgs;
use crate::log::{say, warn};

/// Runs unit tests of rules.
pub(crate) async fn test_rules(args: &TestRulesArgs, world: &World) -> Result<ExitCode> {
    for file in &args.files {
        if !file.is_file() {
            anyhow::bail!("path '{}' does not exist", file.display());
        }
    }
    let run = match args.run.as_slice() {
        [] => None,
        patterns => Some(Regex::new(&patterns.join("|")).context("--run")?),
    };
    let options = UnitTestOptions {
        run,
        ignore_unknown_fields: args.ignore_unknown_fields,
        expander: Arc::new(GoExpander::default()),
        world,
    };
    let mut has_failed = false;
    for file in &args.files {
        let started = world.clock.monotonic();
        let report = run_unit_tests(file, &options).await;
        for warning in &report.warnings {
            warn(&format!("  WARNING: {warning}"));
        }
        if args.debug {
            let took = world.clock.monotonic() - started;
            for case in &report.cases {
                warn(&format!("DEBUG: Test {} finished", case.name));
            }
            warn(&format!("DEBUG: {} took {took:?}", file.display()));
        }
        if report.is_success() {
            say("  SUCCESS");
        } else {
            has_failed = true;
            warn("  FAILED:");
            for failure in report.failures() {
                warn(failure);
                say("");
            }
        }
        say("");
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
