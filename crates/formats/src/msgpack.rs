//! MessagePack into values of events, and where one of its objects ends.
//!
//! Source: the specification of MessagePack. What is read is no deeper than [`DEPTH_MAX`] and has no
//! more than [`VALUES_MAX`] values, as an object of one byte becomes a value of many.

use vigie_model::event::{Object, Value};

/// Deepest nesting.
pub const DEPTH_MAX: usize = 64;
/// Values within one that is read.
pub const VALUES_MAX: usize = 100_000;

/// Why bytes are no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MsgpackError {
    /// They end too early.
    #[error("it ends too early")]
    Short,
    /// A byte that begins no object.
    #[error("{0:#04x} begins no object")]
    Unknown(u8),
    /// Something else was expected.
    #[error("it is not {0}")]
    Expected(&'static str),
    /// Deeper or more than allowed.
    #[error("it is nested too deeply, or has too many values")]
    TooLarge,
}

type Result<T> = std::result::Result<T, MsgpackError>;

/// What the first bytes of an object say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Head {
    /// A scalar, whole.
    Nil,
    /// The same.
    Boolean(bool),
    /// The same.
    Integer(i64),
    /// The same; also numbers beyond [`Integer`](Self::Integer).
    Float(f64),
    /// So many bytes of text follow.
    Text(usize),
    /// So many bytes follow.
    Bytes(usize),
    /// Of this type, so many bytes follow.
    Extension(i8, usize),
    /// So many objects follow.
    List(usize),
    /// So many pairs of objects follow.
    Map(usize),
}

/// Reads objects from the beginning of bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(MsgpackError::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(MsgpackError::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A length of one, two or four bytes.
    fn length(&mut self, size: u8) -> Result<usize> {
        Ok(match size {
            0 => usize::from(u8::from_be_bytes(self.number()?)),
            1 => usize::from(u16::from_be_bytes(self.number()?)),
            _ => u32::from_be_bytes(self.number()?) as usize,
        })
    }

    /// The beginning of the next object.
    pub fn head(&mut self) -> Result<Head> {
        let [byte] = self.number()?;
        Ok(match byte {
            0x00..=0x7f => Head::Integer(i64::from(byte)),
            0x80..=0x8f => Head::Map(usize::from(byte & 0x0f)),
            0x90..=0x9f => Head::List(usize::from(byte & 0x0f)),
            0xa0..=0xbf => Head::Text(usize::from(byte & 0x1f)),
            0xc0 => Head::Nil,
            0xc1 => return Err(MsgpackError::Unknown(byte)),
            0xc2 | 0xc3 => Head::Boolean(byte == 0xc3),
            0xc4..=0xc6 => Head::Bytes(self.length(byte - 0xc4)?),
            0xc7..=0xc9 => {
                let length = self.length(byte - 0xc7)?;
                Head::Extension(i8::from_be_bytes(self.number()?), length)
            }
            0xca => Head::Float(f64::from(f32::from_be_bytes(self.number()?))),
            0xcb => Head::Float(f64::from_be_bytes(self.number()?)),
            0xcc => Head::Integer(i64::from(u8::from_be_bytes(self.number()?))),
            0xcd => Head::Integer(i64::from(u16::from_be_bytes(self.number()?))),
            0xce => Head::Integer(i64::from(u32::from_be_bytes(self.number()?))),
            0xcf => {
                let number = u64::from_be_bytes(self.number()?);
                i64::try_from(number).map_or(Head::Float(number as f64), Head::Integer)
            }
            0xd0 => Head::Integer(i64::from(i8::from_be_bytes(self.number()?))),
            0xd1 => Head::Integer(i64::from(i16::from_be_bytes(self.number()?))),
            0xd2 => Head::Integer(i64::from(i32::from_be_bytes(self.number()?))),
            0xd3 => Head::Integer(i64::from_be_bytes(self.number()?)),
            0xd4..=0xd8 => Head::Extension(i8::from_be_bytes(self.number()?), 1 << (byte - 0xd4)),
            0xd9..=0xdb => Head::Text(self.length(byte - 0xd9)?),
            0xdc | 0xdd => Head::List(self.length(byte - 0xdb)?),
            0xde | 0xdf => Head::Map(self.length(byte - 0xdd)?),
            0xe0..=0xff => Head::Integer(i64::from(byte as i8)),
        })
    }

    /// The length of a list.
    pub fn list(&mut self) -> Result<usize> {
        match self.head()? {
            Head::List(count) => Ok(count),
            _ => Err(MsgpackError::Expected("a list")),
        }
    }

    /// Text, or the bytes that older writers have for both.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        match self.head()? {
            Head::Text(length) | Head::Bytes(length) => self.take(length),
            _ => Err(MsgpackError::Expected("text")),
        }
    }

    /// Passes over an object.
    pub fn skip(&mut self) -> Result<()> {
        let mut extent = Extent::default();
        match extent.of(self.rest)? {
            Some(length) => self.take(length).map(drop),
            None => Err(MsgpackError::Short),
        }
    }

    /// The next object as a value.
    pub fn value(&mut self) -> Result<Value> {
        self.value_within(DEPTH_MAX, &mut VALUES_MAX.clone())
    }

    /// The next object as a map.
    pub fn object(&mut self) -> Result<Object> {
        match self.value()? {
            Value::Object(object) => Ok(object),
            _ => Err(MsgpackError::Expected("a map")),
        }
    }

    fn value_within(&mut self, depth: usize, values: &mut usize) -> Result<Value> {
        *values = values.checked_sub(1).ok_or(MsgpackError::TooLarge)?;
        let depth = depth.checked_sub(1).ok_or(MsgpackError::TooLarge)?;
        let text = |bytes: &[u8]| Value::String(String::from_utf8_lossy(bytes).into_owned());
        Ok(match self.head()? {
            Head::Nil => Value::Null,
            Head::Boolean(value) => Value::Boolean(value),
            Head::Integer(number) => Value::Integer(number),
            Head::Float(number) => Value::Float(number),
            Head::Text(length) | Head::Bytes(length) => text(self.take(length)?),
            Head::Extension(kind, length) => {
                let bytes = self.take(length)?;
                event_time(kind, bytes).map_or_else(|| text(bytes), Value::Time)
            }
            Head::List(count) => {
                let mut list = Vec::new();
                for _ in 0..count {
                    list.push(self.value_within(depth, values)?);
                }
                Value::List(list)
            }
            Head::Map(count) => {
                let mut members = Vec::new();
                for _ in 0..count {
                    let key = match self.value_within(depth, values)? {
                        Value::String(key) => key,
                        Value::Integer(key) => key.to_string(),
                        _ => return Err(MsgpackError::Expected("the text of a key")),
                    };
                    members.push((key, self.value_within(depth, values)?));
                }
                Value::Object(members.into_iter().collect())
            }
        })
    }
}

