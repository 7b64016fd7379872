//! Rule files as Prometheus 3 reads them.
//!
//! Text enters, groups leave, or everything that is wrong with the text. Errors carry line and
//! column and say what Prometheus would say; where Prometheus has no position, they have one.

mod check;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use vigie_language::yaml::{Node, Source};

use crate::reader::Written;
use crate::{Expander, GroupDefinition, Place, Rule, RuleExpression, RuleKind};

/// Something that is wrong in a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFileError {
    /// Where; line 0 when the whole file is meant.
    pub place: Place,
    /// Prometheus' text, positions included.
    pub message: String,
}

impl fmt::Display for RuleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions<'a> {
    /// Interval of groups that name none.
    pub default_interval_ms: i64,
    /// Whether fields that Prometheus does not know are left out instead of refused.
    pub ignore_unknown_fields: bool,
    /// What looks at templates.
    pub expander: &'a dyn Expander,
}

/// A group as it is written.
#[derive(Debug, Default)]
struct WrittenGroup {
    place: Place,
    name: String,
    interval_ms: i64,
    query_offset_ms: Option<i64>,
    limit: i64,
    labels: BTreeMap<String, String>,
    rules: Vec<WrittenRule>,
}

/// A rule as it is written.
#[derive(Debug, Default)]
struct WrittenRule {
    place: Place,
    record: Written,
    alert: Written,
    expr: Written,
    for_ms: i64,
    keep_firing_for_ms: i64,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

/// Reads the rule file `text` that lies at `file`.
pub fn parse_rule_file(
    text: &str,
    file: &str,
    options: ReadOptions<'_>,
) -> Result<Vec<GroupDefinition>, Vec<RuleFileError>> {
    let node = Node::parse(text, &Source::default()).map_err(|error| {
        let place = Place { line: error.line, column: error.column };
        let message = error.message.strip_prefix("yaml: ").unwrap_or(&error.message).to_owned();
        vec![RuleFileError { place, message: format!("yaml: line {}: {message}", error.line) }]
    })?;
    let written = read::groups(&node, options.ignore_unknown_fields)?;
    let errors = check::check(&written, options.expander);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(written.into_iter().map(|group| definition(group, file, options)).collect())
}

fn definition(group: WrittenGroup, file: &str, options: ReadOptions<'_>) -> GroupDefinition {
    let labels = group.labels;
    GroupDefinition {
        name: group.name,
        file: file.to_owned(),
        interval_ms: match group.interval_ms {
            0 => options.default_interval_ms,
            interval_ms => interval_ms,
        },
        query_offset_ms: group.query_offset_ms,
        limit: usize::try_from(group.limit).unwrap_or(0),
        rules: group.rules.into_iter().filter_map(|rule| rule_of(rule, &labels)).collect(),
        place: group.place,
    }
}

/// The rule; none when its expression does not parse, which has been checked.
fn rule_of(written: WrittenRule, group_labels: &BTreeMap<String, String>) -> Option<Rule> {
    let mut labels = group_labels.clone();
    labels.extend(written.labels);
    let is_alert = !written.alert.text.is_empty();
    Some(Rule {
        kind: if is_alert {
            let (for_ms, keep_firing_for_ms) = (written.for_ms, written.keep_firing_for_ms);
            RuleKind::Alerting { for_ms, keep_firing_for_ms }
        } else {
            RuleKind::Recording
        },
        name: if is_alert { written.alert.text } else { written.record.text },
        expression: RuleExpression::promql(&written.expr.text).ok()?,
        labels,
        annotations: written.annotations,
        place: written.place,
        expression_place: written.expr.place,
    })
}
