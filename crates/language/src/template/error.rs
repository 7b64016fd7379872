//! What can be wrong with a template, in Go's words.

/// Why a template could not be parsed or executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is no template: `template: NAME:LINE: ...`.
    #[error("{0}")]
    Parse(String),
    /// It failed on this data: `template: NAME:LINE:COLUMN: executing "NAME" at <...>: ...`.
    #[error("{0}")]
    Execute(String),
    /// Its HTML cannot be escaped: `html/template:NAME:LINE:COLUMN: ...`.
    #[error("{0}")]
    Escape(String),
    /// It took more steps, depth or output than [`Limits`](super::Limits) allow.
    #[error("{0}")]
    Limit(String),
}

/// The kinds of error, for counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The text is wrong, whatever the data.
    Parse,
    /// The data does not fit the text.
    Execute,
    /// The HTML around the actions is ambiguous.
    Escape,
    /// Too much work.
    Limit,
}

impl Error {
    /// Which kind it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse(_) => ErrorKind::Parse,
            Self::Execute(_) => ErrorKind::Execute,
            Self::Escape(_) => ErrorKind::Escape,
            Self::Limit(_) => ErrorKind::Limit,
        }
    }
}
