//! What a rule is once its file has been read.

use std::collections::BTreeMap;

use crate::RuleExpression;

/// Where something stands in a file: line and column from 1, 0 when unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// Recording or alerting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// `record`: the result becomes series.
    Recording,
    /// `alert`: each series of the result is an alert.
    Alerting {
        /// How long a series must be in the result before the alert fires.
        for_ms: i64,
        /// How long the alert goes on after the series has left the result.
        keep_firing_for_ms: i64,
    },
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `record` or `alert`.
    pub name: String,
    /// Which of the two.
    pub kind: RuleKind,
    /// What is asked.
    pub expression: RuleExpression,
    /// Labels that are set: the group's, then its own. An empty value removes the label.
    pub labels: BTreeMap<String, String>,
    /// What people are told, by name.
    pub annotations: BTreeMap<String, String>,
    /// Where the rule begins in its file.
    pub place: Place,
    /// Where its expression begins.
    pub expression_place: Place,
}

impl Rule {
    /// Whether it is an alerting rule.
    pub const fn is_alerting(&self) -> bool {
        matches!(self.kind, RuleKind::Alerting { .. })
    }

    /// Whether both do the same; where they stand does not matter.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.kind == other.kind
            && self.expression.text == other.expression.text
            && self.labels == other.labels
            && self.annotations == other.annotations
    }
}

/// A group of rules with what its file leaves open filled in.
#[derive(Debug, Clone)]
pub struct GroupDefinition {
    /// Its name, unique in its file.
    pub name: String,
    /// Path of its file.
    pub file: String,
    /// How often it is evaluated.
    pub interval_ms: i64,
    /// How far back it looks; `None`: as far as the configuration says for all groups.
    pub query_offset_ms: Option<i64>,
    /// Most series or alerts that one rule may give; 0 for any number.
    pub limit: usize,
    /// Its rules, in the order of evaluation.
    pub rules: Vec<Rule>,
    /// Where it begins in its file.
    pub place: Place,
}

impl GroupDefinition {
    /// What names it among all groups, as Prometheus' metrics do: `file;name`.
    pub fn key(&self) -> String {
        format!("{};{}", self.file, self.name)
    }

    /// Whether a running group of the other definition can go on as it is.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.file == other.file
            && self.interval_ms == other.interval_ms
            && self.query_offset_ms == other.query_offset_ms
            && self.limit == other.limit
            && self.rules.len() == other.rules.len()
            && self.rules.iter().zip(&other.rules).all(|(one, two)| one.is_same(two))
    }
}
