//! Values of fields, a block of rows at a time.

use vigie_model::{ListReader, Scalar, parse_any_time};
use vigie_store::logs::{BLOCK_ROWS, LogColumn, LogColumnKind, LogPart, Mask};

use super::SearchError;
use super::schema::{Field, FieldKind};

/// Nanoseconds of a millisecond.
pub(crate) const MS: i64 = 1_000_000;

/// A block of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) part: &'a LogPart,
    /// Which part of the snapshot.
    pub(crate) part_at: usize,
    pub(crate) block: usize,
}

/// A value as buckets tell values apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ValueRef<'a> {
    Text(&'a str),
    Number(f64),
    Boolean(bool),
}

pub(crate) fn has(mask: &Mask, row: u16) -> bool {
    mask.get(usize::from(row) / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
}

fn at<T: Copy + Default>(values: &[T], row: u16) -> T {
    values.get(usize::from(row)).copied().unwrap_or_default()
}

impl<'a> Block<'a> {
    /// The row in the part.
    pub(crate) fn row(self, row: u16) -> u32 {
        (self.block * BLOCK_ROWS) as u32 + u32::from(row)
    }

    /// The column of a field that has all of its values, as codes of a dictionary.
    pub(crate) fn dictionary(
        self,
        field: &Field,
    ) -> Result<Option<&'a dyn LogColumn>, SearchError> {
        if !matches!(field.kind, FieldKind::Keyword | FieldKind::Text) {
            return Ok(None);
        }
        let columns = self.part.columns(&field.path)?;
        match columns.as_slice() {
            [column]
                if column.kind() == LogColumnKind::Text && column.dictionary_len().is_some() =>
            {
                Ok(Some(*column))
            }
            _ => Ok(None),
        }
    }

    /// Hands `each` the numbers of `field`: which of `rows`, and the number. Dates are
    /// milliseconds since the epoch, truth is 1 and 0.
    pub(crate) fn numbers(
        self,
        field: &Field,
        rows: &[u16],
        each: &mut dyn FnMut(usize, f64),
    ) -> Result<(), SearchError> {
        for column in self.part.columns(&field.path)? {
            if column.value_count() == 0 {
                continue;
            }
            match column.kind() {
                LogColumnKind::Raw => {}
                LogColumnKind::Time => {
                    let present = column.present(self.block)?;
                    let mut times = [0; BLOCK_ROWS];
                    self.part.times(self.block, &mut times)?;
                    for (index, row) in
                        rows.iter().enumerate().filter(|(_, row)| has(&present, **row))
                    {
                        each(index, at(&times, *row).div_euclid(MS) as f64);
                    }
                }
                LogColumnKind::Number => {
                    let present = column.present(self.block)?;
                    let mut numbers = [0.0; BLOCK_ROWS];
                    column.numbers(self.block, &mut numbers)?;
                    for (index, row) in
                        rows.iter().enumerate().filter(|(_, row)| has(&present, **row))
                    {
                        each(index, at(&numbers, *row));
                    }
                }
                LogColumnKind::Text | LogColumnKind::Boolean | LogColumnKind::List => {
                    self.scalars(column, rows, &mut |index, value| {
                        number_of(field, value).into_iter().for_each(|number| each(index, number));
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Hands `each` all values of `field`.
    pub(crate) fn values(
        self,
        field: &Field,
        rows: &[u16],
        each: &mut dyn FnMut(usize, ValueRef<'_>),
    ) -> Result<(), SearchError> {
        match field.name.as_str() {
            "_index" => return self.indexes(rows, each),
            "_id" => {
                for (index, row) in rows.iter().enumerate() {
                    each(index, ValueRef::Text(&self.part.id_of(self.row(*row))?));
                }
                return Ok(());
            }
            _ => {}
        }
        if matches!(field.kind, FieldKind::Date | FieldKind::Integer | FieldKind::Float) {
            return self
                .numbers(field, rows, &mut |index, number| each(index, ValueRef::Number(number)));
        }
        for column in self.part.columns(&field.path)? {
            match column.kind() {
                LogColumnKind::Raw => {}
                LogColumnKind::Number | LogColumnKind::Time => {
                    let numbers = &mut |index, number| each(index, ValueRef::Number(number));
                    self.numbers_of(column, rows, numbers)?;
                }
                LogColumnKind::Text | LogColumnKind::Boolean | LogColumnKind::List => {
                    self.scalars(column, rows, each)?;
                }
            }
        }
        Ok(())
    }

    fn numbers_of(
        self,
        column: &dyn LogColumn,
        rows: &[u16],
        each: &mut dyn FnMut(usize, f64),
    ) -> Result<(), SearchError> {
        let present = column.present(self.block)?;
        let mut numbers = [0.0; BLOCK_ROWS];
        if column.kind() == LogColumnKind::Time {
            let mut times = [0; BLOCK_ROWS];
            self.part.times(self.block, &mut times)?;
            for (number, time) in numbers.iter_mut().zip(times) {
                *number = time.div_euclid(MS) as f64;
            }
        } else {
            column.numbers(self.block, &mut numbers)?;
        }
        for (index, row) in rows.iter().enumerate().filter(|(_, row)| has(&present, **row)) {
            each(index, at(&numbers, *row));
        }
        Ok(())
    }

    fn indexes(
        self,
        rows: &[u16],
        each: &mut dyn FnMut(usize, ValueRef<'_>),
    ) -> Result<(), SearchError> {
        let mut codes = [0; BLOCK_ROWS];
        self.part.index_codes(self.block, &mut codes)?;
        for (index, row) in rows.iter().enumerate() {
            let name = self.part.indexes().get(at(&codes, *row) as usize);
            each(index, ValueRef::Text(name.map_or("", String::as_str)));
        }
        Ok(())
    }

    /// The scalars of a column of texts, truths or lists.
    fn scalars(
        self,
        column: &dyn LogColumn,
        rows: &[u16],
        each: &mut dyn FnMut(usize, ValueRef<'_>),
    ) -> Result<(), SearchError> {
        let present = column.present(self.block)?;
        let here = rows.iter().enumerate().filter(|(_, row)| has(&present, **row));
        let kind = column.kind();
        if column.dictionary_len().is_some() {
            let mut codes = [0; BLOCK_ROWS];
            column.codes(self.block, &mut codes)?;
            for (index, row) in here {
                let bytes = column.dictionary_value(at(&codes, *row))?;
                scalar(kind, bytes, &mut |value| each(index, value));
            }
            return Ok(());
        }
        let mut bytes = Vec::new();
        for (index, row) in here {
            bytes.clear();
            if column.value(self.row(*row), &mut bytes)? {
                scalar(kind, &bytes, &mut |value| each(index, value));
            }
        }
        Ok(())
    }

    /// The rows of `rows` that have a value of `field`.
    pub(crate) fn present(self, field: &Field) -> Result<Mask, SearchError> {
        let mut mask: Mask = [0; BLOCK_ROWS / 64];
        for column in self.part.columns(&field.path)? {
            for (word, more) in mask.iter_mut().zip(column.present(self.block)?) {
                *word |= more;
            }
        }
        Ok(mask)
    }
}

fn scalar(kind: LogColumnKind, bytes: &[u8], each: &mut dyn FnMut(ValueRef<'_>)) {
    match kind {
        LogColumnKind::List => {
            for item in ListReader::new(bytes) {
                match item {
                    Scalar::String(text) => each(ValueRef::Text(text)),
                    Scalar::Boolean(truth) => each(ValueRef::Boolean(truth)),
                    Scalar::Number(text) => {
                        if let Ok(number) = text.parse() {
                            each(ValueRef::Number(number));
                        }
                    }
                    Scalar::Null => {}
                }
            }
        }
        LogColumnKind::Boolean => each(ValueRef::Boolean(bytes == b"true")),
        _ => {
            if let Ok(text) = std::str::from_utf8(bytes) {
                each(ValueRef::Text(text));
            }
        }
    }
}

/// A value as a number, as the field's kind asks.
pub(crate) fn number_of(field: &Field, value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Number(number) => Some(number),
        ValueRef::Boolean(truth) => Some(f64::from(u8::from(truth))),
        ValueRef::Text(text) if field.kind == FieldKind::Date => {
            let zone = jiff::tz::TimeZone::UTC;
            let read = || field.format.read(text, false, &zone).map(|ms| ms as f64);
            let any = || parse_any_time(text).map(|ns| ns.div_euclid(MS) as f64);
            if field.is_mapped { read().or_else(any) } else { any().or_else(read) }
        }
        ValueRef::Text(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}
