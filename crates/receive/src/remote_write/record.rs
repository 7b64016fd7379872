//! One record of a queue on disk: a request, how many samples it holds, how new they are.
//!
//! `length u32 | samples u32 | newest_ms i64 | checksum u64 | payload`, little-endian. The
//! payload's first byte is the protocol's version, the rest the request as it would be sent
//! (snappy). The checksum (xxh3) covers everything but itself.

use super::outgoing::Version;

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 24;

/// No payload is larger: protects from lengths that are garbage.
pub(super) const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its protocol.
    pub version: Version,
    /// Samples and histograms in it.
    pub samples: u32,
    /// Timestamp of its newest sample.
    pub newest_ms: i64,
    /// The request, compressed.
    pub body: Vec<u8>,
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the payload.
    pub payload_bytes: usize,
    /// Samples in it.
    pub samples: u32,
    newest_ms: i64,
    checksum: u64,
}

impl Record {
    /// The record as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES + 1 + self.body.len());
        out.extend_from_slice(&(self.body.len() as u32 + 1).to_le_bytes());
        out.extend_from_slice(&self.samples.to_le_bytes());
        out.extend_from_slice(&self.newest_ms.to_le_bytes());
        let mut payload = Vec::with_capacity(1 + self.body.len());
        payload.push(self.version.number());
        payload.extend_from_slice(&self.body);
        let checksum = checksum(&out, &payload);
        out.extend_from_slice(&checksum.to_le_bytes());
        out.append(&mut payload);
        out
    }

    /// The record of a header and a payload, `None` when they are not what was written.
    pub(super) fn decode(header: &Header, header_bytes: &[u8], payload: &[u8]) -> Option<Self> {
        let covered = header_bytes.get(..HEADER_BYTES - 8)?;
        if checksum(covered, payload) != header.checksum {
            return None;
        }
        let (version, body) = payload.split_first()?;
        Some(Self {
            version: Version::from_number(*version)?,
            samples: header.samples,
            newest_ms: header.newest_ms,
            body: body.to_vec(),
        })
    }
}

impl Header {
    /// Reads a header, `None` when its length cannot be.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (samples, rest) = rest.split_first_chunk::<4>()?;
        let (newest_ms, rest) = rest.split_first_chunk::<8>()?;
        let checksum = rest.first_chunk::<8>()?;
        let payload_bytes = u32::from_le_bytes(*length) as usize;
        (1..=PAYLOAD_BYTES_MAX).contains(&payload_bytes).then(|| Self {
            payload_bytes,
            samples: u32::from_le_bytes(*samples),
            newest_ms: i64::from_le_bytes(*newest_ms),
            checksum: u64::from_le_bytes(*checksum),
        })
    }

    /// Bytes of the whole record.
    pub(super) const fn record_bytes(&self) -> u64 {
        (HEADER_BYTES + self.payload_bytes) as u64
    }
}

fn checksum(header: &[u8], payload: &[u8]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(header);
    hasher.update(payload);
    hasher.digest()
}
