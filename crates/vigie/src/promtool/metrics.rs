//! `promtool check metrics`: the linter's findings, and how many series each metric has.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Result;

use super::lint::{self, Family};
use super::{INPUT_BYTES_MAX, LINT_EXIT_CODE};
use crate::args::CheckMetricsArgs;
use crate::log::{print, warn};

pub(super) fn check(args: &CheckMetricsArgs) -> Result<ExitCode> {
    let lints = args.lint != "none";
    if !lints && !args.extended {
        warn("error: at least one of --extended or linting must be enabled");
        return Ok(ExitCode::FAILURE);
    }
    let mut text = Vec::new();
    std::io::stdin().take(INPUT_BYTES_MAX).read_to_end(&mut text)?;
    let families = match lint::read(&text) {
        Ok(families) => families,
        Err(error) => {
            warn(&format!("error while linting: {error:#}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let problems = if lints { lint::problems(&families) } else { Vec::new() };
    for (name, problem) in &problems {
        warn(&format!("{name} {problem}"));
    }
    if args.extended {
        print(&cardinality(&families));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(LINT_EXIT_CODE) })
}

/// A table of metrics by the number of their series, largest first.
fn cardinality(families: &BTreeMap<String, Family>) -> String {
    let mut counts: Vec<(&str, usize)> =
        families.iter().map(|(name, family)| (name.as_str(), family.series)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let mut rows = vec![["Metric".to_owned(), "Cardinality".to_owned(), "Percentage".to_owned()]];
    for (name, count) in counts {
        let share = count as f64 / total.max(1) as f64 * 100.0;
        rows.push([name.to_owned(), count.to_string(), format!("{share:.2}%")]);
    }
    rows.push(["Total".to_owned(), total.to_string(), "100%".to_owned()]);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0) + 4
    };
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:<width$}"));
        }
        text.push('\n');
    }
    text
}
