//! Regular expressions as Ruby writes them (Onigmo's syntax), which is what `logstash.conf` holds.
//!
//! Nearly all of them run in the linear-time engine of the crate `regex`. What that engine lacks:
//!
//! - Look-around becomes an empty group whose place is checked afterwards. A match that passes is
//!   the one that Ruby finds: the engine gives the match of highest priority among more, and the
//!   check keeps or refuses it. Only when a check refuses a match is the bounded backtracking
//!   engine of `fancy-regex` asked; the same for references back, `\K`, `\G` and look-around that is
//!   repeated.
//! - Atomic groups and possessive repeats lose their atomicity: such an expression may match where
//!   Ruby's gives up, and never explodes, which is what they are written for.
//!
//! As in Ruby: `^` and `$` are at each line, `\d`, `\w`, `\s` are ASCII, plain groups do not capture
//! beside named ones. Refused: absence `(?~`, conditionals, `\X`, calls of groups.

mod class;
mod guard;
mod translate;

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use guard::Guard;
use translate::Translation;

/// A compiled expression takes no more memory than this.
const COMPILED_BYTES_MAX: usize = 64 << 20;
/// The backtracking engine gives up after so many steps: about a second.
const STEPS_MAX: usize = 1_000_000;

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RubyPatternError(pub(crate) String);

/// The expression took too many steps on this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the expression took too many steps")]
pub struct Exhausted;

/// Where the groups of a match lie; the first is the whole match.
pub type Spans = Vec<Option<(usize, usize)>>;

/// A compiled expression.
#[derive(Debug)]
pub struct RubyPattern {
    linear: Option<Linear>,
    backtracking_text: String,
    backtracking: OnceLock<Option<Box<fancy_regex::Regex>>>,
    names: Vec<Option<String>>,
}

#[derive(Debug)]
struct Linear {
    regex: Regex,
    /// For each group of the expression, the group of `regex`.
    groups: Vec<usize>,
    guards: Vec<(usize, Guard)>,
}

impl RubyPattern {
    /// Compiles `text`.
    pub fn compile(text: &str) -> Result<Self, RubyPatternError> {
        let translation = translate::translate(text)?;
        let linear =
            if translation.is_linear { Some(Linear::compile(&translation)?) } else { None };
        let compiled = Self {
            linear,
            backtracking_text: translation.backtracking,
            backtracking: OnceLock::new(),
            names: translation.names,
        };
        if compiled.linear.is_none() && compiled.backtracking().is_none() {
            return Err(RubyPatternError(format!("cannot compile the expression `{text:.200}`")));
        }
        Ok(compiled)
    }

    /// Names of the groups in order; the first is the whole match.
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// Whether the expression runs in linear time, but for look-around that refuses a match.
    pub fn is_linear(&self) -> bool {
        self.linear.is_some()
    }

    /// Whether it is found in `text`.
    pub fn is_match(&self, text: &str) -> Result<bool, Exhausted> {
        match &self.linear {
            Some(linear) if linear.guards.is_empty() => Ok(linear.regex.is_match(text)),
            _ => Ok(self.find(text, 0)?.is_some()),
        }
    }

    /// The first match at or after `from`.
    pub fn find(&self, text: &str, from: usize) -> Result<Option<Spans>, Exhausted> {
        if !text.is_char_boundary(from) {
            return Ok(None);
        }
        if let Some(linear) = &self.linear {
            let Some(captures) = linear.regex.captures_at(text, from) else { return Ok(None) };
            let holds = linear.guards.iter().all(|(group, guard)| {
                captures.get(*group).is_none_or(|place| guard.holds(text, place.start()))
            });
            if holds {
                let span = |group: &usize| captures.get(*group).map(|m| (m.start(), m.end()));
                return Ok(Some(linear.groups.iter().map(span).collect()));
            }
        }
        self.find_backtracking(text, from)
    }

