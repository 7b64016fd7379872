//! Request bodies: read and decompressed within limits.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::FrontDoor;

/// Budgets count in units of this, so that they fit a semaphore's permits.
const UNIT_BYTES: usize = 1024;
/// Decompressing more than this takes long enough to leave the async threads.
const INLINE_BYTES_MAX: usize = 64 << 10;
/// Windows of zstd frames up to 8 MiB, what every decoder must take (RFC 8878, 3.1.1.1.2).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Memory that all bodies share.
#[derive(Debug, Clone)]
pub(super) struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    pub(super) fn new(bytes_max: usize) -> Self {
        let units = (bytes_max / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    fn reserve(&self, held: &mut Reservation, bytes: usize) -> Result<(), BodyError> {
        let wanted = bytes.div_ceil(UNIT_BYTES);
        let missing = wanted.saturating_sub(held.units);
        if missing == 0 {
            return Ok(());
        }
        let permits = u32::try_from(missing).map_err(|_| BodyError::TooLarge)?;
        match Arc::clone(&self.0).try_acquire_many_owned(permits) {
            Ok(permit) => {
                held.units = wanted;
                held.permits.push(permit);
                Ok(())
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => Err(BodyError::Busy),
        }
    }
}

#[derive(Debug, Default)]
struct Reservation {
    units: usize,
    permits: Vec<OwnedSemaphorePermit>,
}

/// The limits that hold for a request's body; in the request's extensions.
#[derive(Debug, Clone)]
pub(super) struct BodyLimits {
    timeout: Duration,
    encoded_bytes_max: usize,
    decoded_bytes_max: usize,
    budget: BodyBudget,
}

impl BodyLimits {
    pub(super) fn of(door: &FrontDoor) -> Self {
        Self {
            timeout: door.options.body_timeout,
            encoded_bytes_max: door.options.body_bytes_max,
            decoded_bytes_max: door.options.decoded_bytes_max,
            budget: door.bodies.clone(),
        }
    }
}

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Larger than allowed, as sent or decompressed.
    #[error("request body is too large")]
    TooLarge,
    /// Too many bodies at once.
    #[error("too much data in flight, try again later")]
    Busy,
    /// The sender is too slow.
    #[error("request body did not arrive in time")]
    Late,
    /// An encoding that is not known here.
    #[error("unsupported content encoding {0:?}")]
    Encoding(String),
    /// Cut off, or not what its encoding says.
    #[error("request body: {0}")]
    Malformed(String),
}

impl BodyError {
    /// The answer's status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        (self.status(), format!("{self}\n")).into_response()
    }
}

/// A whole request body: gzip, deflate and zstd are decompressed; snappy, whose framing differs
/// from protocol to protocol, is left to the handler. Its memory counts against the front door's
/// budget for as long as this value lives.
#[derive(Debug)]
pub struct RequestBody {
    /// The body.
    pub bytes: Bytes,
    /// Whether it is still compressed with snappy.
    pub is_snappy: bool,
    reservation: Reservation,
    budget: BodyBudget,
}

impl RequestBody {
    /// Takes memory for `bytes` of this request in all, for what a handler decodes on its own.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.budget.reserve(&mut self.reservation, bytes)
    }
}

impl<S: Sync> FromRequest<S> for RequestBody {
    type Rejection = BodyError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, BodyError> {
        let (head, body) = request.into_parts();
        let Some(limits) = head.extensions.get::<BodyLimits>() else {
            // Only behind the front door: without limits nothing is read.
            return Err(BodyError::Busy);
        };
        let encoding = Encoding::of(&head.headers)?;
        let mut reservation = Reservation::default();
        let reading = collect(body, limits, &mut reservation);
        let encoded = tokio::time::timeout(limits.timeout, reading);
        let encoded = encoded.await.map_err(|_| BodyError::Late)??;
        let bytes = match encoding {
            Encoding::Identity | Encoding::Snappy => encoded,
            _ => {
                let decoded = decode_somewhere(encoding, encoded, limits.decoded_bytes_max).await?;
                limits.budget.reserve(&mut reservation, decoded.len())?;
                decoded
            }
        };
        let is_snappy = encoding == Encoding::Snappy;
        let budget = limits.budget.clone();
        Ok(Self { bytes, is_snappy, reservation, budget })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
    Snappy,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, BodyError> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(Self::Identity) };
        let name = value.to_str().unwrap_or("?").trim().to_ascii_lowercase();
        Ok(match name.as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "zstd" => Self::Zstd,
            "snappy" => Self::Snappy,
            _ => return Err(BodyError::Encoding(name)),
        })
    }
}

