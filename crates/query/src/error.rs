//! What can go wrong in a query.

use vigie_store::StoreError;

/// What a [`QueryError`] is, for the protocol's status and error type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryErrorKind {
    /// The text is not a query, or a parameter is wrong.
    BadData,
    /// The query cannot be evaluated over this data.
    Execution,
    /// The asker has gone, or somebody ended the query.
    Canceled,
    /// The query took longer than it may.
    Timeout,
    /// The query would read more than it may.
    TooManySamples,
    /// The store failed.
    Internal,
}

/// An error of a query. The messages are Prometheus'.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not a query, or a parameter is wrong.
    #[error("{0}")]
    BadData(String),
    /// The query cannot be evaluated over this data.
    #[error("{0}")]
    Execution(String),
    /// The asker has gone, or somebody ended the query.
    #[error("query was canceled in query execution")]
    Canceled,
    /// The query took longer than it may.
    #[error("query timed out in query execution")]
    Timeout,
    /// The query would read more than it may.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// The store failed.
    #[error("expanding series: {0}")]
    Store(StoreError),
    /// A fault of the engine itself.
    #[error("{0}")]
    Internal(String),
}

impl QueryError {
    /// What kind of error it is.
    pub const fn kind(&self) -> QueryErrorKind {
        match self {
            Self::BadData(_) => QueryErrorKind::BadData,
            Self::Execution(_) => QueryErrorKind::Execution,
            Self::Canceled => QueryErrorKind::Canceled,
            Self::Timeout => QueryErrorKind::Timeout,
            Self::TooManySamples => QueryErrorKind::TooManySamples,
            Self::Store(_) | Self::Internal(_) => QueryErrorKind::Internal,
        }
    }

    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::Execution(message.into())
    }
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Cancelled => Self::Canceled,
            StoreError::TooManySamples => Self::TooManySamples,
            StoreError::Invalid(message) => Self::BadData(message),
            other => Self::Store(other),
        }
    }
}
