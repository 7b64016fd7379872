//! What can go wrong with a statement.

use datafusion::common::{DataFusionError, Diagnostic};
use vigie_query::QueryError;
use vigie_store::StoreError;

/// What a [`SqlError`] is, for the protocol's status and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SqlErrorKind {
    /// The text is no statement, or names what is not there.
    Invalid,
    /// The statement is one that is not carried out here: it would change something.
    ReadOnly,
    /// The statement took longer than it may.
    Timeout,
    /// The statement needs more memory, or gives more rows, than it may.
    TooLarge,
    /// The store or the engine failed.
    Internal,
}

/// An error of a statement.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The text is no statement, or names what is not there.
    #[error("{message}")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Line and column, from 1, when they are known.
        position: Option<(u64, u64)>,
    },
    /// The statement would change something.
    #[error("{0} is not possible: statements here only read")]
    ReadOnly(String),
    /// The statement took longer than it may.
    #[error("the statement took longer than {0} s")]
    Timeout(u64),
    /// The statement needs more memory than it may.
    #[error("the statement needs more memory than it may: {0}")]
    Memory(String),
    /// The answer has more rows than it may.
    #[error("the answer has more than {0} rows; add LIMIT, or ask for less")]
    TooManyRows(u64),
    /// The store or the engine failed.
    #[error("{0}")]
    Internal(String),
}

impl SqlError {
    /// What kind of error it is.
    pub const fn kind(&self) -> SqlErrorKind {
        match self {
            Self::Invalid { .. } => SqlErrorKind::Invalid,
            Self::ReadOnly(_) => SqlErrorKind::ReadOnly,
            Self::Timeout(_) => SqlErrorKind::Timeout,
            Self::Memory(_) | Self::TooManyRows(_) => SqlErrorKind::TooLarge,
            Self::Internal(_) => SqlErrorKind::Internal,
        }
    }

    /// Where in the statement it is: line and column, from 1.
    pub const fn position(&self) -> Option<(u64, u64)> {
        match self {
            Self::Invalid { position, .. } => *position,
            _ => None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid { message: message.into(), position: None }
    }
}

impl From<StoreError> for SqlError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Invalid(message) => Self::invalid(message),
            StoreError::TooManySamples => Self::Memory("too many samples".to_owned()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<QueryError> for SqlError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::BadData(message) | QueryError::Execution(message) => Self::invalid(message),
            QueryError::TooManySamples => Self::Memory(error.to_string()),
            other => Self::Internal(other.to_string()),
        }
    }
}

/// From what DataFusion says.
impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        let position = error.diagnostic().and_then(position_of);
        let message = error.strip_backtrace();
        match error.find_root() {
            DataFusionError::SQL(parse, _) => {
                let text = parse.to_string();
                let (message, found) = split_position(&text);
                Self::Invalid { message, position: found.or(position) }
            }
            DataFusionError::ResourcesExhausted(text) => Self::Memory(text.clone()),
            DataFusionError::External(inner) => match inner.downcast_ref::<Self>() {
                Some(Self::Invalid { message, position }) => {
                    Self::Invalid { message: message.clone(), position: *position }
                }
                Some(Self::ReadOnly(text)) => Self::ReadOnly(text.clone()),
                Some(Self::Timeout(seconds)) => Self::Timeout(*seconds),
                Some(Self::TooManyRows(rows)) => Self::TooManyRows(*rows),
                Some(Self::Memory(text)) => Self::Memory(text.clone()),
                _ => Self::Internal(inner.to_string()),
            },
            DataFusionError::Internal(_) | DataFusionError::IoError(_) => Self::Internal(message),
            _ => Self::Invalid { message: plain(&message), position },
        }
    }
}

fn position_of(diagnostic: &Diagnostic) -> Option<(u64, u64)> {
    let span = diagnostic.span?;
    Some((span.start.line, span.start.column))
}

/// `sql parser error: ... at Line: 1, Column: 8` without its frame, and the place.
fn split_position(text: &str) -> (String, Option<(u64, u64)>) {
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    let Some((message, place)) = text.rsplit_once(" at Line: ") else {
        return (text.to_owned(), None);
    };
    let numbers = place.split_once(", Column: ").and_then(|(line, column)| {
        let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
        Some((line.trim().parse().ok()?, digits.parse().ok()?))
    });
    (message.to_owned(), numbers)
}

/// Without the names of the stages that found the error.
fn plain(message: &str) -> String {
    let mut rest = message;
    for frame in ["Error during planning: ", "Schema error: ", "Execution error: ", "Arrow error: "]
    {
        rest = rest.strip_prefix(frame).unwrap_or(rest);
    }
    rest.to_owned()
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        Self::External(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_cut_out_of_what_the_parser_says() {
        let text = "sql parser error: Expected: an expression, found: FROM at Line: 1, Column: 8";
        assert_eq!(
            split_position(text),
            ("Expected: an expression, found: FROM".to_owned(), Some((1, 8)))
        );
        assert_eq!(split_position("no place"), ("no place".to_owned(), None));
    }
}
