//! Traces: found by service, operation, tags, duration and time, and read whole.
//!
//! A search asks for spans, newest first, and takes their traces until there are enough; a trace
//! is every span of its id. What a span is in the store says `vigie_store::spans`.

mod analysis;
mod dependencies;
mod read;
mod search;
mod span;
#[cfg(test)]
mod tests;

pub use analysis::{PathPiece, Share, Shares, TraceTree};
pub use dependencies::{Dependency, dependencies};
pub(crate) use read::{kind as kind_of_name, read_span};
pub(crate) use search::trace_id_of;
pub use search::{Operation, TagMatch, TraceSearch, operations, search, services, trace};
pub use span::{SpanAttribute, TraceEvent, TraceLink, TraceSpan};
