//! Line filters.

use vigie_language::logql::{LineFilter, LineMatch, LineOp, Pattern};
use vigie_model::pattern::compile;

use super::address::AddressRange;
use crate::logql::LogqlError;

/// A line filter that is ready to run.
#[derive(Debug)]
pub(crate) struct CompiledLineFilter {
    is_negative: bool,
    alternatives: Vec<LineTest>,
}

#[derive(Debug)]
enum LineTest {
    Contains(Box<memchr::memmem::Finder<'static>>),
    Regex(regex::Regex),
    Address(AddressRange),
    Pattern(Pattern),
    /// Only an empty line matches an empty pattern.
    Empty,
}

impl CompiledLineFilter {
    pub(crate) fn new(filter: &LineFilter) -> Result<Self, LogqlError> {
        let test = |alternative| LineTest::new(filter.op, alternative);
        let alternatives = filter.alternatives.iter().map(test).collect::<Result<_, _>>()?;
        Ok(Self { is_negative: filter.op.is_negative(), alternatives })
    }

    pub(crate) fn keeps(&self, line: &str) -> bool {
        self.alternatives.iter().any(|test| test.matches(line)) != self.is_negative
    }
}

impl LineTest {
    fn new(op: LineOp, alternative: &LineMatch) -> Result<Self, LogqlError> {
        let text = &alternative.text;
        if alternative.is_ip {
            let range = AddressRange::parse(text);
            return range.map(Self::Address).ok_or_else(|| invalid_address(text));
        }
        Ok(match op {
            LineOp::Contains | LineOp::NotContains => {
                Self::Contains(Box::new(memchr::memmem::Finder::new(text.as_bytes()).into_owned()))
            }
            LineOp::Matches | LineOp::NotMatches => Self::Regex(
                compile(text).map_err(|error| LogqlError::BadRequest(error.to_string()))?,
            ),
            LineOp::Pattern | LineOp::NotPattern if text.is_empty() => Self::Empty,
            LineOp::Pattern | LineOp::NotPattern => {
                Self::Pattern(Pattern::parse_filter(text).map_err(LogqlError::BadRequest)?)
            }
        })
    }

    fn matches(&self, line: &str) -> bool {
        match self {
            Self::Contains(finder) => finder.find(line.as_bytes()).is_some(),
            Self::Regex(regex) => regex.is_match(line),
            Self::Address(range) => range.is_in(line),
            Self::Pattern(pattern) => pattern.is_match(line),
            Self::Empty => line.is_empty(),
        }
    }
}

/// Loki's words for what is no address.
pub(super) fn invalid_address(text: &str) -> LogqlError {
    LogqlError::BadRequest(format!("parse error : ip: error parsing pattern: {text}"))
}
