//! What can go wrong with a LogQL query, in Loki's words.

use vigie_language::logql::ParseError;
use vigie_store::StoreError;

/// Why a LogQL query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LogqlError {
    /// It is not LogQL.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// It cannot be answered as it is asked.
    #[error("{0}")]
    BadRequest(String),
    /// It would hold more than it may.
    #[error("query would read too many bytes")]
    TooMuch,
    /// It took too long.
    #[error(
        "request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex match) to reduce the amount of data processed"
    )]
    Timeout,
    /// Nobody waits for the answer.
    #[error("The request was cancelled by the client.")]
    Cancelled,
    /// The store failed.
    #[error("{0}")]
    Store(StoreError),
}

/// What a [`LogqlError`] is, for the answer's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogqlErrorKind {
    /// The query must be another one.
    BadRequest,
    /// It took too long.
    Timeout,
    /// Nobody waits.
    Cancelled,
    /// Something failed here.
    Internal,
}

impl LogqlError {
    /// What it is.
    pub const fn kind(&self) -> LogqlErrorKind {
        match self {
            Self::Parse(_) | Self::BadRequest(_) | Self::TooMuch => LogqlErrorKind::BadRequest,
            Self::Timeout => LogqlErrorKind::Timeout,
            Self::Cancelled => LogqlErrorKind::Cancelled,
            Self::Store(_) => LogqlErrorKind::Internal,
        }
    }
}

impl From<StoreError> for LogqlError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cancelled => Self::Cancelled,
            StoreError::Invalid(message) => Self::BadRequest(message),
            other => Self::Store(other),
        }
    }
}
