//! Inhibition: while one alert fires, others are not told of.

use std::collections::BTreeSet;

use vigie_model::Labels;

use crate::matcher::AlertMatchers;

/// A rule: an alert that matches `target` is not told while one that matches `source` fires and
/// has the same values of `equal`.
#[derive(Debug, Clone)]
pub struct InhibitRule {
    /// What people call it; may be empty.
    pub name: String,
    /// What inhibits.
    pub source: AlertMatchers,
    /// What is inhibited.
    pub target: AlertMatchers,
    /// Labels that both must have alike; absent and empty are alike.
    pub equal: BTreeSet<String>,
    /// Line of the file.
    pub line: u32,
}

impl InhibitRule {
    /// Whether a firing alert `source` inhibits `target`. An alert that matches both sides is
    /// not inhibited by another such alert, nor by itself.
    pub fn inhibits(&self, source: &Labels, target: &Labels) -> bool {
        self.target.matches(target)
            && self.source.matches(source)
            && self.is_equal(source, target)
            && !(self.source.matches(target) && self.target.matches(source))
    }

    /// Whether two label sets have the same values of `equal`.
    pub fn is_equal(&self, one: &Labels, other: &Labels) -> bool {
        self.equal.iter().all(|name| one.get(name).unwrap_or("") == other.get(name).unwrap_or(""))
    }

    /// The values of `equal`, by which sources are found.
    pub fn key_of(&self, labels: &Labels) -> Labels {
        labels.filtered(|name| self.equal.contains(name))
    }

    /// What to call it: its name, or where it stands.
    pub fn title(&self) -> String {
        if self.name.is_empty() { format!("line {}", self.line) } else { self.name.clone() }
    }
}
