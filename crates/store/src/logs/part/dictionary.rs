//! Dictionaries: texts or ids by code, and values of fixed width row by row.

use std::sync::{Arc, OnceLock};

use super::file::{Data, PartFile};
use super::integers::{self, Integers, Place};
use crate::StoreError;
use crate::codec::Input;
use crate::codec::input::{put_prefixed, put_varint};
use crate::codec::integers::Scratch;
use crate::logs::chunk::{Texts, hash};
use crate::part::container::corrupt;

/// A block of a dictionary holds about so many bytes before compression.
const BLOCK_BYTES: usize = 64 << 10;
/// Dictionaries with more values have an index by hash.
const VALUES_WITHOUT_INDEX: usize = 64;
/// Rows of a block of values of fixed width.
const HEX_BLOCK_ROWS: usize = 4096;

/// How values are kept: as they are, or as the bytes that hexadecimal digits stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    /// So many bytes, as lowercase hexadecimal digits.
    Hex(usize),
    /// 16 bytes as a UUID: lowercase, with hyphens.
    Uuid,
}

const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Form {
    const fn code(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Hex(bytes) => bytes as u8,
            Self::Uuid => 17,
        }
    }

    fn from_code(code: u8) -> Result<Self, StoreError> {
        match code {
            0 => Ok(Self::Text),
            8 | 16 => Ok(Self::Hex(usize::from(code))),
            17 => Ok(Self::Uuid),
            _ => Err(corrupt("a dictionary has an unknown form")),
        }
    }

    /// The form in which `value` can be kept.
    pub(super) fn of(value: &[u8]) -> Self {
        let form = match value.len() {
            16 => Self::Hex(8),
            32 => Self::Hex(16),
            36 => Self::Uuid,
            _ => return Self::Text,
        };
        let fits = value.iter().enumerate().all(|(at, byte)| {
            if form == Self::Uuid && HYPHENS.contains(&at) {
                *byte == b'-'
            } else {
                matches!(byte, b'0'..=b'9' | b'a'..=b'f')
            }
        });
        if fits { form } else { Self::Text }
    }

    pub(super) const fn width(self) -> usize {
        match self {
            Self::Text => 0,
            Self::Hex(bytes) => bytes,
            Self::Uuid => 16,
        }
    }

    /// Appends the bytes that the digits of `value` stand for.
    pub(super) fn pack(self, value: &[u8], out: &mut Vec<u8>) {
        let digit = |byte: u8| if byte <= b'9' { byte - b'0' } else { byte - b'a' + 10 };
        let mut high = None;
        for byte in value.iter().filter(|byte| **byte != b'-') {
            match high.take() {
                None => high = Some(digit(*byte)),
                Some(high) => out.push(high << 4 | digit(*byte)),
            }
        }
    }

    /// Appends the digits of `bytes`.
    pub(super) fn unpack(self, bytes: &[u8], out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for (at, byte) in bytes.iter().enumerate() {
            if self == Self::Uuid && [4, 6, 8, 10].contains(&at) {
                out.push(b'-');
            }
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        }
    }
}

/// The form in which all values can be kept.
pub(super) fn form_of<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Form {
    let Some(first) = values.next().map(Form::of) else { return Form::Text };
    if first != Form::Text && values.all(|value| Form::of(value) == first) {
        first
    } else {
        Form::Text
    }
}

/// Writes a dictionary and appends where it is to `out`.
pub(super) fn write(
    values: &Texts,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
    data: &mut Data<'_>,
) -> Result<(), StoreError> {
    let count = values.len();
    let form = form_of((0..count).map(|at| values.get(at)));
    let (mut block, mut first, mut blocks) = (Vec::new(), None, 0);
    let mut keyed: Vec<(u64, u32)> = Vec::new();
    for at in 0..count {
        let (value, start) = (values.get(at), block.len());
        if form == Form::Text {
            put_prefixed(&mut block, value);
        } else {
            form.pack(value, &mut block);
        }
        if count > VALUES_WITHOUT_INDEX {
            let key = if form == Form::Text { value } else { block.get(start..).unwrap_or(value) };
            keyed.push((hash(key), at as u32));
        }
        if block.len() >= BLOCK_BYTES || at + 1 == count {
            let number =
                if form == Form::Text { data.put_compressed(&block) } else { data.put(&block) }?;
            first.get_or_insert(number);
            blocks += 1;
            block.clear();
        }
    }
    out.push(form.code());
    for number in [count as u64, u64::from(first.unwrap_or(0)), blocks] {
        put_varint(out, number);
    }
    if count > VALUES_WITHOUT_INDEX {
        keyed.sort_unstable();
        let codes: Vec<i64> = keyed.iter().map(|(_, code)| i64::from(*code)).collect();
        integers::write(&codes, scratch, data)?.put(out);
    }
    Ok(())
}

