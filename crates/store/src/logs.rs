//! Logs: documents of many indices in one store.
//!
//! A batch goes through a write-ahead log of its own into a head of columns ([`chunk`]), is sealed
//! into parts, and is found through a [`LogSnapshot`]. Head and parts are asked in the same way:
//! each is a [`LogPart`] with columns that are read in blocks of [`BLOCK_ROWS`] rows. An index is
//! a column's value, so that thousands of indices cost nothing.

mod analysis;
mod chunk;
mod column;
mod evaluate;
mod filter;
mod fuzz;
mod head;
mod matching;
mod merge;
mod number;
mod part;
mod part_view;
mod rows;
mod seal;
mod snapshot;
mod store;
mod stored;
#[cfg(test)]
mod tests;

pub use analysis::{StandardToken, standard_tokens};
pub use column::{BLOCK_ROWS, LogColumn, LogColumnKind, Mask};
pub use evaluate::Matcher as LogMatcher;
pub use filter::{LogFilter, LogQuery, LogTest, TokenPattern};
pub(crate) use fuzz::fuzz_part;
pub(crate) use head::LogTenant;
pub(crate) use merge::{MergeInput, merge_parts};
pub use number::Decimal;
pub use part_view::LogPart;
pub use rows::RowSet;
pub use snapshot::{LogField, LogHit, LogIndex, LogOrder, LogSnapshot};
pub(crate) use store::{DocumentSignal, LogStore};
