//! Relabelling: rules that keep, drop and rewrite labels of targets and series.
//!
//! Rules, defaults and messages are Prometheus'. [`RelabelConfig`] is what people write,
//! [`RelabelRule`] is the same, checked and compiled.

mod expand;

use md5::{Digest, Md5};
use regex::Regex;
use serde::Deserialize;
use vigie_model::LabelsBuilder;
use vigie_model::pattern::compile_anchored;

pub(crate) use expand::Template as Expansion;
use expand::Template;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are Prometheus' own")]
pub enum RelabelAction {
    #[default]
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

impl RelabelAction {
    /// The action of that name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "drop" => Self::Drop,
            "keepequal" => Self::KeepEqual,
            "dropequal" => Self::DropEqual,
            "hashmod" => Self::HashMod,
            "labelmap" => Self::LabelMap,
            "labeldrop" => Self::LabelDrop,
            "labelkeep" => Self::LabelKeep,
            "lowercase" => Self::Lowercase,
            "uppercase" => Self::Uppercase,
            _ => return None,
        })
    }

    /// The action's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}

/// A rule as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelabelConfig {
    /// Labels whose values are joined.
    pub source_labels: Vec<String>,
    /// What stands between them.
    pub separator: String,
    /// What the joined value must match as a whole.
    pub regex: String,
    /// For `hashmod`.
    pub modulus: u64,
    /// The label to write.
    pub target_label: String,
    /// What to write, with `$1` for groups.
    pub replacement: String,
    /// What to do.
    pub action: String,
}

impl Default for RelabelConfig {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".to_owned(),
            regex: "(.*)".to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: "$1".to_owned(),
            action: "replace".to_owned(),
        }
    }
}

/// Why a rule cannot be used, in Prometheus' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RelabelError(String);

/// A rule, checked and compiled.
#[derive(Debug, Clone)]
pub struct RelabelRule {
    config: RelabelConfig,
    action: RelabelAction,
    regex: Regex,
    target: Template,
    replacement: Template,
}

impl RelabelRule {
    /// Checks and compiles `config`.
    pub fn new(config: RelabelConfig) -> Result<Self, RelabelError> {
        let action = RelabelAction::parse(&config.action)
            .ok_or_else(|| RelabelError(format!("unknown relabel action {:?}", config.action)))?;
        check(&config, action)?;
        let regex =
            compile_anchored(&config.regex).map_err(|error| RelabelError(error.to_string()))?;
        Ok(Self {
            action,
            regex,
            target: Template::parse(&config.target_label),
            replacement: Template::parse(&config.replacement),
            config,
        })
    }

    /// The rule as it was written.
    pub fn config(&self) -> &RelabelConfig {
        &self.config
    }

    /// Applies the rule to `labels`; false when they are dropped.
    pub fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        use RelabelAction as Action;
        match self.action {
            Action::Drop => return !self.regex.is_match(&self.source(labels)),
            Action::Keep => return self.regex.is_match(&self.source(labels)),
            Action::DropEqual => return self.source(labels) != self.target_value(labels),
            Action::KeepEqual => return self.source(labels) == self.target_value(labels),
            Action::Replace => self.replace(labels),
            Action::Lowercase => {
                let value = self.source(labels).to_lowercase();
                labels.set(&self.config.target_label, &value);
            }
            Action::Uppercase => {
                let value = self.source(labels).to_uppercase();
                labels.set(&self.config.target_label, &value);
            }
            Action::HashMod => {
                let value = hash(&self.source(labels)) % self.config.modulus.max(1);
                labels.set(&self.config.target_label, &value.to_string());
            }
            Action::LabelMap => self.map_names(labels),
            Action::LabelDrop => {
                labels.retain(|name, _| !self.regex.is_match(name));
            }
            Action::LabelKeep => {
                labels.retain(|name, _| self.regex.is_match(name));
            }
        }
        true
    }

    fn source(&self, labels: &LabelsBuilder) -> String {
        let mut joined = String::new();
        for (at, name) in self.config.source_labels.iter().enumerate() {
            if at > 0 {
                joined.push_str(&self.config.separator);
            }
            joined.push_str(labels.get(name).unwrap_or(""));
        }
        joined
    }

    fn target_value<'a>(&self, labels: &'a LabelsBuilder) -> &'a str {
        labels.get(&self.config.target_label).unwrap_or("")
    }

    fn replace(&self, labels: &mut LabelsBuilder) {
        let source = self.source(labels);
        let Some(groups) = self.regex.captures(&source) else { return };
        let target = self.target.expand(&groups);
        if !is_label_name(&target) {
            return;
        }
        // An empty value removes the label, as everywhere.
        labels.set(&target, &self.replacement.expand(&groups));
    }

    fn map_names(&self, labels: &mut LabelsBuilder) {
        let mut mapped = Vec::new();
        for (name, value) in labels.iter() {
            if let Some(groups) = self.regex.captures(name) {
                mapped.push((self.replacement.expand(&groups), value.to_owned()));
            }
        }
        for (name, value) in mapped {
            if is_label_name(&name) {
                labels.set(&name, &value);
            }
        }
    }
}

/// Applies `rules` one after the other; false when the labels are dropped.
pub fn relabel(rules: &[RelabelRule], labels: &mut LabelsBuilder) -> bool {
    rules.iter().all(|rule| rule.apply(labels))
}

/// Any text but the empty one names a label, since Prometheus 3.
fn is_label_name(name: &str) -> bool {
    !name.is_empty()
}

/// Whether a name keeps to the rules from before UTF-8 names: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The last eight bytes of the MD5 sum as a big-endian number, which is how Prometheus hashes.
fn hash(text: &str) -> u64 {
    let sum = Md5::digest(text.as_bytes());
    sum.iter().skip(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

fn check(config: &RelabelConfig, action: RelabelAction) -> Result<(), RelabelError> {
    use RelabelAction as Action;
    let name = action.as_str();
    let fail = |message: String| Err(RelabelError(message));
    let defaults = RelabelConfig::default();
    if config.modulus == 0 && action == Action::HashMod {
        return fail("relabel configuration for hashmod requires non-zero modulus".to_owned());
    }
    let needs_target = matches!(
        action,
        Action::Replace
            | Action::KeepEqual
            | Action::DropEqual
            | Action::HashMod
            | Action::Lowercase
            | Action::Uppercase
    );
    if needs_target && config.target_label.is_empty() {
        return fail(format!(
            "relabel configuration for {name} action requires 'target_label' value"
        ));
    }
    let cases = matches!(action, Action::Lowercase | Action::Uppercase);
    let equals = matches!(action, Action::KeepEqual | Action::DropEqual);
    if (cases || equals) && config.replacement != defaults.replacement {
        return fail(format!("'replacement' can not be set for {name} action"));
    }
    if equals
        && (config.regex != defaults.regex
            || config.modulus != 0
            || config.separator != defaults.separator)
    {
        return fail(format!(
            "{name} action requires only 'source_labels' and 'target_label', and no other fields"
        ));
    }
    if matches!(action, Action::LabelDrop | Action::LabelKeep)
        && (!config.source_labels.is_empty()
            || !config.target_label.is_empty()
            || config.modulus != 0
            || config.separator != defaults.separator
            || config.replacement != defaults.replacement)
    {
        return fail(format!("{name} action requires only 'regex', and no other fields"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
