//! The protocol of Beats: lumberjack, versions 1 and 2.
//!
//! A sender says how many events its window has (`W`), sends them (`D` as pairs, `J` as JSON, or
//! within compressed frames `C`), and waits for the sequence number of the last one to come back
//! (`A`). Integers are big-endian. Source: `PROTOCOL.md` of logstash-input-beats, and go-lumber.

use std::io::Write as _;

use flate2::write::ZlibEncoder;

use crate::compression::{Compression, CompressionError, decompress};

/// One event is no larger.
pub const EVENT_BYTES_MAX: usize = 32 << 20;
/// A compressed frame is no larger on the wire.
pub const COMPRESSED_BYTES_MAX: usize = 64 << 20;
/// Nor is what is in it.
pub const DECOMPRESSED_BYTES_MAX: usize = 100 << 20;
/// Pairs of one event of version 1.
const PAIRS_MAX: usize = 10_000;

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LumberjackError {
    /// Not `1` or `2`.
    #[error(
        "unknown protocol version {0:#04x}: is this a Beat, and does it use TLS where we do not?"
    )]
    Version(u8),
    /// Not one of the frames' letters.
    #[error("unknown frame type {0:#04x}")]
    Kind(u8),
    /// Larger than allowed, or empty where it cannot be.
    #[error("a frame says that it has {bytes} bytes, allowed are 1 to {max}")]
    Size {
        /// What it says.
        bytes: usize,
        /// What is allowed.
        max: usize,
    },
    /// More pairs than an event may have.
    #[error("an event says that it has {0} pairs")]
    Pairs(usize),
    /// A compressed frame within another, or one that is cut off.
    #[error("a compressed frame does not hold whole events")]
    Nested,
    /// It is not compressed, or to more than allowed.
    #[error(transparent)]
    Compression(#[from] CompressionError),
}

/// A frame of a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// So many events follow.
    Window(u32),
    /// An event as JSON.
    Json {
        /// Its number.
        sequence: u32,
        /// The JSON, not checked.
        payload: &'a [u8],
    },
    /// An event as keys and values.
    Pairs {
        /// Its number.
        sequence: u32,
        /// Keys and values, not checked.
        pairs: Vec<(&'a [u8], &'a [u8])>,
    },
    /// Frames, compressed.
    Compressed(&'a [u8]),
    /// An acknowledgement, which senders do not send; passed over.
    Acknowledgement,
}

/// What the beginning of some bytes is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<'a> {
    /// A frame of this many bytes, in this version of the protocol.
    Frame {
        /// The frame.
        frame: Frame<'a>,
        /// Its bytes.
        length: usize,
        /// `1` or `2`, as the character.
        version: u8,
    },
    /// The beginning of a frame: at least this many bytes are needed in all.
    Needs(usize),
}

/// A reader of integers and bytes that knows how much is missing.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn number(&mut self) -> Result<u32, usize> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], usize> {
        let end = self.at.saturating_add(length);
        let found = self.bytes.get(self.at..end).ok_or(end)?;
        self.at = end;
        Ok(found)
    }
}

/// Reads the frame at the beginning of `bytes`.
pub fn read(bytes: &[u8]) -> Result<Read<'_>, LumberjackError> {
    let Some(&version) = bytes.first() else { return Ok(Read::Needs(2)) };
    if !matches!(version, b'1' | b'2') {
        return Err(LumberjackError::Version(version));
    }
    let Some(&kind) = bytes.get(1) else { return Ok(Read::Needs(2)) };
    let mut cursor = Cursor { bytes, at: 2 };
    let frame = match kind {
        b'W' => cursor.number().map(Frame::Window),
        b'A' => cursor.number().map(|_| Frame::Acknowledgement),
        b'J' => json(&mut cursor)?,
        b'D' => pairs(&mut cursor)?,
        b'C' => match cursor.number() {
            Ok(length) => {
                let length = checked(length, COMPRESSED_BYTES_MAX)?;
                cursor.take(length).map(Frame::Compressed)
            }
            Err(needs) => Err(needs),
        },
        other => return Err(LumberjackError::Kind(other)),
    };
    Ok(match frame {
        Ok(frame) => Read::Frame { frame, length: cursor.at, version },
        Err(needs) => Read::Needs(needs),
    })
}

