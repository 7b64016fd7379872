//! Where one message ends and the next begins, in streams of text.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// Digits of a length before a message.
const DIGITS_MAX: usize = 10;

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Framing {
    /// Each ends with a line feed.
    #[default]
    Line,
    /// Each ends with a byte of zero: GELF.
    Null,
    /// As RFC 6587 has it: each begins with its length, or ends with a line feed; Python's handler
    /// ends them with a byte of zero. Each message says for itself which it is.
    Syslog,
}

/// What the beginning of some bytes is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framed {
    /// A message, at this place, and where the next one begins.
    Message(Range<usize>, usize),
    /// It is not whole yet.
    Needs,
    /// It says that it has this many bytes, which is too many.
    TooLong(usize),
}

impl Framing {
    /// The first message of `bytes`. No end is within the first `searched`. A message without a
    /// length is cut after `bytes_max`.
    pub fn first(self, bytes: &[u8], searched: usize, bytes_max: usize) -> Framed {
        if self == Self::Syslog {
            match counted(bytes) {
                Counted::Length(start, length) if length > bytes_max => {
                    return Framed::TooLong(start.saturating_add(length));
                }
                Counted::Length(start, length) => {
                    let end = start + length;
                    let is_whole = bytes.len() >= end;
                    return if is_whole { Framed::Message(start..end, end) } else { Framed::Needs };
                }
                Counted::Unknown => return Framed::Needs,
                Counted::No => {}
            }
        }
        let rest = bytes.get(searched..).unwrap_or_default();
        let found = match self {
            Self::Line => memchr(b'\n', rest),
            Self::Null => memchr(0, rest),
            Self::Syslog => memchr2(b'\n', 0, rest),
        };
        match found.map(|at| at + searched) {
            Some(at) if at <= bytes_max => Framed::Message(0..at, at + 1),
            _ if bytes.len() >= bytes_max => Framed::Message(0..bytes_max, bytes_max),
            _ => Framed::Needs,
        }
    }
}

enum Counted {
    Length(usize, usize),
    Unknown,
    No,
}

/// Whether a message begins with its length, as `34 <13>...`. A line of text may begin with a
/// number too; a message's next byte says what it is.
fn counted(bytes: &[u8]) -> Counted {
    let digits = bytes.iter().take(DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > DIGITS_MAX || bytes.first().is_some_and(|byte| *byte == b'0') {
        return Counted::No;
    }
    match (digits, bytes.get(digits), bytes.get(digits + 1)) {
        (_, None, _) | (1.., Some(b' '), None) => Counted::Unknown,
        (1.., Some(b' '), Some(b'<')) => {
            let number = bytes.iter().take(digits);
            let length = number.fold(0, |sum: usize, byte| {
                sum.saturating_mul(10).saturating_add(usize::from(byte - b'0'))
            });
            Counted::Length(digits + 1, length)
        }
        _ => Counted::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(framing: Framing, mut bytes: &[u8]) -> (Vec<String>, Framed) {
        let mut found = Vec::new();
        loop {
            match framing.first(bytes, 0, 20) {
                Framed::Message(range, next) => {
                    found.push(String::from_utf8_lossy(&bytes[range]).into_owned());
                    bytes = &bytes[next..];
                }
                other => return (found, other),
            }
        }
    }

    #[test]
    fn messages_are_told_apart() {
        let (lines, null, syslog) = (Framing::Line, Framing::Null, Framing::Syslog);
        let cases: [(Framing, &[u8], &[&str], Framed); 9] = [
            (lines, b"a\nb\r\n\nc", &["a", "b\r", ""], Framed::Needs),
            (lines, b"0123456789012345678901\n", &["01234567890123456789", "01"], Framed::Needs),
            (null, b"a\nb\0c", &["a\nb"], Framed::Needs),
            (
                syslog,
                b"<1>a\n<2>b\x005 <3>\nx<4>c\n",
                &["<1>a", "<2>b", "<3>\nx", "<4>c"],
                Framed::Needs,
            ),
            (syslog, b"5 <3>a", &[], Framed::Needs),
            (syslog, b"5", &[], Framed::Needs),
            (syslog, b"5 things\n05 <x\n", &["5 things", "05 <x"], Framed::Needs),
            (syslog, b"21 <3>", &[], Framed::TooLong(24)),
            (syslog, b"9999999999 <3>", &[], Framed::TooLong(10_000_000_010)),
        ];
        for (framing, bytes, found, rest) in cases {
            let found = found.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(all(framing, bytes), (found, rest), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
