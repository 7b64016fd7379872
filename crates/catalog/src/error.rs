//! What can go wrong with a change.

/// What to do about a [`CatalogError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogErrorKind {
    /// Ask for something else.
    Invalid,
    /// Remove something first.
    Full,
    /// The machine refused; later may be better.
    Failed,
}

/// An error of the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The disk refused, so nothing was changed.
    #[error("the change could not be kept: {0}")]
    Disk(#[from] std::io::Error),
    /// There is one too many of something.
    #[error("there are already {max} {what}, which is as many as there may be")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// As many as there may be.
        max: usize,
    },
    /// Something is too large.
    #[error("{what} is larger than {bytes_max} bytes")]
    TooLarge {
        /// What.
        what: &'static str,
        /// As large as it may be.
        bytes_max: usize,
    },
}

impl CatalogError {
    /// What to do.
    pub const fn kind(&self) -> CatalogErrorKind {
        match self {
            Self::Disk(_) => CatalogErrorKind::Failed,
            Self::TooMany { .. } => CatalogErrorKind::Full,
            Self::TooLarge { .. } => CatalogErrorKind::Invalid,
        }
    }
}
