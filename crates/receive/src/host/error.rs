//! What can go wrong while looking at this host.

use std::io;
use std::path::{Path, PathBuf};

/// Why a collector gave nothing, or not all.
#[derive(Debug, thiserror::Error)]
pub(super) enum CollectError {
    /// The machine has not what the collector looks at.
    #[error("collector returned no data")]
    NoData,
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not look as expected.
    #[error("cannot understand {what}: {text:?}")]
    Parse {
        /// Which file or field.
        what: &'static str,
        /// The beginning of what was found.
        text: String,
    },
    /// A system call failed.
    #[error("{call}: {source}")]
    System {
        /// Which call.
        call: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl CollectError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(super) fn parse(what: &'static str, text: &str) -> Self {
        Self::Parse { what, text: text.chars().take(80).collect() }
    }

    /// Turns "no such file" and "not allowed" into `NoData`, as the original does for hardware
    /// that a machine need not have.
    pub(super) fn missing_is_no_data(self) -> Self {
        match self {
            Self::Read { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                Self::NoData
            }
            other => other,
        }
    }
}

/// Why options or a request for certain collectors are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// No such flag.
    #[error("unknown long flag '--{0}'")]
    UnknownFlag(String),
    /// The flag wants a value.
    #[error("expected argument for flag '--{0}'")]
    MissingValue(String),
    /// The flag's value is wrong.
    #[error("invalid value {value:?} for flag '--{flag}': {reason}")]
    InvalidValue {
        /// Which flag.
        flag: String,
        /// The value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two flags that exclude one another.
    #[error("flags '--{0}' and '--{1}' are mutually exclusive")]
    Exclusive(String, String),
    /// Something that is no flag.
    #[error("unexpected {0}")]
    Unexpected(String),
    /// A request named a collector that does not exist.
    #[error("missing collector: {0}")]
    MissingCollector(String),
    /// A request named a collector that is switched off.
    #[error("disabled collector: {0}")]
    DisabledCollector(String),
    /// A request named collectors both to take and to leave out.
    #[error("combined collect and exclude queries are not allowed")]
    CollectAndExclude,
}

impl HostError {
    /// A word for the kind of error, for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownFlag(_)
            | Self::MissingValue(_)
            | Self::InvalidValue { .. }
            | Self::Exclusive(..)
            | Self::Unexpected(_) => "flag",
            Self::MissingCollector(_) | Self::DisabledCollector(_) | Self::CollectAndExclude => {
                "request"
            }
        }
    }
}