    fn backtracking(&self) -> Option<&fancy_regex::Regex> {
        let compile = || {
            let built = fancy_regex::RegexBuilder::new(&self.backtracking_text)
                .backtrack_limit(STEPS_MAX)
                .delegate_size_limit(COMPILED_BYTES_MAX)
                .build();
            built.ok().map(Box::new)
        };
        self.backtracking.get_or_init(compile).as_deref()
    }

    fn find_backtracking(&self, text: &str, from: usize) -> Result<Option<Spans>, Exhausted> {
        let Some(regex) = self.backtracking() else { return Err(Exhausted) };
        let Some(captures) = regex.captures_from_pos(text, from).map_err(|_| Exhausted)? else {
            return Ok(None);
        };
        let span = |group: usize| {
            let place = if group == 0 {
                captures.get(0)
            } else {
                captures.name(&translate::group_name(group))
            };
            place.map(|place| (place.start(), place.end()))
        };
        Ok(Some((0..self.names.len()).map(span).collect()))
    }

    /// `text` with every match replaced. In `replacement`, `\1` and `\k<name>` are groups, `\0` is
    /// the match, `\\` is a backslash.
    pub fn replace_all(&self, text: &str, replacement: &str) -> Result<String, Exhausted> {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut from) = (0, 0);
        while let Some(spans) = self.find(text, from)? {
            let Some((start, end)) = spans.first().copied().flatten() else { break };
            out.push_str(text.get(copied..start).unwrap_or_default());
            self.expand(text, &spans, replacement, &mut out);
            copied = end;
            from = if end > start {
                end
            } else {
                // An empty match: the next one is after the next character.
                let rest = text.get(end..).unwrap_or_default();
                let Some(next) = rest.chars().next() else { break };
                end + next.len_utf8()
            };
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Ok(out)
    }

    fn expand(&self, text: &str, spans: &Spans, replacement: &str, out: &mut String) {
        let group = |index: usize| {
            let span = spans.get(index).copied().flatten();
            span.and_then(|(start, end)| text.get(start..end)).unwrap_or_default()
        };
        let mut rest = replacement;
        while let Some((before, after)) = rest.split_once('\\') {
            out.push_str(before);
            let mut chars = after.chars();
            rest = match chars.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    out.push_str(group(digit as usize - '0' as usize));
                    chars.as_str()
                }
                Some('&') => {
                    out.push_str(group(0));
                    chars.as_str()
                }
                Some('\\') => {
                    out.push('\\');
                    chars.as_str()
                }
                Some('k') if chars.as_str().starts_with('<') => {
                    let (name, tail) = chars.as_str().split_once('>').unwrap_or(("<", ""));
                    let name = name.strip_prefix('<').unwrap_or_default();
                    let index = self.names.iter().position(|known| known.as_deref() == Some(name));
                    out.push_str(index.map(group).unwrap_or_default());
                    tail
                }
                _ => {
                    out.push('\\');
                    after
                }
            };
        }
        out.push_str(rest);
    }
}

impl Linear {
    fn compile(translation: &Translation) -> Result<Self, RubyPatternError> {
        let regex = RegexBuilder::new(&translation.linear)
            .size_limit(COMPILED_BYTES_MAX)
            .build()
            .map_err(|error| RubyPatternError(last_line(&error.to_string())))?;
        let index = |name: &str| regex.capture_names().position(|known| known == Some(name));
        let mut groups = vec![0];
        for group in 1..translation.names.len() {
            groups.push(index(&translate::group_name(group)).unwrap_or(usize::MAX));
        }
        let mut guards = Vec::new();
        for (at, source) in translation.guards.iter().enumerate() {
            if let Some(group) = index(&translate::guard_name(at)) {
                guards.push((group, Guard::compile(source)?));
            }
        }
        Ok(Self { regex, groups, guards })
    }
}

/// The engine's error without the expression before it, which can be long.
fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
