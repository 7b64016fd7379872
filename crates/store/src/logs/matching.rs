//! Tests of single values, made ready.

use std::cell::RefCell;

use regex::Regex;
use regex_syntax::hir::{Hir, HirKind};
use vigie_model::{ListReader, Scalar, parse_any_time};

use super::analysis::standard_tokens;
use super::column::LogColumnKind;
use super::filter::{LogTest, TokenPattern};
use super::number::Decimal;
use crate::StoreError;

/// A regular expression's program takes no more.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// A test that can be asked.
#[derive(Debug)]
pub(crate) enum CompiledTest {
    Exists,
    Equals {
        texts: Vec<String>,
        numbers: Vec<Number>,
    },
    EqualsAnyCase(Vec<String>),
    Prefix(String),
    Contains(memchr::memmem::Finder<'static>),
    /// The expression, and a text that all it matches hold.
    Regex {
        regex: Regex,
        literal: Option<String>,
    },
    AllTokens(Vec<String>),
    AnyToken(Vec<String>),
    Phrase {
        tokens: Vec<String>,
        slop: u32,
        last_is_prefix: bool,
    },
    Token(CompiledPattern),
    Numbers {
        from: Option<(Number, bool)>,
        to: Option<(Number, bool)>,
    },
    Times {
        start_ns: i64,
        end_ns: i64,
    },
    Texts {
        from: Option<(String, bool)>,
        to: Option<(String, bool)>,
    },
}

/// A token's pattern, made ready.
#[derive(Debug)]
pub(crate) enum CompiledPattern {
    Prefix(String),
    Contains(String),
    Regex { regex: Regex, literal: Option<String> },
    Fuzzy { token: Vec<char>, edits: usize, prefix: usize },
}

/// A number of a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Exact(Decimal),
    Float(f64),
}

impl Number {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(decimal) = Decimal::parse(text) {
            return Some(Self::Exact(decimal));
        }
        text.parse().ok().map(Self::Float)
    }

    fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => Some(a.compare(b)),
            (a, b) => a.to_f64().partial_cmp(&b.to_f64()),
        }
    }

    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Self::Exact(decimal) => decimal.to_f64(),
            Self::Float(float) => float,
        }
    }
}

pub(crate) fn regex(pattern: &str) -> Result<Regex, StoreError> {
    let built = regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|error| StoreError::Invalid(format!("invalid regular expression: {error}")))
}

fn anchored(pattern: &str) -> Result<Regex, StoreError> {
    regex(&format!("^(?s:{pattern})$"))
}

/// The longest text that everything holds which the expression matches, if one is plain to see.
fn literal_of(pattern: &str) -> Option<String> {
    fn longest(hir: &Hir) -> Option<String> {
        match hir.kind() {
            HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(str::to_owned),
            HirKind::Capture(capture) => longest(&capture.sub),
            HirKind::Repetition(repetition) if repetition.min > 0 => longest(&repetition.sub),
            HirKind::Concat(parts) => parts.iter().filter_map(longest).max_by_key(String::len),
            _ => None,
        }
    }
    longest(&regex_syntax::parse(pattern).ok()?)
}

fn number_bound(bound: Option<&(String, bool)>) -> Result<Option<(Number, bool)>, StoreError> {
    let Some((text, included)) = bound else { return Ok(None) };
    match Number::parse(text) {
        Some(number) => Ok(Some((number, *included))),
        None => Err(StoreError::Invalid(format!("{text:?} is no number"))),
    }
}