async fn collect(
    mut body: Body,
    limits: &BodyLimits,
    reservation: &mut Reservation,
) -> Result<Bytes, BodyError> {
    let hint = body.size_hint();
    if hint.lower() > limits.encoded_bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    // An exact hint is the declared length, which has just been checked.
    let expected = hint.exact().unwrap_or(0) as usize;
    limits.budget.reserve(reservation, expected)?;
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Malformed(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.is_empty() && data.len() == expected {
            return Ok(data);
        }
        let length = whole.len() + data.len();
        if length > limits.encoded_bytes_max {
            return Err(BodyError::TooLarge);
        }
        limits.budget.reserve(reservation, length)?;
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

async fn decode_somewhere(
    encoding: Encoding,
    encoded: Bytes,
    bytes_max: usize,
) -> Result<Bytes, BodyError> {
    if encoded.len() <= INLINE_BYTES_MAX && bytes_max <= INLINE_BYTES_MAX {
        return decode(encoding, &encoded, bytes_max);
    }
    let decoding = tokio::task::spawn_blocking(move || decode(encoding, &encoded, bytes_max));
    decoding.await.map_err(|error| BodyError::Malformed(error.to_string()))?
}

fn decode(encoding: Encoding, encoded: &[u8], bytes_max: usize) -> Result<Bytes, BodyError> {
    match encoding {
        Encoding::Identity | Encoding::Snappy => Ok(Bytes::copy_from_slice(encoded)),
        Encoding::Gzip => read_capped(flate2::read::MultiGzDecoder::new(encoded), bytes_max),
        Encoding::Deflate => read_capped(flate2::read::ZlibDecoder::new(encoded), bytes_max),
        Encoding::Zstd => {
            let malformed = |error: std::io::Error| BodyError::Malformed(error.to_string());
            let mut decoder = zstd::stream::read::Decoder::new(encoded).map_err(malformed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(malformed)?;
            read_capped(decoder, bytes_max)
        }
    }
}

fn read_capped(decoder: impl Read, bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut decoded = Vec::new();
    decoder
        .take(bytes_max as u64 + 1)
        .read_to_end(&mut decoded)
        .map_err(|error| BodyError::Malformed(error.to_string()))?;
    if decoded.len() > bytes_max {
        return Err(BodyError::TooLarge);
    }
    Ok(Bytes::from(decoded))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bombs_end_at_the_cap() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert_eq!(decode(Encoding::Gzip, &bomb, 1 << 19), Err(BodyError::TooLarge));
        assert_eq!(decode(Encoding::Gzip, &bomb, 1 << 20).unwrap().len(), 1 << 20);
        let bomb = zstd::encode_all(&vec![0; 1 << 20][..], 1).unwrap();
        assert_eq!(decode(Encoding::Zstd, &bomb, 1 << 19), Err(BodyError::TooLarge));
    }

    #[test]
    fn cut_off_bodies_are_refused() {
        let whole = gzip(b"hello");
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd] {
            let cut = decode(encoding, &whole[..whole.len() - 5], 1000);
            assert!(matches!(cut, Err(BodyError::Malformed(_))), "{encoding:?}: {cut:?}");
        }
    }

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let budget = BodyBudget::new(10 * UNIT_BYTES);
        let (mut one, mut two) = (Reservation::default(), Reservation::default());
        budget.reserve(&mut one, 6 * UNIT_BYTES).unwrap();
        assert_eq!(budget.reserve(&mut two, 5 * UNIT_BYTES), Err(BodyError::Busy));
        drop(one);
        budget.reserve(&mut two, 5 * UNIT_BYTES).unwrap();
    }
}
