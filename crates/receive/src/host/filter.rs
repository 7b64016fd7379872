//! Which devices, mount points or fields are told of.

use regex::Regex;
use vigie_model::pattern::{self, PatternError};

/// A regular expression for what to leave out, or one for what to take.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    exclude: Option<Regex>,
    include: Option<Regex>,
}

impl Filter {
    /// Leaves out what matches; an empty expression leaves out nothing.
    pub fn excluding(expression: &str) -> Result<Self, PatternError> {
        Ok(Self { exclude: compile(expression)?, include: None })
    }

    /// Takes only what matches; an empty expression takes all.
    pub fn including(expression: &str) -> Result<Self, PatternError> {
        Ok(Self { exclude: None, include: compile(expression)? })
    }

    /// A filter of this code, known to be well formed (a test sees to it).
    pub(super) fn default_excluding(expression: &str) -> Self {
        Self::excluding(expression).unwrap_or_default()
    }

    /// As [`default_excluding`](Self::default_excluding), for what to take.
    pub(super) fn default_including(expression: &str) -> Self {
        Self::including(expression).unwrap_or_default()
    }

    /// Whether `name` is left out.
    pub fn ignores(&self, name: &str) -> bool {
        self.exclude.as_ref().is_some_and(|exclude| exclude.is_match(name))
            || self.include.as_ref().is_some_and(|include| !include.is_match(name))
    }

    /// Whether there is an expression at all.
    pub fn is_set(&self) -> bool {
        self.exclude.is_some() || self.include.is_some()
    }
}

fn compile(expression: &str) -> Result<Option<Regex>, PatternError> {
    if expression.is_empty() {
        return Ok(None);
    }
    pattern::compile(expression).map(Some)
}