impl CompiledTest {
    pub(crate) fn new(test: &LogTest) -> Result<Self, StoreError> {
        Ok(match test {
            LogTest::Exists => Self::Exists,
            LogTest::Equals(texts) => Self::Equals {
                texts: texts.clone(),
                numbers: texts.iter().filter_map(|text| Number::parse(text)).collect(),
            },
            LogTest::EqualsAnyCase(texts) => {
                Self::EqualsAnyCase(texts.iter().map(|text| text.to_lowercase()).collect())
            }
            LogTest::Prefix(prefix) => Self::Prefix(prefix.clone()),
            LogTest::Contains(text) => {
                Self::Contains(memchr::memmem::Finder::new(text.as_bytes()).into_owned())
            }
            LogTest::Matches(pattern) => {
                Self::Regex { regex: anchored(pattern)?, literal: literal_of(pattern) }
            }
            LogTest::Finds(pattern) => {
                Self::Regex { regex: regex(pattern)?, literal: literal_of(pattern) }
            }
            LogTest::AllTokens(tokens) => Self::AllTokens(tokens.clone()),
            LogTest::AnyToken(tokens) => Self::AnyToken(tokens.clone()),
            LogTest::Phrase { tokens, slop, last_is_prefix } => Self::Phrase {
                tokens: tokens.clone(),
                slop: *slop,
                last_is_prefix: *last_is_prefix,
            },
            LogTest::Token(pattern) => Self::Token(CompiledPattern::new(pattern)?),
            LogTest::Numbers { from, to } => {
                Self::Numbers { from: number_bound(from.as_ref())?, to: number_bound(to.as_ref())? }
            }
            LogTest::Times { start_ns, end_ns } => {
                Self::Times { start_ns: *start_ns, end_ns: *end_ns }
            }
            LogTest::Texts { from, to } => Self::Texts { from: from.clone(), to: to.clone() },
        })
    }

    /// Whether a value of a column of this kind, as its bytes, passes.
    pub(crate) fn value(&self, kind: LogColumnKind, bytes: &[u8]) -> bool {
        match kind {
            LogColumnKind::List => ListReader::new(bytes).any(|value| match value {
                Scalar::String(text) => self.text(text),
                Scalar::Number(text) => self.number_text(text),
                Scalar::Boolean(value) => self.text(if value { "true" } else { "false" }),
                Scalar::Null => false,
            }),
            LogColumnKind::Number => {
                std::str::from_utf8(bytes).is_ok_and(|text| self.number_text(text))
            }
            LogColumnKind::Raw => false,
            _ => std::str::from_utf8(bytes).is_ok_and(|text| self.text(text)),
        }
    }

    /// Whether a text passes.
    pub(crate) fn text(&self, text: &str) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals { texts, .. } => texts.iter().any(|known| known == text),
            Self::EqualsAnyCase(texts) => {
                let lowercase = text.to_lowercase();
                texts.contains(&lowercase)
            }
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            Self::Regex { regex, .. } => regex.is_match(text),
            Self::AllTokens(tokens) => all_tokens(text, tokens),
            Self::AnyToken(tokens) => any_token(text, |token| tokens.iter().any(|t| t == token)),
            Self::Phrase { tokens, slop, last_is_prefix } => {
                phrase(text, tokens, *slop, *last_is_prefix)
            }
            Self::Token(pattern) => any_token(text, |token| pattern.matches(token)),
            Self::Numbers { .. } => Number::parse(text).is_some_and(|number| self.number(number)),
            Self::Times { start_ns, end_ns } => {
                parse_any_time(text).is_some_and(|time_ns| (*start_ns..=*end_ns).contains(&time_ns))
            }
            Self::Texts { from, to } => {
                let above = from.as_ref().is_none_or(|(bound, included)| {
                    if *included { text >= bound.as_str() } else { text > bound.as_str() }
                });
                above
                    && to.as_ref().is_none_or(|(bound, included)| {
                        if *included { text <= bound.as_str() } else { text < bound.as_str() }
                    })
            }
        }
    }

    /// Whether a number, as it was written, passes.
    pub(crate) fn number_text(&self, text: &str) -> bool {
        match self {
            Self::Equals { .. } | Self::Numbers { .. } | Self::Times { .. } => {
                Number::parse(text).is_some_and(|number| self.number(number))
            }
            _ => self.text(text),
        }
    }

    /// Whether a number passes one of the tests that are about numbers.
    pub(crate) fn number(&self, number: Number) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals { numbers, .. } => numbers
                .iter()
                .any(|known| number.compare(*known) == Some(std::cmp::Ordering::Equal)),
            Self::Numbers { from, to } => {
                let above = from.is_none_or(|(bound, included)| {
                    number
                        .compare(bound)
                        .is_some_and(|order| order.is_gt() || (included && order.is_eq()))
                });
                above
                    && to.is_none_or(|(bound, included)| {
                        number
                            .compare(bound)
                            .is_some_and(|order| order.is_lt() || (included && order.is_eq()))
                    })
            }
            Self::Times { start_ns, end_ns } => {
                let time_ns = number.to_f64() * 1e6;
                time_ns >= *start_ns as f64 && time_ns <= *end_ns as f64
            }
            _ => false,
        }
    }

    /// Whether the test can be decided by [`number`](Self::number).
    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self, Self::Equals { .. } | Self::Numbers { .. } | Self::Times { .. })
    }
}

