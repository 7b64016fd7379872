//! Thrift's two encodings behind one reader.
//!
//! Lengths are checked against what is left before anything is taken, and counts of lists are
//! never trusted for an allocation: a list is read element by element. Unknown fields are
//! skipped, nested at most [`DEPTH_MAX`] deep.

use super::JaegerError;

/// Structs and lists within each other.
const DEPTH_MAX: usize = 24;

/// How values are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Binary,
    Compact,
}

/// A value's type, the same for both encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    /// A boolean field of the compact encoding, whose type says its value.
    BoolIs(bool),
    Byte,
    Double,
    I16,
    I32,
    I64,
    Bytes,
    Struct,
    Map,
    List,
    Uuid,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    encoding: Encoding,
    field: i16,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8], encoding: Encoding) -> Self {
        Self { rest: bytes, encoding, field: 0 }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], JaegerError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(JaegerError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn byte(&mut self) -> Result<u8, JaegerError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn varint(&mut self) -> Result<u64, JaegerError> {
        let mut value = 0_u64;
        for at in 0..10 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(JaegerError::Malformed)
    }

    pub(super) fn i64(&mut self) -> Result<i64, JaegerError> {
        match self.encoding {
            Encoding::Binary => self.array().map(i64::from_be_bytes),
            Encoding::Compact => self.varint().map(crate::protobuf::zigzag),
        }
    }

    pub(super) fn i32(&mut self) -> Result<i32, JaegerError> {
        match self.encoding {
            Encoding::Binary => self.array().map(i32::from_be_bytes),
            Encoding::Compact => self.varint().map(|value| crate::protobuf::zigzag(value) as i32),
        }
    }

    pub(super) fn double(&mut self) -> Result<f64, JaegerError> {
        match self.encoding {
            Encoding::Binary => self.array().map(f64::from_be_bytes),
            // Apache's implementations write little endian, against their own document.
            Encoding::Compact => self.array().map(f64::from_le_bytes),
        }
    }

    /// The boolean of a field of `kind`.
    pub(super) fn bool(&mut self, kind: Kind) -> Result<bool, JaegerError> {
        match kind {
            Kind::BoolIs(value) => Ok(value),
            _ => self.byte().map(|byte| byte == 1),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], JaegerError> {
        let length = match self.encoding {
            Encoding::Binary => u64::from(u32::from_be_bytes(self.array()?)),
            Encoding::Compact => self.varint()?,
        };
        let length = usize::try_from(length).map_err(|_| JaegerError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(JaegerError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The next field's number and type, or `None` at the end of the struct.
    pub(super) fn field(&mut self) -> Result<Option<(i16, Kind)>, JaegerError> {
        let head = self.byte()?;
        match self.encoding {
            Encoding::Binary => {
                if head == 0 {
                    return Ok(None);
                }
                let number = i16::from_be_bytes(self.array()?);
                Ok(Some((number, binary_kind(head)?)))
            }
            Encoding::Compact => {
                let kind = head & 0x0f;
                if kind == 0 {
                    return Ok(None);
                }
                let delta = i16::from(head >> 4);
                self.field = if delta == 0 {
                    crate::protobuf::zigzag(self.varint()?) as i16
                } else {
                    self.field.wrapping_add(delta)
                };
                Ok(Some((self.field, compact_kind(kind)?)))
            }
        }
    }

    /// Reads a nested struct: its field numbers count from 0 again.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, JaegerError>,
    ) -> Result<T, JaegerError> {
        let outer = std::mem::take(&mut self.field);
        let value = read(self);
        self.field = outer;
        value
    }

    /// Type and number of elements of a list or set.
    pub(super) fn list(&mut self) -> Result<(Kind, usize), JaegerError> {
        let (kind, count) = match self.encoding {
            Encoding::Binary => {
                let kind = binary_kind(self.byte()?)?;
                (kind, u64::from(u32::from_be_bytes(self.array()?)))
            }
            Encoding::Compact => {
                let head = self.byte()?;
                let short = u64::from(head >> 4);
                let count = if short == 15 { self.varint()? } else { short };
                let kind = match compact_kind(head & 0x0f)? {
                    // In a list a boolean has a byte of its own.
                    Kind::BoolIs(_) => Kind::Bool,
                    kind => kind,
                };
                (kind, count)
            }
        };
        let count = usize::try_from(count).map_err(|_| JaegerError::Truncated)?;
        // The shortest element has one byte.
        if count > self.rest.len() { Err(JaegerError::Truncated) } else { Ok((kind, count)) }
    }

    /// Visits each struct of a list.
    pub(super) fn each_struct(
        &mut self,
        mut visit: impl FnMut(&mut Self) -> Result<(), JaegerError>,
    ) -> Result<(), JaegerError> {
        let (kind, count) = self.list()?;
        if count > 0 && kind != Kind::Struct {
            return Err(JaegerError::Malformed);
        }
        for _ in 0..count {
            self.nested(&mut visit)?;
        }
        Ok(())
    }

    /// Passes over a value of `kind`.
    pub(super) fn skip(&mut self, kind: Kind) -> Result<(), JaegerError> {
        self.skip_nested(kind, 0)
    }

    fn skip_nested(&mut self, kind: Kind, depth: usize) -> Result<(), JaegerError> {
        if depth > DEPTH_MAX {
            return Err(JaegerError::Malformed);
        }
        match kind {
            Kind::BoolIs(_) => {}
            Kind::Bool | Kind::Byte => drop(self.byte()?),
            Kind::Double => drop(self.array::<8>()?),
            Kind::I16 if self.encoding == Encoding::Binary => drop(self.array::<2>()?),
            Kind::I16 | Kind::I32 => drop(self.i32()?),
            Kind::I64 => drop(self.i64()?),
            Kind::Uuid => drop(self.array::<16>()?),
            Kind::Bytes => drop(self.bytes()?),
            Kind::Struct => self.nested(|inner| {
                while let Some((_, kind)) = inner.field()? {
                    inner.skip_nested(kind, depth + 1)?;
                }
                Ok(())
            })?,
            Kind::List => {
                let (kind, count) = self.list()?;
                for _ in 0..count {
                    self.skip_nested(kind, depth + 1)?;
                }
            }
            Kind::Map => self.skip_map(depth)?,
        }
        Ok(())
    }

    fn skip_map(&mut self, depth: usize) -> Result<(), JaegerError> {
        let (key, value, count) = match self.encoding {
            Encoding::Binary => {
                let (key, value) = (binary_kind(self.byte()?)?, binary_kind(self.byte()?)?);
                (key, value, u64::from(u32::from_be_bytes(self.array()?)))
            }
            Encoding::Compact => {
                let count = self.varint()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                let in_map = |bits| match compact_kind(bits) {
                    Ok(Kind::BoolIs(_)) => Ok(Kind::Bool),
                    other => other,
                };
                (in_map(kinds >> 4)?, in_map(kinds & 0x0f)?, count)
            }
        };
        if count > self.rest.len() as u64 {
            return Err(JaegerError::Truncated);
        }
        for _ in 0..count {
            self.skip_nested(key, depth + 1)?;
            self.skip_nested(value, depth + 1)?;
        }
        Ok(())
    }

    /// The head of a message: the name of the call. The number of the call is passed over.
    pub(super) fn message(&mut self) -> Result<&'a [u8], JaegerError> {
        match self.encoding {
            Encoding::Binary => {
                let head = u32::from_be_bytes(self.array()?);
                if head >> 16 != 0x8001 {
                    return Err(JaegerError::UnknownCall);
                }
                let name = self.bytes()?;
                self.array::<4>()?;
                Ok(name)
            }
            Encoding::Compact => {
                let [protocol, version] = self.array()?;
                if protocol != 0x82 || version & 0x1f != 1 {
                    return Err(JaegerError::UnknownCall);
                }
                self.varint()?;
                self.bytes()
            }
        }
    }
}

const fn binary_kind(number: u8) -> Result<Kind, JaegerError> {
    Ok(match number {
        2 => Kind::Bool,
        3 => Kind::Byte,
        4 => Kind::Double,
        6 => Kind::I16,
        8 => Kind::I32,
        10 => Kind::I64,
        11 => Kind::Bytes,
        12 => Kind::Struct,
        13 => Kind::Map,
        14 | 15 => Kind::List,
        16 => Kind::Uuid,
        _ => return Err(JaegerError::Malformed),
    })
}

const fn compact_kind(number: u8) -> Result<Kind, JaegerError> {
    Ok(match number {
        1 => Kind::BoolIs(true),
        2 => Kind::BoolIs(false),
        3 => Kind::Byte,
        4 => Kind::I16,
        5 => Kind::I32,
        6 => Kind::I64,
        7 => Kind::Double,
        8 => Kind::Bytes,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        13 => Kind::Uuid,
        _ => return Err(JaegerError::Malformed),
    })
}
