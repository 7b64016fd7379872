//! The forward protocol of Fluentd and Fluent Bit: events with a tag, in MessagePack.
//!
//! A message is `[tag, time, record]`, `[tag, [[time, record], ...]]` or `[tag, packed entries]`,
//! the last perhaps compressed, each with options behind it. Source: the forward protocol's
//! specification, version 1.5.

use std::borrow::Cow;

use vigie_model::event::Object;

use crate::compression::{Compression, CompressionError, decompress};
use crate::msgpack::{Head, MsgpackError, Reader, event_time};

/// A message is no larger.
pub const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// Nor are its entries, decompressed.
pub const ENTRIES_BYTES_MAX: usize = 100 << 20;
/// Options of a message.
const OPTIONS_MAX: usize = 100;
/// Longest name of a chunk that is acknowledged.
const CHUNK_BYTES_MAX: usize = 1 << 10;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// Not MessagePack, or another one.
    #[error("no message of the forward protocol: {0}")]
    Msgpack(#[from] MsgpackError),
    /// Something else than entries.
    #[error("no message of the forward protocol: no entries")]
    NoEntries,
    /// In another way than gzip and zstd.
    #[error("entries are compressed by {0}")]
    UnknownCompression(String),
    /// Not so at all, or to more than allowed.
    #[error(transparent)]
    Compression(#[from] CompressionError),
}

/// How entries lie in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Carrier<'a> {
    /// Time and record, one after the other.
    One(&'a [u8]),
    /// So many pairs.
    List(usize, &'a [u8]),
    /// Pairs until the end.
    Packed(Cow<'a, [u8]>),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardMessage<'a> {
    /// What the events are, as `app.access`.
    pub tag: Cow<'a, str>,
    /// The chunk that is to be acknowledged.
    pub chunk: Option<&'a [u8]>,
    carrier: Carrier<'a>,
}

/// Reads a whole message. `None`: a sign of life.
pub fn read(bytes: &[u8]) -> Result<Option<ForwardMessage<'_>>, ForwardError> {
    let mut reader = Reader::new(bytes);
    let parts = match reader.head()? {
        Head::Nil => return Ok(None),
        Head::List(parts) => parts,
        _ => return Err(MsgpackError::Expected("a list").into()),
    };
    let tag = String::from_utf8_lossy(reader.bytes()?);
    let before = reader.rest();
    let (carrier, options) = match reader.head()? {
        Head::List(count) => {
            let entries = reader.rest();
            for _ in 0..count {
                reader.skip()?;
            }
            (Carrier::List(count, entries), parts.checked_sub(2))
        }
        Head::Text(length) | Head::Bytes(length) => {
            (Carrier::Packed(Cow::Borrowed(reader.take(length)?)), parts.checked_sub(2))
        }
        Head::Integer(_) | Head::Float(_) | Head::Extension(..) => {
            reader = Reader::new(before);
            reader.skip()?;
            reader.skip()?;
            (Carrier::One(before), parts.checked_sub(3))
        }
        _ => return Err(ForwardError::NoEntries),
    };
    let mut message = ForwardMessage { tag, chunk: None, carrier };
    if options.ok_or(ForwardError::NoEntries)? > 0 {
        message.options(&mut reader)?;
    }
    Ok(Some(message))
}

impl<'a> ForwardMessage<'a> {
    fn options(&mut self, reader: &mut Reader<'a>) -> Result<(), ForwardError> {
        let Head::Map(count) = reader.head()? else { return Ok(()) };
        if count > OPTIONS_MAX {
            return Err(MsgpackError::TooLarge.into());
        }
        let mut compression = None;
        for _ in 0..count {
            match reader.bytes()? {
                b"chunk" => self.chunk = Some(reader.bytes()?),
                b"compressed" => compression = Some(reader.bytes()?),
                _ => reader.skip()?,
            }
        }
        if self.chunk.is_some_and(|chunk| chunk.len() > CHUNK_BYTES_MAX) {
            return Err(MsgpackError::TooLarge.into());
        }
        let compression = match compression {
            None | Some(b"text") => return Ok(()),
            Some(b"gzip") => Compression::Gzip,
            Some(b"zstd") => Compression::Zstd,
            Some(other) => {
                let name = String::from_utf8_lossy(other).chars().take(20).collect();
                return Err(ForwardError::UnknownCompression(name));
            }
        };
        if let Carrier::Packed(packed) = &mut self.carrier {
            let mut entries = Vec::new();
            decompress(compression, packed, ENTRIES_BYTES_MAX, &mut entries)?;
            *packed = Cow::Owned(entries);
        }
        Ok(())
    }

    /// The entries, one after the other.
    pub fn entries(&self) -> Entries<'_> {
        match &self.carrier {
            Carrier::One(bytes) => Entries { reader: Reader::new(bytes), left: Left::One },
            Carrier::List(count, bytes) => {
                Entries { reader: Reader::new(bytes), left: Left::Pairs(*count) }
            }
            Carrier::Packed(bytes) => Entries { reader: Reader::new(bytes), left: Left::Rest },
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Left {
    None,
    One,
    Pairs(usize),
    Rest,
}

/// Times and records. None follows one that cannot be read.
#[derive(Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    left: Left,
}

impl Entries<'_> {
    fn entry(&mut self, is_pair: bool) -> Result<(i64, Object), MsgpackError> {
        if is_pair && self.reader.list()? != 2 {
            return Err(MsgpackError::Expected("a time and a record"));
        }
        let time_ns = match self.reader.head()? {
            // Fluent Bit puts metadata beside the time.
            Head::List(count @ 1..=2) => {
                let head = self.reader.head()?;
                let time_ns = time(head, &mut self.reader)?;
                for _ in 1..count {
                    self.reader.skip()?;
                }
                time_ns
            }
            head => time(head, &mut self.reader)?,
        };
        Ok((time_ns, self.reader.object()?))
    }
}

fn time(head: Head, reader: &mut Reader<'_>) -> Result<i64, MsgpackError> {
    let time_ns = match head {
        Head::Integer(seconds) => seconds.checked_mul(1_000_000_000),
        Head::Float(seconds) => (seconds.abs() < 9e9).then_some((seconds * 1e9) as i64),
        Head::Extension(kind, length) => event_time(kind, reader.take(length)?),
        _ => None,
    };
    time_ns.ok_or(MsgpackError::Expected("a time"))
}

impl Iterator for Entries<'_> {
    type Item = Result<(i64, Object), MsgpackError>;

    fn next(&mut self) -> Option<Self::Item> {
        let is_pair = match self.left {
            Left::None | Left::Pairs(0) => return None,
            Left::Rest if self.reader.rest().is_empty() => return None,
            Left::One => {
                self.left = Left::None;
                false
            }
            Left::Pairs(count) => {
                self.left = Left::Pairs(count - 1);
                true
            }
            Left::Rest => true,
        };
        let entry = self.entry(is_pair);
        if entry.is_err() {
            self.left = Left::None;
        }
        Some(entry)
    }
}

/// The acknowledgement of a chunk.
pub fn acknowledgement(chunk: &[u8]) -> Vec<u8> {
    let mut out = b"\x81\xa3ack\xda".to_vec();
    let length = u16::try_from(chunk.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend(chunk.iter().take(usize::from(length)));
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// `[time, {"n": number}]`
    fn pair(time: &[u8], number: u8) -> Vec<u8> {
        [b"\x92", time, b"\x81\xa1n", &[number][..]].concat()
    }

    fn found(message: &[u8]) -> (Vec<(i64, String)>, Option<Vec<u8>>) {
        let message = read(message).unwrap().unwrap();
        assert_eq!(message.tag, "app");
        let entries = message.entries().map(|entry| {
            let (time_ns, record) = entry.unwrap();
            (time_ns, format!("{record:?}"))
        });
        (entries.collect(), message.chunk.map(<[u8]>::to_vec))
    }

    #[test]
    fn all_four_ways_of_carrying_events() {
        let (plain, exact) = (&b"\x02"[..], &b"\xd7\0\0\0\0\x02\0\0\0\x05"[..]);
        let with_metadata = [b"\x92", exact, b"\x80"].concat();
        let entries = [pair(plain, 1), pair(exact, 2), pair(&with_metadata, 3)];
        let expected: Vec<(i64, String)> =
            [(2_000_000_000, 1), (2_000_000_005, 2), (2_000_000_005, 3)]
                .map(|(time, number)| (time, format!("Object([(\"n\", Integer({number}))])")))
                .into();
        let chunk = b"\xa5chunk\xa2Q=".to_vec();
        let one = [b"\x94\xa3app", plain, b"\x81\xa1n\x01\x81", &chunk].concat();
        assert_eq!(found(&one), (expected[..1].to_vec(), Some(b"Q=".to_vec())));
        let list = [b"\x92\xa3app\x93", entries.concat().as_slice()].concat();
        assert_eq!(found(&list), (expected.clone(), None));
        let packed = entries.concat();
        let length = [u8::try_from(packed.len()).unwrap()];
        let bytes =
            [b"\x93\xa3app\xc4", &length[..], &packed, b"\x82\xa4size\x03", &chunk].concat();
        assert_eq!(found(&bytes), (expected.clone(), Some(b"Q=".to_vec())));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&packed).unwrap();
        let gzip = gzip.finish().unwrap();
        let length = [u8::try_from(gzip.len()).unwrap()];
        let options = b"\x81\xaacompressed\xa4gzip";
        let bytes = [b"\x93\xa3app\xd9", &length[..], &gzip, options].concat();
        assert_eq!(found(&bytes), (expected, None));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(read(b"\xc0"), Ok(None));
        for wrong in [
            &b"\x81\xa1a\x01"[..],
            b"\x92\x01\x02",
            b"\x91\xa1a",
            b"\x92\xa1a\x01",
            b"\x92\xa1a\xc0",
            b"\x93\xa1a\xa0\x81\xaacompressed\xa2lz",
            b"\x93\xa1a\xa1x\x81\xaacompressed\xa4gzip",
            b"\x92\xa1a\xdd\xff\xff\xff\xff",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        // Entries end with the first that cannot be read.
        let message = read(b"\x92\xa1a\xa2\x01\x02").unwrap().unwrap();
        assert_eq!(message.entries().filter(Result::is_err).count(), 1);
        assert_eq!(message.entries().count(), 1);
        assert_eq!(acknowledgement(b"Q="), b"\x81\xa3ack\xda\0\x02Q=");
    }
}
