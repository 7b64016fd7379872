//! Answers: PromQL over store snapshots, with budgets and cancellation.
//!
//! A query is text; it becomes a tree (`vigie_language`), the tree's selectors find their series
//! in a snapshot, each series is decoded once into columns and evaluated at all steps at once,
//! and aggregations add whole rows of steps. Nothing here knows HTTP or JSON.

mod active;
mod annotations;
mod engine;
mod error;
mod eval;
pub mod logql;
mod options;
mod output;
mod plan;
mod result;
pub mod search;
pub mod traceql;
pub mod traces;

pub use active::{ActiveQueries, ActiveQuery};
pub use engine::{Engine, QueryKind, QueryRequest};
pub use error::{QueryError, QueryErrorKind};
pub use options::{EngineOptions, Features, QueryLimits};
pub use output::{
    InstantSample, QueryOutput, QueryStats, QueryTimings, QueryValue, RangeSeries, SampleValue,
    SelectorStats,
};
