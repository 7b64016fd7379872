//! Unit tests of rules: the files of `promtool test rules`, run unchanged.
//!
//! A test's series go into a store in memory, its rules run over it from minute to minute as they
//! would in a server, and what they gave is compared with what the file expects. Failures are told
//! in promtool's words.

mod file;
mod histogram;
mod report;
mod run;
#[cfg(test)]
mod tests;

use std::path::Path;

use regex::Regex;
use vigie_world::World;

use crate::Expander;

/// How test files are run.
#[derive(Debug)]
pub struct UnitTestOptions<'a> {
    /// Only tests whose name matches are run.
    pub run: Option<Regex>,
    /// Whether fields that Prometheus does not know are left out of rule files.
    pub ignore_unknown_fields: bool,
    /// What expands templates.
    pub expander: std::sync::Arc<dyn Expander>,
    /// Disk.
    pub world: &'a World,
}

/// How one test of a file went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseReport {
    /// Its name, or `unnamed#N`.
    pub name: String,
    /// What was not as expected, in promtool's words.
    pub failures: Vec<String>,
}

/// How a file of tests went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitTestReport {
    /// What kept the file from being run.
    pub error: Option<String>,
    /// What deserves a word.
    pub warnings: Vec<String>,
    /// Its tests.
    pub cases: Vec<CaseReport>,
}

impl UnitTestReport {
    /// Everything that is wrong, in the order of the file.
    pub fn failures(&self) -> impl Iterator<Item = &str> {
        let failures = self.cases.iter().flat_map(|case| &case.failures);
        self.error.iter().chain(failures).map(String::as_str)
    }

    /// Whether nothing is wrong.
    pub fn is_success(&self) -> bool {
        self.failures().next().is_none()
    }
}

/// Runs the tests of the file at `path`.
pub async fn run_unit_tests(path: &Path, options: &UnitTestOptions<'_>) -> UnitTestReport {
    let mut report = UnitTestReport::default();
    let file = match file::read(path, options.world, &mut report.warnings) {
        Ok(file) => file,
        Err(error) => {
            report.error = Some(error);
            return report;
        }
    };
    for (at, group) in file.tests.iter().enumerate() {
        let is_wanted = options.run.as_ref().is_none_or(|run| run.is_match(&group.name));
        if !is_wanted {
            continue;
        }
        let name = match group.name.as_str() {
            "" => format!("unnamed#{at}"),
            name => name.to_owned(),
        };
        let failures = run::run(&file, group, options).await;
        report.cases.push(CaseReport { name, failures });
    }
    report
}
