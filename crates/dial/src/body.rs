//! Reading bodies with a limit, also while they are decompressed.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;

use crate::HttpError;

/// The largest body that is ever read, when the configuration sets no limit.
pub const BODY_BYTES_MAX: u64 = 256 << 20;

/// Reads the body of `response`, at most `limit_bytes` of it as sent and after decompression.
pub(super) async fn read(
    url: &str,
    mut response: reqwest::Response,
    limit_bytes: u64,
) -> Result<Bytes, HttpError> {
    let gzip = response
        .headers()
        .get(reqwest::header::CONTENT_ENCODING)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"gzip"));
    if response.content_length().is_some_and(|length| length > limit_bytes) {
        return Err(HttpError::BodyTooLarge);
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(None) => break,
            Ok(Some(chunk)) => {
                if body.len() as u64 + chunk.len() as u64 > limit_bytes {
                    return Err(HttpError::BodyTooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Err(error) => return Err(HttpError::from_reqwest(url, &error)),
        }
    }
    if gzip { gunzip(&body, limit_bytes) } else { Ok(body.freeze()) }
}

/// Decompresses `body`; stops one byte past the limit, whatever the body claims.
pub fn gunzip(body: &[u8], limit_bytes: u64) -> Result<Bytes, HttpError> {
    let mut plain = Vec::with_capacity(body.len().saturating_mul(4).min(1 << 20));
    MultiGzDecoder::new(body)
        .take(limit_bytes.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(|error| HttpError::Body(format!("gzip: {error}")))?;
    if plain.len() as u64 > limit_bytes {
        return Err(HttpError::BodyTooLarge);
    }
    Ok(plain.into())
}
