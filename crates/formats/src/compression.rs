//! Decompression with a limit on what comes out, and the compression of what goes out.

use std::io::Read;

/// How the body of a request is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    None,
    /// Snappy's block format: what remote write means by `snappy`.
    #[default]
    Snappy,
    /// Zstandard.
    Zstd,
    /// Gzip.
    Gzip,
    /// Zlib: what Beats send, and what HTTP means by `deflate`.
    Zlib,
}

/// Why a body could not be decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// It would be larger than allowed.
    #[error("decompressed body is larger than the {limit_bytes} bytes allowed")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// It is not what it claims to be.
    #[error("cannot decompress the {format} body: {message}")]
    Corrupt {
        /// Name of the compression.
        format: &'static str,
        /// What the decoder said.
        message: String,
    },
}

impl Compression {
    /// The compression that a `Content-Encoding` names, or `None` if unknown.
    pub fn from_content_encoding(name: &str) -> Option<Self> {
        Some(match name.trim() {
            "" | "identity" => Self::None,
            "snappy" => Self::Snappy,
            "zstd" => Self::Zstd,
            "gzip" => Self::Gzip,
            _ => return None,
        })
    }
}

/// Decompresses `body` into `out` (cleared first), at most `limit_bytes`.
pub fn decompress(
    compression: Compression,
    body: &[u8],
    limit_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    out.clear();
    match compression {
        Compression::None if body.len() > limit_bytes => {
            Err(CompressionError::TooLarge { limit_bytes })
        }
        Compression::None => {
            out.extend_from_slice(body);
            Ok(())
        }
        Compression::Snappy => decompress_snappy(body, limit_bytes, out),
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(body)
                .map_err(|error| corrupt("zstd", &error))?;
            read_limited("zstd", decoder, limit_bytes, out)
        }
        Compression::Gzip => {
            read_limited("gzip", flate2::bufread::MultiGzDecoder::new(body), limit_bytes, out)
        }
        Compression::Zlib => {
            read_limited("zlib", flate2::bufread::ZlibDecoder::new(body), limit_bytes, out)
        }
    }
}

fn corrupt(format: &'static str, error: &impl ToString) -> CompressionError {
    CompressionError::Corrupt { format, message: error.to_string() }
}

fn decompress_snappy(
    body: &[u8],
    limit_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let length = snap::raw::decompress_len(body).map_err(|error| corrupt("snappy", &error))?;
    if length > limit_bytes {
        return Err(CompressionError::TooLarge { limit_bytes });
    }
    // A copy element makes at most 64 bytes out of 3, so a greater claim is a lie for which no
    // memory is taken.
    if length / 64 > body.len() {
        return Err(corrupt("snappy", &"claims more bytes than it can hold"));
    }
    out.resize(length, 0);
    let written = snap::raw::Decoder::new()
        .decompress(body, out)
        .map_err(|error| corrupt("snappy", &error))?;
    out.truncate(written);
    Ok(())
}

fn read_limited(
    format: &'static str,
    reader: impl Read,
    limit_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    let mut limited = reader.take(limit_bytes as u64 + 1);
    limited.read_to_end(out).map_err(|error| corrupt(format, &error))?;
    if out.len() > limit_bytes {
        return Err(CompressionError::TooLarge { limit_bytes });
    }
    Ok(())
}

/// `body` as a snappy block.
pub fn compress_snappy(body: &[u8]) -> Result<Vec<u8>, CompressionError> {
    snap::raw::Encoder::new().compress_vec(body).map_err(|error| corrupt("snappy", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused_before_memory_is_taken() {
        let zeros = vec![0_u8; 1 << 20];
        let mut out = Vec::new();
        let bodies = [
            (Compression::Snappy, compress_snappy(&zeros).unwrap()),
            (Compression::Zstd, zstd::encode_all(&zeros[..], 3).unwrap()),
            (Compression::None, zeros.clone()),
        ];
        for (compression, body) in bodies {
            assert_eq!(
                decompress(compression, &body, 1000, &mut out),
                Err(CompressionError::TooLarge { limit_bytes: 1000 })
            );
            decompress(compression, &body, 1 << 20, &mut out).unwrap();
            assert_eq!(out, zeros);
        }
        let lie = [0xff, 0xff, 0xff, 0x07, 0];
        assert!(decompress(Compression::Snappy, &lie, 1 << 30, &mut out).is_err());
    }
}
