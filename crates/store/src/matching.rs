//! Matchers made ready to be asked many times.

use regex::Regex;
use vigie_model::{Labels, MatchOp, Matcher};

use crate::StoreError;

/// A matcher whose regular expression is compiled.
#[derive(Debug, Clone)]
pub struct CompiledMatcher {
    matcher: Matcher,
    regex: Option<Regex>,
}

impl CompiledMatcher {
    /// Compiles `matcher`; regular expressions are anchored, and `.` matches newlines, as in
    /// Prometheus.
    pub fn new(matcher: &Matcher) -> Result<Self, StoreError> {
        let regex = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(
                Regex::new(&format!("^(?s:{})$", matcher.value))
                    .map_err(|e| StoreError::Invalid(e.to_string()))?,
            ),
        };
        Ok(Self { matcher: matcher.clone(), regex })
    }

    /// The label asked for.
    pub fn name(&self) -> &str {
        &self.matcher.name
    }

    /// Whether `value` (empty for an absent label) satisfies the matcher.
    pub fn matches_value(&self, value: &str) -> bool {
        match (&self.regex, self.matcher.op) {
            (Some(regex), MatchOp::Regex) => regex.is_match(value),
            (Some(regex), _) => !regex.is_match(value),
            (None, MatchOp::Equal) => value == self.matcher.value,
            (None, _) => value != self.matcher.value,
        }
    }

    /// Whether `labels` satisfy the matcher.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.matcher.name).unwrap_or(""))
    }
}
