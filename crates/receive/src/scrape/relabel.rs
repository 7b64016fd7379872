//! Relabelling rules, compiled once a job.

use vigie_language::relabel::{RelabelConfig, RelabelRule as CompiledRule, relabel};
use vigie_model::LabelsBuilder;

use crate::config::RelabelRule;

/// Rules that are applied one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relabeler(Vec<CompiledRule>);

impl Relabeler {
    /// Compiles `rules`.
    pub(crate) fn compile(rules: &[RelabelRule]) -> Result<Self, String> {
        let compiled = rules.iter().map(|rule| CompiledRule::new(rule.into()));
        compiled.collect::<Result<_, _>>().map(Self).map_err(|error| error.to_string())
    }

    /// Whether there is no rule.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Changes `labels`; false when they are dropped.
    pub(crate) fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        relabel(&self.0, labels)
    }
}

impl From<&RelabelRule> for RelabelConfig {
    fn from(rule: &RelabelRule) -> Self {
        Self {
            source_labels: rule.source_labels.clone(),
            separator: rule.separator.clone(),
            regex: rule.regex.clone(),
            modulus: rule.modulus,
            target_label: rule.target_label.clone(),
            replacement: rule.replacement.clone(),
            action: rule.action.clone(),
        }
    }
}