impl CompiledPattern {
    fn new(pattern: &TokenPattern) -> Result<Self, StoreError> {
        Ok(match pattern {
            TokenPattern::Prefix(prefix) => Self::Prefix(prefix.clone()),
            TokenPattern::Contains(text) => Self::Contains(text.clone()),
            TokenPattern::Matches(pattern) => {
                Self::Regex { regex: anchored(pattern)?, literal: literal_of(pattern) }
            }
            TokenPattern::Fuzzy { token, edits, prefix } => Self::Fuzzy {
                token: token.chars().collect(),
                edits: usize::from(*edits),
                prefix: *prefix,
            },
        })
    }

    pub(crate) fn matches(&self, token: &str) -> bool {
        match self {
            Self::Prefix(prefix) => token.starts_with(prefix.as_str()),
            Self::Contains(text) => token.contains(text.as_str()),
            Self::Regex { regex, .. } => regex.is_match(token),
            Self::Fuzzy { token: wanted, edits, prefix } => {
                let token: Vec<char> = token.chars().collect();
                let shared = wanted.iter().zip(&token).take_while(|(a, b)| a == b).count();
                shared >= (*prefix).min(wanted.len()) && distance_within(wanted, &token, *edits)
            }
        }
    }
}

/// Whether `a` becomes `b` by at most `edits` insertions, removals, changes and swaps of
/// neighbours (optimal string alignment).
fn distance_within(a: &[char], b: &[char], edits: usize) -> bool {
    if a.len().abs_diff(b.len()) > edits {
        return false;
    }
    let mut rows =
        [vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<usize>>(), vec![0; b.len() + 1]];
    for (i, from) in a.iter().enumerate() {
        let [before, last, row] = &mut rows;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(from != to)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from) {
                cost = cost.min(before[j - 1] + 1);
            }
            row[j + 1] = cost;
        }
        rows.rotate_left(1);
    }
    rows[1].last().is_some_and(|distance| *distance <= edits)
}

fn any_token(text: &str, mut test: impl FnMut(&str) -> bool) -> bool {
    let mut found = false;
    standard_tokens(text, |token| found = found || test(token.text));
    found
}

fn all_tokens(text: &str, tokens: &[String]) -> bool {
    // A bit for each token; more than 64 are looked for one by one.
    if tokens.len() > 64 {
        return tokens.iter().all(|wanted| any_token(text, |token| token == wanted));
    }
    let mut missing = if tokens.len() == 64 { u64::MAX } else { (1 << tokens.len()) - 1 };
    standard_tokens(text, |token| {
        for (at, wanted) in tokens.iter().enumerate() {
            if token.text == wanted {
                missing &= !(1 << at);
            }
        }
    });
    missing == 0
}

thread_local! {
    static POSITIONS: RefCell<Vec<(u32, u32)>> = const { RefCell::new(Vec::new()) };
}

/// Whether `tokens` stand in `text` one after the other, at most `slop` moves apart.
fn phrase(text: &str, tokens: &[String], slop: u32, last_is_prefix: bool) -> bool {
    let last = tokens.len().wrapping_sub(1);
    POSITIONS.with_borrow_mut(|found| {
        // For each token of the phrase that stands in the text: which, and where.
        found.clear();
        standard_tokens(text, |token| {
            for (at, wanted) in tokens.iter().enumerate() {
                let prefix = last_is_prefix && at == last;
                if token.text == wanted || (prefix && token.text.starts_with(wanted.as_str())) {
                    found.push((at as u32, token.position));
                }
            }
        });
        let starts = found.iter().filter(|(at, _)| *at == 0 || slop > 0);
        starts.into_iter().any(|(at, position)| {
            fits(found, tokens.len() as u32, i64::from(*position) - i64::from(*at), slop)
        })
    })
}

