//! Asks in SQL: what is kept, as tables of Apache DataFusion.
//!
//! A statement enters by [`SqlEngine::query`], is checked to be one that only reads, planned over
//! tables that are snapshots of the store, and leaves as rows of JSON. Nothing here knows HTTP.

mod answer;
mod documents;
mod engine;
mod error;
mod export;
mod functions;
mod metrics;
mod pattern;
mod statements;
mod tables;

pub use datafusion::arrow;
pub use datafusion::common::ScalarValue;

pub use answer::{SqlAnswer, SqlColumn};
pub use engine::{SqlBatches, SqlDescription, SqlEngine, SqlLimits};
pub use error::{SqlError, SqlErrorKind};
pub use export::{Pieces, SqlExport};
pub use functions::POSTGRES_VERSION;
pub use statements::split;
pub use tables::SqlTables;
