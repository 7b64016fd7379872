//! `translate`: a value is looked up in a dictionary.

use std::collections::HashMap;

use vigie_language::logstash::{ConfigError, FieldReference, Sprintf};
use vigie_language::ruby_pattern::RubyPattern;
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict};
use crate::build::{Context, Ecs};
use crate::options::Options;
use crate::{field, text};

/// Entries of a dictionary.
const ENTRIES_MAX: usize = 1_000_000;

#[derive(Debug)]
struct Translate {
    source: FieldReference,
    target: FieldReference,
    dictionary: Dictionary,
    fallback: Option<Sprintf>,
    is_override: bool,
}

#[derive(Debug)]
enum Dictionary {
    Exact(HashMap<String, Value>),
    /// `regex`: the first entry whose key is an expression that matches.
    Expressions(Vec<(RubyPattern, Value)>),
    /// `exact => false`: every key within the text is replaced.
    Parts(Vec<(RubyPattern, String)>),
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let is_ecs = context.ecs(options)? != Ecs::Disabled;
    let source = match (options.text("source")?, options.text("field")?) {
        (Some(source), _) | (None, Some(source)) => options.reference(&source)?,
        (None, None) => return Err(options.error("the option source is missing")),
    };
    let target = match (options.field("target")?, options.field("destination")?) {
        (Some(target), _) | (None, Some(target)) => target,
        (None, None) if is_ecs => source.clone(),
        (None, None) => FieldReference::of_name("translation"),
    };
    let mut entries = Vec::new();
    for (key, value) in options.pairs("dictionary")?.unwrap_or_default() {
        entries.push((key, Value::String(value)));
    }
    if let Some(path) = options.text("dictionary_path")? {
        let bytes = context.read(options, &path)?;
        entries.extend(from_file(options, &path, &bytes)?);
    }
    // A field that is its own target is always overwritten.
    let is_override = options.boolean("override", source == target)?;
    options.ignore(&[
        "refresh_interval",
        "refresh_behaviour",
        "iterate_on",
        "yaml_code_point_limit",
    ]);
    Ok(Box::new(Translate {
        source,
        target,
        dictionary: dictionary(options, entries)?,
        fallback: options.sprintf("fallback")?,
        is_override,
    }))
}

fn dictionary(
    options: &Options<'_>,
    entries: Vec<(String, Value)>,
) -> Result<Dictionary, ConfigError> {
    let (is_exact, is_regex) = (options.boolean("exact", true)?, options.boolean("regex", false)?);
    let compile = |text: &str| {
        RubyPattern::compile(text).map_err(|error| options.error(&format!("`{text}`: {error}")))
    };
    if is_exact && !is_regex {
        return Ok(Dictionary::Exact(entries.into_iter().collect()));
    }
    if is_exact {
        let all = entries.into_iter().map(|(key, value)| Ok((compile(&key)?, value)));
        return Ok(Dictionary::Expressions(all.collect::<Result<_, _>>()?));
    }
    let mut parts = Vec::new();
    for (key, value) in entries {
        let key = if is_regex { key } else { escape(&key) };
        parts.push((compile(&key)?, text::of_value(&value)));
    }
    Ok(Dictionary::Parts(parts))
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// YAML with one entry a line, JSON, or CSV of two columns, by the file's name.
fn from_file(
    options: &Options<'_>,
    path: &str,
    bytes: &[u8],
) -> Result<Vec<(String, Value)>, ConfigError> {
    let invalid = |what: &str| options.error(&format!("dictionary_path: {path}: {what}"));
    if path.ends_with(".json") {
        let object = vigie_formats::event_json::parse_json_object(bytes)
            .map_err(|error| invalid(&error.to_string()))?;
        return Ok(object.into_iter().collect());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("is not UTF-8"))?;
    let separator = if path.ends_with(".csv") {
        ","
    } else if path.ends_with(".yml") || path.ends_with(".yaml") {
        ":"
    } else {
        return Err(invalid("must end with .yml, .yaml, .json or .csv"));
    };
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') || line == "---" {
            continue;
        }
        let (key, value) = entry(line, separator).ok_or_else(|| {
            invalid(&format!("`{line:.80}` is no pair of a key and a value on one line"))
        })?;
        entries.push((key, Value::String(value)));
        if entries.len() > ENTRIES_MAX {
            return Err(invalid("has too many entries"));
        }
    }
    Ok(entries)
}

fn entry(line: &str, separator: &str) -> Option<(String, String)> {
    let unquote = |text: &str| {
        let text = text.trim();
        let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
        inner('"').or_else(|| inner('\'')).unwrap_or(text).to_owned()
    };
    // A key in quotes may hold the separator.
    let quote = line.chars().next().filter(|c| matches!(c, '"' | '\''));
    let (key, value) = match quote {
        Some(quote) => {
            let end = line.get(1..)?.find(quote)? + 2;
            (line.get(..end)?, line.get(end..)?.trim_start().strip_prefix(separator)?)
        }
        None => line.split_once(separator)?,
    };
    Some((unquote(key), unquote(value)))
}

impl Filter for Translate {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        if !self.is_override && field::has(event, &self.target) {
            return Verdict::Passed;
        }
        let source = match field::get(event, &self.source) {
            None | Some(Value::Null) => return Verdict::Passed,
            Some(Value::List(items)) => items.first().map(text::of_value).unwrap_or_default(),
            Some(value) => text::of_value(value),
        };
        let found = self.dictionary.look_up(&source).or_else(|| {
            let fallback = self.fallback.as_ref()?;
            Some(Value::String(text::render(fallback, event, scope.now_ns)))
        });
        match found.map(|value| field::set(event, &self.target, value)) {
            Some(true) => Verdict::Matched,
            _ => Verdict::Passed,
        }
    }
}

impl Dictionary {
    fn look_up(&self, source: &str) -> Option<Value> {
        match self {
            Self::Exact(entries) => entries.get(source).cloned(),
            Self::Expressions(entries) => entries
                .iter()
                .find(|(pattern, _)| pattern.is_match(source).unwrap_or(false))
                .map(|(_, value)| value.clone()),
            Self::Parts(entries) => {
                let mut text = source.to_owned();
                for (pattern, value) in entries {
                    text = pattern.replace_all(&text, value).unwrap_or(text);
                }
                (text != source).then_some(Value::String(text))
            }
        }
    }
}
