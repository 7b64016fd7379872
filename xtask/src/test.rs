//! Runs everything that is tested.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, root};
use crate::{needs, tidy, web};

/// Tidy, the page, then all Rust tests; ends with one line that counts them.
pub(crate) fn run() -> Result<()> {
    tidy::run()?;
    let python = needs::install()?;
    web::build()?;
    web::test()?;
    let mut command = cargo(&["test", "--workspace", "--no-fail-fast", "--", "--show-output"])?;
    if let Some(python) = python {
        command.env("VIGIE_TEST_PYTHON", python);
    }
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
    let status = child.wait()?;
    println!("\n{} passed, {} failed, {} skipped", count.passed, count.failed, count.skipped);
    if !status.success() {
        bail!("cargo test ended with {status}");
    }
    Ok(())
}

/// Sums up cargo's `test result:` lines, one for each test binary.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Count {
    fn add(&mut self, line: &str) {
        // A test that lacks something passes and says so; it counts as passed and as skipped.
        if line.starts_with("skipped: ") {
            self.skipped += 1;
        }
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
        assert_eq!(count, Count { passed: 21, failed: 3, skipped: 2 });
    }
}
