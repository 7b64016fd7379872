//! Keeps: append in, snapshots out.
//!
//! A batch enters by [`Store`]'s `MetricSink`, goes through the write-ahead log into the head,
//! is acknowledged when it is durable, is sealed into immutable parts on an object store, and
//! leaves through a [`Snapshot`]; documents of logs through a [`LogSnapshot`](logs::LogSnapshot). Readers never block writers. Nothing here knows HTTP or a
//! query language.

#![cfg_attr(
    not(any(test, feature = "catalog-sql")),
    expect(dead_code, reason = "without a catalog only the readers for fuzzing are in use")
)]

mod catalog;
pub mod codec;
mod error;
pub mod fuzzing;
mod head;
pub mod logs;
mod matching;
mod metrics;
mod options;
pub mod part;
mod parts;
mod points;
mod policy;
mod replicas;
mod series_set;
mod snapshot;
pub mod spans;
mod store;
mod thin;
mod usage;
mod view;
mod wal;

pub use catalog::PartRow;
pub use error::{StoreError, StoreErrorKind};
pub use head::HeadStats;
pub use matching::CompiledMatcher;
pub use metrics::Counters;
pub use options::{LogRule, StoreOptions};
pub use policy::{CardinalityLimits, Downsampling, ReplicaOptions, RetentionRule, TenantLimits};
pub use series_set::SeriesSet;
pub use snapshot::{Budget, Cardinality, NamedCount, Select, SeriesExemplars, Snapshot};
pub use store::{MetricUsage, Store};
pub use usage::MetricUse;
