//! Grok: expressions put together from named patterns, `%{IP:client}`, `%{NUMBER:bytes:int}`.
//!
//! The standard library has the names of Logstash's, in both schemes of field names. The files of
//! firewalls, mail servers, backup and monitoring tools (bro, zeek, exim, bacula, nagios, junos,
//! cisco) are not in it; a `patterns_dir` brings them.

use std::collections::HashMap;

use crate::ruby_pattern::{Exhausted, RubyPattern};

/// Patterns refer to each other no deeper.
const DEPTH_MAX: usize = 64;
/// Longest expression that comes of it.
const EXPANDED_BYTES_MAX: usize = 1 << 20;

/// How the standard patterns name their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FieldNames {
    /// The Elastic Common Schema.
    #[default]
    Ecs,
    /// As before it.
    Legacy,
}

/// Patterns by name.
#[derive(Debug, Clone, Default)]
pub struct GrokLibrary {
    patterns: HashMap<String, String>,
}

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrokError {
    /// A name that is not in the library.
    #[error("pattern %{{{0}}} not defined")]
    Undefined(String),
    /// Patterns that refer to each other without end, or make too long an expression.
    #[error("pattern %{{{0}}} refers to itself, or becomes too long")]
    Unbounded(String),
    /// What comes of it is no regular expression.
    #[error("{0}")]
    Expression(#[from] crate::ruby_pattern::RubyPatternError),
}

/// What a capture is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureType {
    /// As it is.
    Text,
    /// A whole number, as Ruby's `to_i`.
    Integer,
    /// A number, as Ruby's `to_f`.
    Float,
}

/// A compiled grok expression.
#[derive(Debug)]
pub struct Grok {
    pattern: RubyPattern,
    /// For each group that is kept: its number, the field's name, its type.
    captures: Vec<(usize, String, CaptureType)>,
}

impl GrokLibrary {
    /// The standard patterns.
    pub fn standard(names: FieldNames) -> Self {
        let mut library = Self::default();
        library.add_file(include_str!("grok/core.txt"));
        library.add_file(match names {
            FieldNames::Ecs => include_str!("grok/ecs.txt"),
            FieldNames::Legacy => include_str!("grok/legacy.txt"),
        });
        library
    }

    /// Adds the lines `NAME expression` of a file of patterns; `#` begins a comment.
    pub fn add_file(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.trim_start();
            if line.starts_with('#') {
                continue;
            }
            if let Some((name, pattern)) = line.split_once([' ', '\t']) {
                self.define(name, pattern.trim_start().trim_end_matches(['\r', '\n']));
            }
        }
    }

    /// Adds a pattern, in the place of one of the same name.
    pub fn define(&mut self, name: &str, pattern: &str) {
        self.patterns.insert(name.to_owned(), pattern.to_owned());
    }

    /// Names of all patterns, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.patterns.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

impl Grok {
    /// Compiles `expression`. With `named_captures_only` off, `%{IP}` is kept as the field `IP`.
    pub fn compile(
        expression: &str,
        library: &GrokLibrary,
        named_captures_only: bool,
    ) -> Result<Self, GrokError> {
        let mut expander =
            Expander { library, named_captures_only, out: String::new(), fields: Vec::new() };
        expander.expand(expression, 0)?;
        let pattern = RubyPattern::compile(&expander.out)?;
        let mut captures = Vec::new();
        for (group, name) in pattern.names().iter().enumerate() {
            let Some(name) = name else { continue };
            let known = name.strip_prefix("~").and_then(|at| at.parse::<usize>().ok());
            let (field, kind) = match known.and_then(|at| expander.fields.get(at)) {
                Some((field, kind)) => (field.as_str(), *kind),
                None => typed(name),
            };
            captures.push((group, field.to_owned(), kind));
        }
        Ok(Self { pattern, captures })
    }

    /// What the groups hold in the first match, in their order; nothing when there is none.
    pub fn captures<'a>(&'a self, text: &'a str) -> Result<Option<Vec<Capture<'a>>>, Exhausted> {
        let Some(spans) = self.pattern.find(text, 0)? else { return Ok(None) };
        let capture = |(group, field, kind): &'a (usize, String, CaptureType)| {
            let (start, end) = spans.get(*group).copied().flatten()?;
            Some(Capture { field, text: text.get(start..end)?, kind: *kind })
        };
        Ok(Some(self.captures.iter().filter_map(capture).collect()))
    }

    /// Whether it runs in linear time but for look-around that refuses a match.
    pub fn is_linear(&self) -> bool {
        self.pattern.is_linear()
    }
}

/// What one group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture<'a> {
    /// The field, as it was written.
    pub field: &'a str,
    /// The text.
    pub text: &'a str,
    /// What to turn it into.
    pub kind: CaptureType,
}

fn typed(name: &str) -> (&str, CaptureType) {
    match name.rsplit_once(':') {
        Some((field, "int")) => (field, CaptureType::Integer),
        Some((field, "float")) => (field, CaptureType::Float),
        Some((field, _)) => (field, CaptureType::Text),
        None => (name, CaptureType::Text),
    }
}

struct Expander<'a> {
    library: &'a GrokLibrary,
    named_captures_only: bool,
    out: String,
    fields: Vec<(String, CaptureType)>,
}

impl Expander<'_> {
    fn expand(&mut self, expression: &str, depth: usize) -> Result<(), GrokError> {
        let mut rest = expression;
        while let Some((before, after)) = rest.split_once("%{") {
            self.out.push_str(before);
            let Some((inner, tail)) = reference(after) else {
                self.out.push_str("%{");
                rest = after;
                continue;
            };
            let (name, field) = match inner.split_once(':') {
                Some((name, field)) => (name, Some(field)),
                None => (inner, None),
            };
            let known = self.library.patterns.get(name);
            let pattern = known.ok_or_else(|| GrokError::Undefined(name.to_owned()))?;
            if depth >= DEPTH_MAX || self.out.len() > EXPANDED_BYTES_MAX {
                return Err(GrokError::Unbounded(name.to_owned()));
            }
            match field.or((!self.named_captures_only).then_some(name)) {
                Some(field) => {
                    self.out.push_str(&format!("(?<~{}>", self.fields.len()));
                    let (field, kind) = typed(field);
                    self.fields.push((field.to_owned(), kind));
                }
                None => self.out.push_str("(?:"),
            }
            self.expand(pattern, depth + 1)?;
            self.out.push(')');
            rest = tail;
        }
        self.out.push_str(rest);
        Ok(())
    }
}

/// `NAME}`, `NAME:field}`, `NAME:field:type}`
fn reference(after: &str) -> Option<(&str, &str)> {
    let (inner, tail) = after.split_once('}')?;
    let name = inner.split(':').next().unwrap_or_default();
    let is_name =
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    is_name.then_some((inner, tail))
}

#[cfg(test)]
mod tests;
