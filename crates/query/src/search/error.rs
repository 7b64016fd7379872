//! Errors of searches, with the types and words of Elasticsearch.

/// Why a search is refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SearchError {
    /// Elasticsearch's name for it: `parsing_exception`.
    pub kind: &'static str,
    /// What is wrong.
    pub reason: String,
    /// Status of the answer.
    pub status: u16,
    /// The key in the request at which the fault lies; whoever has the text says its line.
    pub at_key: Option<String>,
    /// The error beneath, when clients look at it.
    pub cause: Option<Box<Self>>,
}

impl SearchError {
    /// An error of `kind` with status 400.
    pub fn new(kind: &'static str, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), status: 400, at_key: None, cause: None }
    }

    /// `parsing_exception`: the request is not as it must be.
    pub fn parsing(reason: impl Into<String>) -> Self {
        Self::new("parsing_exception", reason)
    }

    /// `illegal_argument_exception`: a value cannot be used.
    pub fn argument(reason: impl Into<String>) -> Self {
        Self::new("illegal_argument_exception", reason)
    }

    /// `query_shard_exception`: the query cannot run on these fields.
    pub fn shard(reason: impl Into<String>) -> Self {
        Self::new("query_shard_exception", reason)
    }

    /// Something that is known and not served.
    pub fn not_served(what: &str) -> Self {
        Self::argument(format!("{what} is not supported by this server"))
    }

    /// With another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With the key at which the fault lies.
    #[must_use]
    pub fn at(mut self, key: &str) -> Self {
        self.at_key = Some(key.to_owned());
        self
    }

    /// With the error beneath.
    #[must_use]
    pub fn because(mut self, cause: Self) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }
}

impl From<vigie_store::StoreError> for SearchError {
    fn from(error: vigie_store::StoreError) -> Self {
        match error {
            vigie_store::StoreError::Invalid(message) => Self::argument(message),
            other => {
                Self::new("search_phase_execution_exception", other.to_string()).with_status(500)
            }
        }
    }
}