fn checked(length: u32, max: usize) -> Result<usize, LumberjackError> {
    let bytes = length as usize;
    if bytes == 0 || bytes > max { Err(LumberjackError::Size { bytes, max }) } else { Ok(bytes) }
}

/// A frame, or how many bytes it needs.
type Perhaps<'a> = Result<Frame<'a>, usize>;

fn json<'a>(cursor: &mut Cursor<'a>) -> Result<Perhaps<'a>, LumberjackError> {
    let (sequence, length) = match (cursor.number(), cursor.number()) {
        (Ok(sequence), Ok(length)) => (sequence, checked(length, EVENT_BYTES_MAX)?),
        _ => return Ok(Err(10)),
    };
    Ok(cursor.take(length).map(|payload| Frame::Json { sequence, payload }))
}

fn pairs<'a>(cursor: &mut Cursor<'a>) -> Result<Perhaps<'a>, LumberjackError> {
    let (sequence, count) = match (cursor.number(), cursor.number()) {
        (Ok(sequence), Ok(count)) => (sequence, count as usize),
        _ => return Ok(Err(10)),
    };
    if count > PAIRS_MAX {
        return Err(LumberjackError::Pairs(count));
    }
    let (start, mut pairs) = (cursor.at, Vec::new());
    for _ in 0..count {
        let mut text = || -> Result<Result<&'a [u8], usize>, LumberjackError> {
            let length = match cursor.number() {
                Ok(length) => length as usize,
                Err(needs) => return Ok(Err(needs)),
            };
            // An empty value is a value; the event as a whole is limited.
            let bytes = cursor.at - start + length;
            if bytes > EVENT_BYTES_MAX {
                return Err(LumberjackError::Size { bytes, max: EVENT_BYTES_MAX });
            }
            Ok(cursor.take(length))
        };
        let key = match text()? {
            Ok(key) => key,
            Err(needs) => return Ok(Err(needs)),
        };
        match text()? {
            Ok(value) => pairs.push((key, value)),
            Err(needs) => return Ok(Err(needs)),
        }
    }
    Ok(Ok(Frame::Pairs { sequence, pairs }))
}

/// What is in a compressed frame, into `out`.
pub fn inflate(compressed: &[u8], out: &mut Vec<u8>) -> Result<(), LumberjackError> {
    Ok(decompress(Compression::Zlib, compressed, DECOMPRESSED_BYTES_MAX, out)?)
}

/// The events of a decompressed frame, each with its bytes. Nothing follows an error.
pub fn events(
    mut bytes: &[u8],
) -> impl Iterator<Item = Result<(Frame<'_>, usize), LumberjackError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let event = match read(bytes) {
            Ok(Read::Frame {
                frame: frame @ (Frame::Json { .. } | Frame::Pairs { .. }),
                length,
                ..
            }) => Ok((frame, length)),
            Ok(_) => Err(LumberjackError::Nested),
            Err(error) => Err(error),
        };
        let length = event.as_ref().map_or(bytes.len(), |(_, length)| *length);
        bytes = bytes.get(length..).unwrap_or_default();
        Some(event)
    })
}

/// A window of version 2 as a sender writes it: how many events, then all of them compressed,
/// numbered from 1.
pub fn window(payloads: &[Vec<u8>]) -> std::io::Result<Vec<u8>> {
    let mut frames = Vec::new();
    for (sequence, payload) in (1_u32..).zip(payloads) {
        frames.extend_from_slice(b"2J");
        frames.extend(sequence.to_be_bytes());
        frames.extend(length_of(payload)?.to_be_bytes());
        frames.extend_from_slice(payload);
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&frames)?;
    let compressed = encoder.finish()?;
    let mut out = b"2W".to_vec();
    out.extend((payloads.len() as u32).to_be_bytes());
    out.extend_from_slice(b"2C");
    out.extend(length_of(&compressed)?.to_be_bytes());
    out.extend(compressed);
    Ok(out)
}

fn length_of(bytes: &[u8]) -> std::io::Result<u32> {
    u32::try_from(bytes.len()).map_err(|_| std::io::Error::other("a window is larger than 4 GiB"))
}

