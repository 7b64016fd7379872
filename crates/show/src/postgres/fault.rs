//! Errors as PostgreSQL's clients know them.

use std::borrow::Cow;
use std::{fmt, io};

use vigie_formats::postgres::{Answers, PostgresError};
use vigie_sql::{SqlError, SqlErrorKind};

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Fault {
    /// The client is told.
    Told {
        /// The code: SQLSTATE.
        code: &'static str,
        /// What is wrong.
        message: Cow<'static, str>,
        /// Where in the statement, in characters from 1.
        position: Option<usize>,
        /// What to do.
        hint: Option<&'static str>,
    },
    /// The connection is gone.
    Gone(io::Error),
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Told { code, message: message.into(), position: None, hint: None }
    }

    pub(super) fn with_hint(mut self, text: &'static str) -> Self {
        if let Self::Told { hint, .. } = &mut self {
            *hint = Some(text);
        }
        self
    }

    /// What came is no message: nothing that follows can be understood.
    pub(super) fn protocol(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("08P01", message)
    }

    /// What became of a statement with this text.
    pub(super) fn statement(error: &SqlError, text: &str) -> Self {
        let code = match error.kind() {
            SqlErrorKind::Invalid => "42000",
            SqlErrorKind::ReadOnly => "25006",
            SqlErrorKind::Timeout => "57014",
            SqlErrorKind::TooLarge => "54000",
            SqlErrorKind::Internal => "XX000",
        };
        let position = error.position().and_then(|position| character_at(text, position));
        let message = match error {
            SqlError::Timeout(_) => {
                format!("canceling statement due to statement timeout: {error}")
            }
            other => other.to_string(),
        };
        Self::Told { code, message: message.into(), position, hint: None }
    }

    /// Writes it down for the client; `is_last` says that the connection ends with it.
    pub(super) fn write(&self, answers: &mut Answers, is_last: bool) {
        let Self::Told { code, message, position, hint } = self else { return };
        let severity = if is_last { "FATAL" } else { "ERROR" };
        let position = position.map(|at| at.to_string());
        let fields = [
            (b'S', Some(severity)),
            (b'V', Some(severity)),
            (b'C', Some(*code)),
            (b'M', Some(&**message)),
            (b'H', *hint),
            (b'P', position.as_deref()),
        ];
        answers.error(fields.into_iter().filter_map(|(letter, value)| Some((letter, value?))));
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told { code, message, .. } => write!(f, "{code}: {message}"),
            Self::Gone(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<PostgresError> for Fault {
    fn from(error: PostgresError) -> Self {
        let code = match error {
            PostgresError::Length => "08P01",
            PostgresError::Text => "22021",
            PostgresError::Version(..) => "0A000",
        };
        Self::new(code, error.to_string())
    }
}

/// The number of the character at a line and column, all from 1.
fn character_at(text: &str, (line, column): (u64, u64)) -> Option<usize> {
    let before = usize::try_from(line.checked_sub(1)?).ok()?;
    let lines_before = text.split_inclusive('\n').take(before);
    let characters: usize = lines_before.map(|line| line.chars().count()).sum();
    Some(characters + usize::try_from(column).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        assert_eq!(character_at("SELECT é,\n  x", (1, 10)), Some(10));
        assert_eq!(character_at("SELECT é,\n  x", (2, 3)), Some(13));
    }
}
