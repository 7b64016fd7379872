//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// A configuration that cannot be used: file, line, column, what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file, where one is known.
    pub file: Option<PathBuf>,
    /// Line from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column from 1; 0 when the whole line is meant.
    pub column: u32,
    /// What is wrong, in Prometheus' words where Prometheus has words for it.
    pub message: String,
    /// What to do about it; empty when the message says it.
    pub advice: String,
}

impl ConfigError {
    /// An error of the whole file.
    pub fn new(message: impl Into<String>) -> Self {
        Self { file: None, line: 0, column: 0, message: message.into(), advice: String::new() }
    }

    /// The same error, with what to do about it.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if self.line > 0 {
            write!(f, "line {}", self.line)?;
            if self.column > 0 {
                write!(f, ", column {}", self.column)?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}
