//! Parts: immutable files that hold what was sealed, read by ranges.
//!
//! One container format for all signals ([`container`]); what is in a part of metrics is in
//! [`metrics`]. `docs/formats/part.md` gives every byte.

pub mod cache;
pub mod container;
pub mod metrics;
pub mod source;

pub(crate) use cache::BlockKey;
pub use cache::PartCache;
pub(crate) use container::TAIL_BYTES;
pub(crate) use metrics::merge_edited;
pub use metrics::{FinishedPart, MetricPart, MetricPartBuilder, PartMeta, PartOptions, merge};
pub use source::{FileSource, PartSource};
