//! GELF, Graylog's format: JSON, perhaps compressed, perhaps in pieces over several datagrams.
//!
//! Source: Graylog's documentation of GELF. A piece is `1e 0f`, eight bytes of the message's id, its
//! number, how many there are (128 at most), and its part; all come within five seconds.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::compression::{Compression, CompressionError, decompress};

/// A message is no larger, once it is whole and decompressed.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Pieces of a message.
const PIECES_MAX: u8 = 128;
/// Pieces that come later are of no message.
const WAIT_MS: i64 = 5_000;
/// Messages that are not whole.
const PENDING_MAX: usize = 1_000;
/// The same, and those that became whole within the last seconds.
const ORDER_MAX: usize = 100 * PENDING_MAX;
/// And their bytes.
const PENDING_BYTES_MAX: usize = 32 << 20;
const MAGIC: [u8; 2] = [0x1e, 0x0f];

/// Decompresses a message where it is compressed, and gives its JSON.
pub fn json<'a>(bytes: &'a [u8], out: &'a mut Vec<u8>) -> Result<&'a [u8], CompressionError> {
    let compression = match bytes {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x78, second, ..] if (0x7800 | u32::from(*second)) % 31 == 0 => Compression::Zlib,
        _ => return Ok(bytes),
    };
    decompress(compression, bytes, MESSAGE_BYTES_MAX, out)?;
    Ok(out)
}

#[derive(Debug)]
struct Pending {
    first_ms: i64,
    pieces: Vec<Option<Box<[u8]>>>,
    missing: usize,
    bytes: usize,
}

/// Messages of which not all pieces are here, by sender `P`.
#[derive(Debug)]
pub struct GelfPieces<P> {
    pending: HashMap<(P, [u8; 8]), Pending>,
    /// In the order in which they began, with the moment.
    order: VecDeque<((P, [u8; 8]), i64)>,
    bytes: usize,
    dropped: u64,
}

impl<P> Default for GelfPieces<P> {
    fn default() -> Self {
        Self { pending: HashMap::new(), order: VecDeque::new(), bytes: 0, dropped: 0 }
    }
}

/// What a datagram is.
#[derive(Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A message by itself.
    Whole(&'a [u8]),
    /// The last missing piece of one.
    Completed(Vec<u8>),
    /// A piece, and others are missing, or one that is wrong.
    Piece,
}