/// Reads a dictionary, when it is first asked.
#[derive(Debug)]
pub(super) struct Dictionary {
    file: Arc<PartFile>,
    form: Form,
    count: usize,
    first: u32,
    blocks: u32,
    by_hash: Option<Integers>,
    packed: OnceLock<Vec<u8>>,
    texts: OnceLock<Texts>,
}

impl Dictionary {
    pub(super) fn take(input: &mut Input<'_>, file: &Arc<PartFile>) -> Result<Self, StoreError> {
        let form = Form::from_code(input.byte()?)?;
        let count = input.count(super::PART_ROWS_MAX)?;
        let first = input.count(u32::MAX as usize)? as u32;
        let blocks = input.count(super::PART_ROWS_MAX)? as u32;
        let by_hash = if count > VALUES_WITHOUT_INDEX {
            Some(Integers::new(Arc::clone(file), Place::take(input)?))
        } else {
            None
        };
        let (packed, texts) = (OnceLock::new(), OnceLock::new());
        Ok(Self { file: Arc::clone(file), form, count, first, blocks, by_hash, packed, texts })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The value of a code, as text.
    pub(super) fn get(&self, code: u32) -> Result<&[u8], StoreError> {
        Ok(self.texts()?.get(code as usize))
    }

    /// Appends the value of a code, as text.
    pub(super) fn append(&self, code: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        if self.form == Form::Text {
            out.extend_from_slice(self.get(code)?);
        } else {
            self.form.unpack(self.packed_value(code)?, out);
        }
        Ok(())
    }

    /// The code of a value.
    pub(super) fn find(&self, value: &[u8]) -> Result<Option<u32>, StoreError> {
        let mut packed = Vec::new();
        let wanted = if self.form == Form::Text {
            value
        } else if Form::of(value) == self.form {
            self.form.pack(value, &mut packed);
            &packed
        } else {
            return Ok(None);
        };
        let Some(by_hash) = &self.by_hash else {
            for code in 0..self.count as u32 {
                if self.raw(code)? == wanted {
                    return Ok(Some(code));
                }
            }
            return Ok(None);
        };
        let key = hash(wanted);
        let (mut low, mut high) = (0, by_hash.len());
        while low < high {
            let middle = low.midpoint(high);
            if hash(self.raw(by_hash.get(middle)? as u32)?) < key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        for at in low..by_hash.len() {
            let code = by_hash.get(at)? as u32;
            let value = self.raw(code)?;
            if value == wanted {
                return Ok(Some(code));
            }
            if hash(value) != key {
                break;
            }
        }
        Ok(None)
    }

    fn raw(&self, code: u32) -> Result<&[u8], StoreError> {
        if self.form == Form::Text { self.get(code) } else { self.packed_value(code) }
    }

    fn packed_value(&self, code: u32) -> Result<&[u8], StoreError> {
        let width = self.form.width();
        let packed = self.packed()?;
        let value = packed.get(code as usize * width..(code as usize + 1) * width);
        value.ok_or_else(|| corrupt("a code is not in its dictionary"))
    }

    fn packed(&self) -> Result<&Vec<u8>, StoreError> {
        if let Some(packed) = self.packed.get() {
            return Ok(packed);
        }
        let mut packed = Vec::new();
        for block in 0..self.blocks {
            packed.extend_from_slice(&self.file.block_uncached(self.first + block)?);
        }
        Ok(self.packed.get_or_init(|| packed))
    }

    fn texts(&self) -> Result<&Texts, StoreError> {
        if let Some(texts) = self.texts.get() {
            return Ok(texts);
        }
        let mut texts = Texts::default();
        if self.form == Form::Text {
            for block in 0..self.blocks {
                let bytes = self.file.compressed(self.first + block)?;
                let mut input = Input::new(&bytes);
                while !input.is_empty() {
                    texts.push(input.prefixed()?);
                }
            }
        } else {
            let mut text = Vec::with_capacity(36);
            for code in 0..self.count as u32 {
                text.clear();
                self.form.unpack(self.packed_value(code)?, &mut text);
                texts.push(&text);
            }
        }
        if texts.len() != self.count {
            return Err(corrupt("a dictionary has not as many values as it says"));
        }
        Ok(self.texts.get_or_init(|| texts))
    }
}

/// Writes values of one fixed form, row by row.
pub(super) fn write_fixed<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    form: Form,
    out: &mut Vec<u8>,
    data: &mut Data<'_>,
) -> Result<(), StoreError> {
    let (mut block, mut first, mut count) = (Vec::new(), None, 0_usize);
    let mut values = values.peekable();
    while let Some(value) = values.next() {
        form.pack(value, &mut block);
        count += 1;
        if count.is_multiple_of(HEX_BLOCK_ROWS) || values.peek().is_none() {
            let number = data.put(&block)?;
            first.get_or_insert(number);
            block.clear();
        }
    }
    out.push(form.code());
    put_varint(out, u64::from(first.unwrap_or(0)));
    Ok(())
}

/// Reads values of one fixed form.
#[derive(Debug)]
pub(super) struct Fixed {
    file: Arc<PartFile>,
    pub(super) form: Form,
    first: u32,
}

impl Fixed {
    pub(super) fn take(input: &mut Input<'_>, file: &Arc<PartFile>) -> Result<Self, StoreError> {
        let form = Form::from_code(input.byte()?)?;
        if form == Form::Text {
            return Err(corrupt("values of fixed width have none"));
        }
        let first = input.count(u32::MAX as usize)? as u32;
        Ok(Self { file: Arc::clone(file), form, first })
    }

