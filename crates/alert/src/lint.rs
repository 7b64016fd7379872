//! What `promtool check rules` finds beyond errors.

use std::collections::BTreeMap;

use crate::GroupDefinition;

/// Rules that write the same series, or alerts that cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateRule {
    /// `record` or `alert`.
    pub name: String,
    /// Their labels.
    pub labels: BTreeMap<String, String>,
}

/// Rules of `groups` that share name and labels, each once, by name.
pub fn duplicate_rules(groups: &[GroupDefinition]) -> Vec<DuplicateRule> {
    let mut counts: BTreeMap<(&String, &BTreeMap<String, String>), usize> = BTreeMap::new();
    for rule in groups.iter().flat_map(|group| &group.rules) {
        *counts.entry((&rule.name, &rule.labels)).or_default() += 1;
    }
    let repeated = counts.into_iter().filter(|(_, count)| *count > 1);
    repeated
        .map(|((name, labels), _)| DuplicateRule { name: name.clone(), labels: labels.clone() })
        .collect()
}
