//! Reading a column of a part.

use std::sync::{Arc, OnceLock};

use super::bits::Bits;
use super::dictionary::{Dictionary, Fixed, Form};
use super::file::PartFile;
use super::integers::{Integers, Place};
use super::text::Text;
use super::values::Encoding;
use crate::StoreError;
use crate::codec::Input;
use crate::logs::chunk::float_of;
use crate::logs::column::{BLOCK_ROWS, LogColumn, LogColumnKind, Mask};
use crate::logs::number::Decimal;
use crate::part::container::corrupt;

/// A column of a part.
#[derive(Debug)]
pub(super) struct PartColumn {
    kind: LogColumnKind,
    count: u64,
    file: Arc<PartFile>,
    row_count: usize,
    rows_place: u64,
    rows: OnceLock<Bits>,
    pub(super) values: ColumnValues,
}

/// The values of a column.
#[derive(Debug)]
pub(super) enum ColumnValues {
    Rows,
    Dictionary { codes: Integers, dictionary: Dictionary },
    Fixed(Fixed),
    Text(Box<TextColumn>),
    Number { mantissas: Integers, scales: Integers, texts: Dictionary },
}

/// Texts, and their templates as a column.
#[derive(Debug)]
pub(super) struct TextColumn {
    pub(super) text: Text,
}

impl PartColumn {
    /// Reads the directory's entry of a column.
    pub(super) fn take(
        input: &mut Input<'_>,
        kind: LogColumnKind,
        row_count: usize,
        file: &Arc<PartFile>,
    ) -> Result<Self, StoreError> {
        let count = input.varint()?;
        let rows_place = input.varint()?;
        let encoding = Encoding::from_code(input.byte()?);
        let integers = |input: &mut Input<'_>| -> Result<Integers, StoreError> {
            Ok(Integers::new(Arc::clone(file), Place::take(input)?))
        };
        let values = match encoding {
            Some(Encoding::Rows) => ColumnValues::Rows,
            Some(Encoding::Dictionary) => ColumnValues::Dictionary {
                codes: integers(input)?,
                dictionary: Dictionary::take(input, file)?,
            },
            Some(Encoding::Fixed) => ColumnValues::Fixed(Fixed::take(input, file)?),
            Some(Encoding::Text) => {
                ColumnValues::Text(Box::new(TextColumn { text: Text::take(input, file)? }))
            }
            Some(Encoding::Number) => ColumnValues::Number {
                mantissas: integers(input)?,
                scales: integers(input)?,
                texts: Dictionary::take(input, file)?,
            },
            None => return Err(corrupt("a column has an unknown encoding")),
        };
        let file = Arc::clone(file);
        Ok(Self { kind, count, file, row_count, rows_place, rows: OnceLock::new(), values })
    }

    /// The rows that have a value.
    pub(super) fn rows(&self) -> Result<&Bits, StoreError> {
        if let Some(rows) = self.rows.get() {
            return Ok(rows);
        }
        let rows = Bits::read(self.rows_place, self.row_count, &self.file)?;
        if rows.count() as u64 != self.count {
            return Err(corrupt("a column has not as many values as it says"));
        }
        Ok(self.rows.get_or_init(|| rows))
    }

    /// Hands the whole numbers of a block's rows to `each`, with the places in the block.
    pub(super) fn spread(
        &self,
        integers: &Integers,
        block: usize,
        mut each: impl FnMut(usize, i64),
    ) -> Result<(), StoreError> {
        let rows = self.rows()?;
        let (start, end) = rows.places(block);
        if let Bits::All(_) = rows {
            return integers.range(start, end, each);
        }
        let mut in_block = rows.in_block(block);
        integers.range(start, end, |_, value| {
            if let Some(row) = in_block.next() {
                each(row, value);
            }
        })
    }

    fn decimal_at(&self, at: usize) -> Result<Result<Decimal, &[u8]>, StoreError> {
        let ColumnValues::Number { mantissas, scales, texts } = &self.values else {
            return Ok(Err(&[]));
        };
        let mantissa = mantissas.get(at)?;
        match u8::try_from(scales.get(at)?) {
            Ok(scale) => Ok(Ok(Decimal { mantissa, scale })),
            Err(_) => Ok(Err(texts.get(mantissa as u32)?)),
        }
    }

    /// Appends the value at a place.
    fn append(&self, at: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        match &self.values {
            ColumnValues::Rows => Ok(()),
            ColumnValues::Dictionary { codes, dictionary } => {
                dictionary.append(codes.get(at)? as u32, out)
            }
            ColumnValues::Fixed(fixed) => fixed.with(at, |bytes| fixed.form.unpack(bytes, out)),
            ColumnValues::Text(text) => text.text.append(at, out),
            ColumnValues::Number { .. } => {
                match self.decimal_at(at)? {
                    Ok(decimal) => decimal.write(out),
                    Err(text) => out.extend_from_slice(text),
                }
                Ok(())
            }
        }
    }

    /// Rows whose value is `value`, for columns whose values hardly repeat.
    pub(super) fn rows_with(&self, value: &[u8]) -> Result<Vec<u32>, StoreError> {
        let (rows, mut found) = (self.rows()?, Vec::new());
        match &self.values {
            ColumnValues::Dictionary { codes, dictionary } => {
                let Some(code) = dictionary.find(value)? else { return Ok(found) };
                let code = i64::from(code);
                for block in 0..codes.len().div_ceil(BLOCK_ROWS) {
                    let (least, most) = codes.zone(block)?;
                    if !(least..=most).contains(&code) {
                        continue;
                    }
                    let start = block * BLOCK_ROWS;
                    let end = (start + BLOCK_ROWS).min(codes.len());
                    codes.range(start, end, |at, other| {
                        if other == code {
                            found.extend(rows.row(start + at));
                        }
                    })?;
                }
            }
            ColumnValues::Fixed(fixed) if Form::of(value) == fixed.form => {
                let mut packed = Vec::new();
                fixed.form.pack(value, &mut packed);
                fixed.equal((0, rows.count()), &packed, |at| found.extend(rows.row(at)))?;
            }
            _ => {}
        }
        Ok(found)
    }
}

