//! Codecs of numbers: pure functions over slices.
//!
//! Every encoder appends to a `Vec<u8>`; every decoder takes the number of values from the
//! caller, reads from an [`Input`], and treats the bytes as untrusted: whatever they are, it
//! returns values or a [`CodecError`], and reads nothing out of bounds. All are lossless to the
//! bit. `docs/formats/part.md` gives every byte.

pub mod bitpack;
pub mod floats;
pub mod frame;
pub mod input;
pub mod integers;
pub mod pcodec;

#[cfg(test)]
mod tests;

pub use input::Input;

use crate::StoreError;

/// Bytes that no encoder of ours wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(pub &'static str);

/// Values that one call decodes at most; encoders are given no more.
pub const VALUES_MAX: usize = 1 << 16;

impl From<CodecError> for StoreError {
    fn from(error: CodecError) -> Self {
        Self::Corrupt { what: "encoded data".to_owned(), detail: error.0.to_owned() }
    }
}
