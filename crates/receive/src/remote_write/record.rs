//! One record of a queue on disk: a request, how many samples it holds, how new they are.
//!
//! `length u32 | samples u32 | newest_ms i64 | checksum u64 | payload`, little-endian. The
//! payload's first byte is the protocol's version (1, 2) or that and two (3, 4) when a byte follows
//! that says which series are in it ([`Record::slot`]); the rest is the request as it would be
//! sent (snappy). The checksum (xxh3) covers everything but itself.

use super::outgoing::Version;

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 24;

/// No payload is larger: protects from lengths that are garbage.
pub(super) const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// What is added to a version when the slot follows.
const SLOTTED: u8 = 2;

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Its protocol.
    pub version: Version,
    /// Samples and histograms in it.
    pub samples: u32,
    /// Timestamp of its newest sample.
    pub newest_ms: i64,
    /// Which series are in it: those of one target have the same number, so that they stay in
    /// order while several senders work.
    pub slot: u8,
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
        let mut out = Vec::with_capacity(HEADER_BYTES + 2 + self.body.len());
        out.extend_from_slice(&(self.body.len() as u32 + 2).to_le_bytes());
        out.extend_from_slice(&self.samples.to_le_bytes());
        out.extend_from_slice(&self.newest_ms.to_le_bytes());
        let mut payload = Vec::with_capacity(2 + self.body.len());
        payload.push(self.version.number() + SLOTTED);
        payload.push(self.slot);
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
        let (first, mut body) = payload.split_first()?;
        let (mut version, mut slot) = (*first, 0);
        if let Some(number) = first.checked_sub(SLOTTED).filter(|number| *number > 0) {
            let (second, rest) = body.split_first()?;
            (version, slot, body) = (number, *second, rest);
        }
        Some(Self {
            version: Version::from_number(version)?,
            slot,
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
