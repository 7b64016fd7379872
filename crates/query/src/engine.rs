//! The engine: from a query's text to its answer.

use std::sync::Arc;

use vigie_language::promql::Expr;
use vigie_store::Snapshot;

use crate::active::ActiveQueries;
use crate::{EngineOptions, QueryError, QueryLimits, QueryOutput};

/// At which times a query is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Once.
    Instant {
        /// Milliseconds since the epoch.
        time_ms: i64,
    },
    /// At `start_ms`, and every `step_ms` from there until `end_ms`.
    Range {
        /// First step.
        start_ms: i64,
        /// No step after this.
        end_ms: i64,
        /// Distance of steps; more than 0.
        step_ms: i64,
    },
}

/// A query whose text has been parsed.
#[derive(Debug, Clone, Copy)]
pub struct QueryRequest<'a> {
    /// Its text: annotations tell positions in it.
    pub text: &'a str,
    /// Its tree.
    pub expr: &'a Expr,
    /// When it is evaluated.
    pub kind: QueryKind,
    /// What it may take.
    pub limits: QueryLimits,
}

/// Evaluates queries.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    active: Arc<ActiveQueries>,
}

impl Engine {
    /// An engine with these options.
    pub fn new(options: EngineOptions) -> Self {
        Self { options, active: Arc::default() }
    }

    /// How it evaluates.
    pub const fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The queries that run.
    pub const fn active(&self) -> &Arc<ActiveQueries> {
        &self.active
    }

    /// Answers `request` from `snapshot`. Ends early with the budget, the timeout, or when the
    /// future is dropped.
    pub async fn evaluate(
        &self,
        _snapshot: &Snapshot,
        _request: QueryRequest<'_>,
    ) -> Result<QueryOutput, QueryError> {
        Err(QueryError::Internal("not there yet".to_owned()))
    }
}
