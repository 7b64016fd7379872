//! Lucene's classic query syntax, as `query_string` takes it.
//!
//! Source: the grammar of Lucene's classic `QueryParser` and Elasticsearch's documentation of
//! the query. Precedence is Lucene's: `AND` and `OR` change whether their neighbours are
//! required, they do not group.

mod lexer;
mod parser;

use super::{Fuzziness, Pattern};

pub use parser::parse;

/// What stands between clauses when nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operator {
    /// Any clause is enough.
    #[default]
    Or,
    /// All clauses are needed.
    And,
}

/// How a clause takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occur {
    /// Needed.
    Must,
    /// Enough, or only better when others are needed.
    Should,
    /// Excluded.
    MustNot,
}

/// One clause of a [`Node::Bool`].
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// How it takes part.
    pub occur: Occur,
    /// What it says.
    pub node: Node,
}

/// A query. `field: None` means the default fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Several clauses; none of them matches nothing.
    Bool(Vec<Clause>),
    /// Analysed text.
    Term {
        /// Where.
        field: Option<String>,
        /// What.
        text: String,
    },
    /// Words next to each other.
    Phrase {
        /// Where.
        field: Option<String>,
        /// What.
        text: String,
        /// How many words may be between or moved.
        slop: u32,
    },
    /// `wor*`, `w?rd`.
    Wildcard {
        /// Where.
        field: Option<String>,
        /// What.
        pattern: Pattern,
    },
    /// `/expression/`.
    Regexp {
        /// Where.
        field: Option<String>,
        /// In Lucene's notation.
        expression: String,
    },
    /// `word~`.
    Fuzzy {
        /// Where.
        field: Option<String>,
        /// What.
        text: String,
        /// How far.
        fuzziness: Option<Fuzziness>,
    },
    /// `[a TO b}`, `>=a`.
    Range {
        /// Where.
        field: Option<String>,
        /// The lower end; `None` is open.
        lower: Option<String>,
        /// Whether the lower end is in.
        includes_lower: bool,
        /// The upper end; `None` is open.
        upper: Option<String>,
        /// Whether the upper end is in.
        includes_upper: bool,
    },
    /// `field:*`, `_exists_:field`.
    Exists {
        /// Which.
        field: String,
    },
    /// `*:*`, `*`.
    MatchAll,
    /// `clause^2`.
    Boost {
        /// What is boosted.
        node: Box<Self>,
        /// By how much.
        boost: f32,
    },
}

/// Why a text is no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Cannot parse '{text}': {detail}")]
pub struct QueryStringError {
    /// The whole text, cut when long.
    pub text: String,
    /// What is wrong, and where.
    pub detail: String,
}

#[cfg(test)]
mod tests;