/// The extension of Fluentd for times: seconds and nanoseconds.
pub(crate) fn event_time(kind: i8, bytes: &[u8]) -> Option<i64> {
    let bytes: [u8; 8] = bytes.try_into().ok().filter(|_| kind == 0)?;
    let both = u64::from_be_bytes(bytes);
    let (seconds, nanos) = ((both >> 32) as i64, (both & 0xffff_ffff) as i64);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// Finds where an object ends, going on where it left off when more bytes have come.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    at: usize,
    /// Objects that are still to come.
    missing: u64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { at: 0, missing: 1 }
    }
}

impl Extent {
    /// The length of the object at the beginning of `bytes`, which begin as they did before; none
    /// while it is not whole.
    pub fn of(&mut self, bytes: &[u8]) -> Result<Option<usize>> {
        while self.missing > 0 {
            let Some(rest) = bytes.get(self.at..) else { return Ok(None) };
            let mut reader = Reader::new(rest);
            let head = match reader.head() {
                Ok(head) => head,
                Err(MsgpackError::Short) => return Ok(None),
                Err(error) => return Err(error),
            };
            let (objects, skipped) = match head {
                Head::Text(length) | Head::Bytes(length) | Head::Extension(_, length) => {
                    (0, length)
                }
                Head::List(count) => (count as u64, 0),
                Head::Map(count) => (count as u64 * 2, 0),
                _ => (0, 0),
            };
            let head_bytes = rest.len() - reader.rest().len();
            self.at = self.at.saturating_add(head_bytes).saturating_add(skipped);
            self.missing = self.missing.saturating_sub(1).saturating_add(objects);
        }
        Ok((self.at <= bytes.len()).then_some(self.at))
    }
}

#[cfg(test)]
mod tests {
    use vigie_model::event::write_value_json;

    use super::*;

    #[test]
    fn objects_become_values_and_have_an_end() {
        let cases: [(&[u8], &str); 14] = [
            (b"\xc0", "null"),
            (b"\x93\xc2\xc3\x7f", "[false,true,127]"),
            (b"\xcc\xff", "255"),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "1.8446744073709552e19"),
            (b"\xd0\x80", "-128"),
            (b"\xd3\xff\xff\xff\xff\xff\xff\xff\xfe", "-2"),
            (b"\xff", "-1"),
            (b"\xca\x3f\xc0\0\0", "1.5"),
            (b"\xa2ab", "\"ab\""),
            (b"\xda\0\x02a\xff", "\"a\u{fffd}\""),
            (b"\xc4\x01x", "\"x\""),
            (b"\xd7\0\0\0\0\x01\0\0\0\0", "\"1970-01-01T00:00:01.000Z\""),
            (b"\x82\xa1a\x01\xa1a\xdc\0\x01\x02", "{\"a\":[2]}"),
            (b"\xdf\0\0\0\x01\x07\xde\0\0", "{\"7\":{}}"),
        ];
        for (bytes, json) in cases {
            let mut out = Vec::new();
            write_value_json(&Reader::new(bytes).value().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), json);
            let mut extent = Extent::default();
            for end in 0..bytes.len() {
                assert_eq!(extent.of(&bytes[..end]), Ok(None), "{json} {end}");
                assert!(Reader::new(&bytes[..end]).value().is_err());
            }
            assert_eq!(extent.of(&[bytes, b"more"].concat()), Ok(Some(bytes.len())), "{json}");
        }
        assert_eq!(Extent::default().of(b"\x91\xc1"), Err(MsgpackError::Unknown(0xc1)));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = vec![0x91; 100_000];
        assert_eq!(Reader::new(&deep).value(), Err(MsgpackError::TooLarge));
        let mut many = b"\xdd\0\x0f\xff\xff".to_vec();
        many.resize(2 << 20, 0xc0);
        assert_eq!(Reader::new(&many).value(), Err(MsgpackError::TooLarge));
        assert_eq!(Reader::new(b"\xdd\xff\xff\xff\xff").value(), Err(MsgpackError::Short));
    }
}
