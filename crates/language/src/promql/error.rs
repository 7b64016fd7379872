//! What is wrong with a text and where.

use std::fmt;

use super::ast::Position;

/// A text that is not PromQL, or not of the right types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong, in Prometheus' words.
    pub message: String,
    /// Where, in bytes of the text.
    pub position: Position,
    /// Line of the position's start, from 1; 0 when the text is empty.
    pub line: usize,
    /// Column (in bytes) of the position's start, from 1.
    pub column: usize,
}

impl ParseError {
    /// An error at `position` of `text`.
    pub(crate) fn new(text: &str, position: Position, message: impl Into<String>) -> Self {
        let start = position.start.min(text.len());
        let before = text.as_bytes().get(..start).unwrap_or_default();
        let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let breaks = before.split(|b| *b == b'\n').count() - 1;
        Self {
            message: message.into(),
            position,
            line: if text.is_empty() { 0 } else { breaks + 1 },
            column: start - line_start + 1,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "unknown position: parse error: {}", self.message);
        }
        write!(f, "{}:{}: parse error: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}
