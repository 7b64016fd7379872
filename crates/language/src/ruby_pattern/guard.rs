//! Look-around, checked at one place.

use regex::{Regex, RegexBuilder};

use super::RubyPatternError;

/// What a look-around asks, as text.
#[derive(Debug, Clone)]
pub(super) struct GuardSource {
    /// The expression, for the crate `regex`.
    pub(super) inner: String,
    /// Whether it looks at what comes before.
    pub(super) is_behind: bool,
    /// Whether it must not match.
    pub(super) is_negative: bool,
}

/// A look-around, compiled.
#[derive(Debug)]
pub(super) struct Guard {
    regex: Regex,
    /// The bytes before the place that it can look at.
    behind_bytes_max: Option<usize>,
    is_negative: bool,
}

impl Guard {
    pub(super) fn compile(source: &GuardSource) -> Result<Self, RubyPatternError> {
        let inner = &source.inner;
        let text =
            if source.is_behind { format!("(?:{inner})\\z") } else { format!("\\A(?:{inner})") };
        let error = |error: &dyn std::fmt::Display| RubyPatternError(error.to_string());
        let regex = RegexBuilder::new(&text).size_limit(1 << 20).build().map_err(|e| error(&e))?;
        let longest = regex_syntax::parse(inner)
            .map_err(|e| error(&e))?
            .properties()
            .maximum_len()
            .unwrap_or(usize::MAX);
        let behind_bytes_max = source.is_behind.then_some(longest);
        Ok(Self { regex, behind_bytes_max, is_negative: source.is_negative })
    }

    /// Whether the look-around holds at byte `place`.
    pub(super) fn holds(&self, text: &str, place: usize) -> bool {
        let seen = match self.behind_bytes_max {
            None => text.get(place..),
            Some(longest) => {
                let mut start = place.saturating_sub(longest);
                while !text.is_char_boundary(start) {
                    start -= 1;
                }
                text.get(start..place)
            }
        };
        self.regex.is_match(seen.unwrap_or_default()) != self.is_negative
    }
}
