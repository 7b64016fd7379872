//! Why a request failed.

use std::error::Error as _;

/// Why a request failed, in the words that operators of Prometheus know where it has some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The configuration of the client does not work: a file, a certificate, a proxy.
    #[error("{0}")]
    Setup(String),
    /// No answer came.
    #[error("Get {url:?}: {reason}")]
    Transport {
        /// What was asked.
        url: String,
        /// What went wrong, from outside to inside.
        reason: String,
    },
    /// The answer took longer than allowed.
    #[error("Get {url:?}: context deadline exceeded")]
    Timeout {
        /// What was asked.
        url: String,
    },
    /// The server refused.
    #[error("server returned HTTP status {0}")]
    Status(String, u16),
    /// The body is larger than allowed, as sent or decompressed.
    #[error("body size limit exceeded")]
    BodyTooLarge,
    /// The body is not what its headers say.
    #[error("{0}")]
    Body(String),
}

/// What a caller should make of an [`HttpError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// Nothing changes until the configuration or a file does.
    Setup,
    /// May pass: network, time, a server that is not well.
    Temporary,
    /// The server refuses this request.
    Refused,
    /// The answer cannot be used.
    Answer,
}

impl HttpError {
    /// What to make of it.
    pub const fn kind(&self) -> HttpErrorKind {
        match self {
            Self::Setup(_) => HttpErrorKind::Setup,
            Self::Transport { .. } | Self::Timeout { .. } => HttpErrorKind::Temporary,
            Self::Status(_, code) if *code >= 500 || *code == 429 => HttpErrorKind::Temporary,
            Self::Status(..) => HttpErrorKind::Refused,
            Self::BodyTooLarge | Self::Body(_) => HttpErrorKind::Answer,
        }
    }

    pub(super) fn from_reqwest(url: &str, error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Timeout { url: url.to_owned() };
        }
        // The innermost cause is the one that says something ("connection refused").
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            reason = inner.to_string();
            cause = inner.source();
        }
        Self::Transport { url: url.to_owned(), reason }
    }
}
