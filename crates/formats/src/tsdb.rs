//! Blocks of Prometheus' time series database, read as they lie on disk: index, chunks and
//! tombstones.
//!
//! Sources: `tsdb/docs/format` of Prometheus. Known are index version 2 and the chunk encodings of
//! Prometheus without feature flags (XOR, histogram, float histogram); checksums are checked.

mod bits;
mod chunk;
mod index;
mod tombstones;

#[cfg(test)]
mod tests;

pub use chunk::{ChunkPoint, decode_chunk};
pub use index::{ChunkMeta, Index, IndexSeries};
pub use tombstones::{Tombstones, read_tombstones};

/// First bytes of a file of chunks.
pub const CHUNKS_MAGIC: u32 = 0x85BD_40DD;
/// Bytes before the first chunk of a file.
pub const CHUNKS_HEADER_BYTES: u64 = 8;

/// Why a file of a block cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsdbError {
    /// It ends too early, or says impossible things.
    #[error("{0} is damaged")]
    Damaged(&'static str),
    /// What was written is not what is there.
    #[error("the checksum of {0} is wrong")]
    Checksum(&'static str),
    /// A version or encoding that is not known here.
    #[error("{what} {number} is not known")]
    Unknown {
        /// What.
        what: &'static str,
        /// Its number.
        number: u64,
    },
}

/// A number of 7 bits a byte, least significant first, and what follows it.
pub(crate) fn uvarint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * at as u32)?;
        if *byte < 0x80 {
            return Some((value, bytes.get(at + 1..)?));
        }
    }
    None
}

/// A signed number in zigzag, and what follows it.
pub(crate) fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (value, rest) = uvarint(bytes)?;
    Some((crate::protobuf::zigzag(value), rest))
}

/// The parts of a chunk as it lies in its file: encoding and data, checked, and how many bytes it
/// takes. `bytes` begins with the chunk and may go on after it; `Ok(Err(n))` asks for `n` bytes.
pub fn split_chunk(bytes: &[u8]) -> Result<Result<(u8, &[u8]), usize>, TsdbError> {
    let damaged = TsdbError::Damaged("a chunk");
    let Some((length, rest)) = uvarint(bytes) else {
        return if bytes.len() < 10 { Ok(Err(10)) } else { Err(damaged) };
    };
    let length = usize::try_from(length).ok().filter(|length| *length <= CHUNK_BYTES_MAX);
    let length = length.ok_or(damaged)?;
    let head = bytes.len() - rest.len();
    let Some((covered, after)) = rest.split_at_checked(length + 1) else {
        return Ok(Err(head + length + 5));
    };
    let Some(sum) = after.first_chunk::<4>() else { return Ok(Err(head + length + 5)) };
    if crc32c::crc32c(covered) != u32::from_be_bytes(*sum) {
        return Err(TsdbError::Checksum("a chunk"));
    }
    let (encoding, data) = covered.split_first().ok_or(TsdbError::Damaged("a chunk"))?;
    Ok(Ok((*encoding, data)))
}

/// Chunks are about 1 KiB; histograms may need more.
const CHUNK_BYTES_MAX: usize = 16 << 20;
