//! Label matchers as Alertmanager writes them, in its classic and its UTF-8 syntax.
//!
//! Both parsers are kept because configurations exist for both. As in Alertmanager 0.27 and later
//! the UTF-8 syntax is tried first, and the classic one decides where it is the only one to
//! understand a text, or where the two disagree ([`MatcherSyntax::Fallback`]).

mod classic;
mod utf8;

use std::cmp::Ordering;
use std::fmt;

use regex::{Regex, RegexBuilder};
use vigie_language::promql::go_quote;
use vigie_model::{Labels, MatchOp};

/// Bytes that one list of matchers may have.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Memory that one compiled expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// What is wrong with a matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MatcherError(pub(crate) String);

/// Which syntax matchers and label names have (`--enable-feature`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatcherSyntax {
    /// UTF-8 first, then classic.
    #[default]
    Fallback,
    /// `utf8-strict-mode`
    Utf8,
    /// `classic-mode`
    Classic,
}

/// One condition on one label; an absent label counts as the empty text.
#[derive(Debug, Clone)]
pub struct AlertMatcher {
    name: String,
    op: MatchOp,
    value: String,
    regex: Option<Regex>,
}

impl AlertMatcher {
    /// A matcher; an error when `value` should be an expression and is none.
    pub fn new(
        name: impl Into<String>,
        op: MatchOp,
        value: impl Into<String>,
    ) -> Result<Self, MatcherError> {
        let (name, value) = (name.into(), value.into());
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => Some(
                RegexBuilder::new(&format!("^(?:{value})$"))
                    .size_limit(REGEX_BYTES_MAX)
                    .build()
                    .map_err(|error| MatcherError(regex_message(&value, &error)))?,
            ),
        };
        Ok(Self { name, op, value, regex })
    }

    /// The label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    pub const fn op(&self) -> MatchOp {
        self.op
    }

    /// What it compares with, as written.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it compares by an expression (`isRegex` of the API).
    pub const fn is_regex(&self) -> bool {
        matches!(self.op, MatchOp::Regex | MatchOp::NotRegex)
    }

    /// Whether it asks for likeness (`isEqual` of the API).
    pub const fn is_equal(&self) -> bool {
        matches!(self.op, MatchOp::Equal | MatchOp::Regex)
    }

    /// Whether a label with that value satisfies it.
    pub fn matches_value(&self, value: &str) -> bool {
        let is_like = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.value == value,
        };
        is_like == self.is_equal()
    }

    /// Whether the label of `labels` satisfies it.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.name).unwrap_or_default())
    }
}

fn regex_message(value: &str, error: &regex::Error) -> String {
    // The library's syntax errors are drawings over several lines; the last one says it.
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("error parsing regexp: {}: `{value}`", last.trim_start_matches("error: "))
}

impl PartialEq for AlertMatcher {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl Eq for AlertMatcher {}

impl Ord for AlertMatcher {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.name, &self.value, self.op).cmp(&(&other.name, &other.value, other.op))
    }
}

impl PartialOrd for AlertMatcher {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for AlertMatcher {
    /// `name="value"`, with the name quoted where the classic syntax could not have it: the form
    /// is part of group keys, which the notification log outlives.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.chars().any(is_reserved) {
            return write!(
                f,
                "{}{}{}",
                go_quote(&self.name),
                self.op.as_str(),
                go_quote(&self.value)
            );
        }
        let value = self.value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        write!(f, "{}{}\"{value}\"", self.name, self.op.as_str())
    }
}

/// Matchers that must all be satisfied, in Alertmanager's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertMatchers(Vec<AlertMatcher>);

impl AlertMatchers {
    /// All of these.
    pub fn new(mut matchers: Vec<AlertMatcher>) -> Self {
        matchers.sort();
        Self(matchers)
    }

    /// The matchers in order.
    pub fn iter(&self) -> std::slice::Iter<'_, AlertMatcher> {
        self.0.iter()
    }

    /// Whether there is none, which every alert satisfies.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of matchers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `labels` satisfy all.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }
}

