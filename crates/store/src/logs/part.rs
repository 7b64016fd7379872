//! Parts of logs: columns of documents, sorted by time, in an immutable file.
//!
//! `docs/formats/log-part.md` gives every byte. A part is written from pieces of the head (or of
//! other parts) by [`write_part`] and read by [`PartReader`]. Readers fetch the directory once and
//! then only the blocks that they need; dictionaries and word lists are decoded when first asked.

mod bits;
mod column;
mod dictionary;
mod file;
mod integers;
mod read;
mod text;
mod tokens;
mod values;
mod write;

pub(crate) use read::PartReader;
pub(crate) use write::{LogPartMeta, PartInput, write_part};

/// Most rows of a part.
pub(crate) const PART_ROWS_MAX: usize = 1 << 20;

/// Section: the directory.
const SECTION_META: u16 = 1;
/// Section: all columns.
const SECTION_DATA: u16 = 2;
/// How strongly dictionaries are compressed.
const ZSTD_LEVEL: i32 = 3;
