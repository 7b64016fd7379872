//! Regular expressions as Go writes them (RE2's syntax), for the `regex` crate.
//!
//! Prometheus and its configuration files mean Go's syntax and Go's meaning: `\d`, `\w`, `\s` and
//! `\b` are ASCII, `[[&&x]` is a plain set, `a**` and lookarounds are errors. What comes from
//! outside is parsed here by Go's rules (Go 1.26, `regexp/syntax`), with Go's error texts, and
//! printed in the syntax of the `regex` crate, so that both mean the same.
//!
//! It lives in `model` because a [`Matcher`](crate::Matcher) is made of it and the store, which
//! compiles matchers, knows no language.
//!
//! Deviations: an expression nested more than 250 deep or compiled to more than 10 MiB is refused
//! (Go: 1,000 deep, 128 MiB); names of scripts with an underscore (`\p{Old_Italic}`) are taken,
//! which Go 1.25 and 1.26 refuse; of several groups of one name only the first has it.

mod class;
mod flags;
mod names;
mod parse;
mod print;

use regex::{Regex, RegexBuilder};

/// The text longer than which no expression is compiled.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;
/// A compiled expression takes no more memory than this.
const COMPILED_BYTES_MAX: usize = 10 << 20;

/// Why a text is no regular expression, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {what}: `{text}`")]
pub struct PatternError {
    what: &'static str,
    text: String,
}

impl PatternError {
    fn new(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, text: text.into() }
    }
}

/// `pattern` in the syntax of the `regex` crate.
pub fn translate(pattern: &str) -> Result<String, PatternError> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(PatternError::new("expression too large", pattern.get(..64).unwrap_or("")));
    }
    Ok(print::print(&parse::parse(pattern)?))
}

/// Compiles `pattern`.
pub fn compile(pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(&translate(pattern)?).size_limit(COMPILED_BYTES_MAX).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::new("expression too large", pattern),
            // What the translation prints is well formed, so what is left is the depth.
            _ => PatternError::new("expression nests too deeply", pattern),
        },
    )
}

/// Compiles `pattern` to match a text as a whole, dots matching newlines: what Prometheus does
/// with the expressions of matchers and relabel rules.
pub fn compile_anchored(pattern: &str) -> Result<Regex, PatternError> {
    compile(&anchored(pattern))
}

/// `pattern` between the anchors that Prometheus puts around it.
pub fn anchored(pattern: &str) -> String {
    format!("^(?s:{pattern})$")
}

#[cfg(test)]
mod tests;
