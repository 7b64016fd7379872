//! What can go wrong in the store.

use std::io;

/// What the asker should do about a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The request cannot be answered as it is.
    Invalid,
    /// The request asked for more than its budget.
    OverBudget,
    /// The request was cancelled.
    Cancelled,
    /// Try later: no room, or shutting down.
    Unavailable,
    /// Data on disk is not as it was written.
    Corrupt,
    /// The disk, the object store or the catalog failed.
    Failed,
}

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A matcher's regular expression does not compile, and the like.
    #[error("{0}")]
    Invalid(String),
    /// The query would take more than it may.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// The asker has gone.
    #[error("query was cancelled")]
    Cancelled,
    /// No room, or shutting down.
    #[error("{0}")]
    Unavailable(String),
    /// Data on disk is not as it was written.
    #[error("{what} is corrupt: {detail}")]
    Corrupt {
        /// Which file, and where in it.
        what: String,
        /// What was expected.
        detail: String,
    },
    /// The disk failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the disk said.
        source: io::Error,
    },
    /// The object store failed.
    #[error("{what}: {}", with_causes(.source.as_ref()))]
    Objects {
        /// What was being done, and where.
        what: String,
        /// What the object store said.
        source: Box<object_store::Error>,
    },
    /// The catalog failed.
    #[cfg(feature = "catalog-sql")]
    #[error("catalog: {0}")]
    Catalog(#[from] sqlx::Error),
}

impl StoreError {
    /// What the asker should do.
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Invalid(_) => StoreErrorKind::Invalid,
            Self::TooManySamples => StoreErrorKind::OverBudget,
            Self::Cancelled => StoreErrorKind::Cancelled,
            Self::Unavailable(_) => StoreErrorKind::Unavailable,
            Self::Corrupt { .. } => StoreErrorKind::Corrupt,
            Self::Io { .. } | Self::Objects { .. } => StoreErrorKind::Failed,
            #[cfg(feature = "catalog-sql")]
            Self::Catalog(_) => StoreErrorKind::Failed,
        }
    }
}

/// An error and what caused it: the object store's own text often stops before the reason.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
