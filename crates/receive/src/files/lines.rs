//! Lines of a file: where they end, and what their bytes mean.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// How a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoding {
    /// UTF-8, what is wrong replaced.
    Plain,
    /// Line feeds are a byte.
    Bytes(&'static Encoding),
    /// Line feeds are two bytes.
    Utf16 { is_big: bool },
}

impl Decoding {
    /// The encoding with that name of Filebeat's.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "plain" | "utf-8" | "utf8" | "nop" => Self::Plain,
            "utf-16le" | "utf-16le-bom" | "utf-16-bom" => Self::Utf16 { is_big: false },
            "utf-16be" | "utf-16be-bom" => Self::Utf16 { is_big: true },
            "hz-gb-2312" => return None,
            other => Self::Bytes(Encoding::for_label(other.as_bytes())?),
        })
    }

    /// Bytes as text, without a mark of the byte order.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8]) -> Cow<'a, str> {
        match self {
            Self::Plain => {
                let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                String::from_utf8_lossy(bytes)
            }
            Self::Bytes(encoding) => encoding.decode_without_bom_handling(bytes).0,
            Self::Utf16 { is_big } => {
                let encoding = if *is_big { encoding_rs::UTF_16BE } else { encoding_rs::UTF_16LE };
                encoding.decode_with_bom_removal(bytes).0
            }
        }
    }

    /// Where the first line feed is at or after `from`, and how many bytes it has.
    fn line_feed(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let Self::Utf16 { is_big } = self else {
            let at = bytes.get(from..)?.iter().position(|byte| *byte == b'\n')?;
            return Some((from + at, 1));
        };
        let wanted: &[u8] = if *is_big { &[0, b'\n'] } else { &[b'\n', 0] };
        let even = from & !1;
        let at = bytes.get(even..)?.chunks_exact(2).position(|unit| unit == wanted)?;
        Some((even + at * 2, 2))
    }
}

/// A line, or what is kept of one that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RawLine {
    pub(super) bytes: Vec<u8>,
    /// Where it begins and where the next one does.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) is_cut: bool,
}

/// Takes bytes as they are read, and gives whole lines.
#[derive(Debug)]
pub(super) struct LineReader {
    decoding: Decoding,
    bytes_max: usize,
    buffer: Vec<u8>,
    /// What of the buffer holds no line feed.
    searched: usize,
    /// Where the buffer begins in the file.
    offset: u64,
    /// The beginning of a line that is longer than is kept, and where it begins.
    long: Option<(Vec<u8>, u64)>,
}

impl LineReader {
    /// A reader that begins at `offset`.
    pub(super) fn new(decoding: Decoding, bytes_max: u64, offset: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { decoding, bytes_max, buffer: Vec::new(), searched: 0, offset, long: None }
    }

    /// The first byte that was not given to it.
    pub(super) fn position(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Where the line begins that is not whole yet.
    pub(super) fn line_start(&self) -> u64 {
        self.long.as_ref().map_or(self.offset, |(_, start)| *start)
    }

    /// Takes what follows.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Gives the lines that are whole to `take`.
    pub(super) fn drain(&mut self, mut take: impl FnMut(RawLine)) {
        let mut begin = 0;
        while let Some((at, width)) = self.decoding.line_feed(&self.buffer, self.searched) {
            let end = self.offset + (at + width) as u64;
            let whole = self.buffer.get(begin..at).unwrap_or_default();
            let line = match self.long.take() {
                Some((bytes, start)) => RawLine { bytes, start, end, is_cut: true },
                None => {
                    let start = self.offset + begin as u64;
                    let is_cut = whole.len() > self.bytes_max;
                    let kept = whole.get(..self.bytes_max).unwrap_or(whole);
                    RawLine { bytes: kept.to_vec(), start, end, is_cut }
                }
            };
            take(line);
            begin = at + width;
            self.searched = begin;
        }
        self.buffer.drain(..begin);
        self.offset += begin as u64;
        self.searched = self.buffer.len();
        if self.buffer.len() > self.bytes_max {
            self.cut();
        }
    }

    /// Keeps the beginning of a line that is too long; the rest of it is left out.
    fn cut(&mut self) {
        // A unit of two bytes may be torn.
        let whole = self.buffer.len() & !1;
        if self.long.is_none() {
            let kept = self.buffer.get(..self.bytes_max).unwrap_or_default().to_vec();
            self.long = Some((kept, self.offset));
        }
        self.buffer.drain(..whole);
        self.offset += whole as u64;
        self.searched = 0;
    }
}
