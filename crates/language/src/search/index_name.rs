//! Names of indices, patterns of them, and names with dates in them.

use jiff::tz::TimeZone;

use super::date_format::DateFormat;
use super::date_math::{DateContext, resolve};
use super::java_pattern::JavaPattern;
use super::{Pattern, time_zone};

/// How many names an expression may list.
const NAMES_MAX: usize = 10_000;

/// One part of an expression such as `logs-*,-logs-old`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPattern {
    /// What names must look like.
    pub pattern: Pattern,
    /// As written, without the leading `-`, dates resolved.
    pub text: String,
    /// Whether matching names are taken out again.
    pub is_exclusion: bool,
}

impl IndexPattern {
    /// Whether it has wildcards, so that nothing matching it is no error.
    pub fn is_wildcard(&self) -> bool {
        self.pattern.as_literal().is_none()
    }
}

/// Why a text names no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexNameError {
    /// A name that no index may have.
    #[error("Invalid index name [{name}], {reason}")]
    Invalid {
        /// As given.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A date in a name cannot be resolved.
    #[error("invalid dynamic name expression [{0}]")]
    DateMath(String),
    /// More names than allowed.
    #[error("an index expression may list at most {NAMES_MAX} names")]
    TooMany,
}

/// Checks a name by Elasticsearch's rules.
pub fn validate_index_name(name: &str) -> Result<(), IndexNameError> {
    let refuse =
        |reason| Err(IndexNameError::Invalid { name: name.chars().take(300).collect(), reason });
    if name.is_empty() {
        return refuse("must not be empty");
    }
    if name == "." || name == ".." {
        return refuse("must not be '.' or '..'");
    }
    if name.chars().any(|c| matches!(c, '\\' | '/' | '*' | '?' | '"' | '<' | '>' | '|' | ' ' | ','))
    {
        return refuse(
            "must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]",
        );
    }
    if name.contains('#') {
        return refuse("must not contain '#'");
    }
    if name.contains(':') {
        return refuse("must not contain ':'");
    }
    if name.starts_with(['-', '_', '+']) {
        return refuse("must not start with '_', '-', or '+'");
    }
    if name.len() > 255 {
        return refuse("index name is too long, it must be at most 255 bytes");
    }
    if name.chars().any(char::is_uppercase) {
        return refuse("must be lowercase");
    }
    if name.chars().any(char::is_control) {
        return refuse("must not contain control characters");
    }
    Ok(())
}

/// The parts of `a,b-*,-b-old,<logs-{now/d}>`. `_all` and nothing are `*`. Selectors of other
/// clusters (`c:name`) match nothing here and are left out.
pub fn resolve_index_expression(
    text: &str,
    now_ms: i64,
) -> Result<Vec<IndexPattern>, IndexNameError> {
    let mut parts = Vec::new();
    for part in split(text) {
        if parts.len() >= NAMES_MAX {
            return Err(IndexNameError::TooMany);
        }
        let part = part.trim();
        let (is_exclusion, part) = match part.strip_prefix('-') {
            Some(rest) if !parts.is_empty() => (true, rest),
            _ => (false, part),
        };
        let name = match part {
            "" | "_all" => "*".to_owned(),
            date if date.starts_with('<') => resolve_date_math_name(date, now_ms)?,
            name => name.to_owned(),
        };
        if name.contains(':') {
            continue;
        }
        parts.push(IndexPattern { pattern: Pattern::parse_name(&name), text: name, is_exclusion });
    }
    Ok(parts)
}

/// Commas inside `<...>` do not separate.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// `<logs-{now/d{yyyy.MM.dd|+02:00}}-000001>` as the name it means; other names stay.
pub fn resolve_date_math_name(name: &str, now_ms: i64) -> Result<String, IndexNameError> {
    let fail = || IndexNameError::DateMath(name.chars().take(300).collect());
    let Some(inner) = name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return Ok(name.to_owned());
    };
    let mut out = String::new();
    let mut rest = inner;
    while let Some(open) = rest.find('{') {
        out.push_str(rest.get(..open).unwrap_or_default());
        let after = rest.get(open + 1..).unwrap_or_default();
        let close = closing(after).ok_or_else(fail)?;
        let expression = after.get(..close).unwrap_or_default();
        out.push_str(&date(expression, now_ms).ok_or_else(fail)?);
        rest = after.get(close + 1..).unwrap_or_default();
    }
    out.push_str(rest);
    if out.contains(['{', '}', '<', '>']) {
        return Err(fail());
    }
    Ok(out)
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn date(expression: &str, now_ms: i64) -> Option<String> {
    let (math, format, zone) = match expression.split_once('{') {
        None => (expression, "yyyy.MM.dd", TimeZone::UTC),
        Some((math, rest)) => {
            let inner = rest.strip_suffix('}')?;
            match inner.split_once('|') {
                None => (math, inner, TimeZone::UTC),
                Some((format, zone)) => (math, format, time_zone(zone.trim())?),
            }
        }
    };
    let pattern = JavaPattern::parse(format)?;
    let default = DateFormat::default();
    let context = DateContext { now_ms, zone: &zone, format: &default };
    let moment = resolve(math, false, &context).ok()?;
    Some(pattern.write(moment, &zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-11-21T10:20:30.400Z
    const NOW: i64 = 1_763_720_430_400;

    #[test]
    fn dates_in_names() {
        for (name, expected) in [
            ("<logs-{now/d}>", "logs-2025.11.21"),
            ("<logs-{now/d-1d}-000001>", "logs-2025.11.20-000001"),
            ("<logs-{now/M{yyyy.MM}}>", "logs-2025.11"),
            ("<logs-{now/d{yyyy.MM.dd|+14:00}}>", "logs-2025.11.22"),
            ("plain", "plain"),
        ] {
            assert_eq!(resolve_date_math_name(name, NOW).as_deref(), Ok(expected), "{name}");
        }
        for name in ["<logs-{now/d>", "<logs-{soon}>", "<logs-{now{qq}}>", "<a<b>>"] {
            assert!(resolve_date_math_name(name, NOW).is_err(), "{name}");
        }
    }

    #[test]
    fn expressions_have_parts() {
        let parts = resolve_index_expression("logs-*,-logs-old,<x-{now/d}>,other:y", NOW).unwrap();
        let texts: Vec<_> = parts.iter().map(|p| (p.text.as_str(), p.is_exclusion)).collect();
        assert_eq!(texts, [("logs-*", false), ("logs-old", true), ("x-2025.11.21", false)]);
        assert!(parts[0].is_wildcard() && !parts[2].is_wildcard());
        assert!(resolve_index_expression("_all", NOW).unwrap()[0].pattern.is_any());
    }

    #[test]
    fn names_are_checked() {
        for name in ["", "A", "_x", "-x", "a b", "a/b", "a#b", "a:b", "..", &"x".repeat(256)] {
            assert!(validate_index_name(name).is_err(), "{name}");
        }
        for name in ["logs-2025.11.21", ".internal", "été"] {
            assert!(validate_index_name(name).is_ok(), "{name}");
        }
    }
}