impl<'a> IntoIterator for &'a AlertMatchers {
    type Item = &'a AlertMatcher;
    type IntoIter = std::slice::Iter<'a, AlertMatcher>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for AlertMatchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, matcher) in self.0.iter().enumerate() {
            write!(f, "{}{matcher}", if at > 0 { "," } else { "" })?;
        }
        f.write_str("}")
    }
}

/// Characters that need quotes in the UTF-8 syntax.
pub(crate) fn is_reserved(c: char) -> bool {
    c.is_whitespace() || "{}!=~,\\\"'`".contains(c)
}

/// What a text of matchers was understood as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedMatchers {
    /// The matchers as they were written.
    pub matchers: Vec<AlertMatcher>,
    /// What the writer should know: that only the classic syntax understands it, or that the
    /// two syntaxes understand it differently.
    pub warning: Option<String>,
}

impl MatcherSyntax {
    /// Reads `{a="b", c=~"d.*"}`; the braces may be left out.
    pub fn parse_list(self, text: &str) -> Result<ParsedMatchers, MatcherError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(MatcherError(format!("matchers of more than {TEXT_BYTES_MAX} bytes")));
        }
        let plain = |matchers| ParsedMatchers { matchers, warning: None };
        match self {
            Self::Utf8 => utf8::parse(text).map(plain),
            Self::Classic => classic::parse(text).map(plain),
            Self::Fallback => fallback(text, utf8::parse(text), classic::parse(text)),
        }
    }

    /// Reads exactly one matcher, without braces.
    pub fn parse_one(self, text: &str) -> Result<AlertMatcher, MatcherError> {
        if self != Self::Classic && (text.starts_with('{') || text.ends_with('}')) {
            return Err(MatcherError(format!("unexpected open or close brace: {text}")));
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(MatcherError(format!("a matcher of more than {TEXT_BYTES_MAX} bytes")));
        }
        let one = |matchers: Vec<AlertMatcher>| match <[AlertMatcher; 1]>::try_from(matchers) {
            Ok([matcher]) => Ok(matcher),
            Err(others) if others.is_empty() => Err(MatcherError("no matchers".into())),
            Err(others) => Err(MatcherError(format!("expected 1 matcher, found {}", others.len()))),
        };
        let new = || utf8::parse(text).and_then(one);
        let old = || classic::parse_one(text);
        match self {
            Self::Utf8 => new(),
            Self::Classic => old(),
            Self::Fallback => {
                let as_list = |matcher: AlertMatcher| vec![matcher];
                one(fallback(text, new().map(as_list), old().map(as_list))?.matchers)
            }
        }
    }

    /// Whether a label may have that name.
    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            Self::Classic => is_classic_label_name(name),
            Self::Fallback | Self::Utf8 => !name.is_empty(),
        }
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub(crate) fn is_classic_label_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn fallback(
    text: &str,
    new: Result<Vec<AlertMatcher>, MatcherError>,
    old: Result<Vec<AlertMatcher>, MatcherError>,
) -> Result<ParsedMatchers, MatcherError> {
    match (new, old) {
        (Ok(new), Ok(old)) if new != old => Ok(ParsedMatchers {
            matchers: old,
            warning: Some(format!(
                "matchers {text:?} mean one thing in the classic and another in the UTF-8 syntax; \
                 the classic meaning is taken"
            )),
        }),
        (Ok(new), _) => Ok(ParsedMatchers { matchers: new, warning: None }),
        (Err(error), Ok(old)) => {
            let written: Vec<String> = old.iter().map(ToString::to_string).collect();
            Ok(ParsedMatchers {
                matchers: old,
                warning: Some(format!(
                    "matchers {text:?} are understood in the classic syntax only ({error}); \
                     write {}",
                    written.join(",")
                )),
            })
        }
        (Err(_), Err(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
