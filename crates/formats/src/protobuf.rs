//! The protobuf wire format: a reader that borrows, and a writer.
//!
//! Only what messages of monitoring need: fields are visited in the order in which they come,
//! unknown ones are skipped, every length is checked against what is left, and nothing is
//! allocated. Nested messages are read by a reader of their own, so that depth is the caller's.

/// Groups within groups that are skipped before the message counts as malicious.
const GROUP_DEPTH_MAX: usize = 32;

/// Why bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message ends within a field.
    #[error("unexpected end of the protobuf message")]
    Truncated,
    /// A number of more than 64 bits.
    #[error("protobuf number is longer than 64 bits")]
    NumberTooLong,
    /// A field has a wire type that its message does not allow, or that does not exist.
    #[error("protobuf field {field} has the wrong wire type")]
    WrongType {
        /// Number of the field.
        field: u32,
    },
    /// Groups that do not end, or are nested too deep.
    #[error("protobuf group is not closed or nested too deep")]
    Group,
    /// A string that is not UTF-8.
    #[error("string of protobuf field {field} is not valid UTF-8")]
    Utf8 {
        /// Number of the field.
        field: u32,
    },
}

/// The content of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Integers, booleans and enumerations.
    Varint(u64),
    /// `double`, `fixed64`.
    Fixed64(u64),
    /// `float`, `fixed32`.
    Fixed32(u32),
    /// Strings, bytes, messages and packed lists.
    Bytes(&'a [u8]),
}

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Number of the field.
    pub number: u32,
    /// Its content.
    pub value: Value<'a>,
}

/// Reads the fields of a message one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `message`.
    pub const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Whether everything is read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next field, or `None` at the end.
    #[inline]
    pub fn field(&mut self) -> Result<Option<Field<'a>>, WireError> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let tag = self.varint()?;
            let number = u32::try_from(tag >> 3).map_err(|_| WireError::NumberTooLong)?;
            let value = match tag & 7 {
                0 => Value::Varint(self.varint()?),
                1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
                2 => Value::Bytes(self.delimited()?),
                5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
                3 => {
                    self.skip_group(number)?;
                    continue;
                }
                _ => return Err(WireError::WrongType { field: number }),
            };
            return Ok(Some(Field { number, value }));
        }
    }

    /// A number of 7 bits a byte, least significant first.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let (&first, rest) = self.rest.split_first().ok_or(WireError::Truncated)?;
        if first < 0x80 {
            self.rest = rest;
            return Ok(u64::from(first));
        }
        self.varint_long()
    }

    fn varint_long(&mut self) -> Result<u64, WireError> {
        let mut value = 0_u64;
        for (at, &byte) in self.rest.iter().take(10).enumerate() {
            if at == 9 && byte > 1 {
                return Err(WireError::NumberTooLong);
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 { WireError::Truncated } else { WireError::NumberTooLong })
    }

    /// A length and that many bytes.
    #[inline]
    pub fn delimited(&mut self) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn skip_group(&mut self, number: u32) -> Result<(), WireError> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let tag = self.varint()?;
            let field = u32::try_from(tag >> 3).map_err(|_| WireError::NumberTooLong)?;
            match tag & 7 {
                0 => drop(self.varint()?),
                1 => drop(self.array::<8>()?),
                2 => drop(self.delimited()?),
                5 => drop(self.array::<4>()?),
                3 if open.len() < GROUP_DEPTH_MAX => open.push(field),
                4 if field == innermost => drop(open.pop()),
                _ => return Err(WireError::Group),
            }
        }
        Ok(())
    }
}

impl<'a> Field<'a> {
    const fn wrong<T>(&self) -> Result<T, WireError> {
        Err(WireError::WrongType { field: self.number })
    }

    /// The content as an unsigned integer.
    #[inline]
    pub const fn uint64(&self) -> Result<u64, WireError> {
        match self.value {
            Value::Varint(value) => Ok(value),
            _ => self.wrong(),
        }
    }

    /// The content as a plain (not zigzag) signed integer.
    #[inline]
    pub fn int64(&self) -> Result<i64, WireError> {
        self.uint64().map(|value| value as i64)
    }

    /// The content as a zigzag signed integer of 32 bits.
    #[inline]
    pub fn sint32(&self) -> Result<i32, WireError> {
        self.uint64().map(|value| zigzag(u64::from(value as u32)) as i32)
    }

    /// The content as a float.
    #[inline]
    pub const fn double(&self) -> Result<f64, WireError> {
        match self.value {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => self.wrong(),
        }
    }

