//! Asks in SQL: what is kept, as tables of Apache DataFusion.
//!
//! A statement enters by [`SqlEngine::query`], is checked to be one that only reads, planned over
//! tables that are snapshots of the store, and leaves as batches. Nothing here knows HTTP.

mod documents;
mod error;
mod pattern;

pub use error::{SqlError, SqlErrorKind};
