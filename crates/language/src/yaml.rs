//! YAML configuration as typed sections, with the line and column of whatever is wrong.
//!
//! A document becomes a tree that remembers positions and keeps scalars as written
//! ([`Node`]); the [`section!`](crate::section) macro declares typed sections that read from the
//! tree (unknown fields are errors) and write themselves back with secrets hidden.

mod error;
mod field;
mod node;
mod scalar;

pub use error::ConfigError;
pub use field::{Field, Fields, Opaque, Out, Section, push_field, section};
pub use node::{Key, Node, Source, Value};
pub use scalar::{ByteSize, DurationMs, Secret};
