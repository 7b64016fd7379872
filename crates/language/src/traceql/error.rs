//! What is wrong with a text and where.

/// A text that is not TraceQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse error at line {line}, col {column}: {message}")]
pub struct TraceQlError {
    /// What is wrong.
    pub message: String,
    /// Where: line, from 1.
    pub line: usize,
    /// Where: column in characters, from 1.
    pub column: usize,
}

impl TraceQlError {
    /// An error at this byte of `text`.
    pub(super) fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        let before = text.get(..at.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            message: message.into(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}
