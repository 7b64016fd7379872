//! Parts: immutable files that hold what was sealed, read by ranges.
//!
//! One container format for all signals ; what is in a part of metrics is in
//! [`metrics`]. `docs/formats/part.md` gives every byte.

pub mod metrics;
pub mod source;

pub use metrics::{FinishedPart, MetricPart, MetricPartBuilder, PartMeta, PartOptions, merge};
pub use source::{FileSource, PartSource};
