//! Why a pipeline cannot be built or an output cannot write.

use vigie_language::logstash::ConfigError;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProcessError {
    /// The configuration cannot be run.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The file of sampling strategies cannot be used.
    #[error("{0}")]
    Strategies(String),
    /// The policies of tail sampling cannot be used.
    #[error("{0}")]
    TailSampling(String),
    /// An output cannot write now; trying again may help.
    #[error("{0}")]
    Unavailable(String),
    /// An output will never take this.
    #[error("{0}")]
    Refused(String),
}

/// What an error obliges to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Change the configuration or the data.
    Invalid,
    /// Try again.
    Unavailable,
}

impl ProcessError {
    /// What the error obliges to.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Config(_) | Self::Strategies(_) | Self::TailSampling(_) | Self::Refused(_) => {
                ErrorKind::Invalid
            }
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}
