//! Long texts that hardly repeat: a template, and the variables in its gaps.
//!
//! A token with a digit (or a very long one) is a variable; everything else of a text is its
//! template. A text whose template occurs once in the part, or that holds the gap's mark, is kept
//! whole: code 0. Variables of 32 rows are one compressed frame, with a dictionary of the
//! part's own.

mod index;
mod reader;
mod writer;

pub(super) use index::{Found, Index, Perhaps, with_gaps_filled};
pub(super) use reader::Text;
pub(super) use writer::write;

/// Stands for a variable in a template.
pub(super) const GAP: u8 = 0x11;
/// A longer token is a variable, so that words stay few.
const WORD_BYTES_MAX: usize = 64;
/// Rows of a compressed frame.
const FRAME_ROWS: usize = 32;
/// A frame ends early at so many bytes.
const FRAME_BYTES: usize = 64 << 10;
/// Frames of a block.
const BLOCK_FRAMES: usize = 128;
/// A block ends early at so many bytes.
const BLOCK_BYTES: usize = 512 << 10;
/// Rows for which the index says together which variables they hold.
pub(super) const GROUP_ROWS: usize = 512;

/// Whether a token (lowercase or not) belongs to the template.
#[inline]
pub(super) fn is_word(token: &[u8]) -> bool {
    token.len() <= WORD_BYTES_MAX && !token.iter().any(u8::is_ascii_digit)
}

/// Hands the runs of ASCII letters of `text`, made lowercase, to `each`. Runs of hexadecimal digits
/// alone are left out: ids are full of them.
pub(super) fn letter_runs(text: &[u8], mut each: impl FnMut(&[u8])) {
    let mut run = [0_u8; 255];
    let mut length = 0;
    for byte in text.iter().chain([&0]) {
        if byte.is_ascii_alphabetic() {
            if let Some(slot) = run.get_mut(length) {
                *slot = byte.to_ascii_lowercase();
                length += 1;
            }
            continue;
        }
        if let Some(run) = run.get(..length).filter(|run| run.iter().any(|byte| *byte > b'f')) {
            each(run);
        }
        length = 0;
    }
}

/// The longest of the runs of letters that a text holding `text` must hold, if there is one.
pub(super) fn longest_run(text: &[u8]) -> Option<Vec<u8>> {
    let mut longest: Option<Vec<u8>> = None;
    letter_runs(text, |run| {
        if longest.as_ref().is_none_or(|longest| longest.len() < run.len()) {
            longest = Some(run.to_vec());
        }
    });
    longest
}