    /// The content as bytes.
    #[inline]
    pub const fn bytes(&self) -> Result<&'a [u8], WireError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => self.wrong(),
        }
    }

    /// The content as text.
    #[inline]
    pub fn text(&self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8 { field: self.number })
    }

    /// The content as a message.
    #[inline]
    pub fn message(&self) -> Result<Reader<'a>, WireError> {
        self.bytes().map(Reader::new)
    }

    /// One or, packed, many integers of a repeated field.
    #[inline]
    pub fn each_varint(&self, mut visit: impl FnMut(u64)) -> Result<(), WireError> {
        match self.value {
            Value::Varint(value) => visit(value),
            Value::Bytes(bytes) => {
                let mut reader = Reader::new(bytes);
                while !reader.is_empty() {
                    visit(reader.varint()?);
                }
            }
            _ => return self.wrong(),
        }
        Ok(())
    }

    /// One or, packed, many floats of a repeated field.
    pub fn each_double(&self, mut visit: impl FnMut(f64)) -> Result<(), WireError> {
        match self.value {
            Value::Fixed64(bits) => visit(f64::from_bits(bits)),
            Value::Bytes(bytes) => {
                let (chunks, rest) = bytes.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(WireError::Truncated);
                }
                for chunk in chunks {
                    visit(f64::from_le_bytes(*chunk));
                }
            }
            _ => return self.wrong(),
        }
        Ok(())
    }
}

/// The signed number that zigzag `value` stands for.
#[inline]
pub const fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Writes fields of messages. Fields that have their default value are the caller's to leave out,
/// except in the methods whose name says `_unless_default`.
pub trait Writer {
    /// A bare number.
    fn put_varint(&mut self, value: u64);
    /// An integer field.
    fn put_uint(&mut self, field: u32, value: u64);
    /// An integer field, left out when 0.
    fn put_uint_unless_default(&mut self, field: u32, value: u64);
    /// A zigzag integer field.
    fn put_sint(&mut self, field: u32, value: i64);
    /// A float field.
    fn put_double(&mut self, field: u32, value: f64);
    /// A field of bytes.
    fn put_bytes(&mut self, field: u32, bytes: &[u8]);
    /// A string field, left out when empty.
    fn put_text_unless_default(&mut self, field: u32, text: &str);
    /// A message, written by `write`.
    fn put_message(&mut self, field: u32, write: impl FnOnce(&mut Self));
}

impl Writer for Vec<u8> {
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn put_uint(&mut self, field: u32, value: u64) {
        self.put_varint(u64::from(field) << 3);
        self.put_varint(value);
    }

    fn put_uint_unless_default(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.put_uint(field, value);
        }
    }

    fn put_sint(&mut self, field: u32, value: i64) {
        self.put_uint(field, ((value << 1) ^ (value >> 63)) as u64);
    }

    fn put_double(&mut self, field: u32, value: f64) {
        self.put_varint(u64::from(field) << 3 | 1);
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_bytes(&mut self, field: u32, bytes: &[u8]) {
        self.put_varint(u64::from(field) << 3 | 2);
        self.put_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }

    fn put_text_unless_default(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.put_bytes(field, text.as_bytes());
        }
    }

    fn put_message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.put_varint(u64::from(field) << 3 | 2);
        // Nearly all messages here are shorter than 128 bytes: leave one byte for the length and
        // move the content when that was too little.
        let at = self.len();
        self.push(0);
        write(self);
        let length = self.len() - at - 1;
        if length < 0x80 {
            if let Some(slot) = self.get_mut(at) {
                *slot = length as u8;
            }
        } else {
            let mut prefix = Self::with_capacity(10);
            prefix.put_varint(length as u64);
            self.splice(at..=at, prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_written_are_read() {
        let mut bytes = Vec::new();
        bytes.put_uint(1, u64::MAX);
        bytes.put_sint(2, -5);
        bytes.put_double(3, 1.5);
        bytes.put_message(4, |inner| inner.put_bytes(1, &[7; 300]));
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.field().unwrap().unwrap().uint64(), Ok(u64::MAX));
        assert_eq!(reader.field().unwrap().unwrap().sint32(), Ok(-5));
        assert_eq!(reader.field().unwrap().unwrap().double(), Ok(1.5));
        let mut inner = reader.field().unwrap().unwrap().message().unwrap();
        assert_eq!(inner.field().unwrap().unwrap().bytes().unwrap(), [7; 300]);
        assert_eq!(reader.field(), Ok(None));
    }

    #[test]
    fn groups_are_skipped_and_lengths_are_checked() {
        // group 1 { field 2: varint 5 } then field 3: 9
        let mut reader = Reader::new(&[0x0b, 0x10, 5, 0x0c, 0x18, 9]);
        assert_eq!(reader.field().unwrap().unwrap(), Field { number: 3, value: Value::Varint(9) });
        assert_eq!(Reader::new(&[0x0b; 100]).field(), Err(WireError::Group));
        assert_eq!(Reader::new(&[0x0a, 5, 1]).field(), Err(WireError::Truncated));
        assert_eq!(Reader::new(&[0xff; 11]).field(), Err(WireError::NumberTooLong));
    }
}
