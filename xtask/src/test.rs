//! Runs everything that is tested.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::needs::{self, Variable};
use crate::shell::{cargo, root};
use crate::{tidy, web};

/// How many failed tests are run a second time; more than that is no accident.
///
/// The tests start browsers, databases and dozens of servers beside each other. One that fails
/// then and passes alone is unsteady: it is named on the last line and is a defect of its own,
/// but says nothing of what was changed.
const AGAIN_MAX: usize = 3;

/// Tidy, the page, then all Rust tests; ends with one line that counts them.
pub(crate) fn run() -> Result<()> {
    tidy::run()?;
    let installed = needs::install()?;
    web::build()?;
    web::test()?;
    let (first, status) = cargo_test(&[], &installed)?;
    if status.success() {
        println!("\n{first}");
        return Ok(());
    }
    let failed = first.failed_names.len();
    if failed == 0 || failed > AGAIN_MAX || failed as u64 != first.failed {
        println!("\n{first}");
        bail!("cargo test ended with {status}");
    }
    let names: Vec<&str> = first.failed_names.iter().map(String::as_str).collect();
    println!("\nrun again, alone: {}\n", names.join(", "));
    let (again, status) = cargo_test(&names, &installed)?;
    println!("\n{first}");
    if !status.success() || again.passed < failed as u64 {
        bail!("failed twice: {}", names.join(", "));
    }
    println!("unsteady, passed when run alone, to be mended: {}", names.join(", "));
    Ok(())
}

/// Runs the tests whose whole names are `names`, or all when it is empty.
fn cargo_test(names: &[&str], installed: &[Variable]) -> Result<(Count, ExitStatus)> {
    let mut arguments = vec!["test", "--workspace", "--no-fail-fast", "--", "--show-output"];
    if !names.is_empty() {
        arguments.push("--exact");
    }
    arguments.extend(names);
    let mut command = cargo(&arguments)?;
    command.envs(installed.iter().map(|(name, value)| (name, value)));
    if let Some(shared) = root().parent().map(|parent| parent.join("shared")) {
        command.env("VIGIE_SHARED", shared);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut count = Count::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        count.add(&line);
        println!("{line}");
    }
    Ok((count, child.wait()?))
}

/// Sums up cargo's `test result:` lines, one for each test binary.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
    failed_names: Vec<String>,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

impl Count {
    fn add(&mut self, line: &str) {
        // A test that lacks something passes and says so; it counts as passed and as skipped.
        if line.starts_with("skipped: ") {
            self.skipped += 1;
        }
        let name = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"));
        self.failed_names.extend(name.map(str::to_owned));
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = result.split([' ', ';']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_test_binaries_add_up() {
        let mut count = Count::default();
        count.add("test result: ok. 19 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        count.add("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured");
        count.add("skipped: a_test needs shared/seed");
        count.add("running 5 tests");
        count.add("test store::one ... FAILED");
        count.add("test store::two ... ok");
        assert_eq!(count.to_string(), "21 passed, 3 failed, 2 skipped");
        assert_eq!(count.failed_names, ["store::one"]);
    }
}