impl LogColumn for PartColumn {
    fn kind(&self) -> LogColumnKind {
        self.kind
    }

    fn value_count(&self) -> u64 {
        self.count
    }

    fn present(&self, block: usize) -> Result<Mask, StoreError> {
        Ok(self.rows()?.mask(block))
    }

    fn dictionary_len(&self) -> Option<usize> {
        match &self.values {
            ColumnValues::Dictionary { dictionary, .. } => Some(dictionary.len()),
            _ => None,
        }
    }

    fn dictionary_value(&self, code: u32) -> Result<&[u8], StoreError> {
        match &self.values {
            ColumnValues::Dictionary { dictionary, .. } => dictionary.get(code),
            _ => Ok(&[]),
        }
    }

    fn find(&self, value: &[u8]) -> Result<Option<u32>, StoreError> {
        match &self.values {
            ColumnValues::Dictionary { dictionary, .. } => dictionary.find(value),
            _ => Ok(None),
        }
    }

    fn code_range(&self, block: usize) -> Result<Option<(u32, u32)>, StoreError> {
        let ColumnValues::Dictionary { codes, .. } = &self.values else { return Ok(None) };
        let (start, end) = self.rows()?.places(block);
        if start == end {
            return Ok(Some((1, 0)));
        }
        let (mut least, mut most) = codes.zone(start / BLOCK_ROWS)?;
        if (end - 1) / BLOCK_ROWS != start / BLOCK_ROWS {
            let second = codes.zone((end - 1) / BLOCK_ROWS)?;
            (least, most) = (least.min(second.0), most.max(second.1));
        }
        Ok(Some((least as u32, most as u32)))
    }

    fn codes(&self, block: usize, out: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError> {
        let ColumnValues::Dictionary { codes, .. } = &self.values else { return Ok(()) };
        self.spread(codes, block, |row, code| {
            if let Some(out) = out.get_mut(row) {
                *out = code as u32;
            }
        })
    }

    fn value(&self, row: u32, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        match self.rows()?.find(row) {
            Some(at) => self.append(at, out).map(|()| true),
            None => Ok(false),
        }
    }

    fn numbers(&self, block: usize, numbers: &mut [f64; BLOCK_ROWS]) -> Result<(), StoreError> {
        let ColumnValues::Number { mantissas, scales, texts } = &self.values else { return Ok(()) };
        let mut exact = [0_i64; BLOCK_ROWS];
        self.spread(mantissas, block, |row, mantissa| {
            if let Some(exact) = exact.get_mut(row) {
                *exact = mantissa;
            }
        })?;
        let mut failed = None;
        self.spread(scales, block, |row, scale| {
            let (Some(out), Some(mantissa)) = (numbers.get_mut(row), exact.get(row)) else {
                return;
            };
            *out = match u8::try_from(scale) {
                Ok(scale) => Decimal { mantissa: *mantissa, scale }.to_f64(),
                Err(_) => match texts.get(*mantissa as u32) {
                    Ok(text) => float_of(text),
                    Err(error) => {
                        failed.get_or_insert(error);
                        f64::NAN
                    }
                },
            };
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn is_whole(&self) -> Result<bool, StoreError> {
        let ColumnValues::Number { scales, .. } = &self.values else { return Ok(false) };
        for block in 0..scales.len().div_ceil(BLOCK_ROWS) {
            if scales.zone(block)? != (0, 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn decimals(
        &self,
        block: usize,
        decimals: &mut [Option<Decimal>; BLOCK_ROWS],
    ) -> Result<(), StoreError> {
        let ColumnValues::Number { mantissas, scales, .. } = &self.values else { return Ok(()) };
        self.spread(mantissas, block, |row, mantissa| {
            if let Some(out) = decimals.get_mut(row) {
                *out = Some(Decimal { mantissa, scale: 0 });
            }
        })?;
        self.spread(scales, block, |row, scale| {
            if let Some(out) = decimals.get_mut(row) {
                match u8::try_from(scale) {
                    Ok(scale) => out.iter_mut().for_each(|decimal| decimal.scale = scale),
                    Err(_) => *out = None,
                }
            }
        })
    }
}