    /// Hands the bytes of the value at a place to `each`.
    pub(super) fn with<T>(
        &self,
        at: usize,
        each: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, StoreError> {
        let block = self.file.block(self.first + (at / HEX_BLOCK_ROWS) as u32)?;
        let (width, at) = (self.form.width(), at % HEX_BLOCK_ROWS);
        let value = block.get(at * width..(at + 1) * width);
        value.map(each).ok_or_else(|| corrupt("a value is missing"))
    }

    /// Calls `each` with the places from `start` to `end` whose value is `wanted`, packed.
    pub(super) fn equal(
        &self,
        (start, end): (usize, usize),
        wanted: &[u8],
        mut each: impl FnMut(usize),
    ) -> Result<(), StoreError> {
        let (width, mut at) = (self.form.width(), start);
        while at < end {
            let block_start = at / HEX_BLOCK_ROWS * HEX_BLOCK_ROWS;
            let block = self.file.block(self.first + (at / HEX_BLOCK_ROWS) as u32)?;
            let until = end.min(block_start + HEX_BLOCK_ROWS);
            let bytes = block.get((at - block_start) * width..(until - block_start) * width);
            let bytes = bytes.ok_or_else(|| corrupt("a value is missing"))?;
            for (more, value) in bytes.chunks_exact(width).enumerate() {
                if value == wanted {
                    each(at + more);
                }
            }
            at = until;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_as_bytes_and_come_back() {
        for (text, form) in [
            ("0123456789abcdef", Form::Hex(8)),
            ("0123456789abcdef0123456789abcdef", Form::Hex(16)),
            ("01234567-89ab-cdef-0123-456789abcdef", Form::Uuid),
            ("0123456789ABCDEF", Form::Text),
            ("0123456-789ab-cdef-0123-456789abcdef", Form::Text),
            ("x", Form::Text),
        ] {
            assert_eq!(Form::of(text.as_bytes()), form, "{text}");
            if form != Form::Text {
                let (mut packed, mut back) = (Vec::new(), Vec::new());
                form.pack(text.as_bytes(), &mut packed);
                assert_eq!(packed.len(), form.width());
                form.unpack(&packed, &mut back);
                assert_eq!(back, text.as_bytes());
            }
        }
    }
}
