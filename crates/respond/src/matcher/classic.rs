//! The classic syntax: lenient, label names of ASCII letters, digits, `_` and `:`.

use vigie_model::MatchOp;

use super::{AlertMatcher, MatcherError};

/// Reads matchers between commas outside of quotes; one leading and one trailing brace are cut.
pub(super) fn parse(text: &str) -> Result<Vec<AlertMatcher>, MatcherError> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut parts = Vec::new();
    let mut part = String::new();
    let (mut in_quotes, mut is_escaped) = (false, false);
    for c in text.chars() {
        match c {
            ',' if !in_quotes => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            '"' if is_escaped => is_escaped = false,
            '"' => in_quotes = !in_quotes,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
        part.push(c);
    }
    if !part.trim().is_empty() {
        parts.push(part);
    }
    parts.iter().map(|part| parse_one(part)).collect()
}

/// Reads one matcher.
pub(super) fn parse_one(text: &str) -> Result<AlertMatcher, MatcherError> {
    let bad = || MatcherError(format!("bad matcher format: {text}"));
    let (name, rest) = split_name(text.trim_start()).ok_or_else(bad)?;
    let rest = rest.trim_start();
    let operators = [
        ("=~", MatchOp::Regex),
        ("!=", MatchOp::NotEqual),
        ("!~", MatchOp::NotRegex),
        ("=", MatchOp::Equal),
    ];
    let (op, value) = operators
        .iter()
        .find_map(|(sign, op)| Some((*op, rest.strip_prefix(sign)?)))
        .ok_or_else(bad)?;
    AlertMatcher::new(name, op, unescape(value.trim())?)
}

fn split_name(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let starts_well = name.starts_with(|c: char| !c.is_ascii_digit());
    (!name.is_empty() && starts_well).then_some((name, rest))
}

/// OpenMetrics escapes; an escape that is none stands for itself.
fn unescape(raw: &str) -> Result<String, MatcherError> {
    let unescaped_quote =
        || MatcherError(format!("matcher value contains unescaped double quote: {raw}"));
    let (inner, is_quoted) = match raw.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (raw, false),
    };
    let mut value = String::with_capacity(inner.len());
    let mut is_closed = false;
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n') => value.push('\n'),
                Some(c @ ('"' | '\\')) => value.push(c),
                Some(c) => value.extend(['\\', c]),
                None => value.push('\\'),
            },
            '"' if is_quoted && rest.as_str().is_empty() => is_closed = true,
            '"' => return Err(unescaped_quote()),
            c => value.push(c),
        }
    }
    if is_quoted && !is_closed { Err(unescaped_quote()) } else { Ok(value) }
}
