//! What can go wrong before a request is answered: options and files of the front door.

/// What the person who started Vigie should do about a [`ShowError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowErrorKind {
    /// Correct an option or a file.
    Invalid,
    /// The machine refused.
    Failed,
}

/// An error of the front door.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// An option has a value that cannot be used.
    #[error("{option}: {detail}")]
    Option {
        /// Which option.
        option: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A file is not as it should be.
    #[error("{path}: {detail}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: String,
        /// What the disk said.
        source: std::io::Error,
    },
}

impl ShowError {
    /// What to do.
    pub const fn kind(&self) -> ShowErrorKind {
        match self {
            Self::Option { .. } | Self::File { .. } => ShowErrorKind::Invalid,
            Self::Read { .. } => ShowErrorKind::Failed,
        }
    }
}
