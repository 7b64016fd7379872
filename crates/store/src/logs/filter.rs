//! What can be asked of documents.

/// A question to a snapshot: which documents.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQuery {
    /// Names of indices; `None` for all.
    pub indexes: Option<Vec<String>>,
    /// Earliest time, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Latest time, included.
    pub end_ns: i64,
    /// What else must hold.
    pub filter: LogFilter,
}

impl LogQuery {
    /// All documents for which `filter` holds.
    pub fn new(filter: LogFilter) -> Self {
        Self { indexes: None, start_ns: i64::MIN, end_ns: i64::MAX, filter }
    }
}

/// A condition on documents.
#[derive(Debug, Clone, PartialEq)]
pub enum LogFilter {
    /// Every document.
    All,
    /// No document.
    None,
    /// All of them hold.
    And(Vec<Self>),
    /// Any of them holds.
    Or(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// The document has one of these ids (as sent, or as given by the store).
    Ids(Vec<String>),
    /// Any value of the field of this dotted path passes the test.
    Field(String, LogTest),
}

impl LogFilter {
    /// A condition on a field.
    pub fn field(path: impl Into<String>, test: LogTest) -> Self {
        Self::Field(path.into(), test)
    }
}

/// A test of one value. Values are texts, numbers and booleans; a test made for one type holds for
/// values of another type that say the same (`"200"` equals `200`).
#[derive(Debug, Clone, PartialEq)]
pub enum LogTest {
    /// There is a value (null is none).
    Exists,
    /// It is one of these: the same text, the same number however it is written, the same boolean.
    Equals(Vec<String>),
    /// It is one of these, whatever the case of letters.
    EqualsAnyCase(Vec<String>),
    /// It begins so.
    Prefix(String),
    /// It holds this.
    Contains(String),
    /// All of it matches this regular expression (syntax of the crate `regex`).
    Matches(String),
    /// This regular expression matches somewhere in it.
    Finds(String),
    /// It has all of these tokens (see [`standard_tokens`](super::standard_tokens)), in any order.
    AllTokens(Vec<String>),
    /// It has any of these tokens.
    AnyToken(Vec<String>),
    /// It has these tokens in this order, with up to `slop` moves.
    Phrase {
        /// The tokens.
        tokens: Vec<String>,
        /// How many positions they may be apart in all.
        slop: u32,
        /// Whether the last one need only be the beginning of a token.
        last_is_prefix: bool,
    },
    /// One of its tokens is as the pattern says.
    Token(TokenPattern),
    /// A number in this range; bounds as they are written.
    Numbers {
        /// Lower bound, and whether it belongs to the range.
        from: Option<(String, bool)>,
        /// Upper bound, and whether it belongs to the range.
        to: Option<(String, bool)>,
    },
    /// A time in this range, ends included: text that is a date, or milliseconds since the epoch.
    Times {
        /// First nanosecond.
        start_ns: i64,
        /// Last nanosecond.
        end_ns: i64,
    },
    /// A text in this range, by bytes.
    Texts {
        /// Lower bound, and whether it belongs to the range.
        from: Option<(String, bool)>,
        /// Upper bound, and whether it belongs to the range.
        to: Option<(String, bool)>,
    },
}

/// What a token may look like. Tokens are lowercase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPattern {
    /// It begins so.
    Prefix(String),
    /// It holds this.
    Contains(String),
    /// All of it matches this regular expression.
    Matches(String),
    /// It is within so many edits of this (insert, remove, change, swap of neighbours); the first
    /// `prefix` characters must be the same.
    Fuzzy {
        /// The token.
        token: String,
        /// Edits, at most 2.
        edits: u8,
        /// Characters at the beginning that must be the same.
        prefix: usize,
    },
}
