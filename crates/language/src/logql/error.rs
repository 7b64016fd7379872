//! What is wrong with a query and where.

use std::fmt;

/// A text that is not LogQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, in Loki's words.
    pub message: String,
    /// Line, from 1; 0 when the fault has no place.
    pub line: usize,
    /// Column in characters, from 1; 0 when the fault has no place.
    pub column: usize,
}

impl ParseError {
    /// An error that has no place in the text.
    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: 0, column: 0 }
    }

    /// An error at byte `at` of `text`.
    pub(crate) fn at(text: &str, at: usize, message: impl Into<String>) -> Self {
        if text.is_empty() {
            return Self::nowhere(message);
        }
        let before = text.get(..at.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            message: message.into(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or("").chars().count() + 1,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 && self.column == 0 {
            return write!(f, "parse error : {}", self.message);
        }
        write!(f, "parse error at line {}, col {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}