/// The acknowledgement of everything up to `sequence`; of 0, a sign of life.
pub fn acknowledgement(version: u8, sequence: u32) -> [u8; 6] {
    let [a, b, c, d] = sequence.to_be_bytes();
    [version, b'A', a, b, c, d]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_window_reads_as_it_was_written() {
        let payloads = [b"{\"a\":1}".to_vec(), b"{}".to_vec()];
        let written = window(&payloads).unwrap();
        let Ok(Read::Frame { frame: Frame::Window(2), length, .. }) = read(&written) else {
            panic!()
        };
        let Ok(Read::Frame { frame: Frame::Compressed(compressed), .. }) = read(&written[length..])
        else {
            panic!()
        };
        let mut frames = Vec::new();
        inflate(compressed, &mut frames).unwrap();
        let found: Vec<_> = events(&frames)
            .map(|event| match event.unwrap().0 {
                Frame::Json { sequence, payload } => (sequence, payload.to_vec()),
                _ => panic!(),
            })
            .collect();
        assert_eq!(found, [(1, payloads[0].clone()), (2, payloads[1].clone())]);
    }

    use super::*;

    fn json_frame(sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = b"2J".to_vec();
        out.extend(sequence.to_be_bytes());
        out.extend((payload.len() as u32).to_be_bytes());
        out.extend(payload);
        out
    }

    #[test]
    fn frames_are_read_and_ask_for_what_they_need() {
        let whole = json_frame(7, b"{}");
        for end in 0..whole.len() {
            let Ok(Read::Needs(needs)) = read(&whole[..end]) else { panic!("{end}") };
            assert!(needs > end && needs <= whole.len(), "{end}: {needs}");
        }
        let frame = Frame::Json { sequence: 7, payload: b"{}" };
        assert_eq!(read(&whole), Ok(Read::Frame { frame, length: whole.len(), version: b'2' }));
        assert_eq!(
            read(b"2W\0\0\0\x05rest"),
            Ok(Read::Frame { frame: Frame::Window(5), length: 6, version: b'2' })
        );
        let mut old = b"1D\0\0\0\x01\0\0\0\x01".to_vec();
        for text in [&b"line"[..], b""] {
            old.extend((text.len() as u32).to_be_bytes());
            old.extend(text);
        }
        for end in 0..old.len() {
            assert!(matches!(read(&old[..end]), Ok(Read::Needs(needs)) if needs > end), "{end}");
        }
        let frame = Frame::Pairs { sequence: 1, pairs: vec![(b"line", b"")] };
        assert_eq!(read(&old), Ok(Read::Frame { frame, length: old.len(), version: b'1' }));
    }

    #[test]
    fn compressed_frames_hold_events_and_nothing_else() {
        let sent = [json_frame(1, b"{\"a\":1}"), json_frame(2, b"{}")].concat();
        let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&sent).unwrap();
        let mut out = Vec::new();
        inflate(&encoder.finish().unwrap(), &mut out).unwrap();
        let all = |bytes| events(bytes).collect::<Result<Vec<_>, _>>();
        let found = all(&out).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], (Frame::Json { sequence: 2, payload: b"{}" }, 12));
        assert_eq!(all(&out[..out.len() - 1]), Err(LumberjackError::Nested));
        assert_eq!(all(b"2C\0\0\0\x01x"), Err(LumberjackError::Nested));
        assert!(matches!(inflate(b"no zlib", &mut out), Err(LumberjackError::Compression(_))));
    }

    #[test]
    fn what_is_no_beat_is_refused() {
        assert_eq!(read(b"GET / HTTP"), Err(LumberjackError::Version(b'G')));
        assert_eq!(read(b"\x16\x03"), Err(LumberjackError::Version(0x16)));
        assert_eq!(read(b"2X\0\0"), Err(LumberjackError::Kind(b'X')));
        for length in [0_u32, u32::MAX] {
            let mut frame = b"2J\0\0\0\x01".to_vec();
            frame.extend(length.to_be_bytes());
            assert!(matches!(read(&frame), Err(LumberjackError::Size { .. })), "{length}");
        }
        let frame = b"1D\0\0\0\x01\xff\xff\xff\xff";
        assert_eq!(read(frame), Err(LumberjackError::Pairs(u32::MAX as usize)));
    }
}
