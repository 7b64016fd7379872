//! Keeps: append in, snapshots out.
//!
//! A batch enters by [`Store`]'s `MetricSink`, goes through the write-ahead log into the head,
//! is acknowledged when it is durable, is sealed into immutable parts on an object store, and
//! leaves through a [`Snapshot`]. Readers never block writers. Nothing here knows HTTP or a
//! query language.

pub mod codec;
mod error;
mod matching;
mod options;
pub mod part;
mod snapshot;
mod store;

pub use error::{StoreError, StoreErrorKind};
pub use matching::CompiledMatcher;
pub use options::StoreOptions;
pub use snapshot::{Budget, Cardinality, NamedCount, Select, SeriesExemplars, SeriesSet, Snapshot};
pub use store::Store;