impl<P: Copy + Eq + Hash> GelfPieces<P> {
    /// Takes a datagram of `sender`.
    pub fn take<'a>(&mut self, bytes: &'a [u8], sender: P, now_ms: i64) -> Datagram<'a> {
        let Some(piece) = bytes.strip_prefix(&MAGIC) else { return Datagram::Whole(bytes) };
        let Some((id, rest)) = piece.split_first_chunk::<8>() else { return self.wrong() };
        let Some(([number, count], part)) = rest.split_first_chunk::<2>() else {
            return self.wrong();
        };
        if *count == 0 || *count > PIECES_MAX || number >= count {
            return self.wrong();
        }
        self.forget(now_ms);
        let key = (sender, *id);
        if !self.pending.contains_key(&key) {
            self.order.push_back((key, now_ms));
        }
        let count = usize::from(*count);
        let pending = self.pending.entry(key).or_insert_with(|| Pending {
            first_ms: now_ms,
            pieces: vec![None; count],
            missing: count,
            bytes: 0,
        });
        match pending.pieces.get_mut(usize::from(*number)) {
            // A datagram may come twice.
            Some(Some(_)) => return Datagram::Piece,
            Some(place) => *place = Some(part.into()),
            None => return self.wrong(),
        }
        pending.missing -= 1;
        pending.bytes += part.len();
        self.bytes += part.len();
        let is_whole = pending.missing == 0;
        self.make_room();
        if !is_whole {
            return Datagram::Piece;
        }
        let Some(whole) = self.pending.remove(&key) else { return Datagram::Piece };
        self.bytes -= whole.bytes;
        let mut message = Vec::with_capacity(whole.bytes);
        whole.pieces.iter().flatten().for_each(|part| message.extend_from_slice(part));
        Datagram::Completed(message)
    }

    /// Messages and pieces that came to nothing so far.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    const fn wrong<'a>(&mut self) -> Datagram<'a> {
        self.dropped += 1;
        Datagram::Piece
    }

    /// Drops what waits for too long.
    fn forget(&mut self, now_ms: i64) {
        while let Some((_, began_ms)) = self.order.front()
            && now_ms.saturating_sub(*began_ms) > WAIT_MS
        {
            self.drop_first();
        }
    }

    fn make_room(&mut self) {
        while !self.order.is_empty()
            && (self.pending.len() > PENDING_MAX
                || self.order.len() > ORDER_MAX
                || self.bytes > PENDING_BYTES_MAX)
        {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some((key, began_ms)) = self.order.pop_front() else { return };
        // A message that became whole is not here; its id may have been used again since.
        if self.pending.get(&key).is_some_and(|pending| pending.first_ms == began_ms)
            && let Some(pending) = self.pending.remove(&key)
        {
            self.bytes -= pending.bytes;
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn piece(id: u8, number: u8, count: u8, part: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([id; 8]);
        bytes.extend([number, count]);
        bytes.extend(part);
        bytes
    }

    #[test]
    fn pieces_become_messages_in_any_order() {
        let mut pieces = GelfPieces::default();
        assert_eq!(pieces.take(b"{}", 1, 0), Datagram::Whole(b"{}"));
        assert_eq!(pieces.take(&piece(1, 2, 3, b"c"), 1, 0), Datagram::Piece);
        assert_eq!(pieces.take(&piece(1, 0, 3, b"a"), 1, 0), Datagram::Piece);
        assert_eq!(pieces.take(&piece(1, 0, 3, b"a"), 1, 0), Datagram::Piece);
        // Somebody else's of the same id.
        assert_eq!(pieces.take(&piece(1, 1, 3, b"x"), 2, 0), Datagram::Piece);
        let whole = Datagram::Completed(b"abc".to_vec());
        assert_eq!(pieces.take(&piece(1, 1, 3, b"b"), 1, 5_000), whole);
        assert_eq!(pieces.dropped(), 0);
        // Of the same id, another number of pieces.
        assert_eq!(pieces.take(&piece(1, 7, 8, b"x"), 2, 5_000), Datagram::Piece);
        assert_eq!(pieces.dropped(), 1);
        assert_eq!(pieces.take(&piece(3, 0, 2, b"x"), 2, 5_001), Datagram::Piece);
        assert_eq!((pieces.dropped(), pieces.bytes), (2, 1));
        for wrong in [&b"\x1e\x0f123"[..], &piece(4, 1, 1, b""), &piece(4, 0, 129, b"")] {
            assert_eq!(pieces.take(wrong, 1, 5_001), Datagram::Piece);
        }
        assert_eq!(pieces.dropped(), 5);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut pieces = GelfPieces::default();
        for sender in 0..2_000 {
            pieces.take(&piece(1, 0, 2, &vec![0; 60_000]), sender, 0);
        }
        assert!(pieces.bytes <= PENDING_BYTES_MAX && pieces.pending.len() <= PENDING_MAX);
        assert_eq!(pieces.dropped() as usize, 2_000 - pieces.pending.len());
        assert_eq!(pieces.order.len(), pieces.pending.len());
    }

    #[test]
    fn messages_may_be_compressed() {
        let text = b"{\"short_message\":\"x\"}";
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(text).unwrap();
        gzip.write_all(text).unwrap();
        for bytes in [zlib.finish().unwrap(), gzip.finish().unwrap(), text.to_vec()] {
            assert_eq!(json(&bytes, &mut Vec::new()), Ok(&text[..]));
        }
        let mut bomb = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        bomb.write_all(&vec![b' '; MESSAGE_BYTES_MAX + 1]).unwrap();
        assert!(json(&bomb.finish().unwrap(), &mut Vec::new()).is_err());
    }
}