/// Whether every token of the phrase stands near its place when the phrase begins at `origin`:
/// the spread of displacements is at most `slop`, as Lucene's sloppy phrases measure it.
fn fits(found: &[(u32, u32)], count: u32, origin: i64, slop: u32) -> bool {
    let (mut least, mut most) = (i64::MAX, i64::MIN);
    for wanted in 0..count {
        let displacement = found
            .iter()
            .filter(|(at, _)| *at == wanted)
            .map(|(at, position)| i64::from(*position) - i64::from(*at) - origin)
            .min_by_key(|displacement| displacement.abs());
        let Some(displacement) = displacement else { return false };
        least = least.min(displacement);
        most = most.max(displacement);
    }
    most - least <= i64::from(slop) && (slop > 0 || (least == 0 && most == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(test: LogTest) -> CompiledTest {
        CompiledTest::new(&test).unwrap()
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn texts_pass_or_not() {
        let text = "Connection refused for user admin from 10.0.0.1";
        for (check, passes) in [
            (LogTest::AllTokens(words("refused connection")), true),
            (LogTest::AllTokens(words("refused connections")), false),
            (LogTest::AnyToken(words("nothing 10.0.0.1")), true),
            (
                LogTest::Phrase { tokens: words("refused for"), slop: 0, last_is_prefix: false },
                true,
            ),
            (
                LogTest::Phrase { tokens: words("refused user"), slop: 0, last_is_prefix: false },
                false,
            ),
            (
                LogTest::Phrase { tokens: words("refused user"), slop: 1, last_is_prefix: false },
                true,
            ),
            (
                LogTest::Phrase { tokens: words("for refused"), slop: 2, last_is_prefix: false },
                true,
            ),
            (LogTest::Phrase { tokens: words("user adm"), slop: 0, last_is_prefix: true }, true),
            (LogTest::Token(TokenPattern::Contains("nnect".into())), true),
            (
                LogTest::Token(TokenPattern::Fuzzy {
                    token: "conection".into(),
                    edits: 1,
                    prefix: 0,
                }),
                true,
            ),
            (
                LogTest::Token(TokenPattern::Fuzzy {
                    token: "cnoection".into(),
                    edits: 1,
                    prefix: 0,
                }),
                false,
            ),
            (
                LogTest::Token(TokenPattern::Fuzzy { token: "adimn".into(), edits: 1, prefix: 1 }),
                true,
            ),
            (LogTest::Contains("refused for".into()), true),
            (LogTest::Matches("Conn.*".into()), true),
            (LogTest::Matches("onn.*".into()), false),
            (LogTest::Finds("us+er".into()), true),
            (LogTest::Prefix("Connection ".into()), true),
            (LogTest::EqualsAnyCase(vec![text.to_uppercase()]), true),
        ] {
            assert_eq!(test(check.clone()).text(text), passes, "{check:?}");
        }
    }

    #[test]
    fn a_value_of_another_type_that_says_the_same_passes() {
        let equals = |text: &str| test(LogTest::Equals(vec![text.to_owned()]));
        assert!(equals("200").number_text("200.0"));
        assert!(equals("2e2").number_text("200"));
        assert!(!equals("9007199254740993").number_text("9007199254740992"));
        let range = test(LogTest::Numbers {
            from: Some(("1".into(), false)),
            to: Some(("2".into(), true)),
        });
        assert!(!range.number_text("1.0") && range.number_text("1.0000001") && range.text("2"));
        assert!(!range.text("x"));
        let times = test(LogTest::Times { start_ns: 0, end_ns: 1_000_000_000 });
        assert!(
            times.text("1970-01-01T00:00:01Z")
                && times.number_text("1000")
                && !times.number_text("1001")
        );
    }
}
