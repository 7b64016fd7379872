//! `prune`: fields at the root are kept or taken out by their names or values.

use vigie_language::logstash::ConfigError;
use vigie_language::ruby_pattern::RubyPattern;
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict};
use crate::options::Options;

#[derive(Debug)]
struct Prune {
    white_names: Vec<RubyPattern>,
    black_names: Vec<RubyPattern>,
    white_values: Vec<(String, RubyPattern)>,
    black_values: Vec<(String, RubyPattern)>,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let compile = |text: &str| {
        RubyPattern::compile(text).map_err(|error| options.error(&format!("`{text}`: {error}")))
    };
    let names = |name: &str, default: &[&str]| -> Result<Vec<RubyPattern>, ConfigError> {
        let given = options.list(name)?;
        let texts = given.unwrap_or_else(|| default.iter().map(|&text| text.to_owned()).collect());
        texts.iter().map(|text| compile(text)).collect()
    };
    let values = |name: &str| -> Result<Vec<(String, RubyPattern)>, ConfigError> {
        let pairs = options.pairs(name)?.unwrap_or_default();
        pairs.into_iter().map(|(key, text)| Ok((key, compile(&text)?))).collect()
    };
    options.ignore(&["interpolate"]);
    Ok(Box::new(Prune {
        white_names: names("whitelist_names", &[])?,
        black_names: names("blacklist_names", &["%\\{[^}]+\\}"])?,
        white_values: values("whitelist_values")?,
        black_values: values("blacklist_values")?,
    }))
}

impl Filter for Prune {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let any = |patterns: &[RubyPattern], text: &str| {
            patterns.iter().any(|pattern| pattern.is_match(text).unwrap_or(false))
        };
        event.fields.retain(|key, value| {
            if matches!(key, "@timestamp" | "@version") {
                return true;
            }
            if !self.white_names.is_empty() && !any(&self.white_names, key) {
                return false;
            }
            if any(&self.black_names, key) {
                return false;
            }
            let white = self.white_values.iter().find(|(name, _)| name == key);
            if white.is_some_and(|(_, pattern)| !keep(value, pattern, true)) {
                return false;
            }
            let black = self.black_values.iter().find(|(name, _)| name == key);
            black.is_none_or(|(_, pattern)| keep(value, pattern, false))
        });
        Verdict::Matched
    }
}

/// Whether a value stays: it matches as `wanted` says; of a list, the items that do.
fn keep(value: &mut Value, pattern: &RubyPattern, wanted: bool) -> bool {
    let fits = |text: &str| pattern.is_match(text).unwrap_or(false) == wanted;
    match value {
        Value::List(items) => {
            items.retain(|item| item.as_str().is_none_or(fits));
            !items.is_empty()
        }
        Value::String(text) => fits(text),
        other => fits(&crate::text::of_value(other)),
    }
}
