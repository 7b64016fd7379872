//! Matchers in the configuration, old and new, as one list.

use std::collections::BTreeMap;

use vigie_language::yaml::{ConfigError, Source};
use vigie_model::MatchOp;

use super::{At, WrittenInhibitRule};
use crate::inhibit::InhibitRule;
use crate::matcher::{AlertMatcher, AlertMatchers, MatcherSyntax, is_classic_label_name};

/// Reads matchers in the syntax that was chosen.
pub(super) struct Reader<'a> {
    pub(super) syntax: MatcherSyntax,
    pub(super) source: &'a Source,
}

/// The three ways in which conditions are written.
pub(super) struct Written<'a> {
    pub(super) equal: &'a BTreeMap<String, String>,
    pub(super) regex: &'a BTreeMap<String, At<String>>,
    pub(super) matchers: &'a [At<String>],
}

impl Reader<'_> {
    /// All of `written`; errors without a place of their own point to `owner`.
    pub(super) fn read<T>(
        &self,
        written: &Written<'_>,
        owner: &At<T>,
        warnings: &mut Vec<ConfigError>,
    ) -> Result<AlertMatchers, ConfigError> {
        let mut all = Vec::new();
        let wrong = |message: String| owner.error(self.source, message);
        for (name, value) in written.equal {
            check_name(name).map_err(wrong)?;
            all.push(AlertMatcher::new(name, MatchOp::Equal, value).map_err(|e| wrong(e.0))?);
        }
        for (name, value) in written.regex {
            check_name(name).map_err(wrong)?;
            let matcher = AlertMatcher::new(name, MatchOp::Regex, &value.value);
            all.push(matcher.map_err(|error| value.error(self.source, error.0))?);
        }
        for text in written.matchers {
            let parsed = self.syntax.parse_list(text);
            let parsed = parsed.map_err(|error| text.error(self.source, error.0))?;
            warnings.extend(parsed.warning.map(|warning| text.error(self.source, warning)));
            all.extend(parsed.matchers);
        }
        Ok(AlertMatchers::new(all))
    }

    /// Fails unless a label may have that name.
    pub(super) fn label_name(&self, name: &At<String>, list: &str) -> Result<(), ConfigError> {
        if self.syntax.is_label_name(name) {
            return Ok(());
        }
        Err(name.error(self.source, format!("invalid label name {:?} in {list} list", name.value)))
    }

    /// The inhibition rules, compiled.
    pub(super) fn inhibit_rules(
        &self,
        rules: &[At<WrittenInhibitRule>],
        warnings: &mut Vec<ConfigError>,
    ) -> Result<Vec<InhibitRule>, ConfigError> {
        let mut compiled = Vec::with_capacity(rules.len());
        for rule in rules {
            for name in &rule.equal {
                self.label_name(name, "equal")?;
            }
            let source = Written {
                equal: &rule.source_match,
                regex: &rule.source_match_re,
                matchers: &rule.source_matchers,
            };
            let target = Written {
                equal: &rule.target_match,
                regex: &rule.target_match_re,
                matchers: &rule.target_matchers,
            };
            compiled.push(InhibitRule {
                name: rule.name.clone(),
                source: self.read(&source, rule, warnings)?,
                target: self.read(&target, rule, warnings)?,
                equal: rule.equal.iter().map(|name| name.value.clone()).collect(),
                line: rule.line,
            });
        }
        Ok(compiled)
    }
}

/// The old forms take classic names only.
fn check_name(name: &str) -> Result<(), String> {
    if is_classic_label_name(name) { Ok(()) } else { Err(format!("invalid label name {name:?}")) }
}
