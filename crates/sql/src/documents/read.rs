//! From rows of a part to arrays.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringViewBuilder,
    TimestampNanosecondBuilder,
};
use datafusion::arrow::datatypes::DataType;
use vigie_model::{ListReader, Scalar, TimeFormat, write_json_text, write_time_text};
use vigie_store::StoreError;
use vigie_store::logs::{BLOCK_ROWS, LogColumn, LogColumnKind, LogPart, Mask};

use super::columns::{Column, Source};

/// Rows of one block of one part, in the order in which they are wanted.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The part's place in the snapshot.
    pub(crate) part: usize,
    pub(crate) block: usize,
    /// Places in the block.
    pub(crate) rows: Vec<u16>,
}

/// The columns of one part that are to be read.
#[derive(Debug)]
pub(crate) struct PartReader<'a> {
    part: &'a LogPart,
    columns: Vec<Reader<'a>>,
}

#[derive(Debug)]
enum Reader<'a> {
    Time,
    Index,
    Id,
    Document,
    Fields(Vec<FieldReader<'a>>),
}

/// The columns of one field, and where what found no column is.
#[derive(Debug)]
struct FieldReader<'a> {
    columns: Vec<&'a dyn LogColumn>,
    overflow: Option<(&'a dyn LogColumn, String)>,
}

impl<'a> PartReader<'a> {
    /// Makes `columns` of `part` ready.
    pub(crate) fn new(part: &'a LogPart, columns: &[Column]) -> Result<Self, StoreError> {
        let overflow = part.column("", LogColumnKind::List)?;
        let reader = |column: &Column| -> Result<Reader<'a>, StoreError> {
            Ok(match &column.source {
                Source::Time => Reader::Time,
                Source::Index => Reader::Index,
                Source::Id => Reader::Id,
                Source::Document => Reader::Document,
                Source::Fields(fields) => {
                    let mut readers = Vec::with_capacity(fields.len());
                    for field in fields {
                        let overflow = overflow.map(|column| (column, format!("{}\0", field.path)));
                        readers.push(FieldReader { columns: part.columns(&field.path)?, overflow });
                    }
                    Reader::Fields(readers)
                }
            })
        };
        Ok(Self { part, columns: columns.iter().map(reader).collect::<Result<_, _>>()? })
    }

    /// Appends the values of the rows of a block, for each column to its builder.
    pub(crate) fn read(
        &self,
        block: usize,
        rows: &[u16],
        builders: &mut [Builder],
    ) -> Result<(), StoreError> {
        for (reader, builder) in self.columns.iter().zip(builders) {
            match reader {
                Reader::Time => {
                    let mut times = [0; BLOCK_ROWS];
                    self.part.times(block, &mut times)?;
                    for row in rows {
                        builder.time(times.get(usize::from(*row)).copied());
                    }
                }
                Reader::Index => {
                    let mut codes = [0; BLOCK_ROWS];
                    self.part.index_codes(block, &mut codes)?;
                    for row in rows {
                        let code = codes.get(usize::from(*row)).copied().unwrap_or(0);
                        let name = self.part.indexes().get(code as usize);
                        builder.text(Some(name.map_or("", String::as_str).as_bytes()));
                    }
                }
                Reader::Id => {
                    for row in rows {
                        builder.text(Some(self.part.id_of(row_of(block, *row))?.as_bytes()));
                    }
                }
                Reader::Document => {
                    let mut json = Vec::new();
                    for row in rows {
                        json.clear();
                        self.part.source(row_of(block, *row), &mut json)?;
                        builder.text(Some(&json));
                    }
                }
                Reader::Fields(fields) => self.fields(fields, block, rows, builder)?,
            }
        }
        Ok(())
    }

    fn fields(
        &self,
        fields: &[FieldReader<'a>],
        block: usize,
        rows: &[u16],
        builder: &mut Builder,
    ) -> Result<(), StoreError> {
        let mut cells = Vec::new();
        for field in fields {
            for column in &field.columns {
                if let Some(cell) = BlockCells::new(self.part, *column, block)? {
                    cells.push(cell);
                }
            }
            if let Some((column, prefix)) = &field.overflow {
                let present = column.present(block)?;
                if present.iter().any(|word| *word != 0) {
                    cells.push(BlockCells {
                        column: *column,
                        present,
                        values: Values::Overflow(prefix),
                    });
                }
            }
        }
        let mut bytes = Vec::new();
        'rows: for row in rows {
            for cell in &cells {
                if cell.has(*row) && cell.append(row_of(block, *row), *row, builder, &mut bytes)? {
                    continue 'rows;
                }
            }
            builder.null();
        }
        Ok(())
    }
}

fn row_of(block: usize, row: u16) -> u32 {
    (block * BLOCK_ROWS) as u32 + u32::from(row)
}

/// A column's values of one block.
struct BlockCells<'a> {
    column: &'a dyn LogColumn,
    present: Mask,
    values: Values<'a>,
}

enum Values<'a> {
    Codes(Box<[u32; BLOCK_ROWS]>),
    Whole(Box<[Option<i64>; BLOCK_ROWS]>),
    Numbers(Box<[f64; BLOCK_ROWS]>),
    Times(Box<[i64; BLOCK_ROWS]>),
    OneByOne,
    /// What found no column: the path with a zero.
    Overflow(&'a str),
}

impl<'a> BlockCells<'a> {
    /// `None` when no row of the block has a value.
    fn new(
        part: &LogPart,
        column: &'a dyn LogColumn,
        block: usize,
    ) -> Result<Option<Self>, StoreError> {
        let present = column.present(block)?;
        if present.iter().all(|word| *word == 0) {
            return Ok(None);
        }
        let values = match column.kind() {
            LogColumnKind::Time => {
                let mut times = Box::new([0; BLOCK_ROWS]);
                part.times(block, &mut times)?;
                Values::Times(times)
            }
            LogColumnKind::Number if column.is_whole()? => {
                let mut decimals = [None; BLOCK_ROWS];
                column.decimals(block, &mut decimals)?;
                Values::Whole(Box::new(decimals.map(|decimal| decimal.map(|d| d.mantissa))))
            }
            LogColumnKind::Number => {
                let mut numbers = Box::new([0.0; BLOCK_ROWS]);
                column.numbers(block, &mut numbers)?;
                Values::Numbers(numbers)
            }
            _ if column.dictionary_len().is_some() => {
                let mut codes = Box::new([0; BLOCK_ROWS]);
                column.codes(block, &mut codes)?;
                Values::Codes(codes)
            }
            _ => Values::OneByOne,
        };
        Ok(Some(Self { column, present, values }))
    }

    fn has(&self, row: u16) -> bool {
        let word = self.present.get(usize::from(row) / 64);
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Appends the row's value. `false` when it has none after all.
    fn append(
        &self,
        row: u32,
        in_block: u16,
        builder: &mut Builder,
        bytes: &mut Vec<u8>,
    ) -> Result<bool, StoreError> {
        let at = usize::from(in_block);
        bytes.clear();
        match (&self.values, &mut *builder) {
            (Values::Times(times), builder) => builder.time(times.get(at).copied()),
            (Values::Whole(whole), Builder::Whole(out)) => {
                out.append_option(whole.get(at).copied().flatten());
            }
            (Values::Whole(whole), Builder::Float(out)) => {
                out.append_option(whole.get(at).copied().flatten().map(|number| number as f64));
            }
            (Values::Numbers(numbers), Builder::Float(out)) => {
                out.append_option(numbers.get(at).copied());
            }
            (Values::Codes(codes), builder) => {
                let code = codes.get(at).copied().unwrap_or(0);
                builder.value(self.column.kind(), self.column.dictionary_value(code)?);
            }
            (Values::Overflow(prefix), builder) => {
                if !self.column.value(row, bytes)? {
                    return Ok(false);
                }
                let mut texts = ListReader::new(bytes).filter_map(|item| match item {
                    Scalar::String(text) => text.strip_prefix(*prefix),
                    _ => None,
                });
                let Some(text) = texts.next() else { return Ok(false) };
                builder.value(LogColumnKind::Text, text.as_bytes());
            }
            (_, builder) => {
                if !self.column.value(row, bytes)? {
                    return Ok(false);
                }
                builder.value(self.column.kind(), bytes);
            }
        }
        Ok(true)
    }
}

/// Builds an array.
#[derive(Debug)]
pub(crate) enum Builder {
    Text(StringViewBuilder),
    Whole(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Time(TimestampNanosecondBuilder),
}

impl Builder {
    pub(crate) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Int64 => Self::Whole(Int64Builder::new()),
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Timestamp(..) => {
                Self::Time(TimestampNanosecondBuilder::new().with_timezone("+00:00"))
            }
            _ => Self::Text(StringViewBuilder::new()),
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Whole(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
        }
    }

    pub(crate) fn null(&mut self) {
        match self {
            Self::Text(builder) => builder.append_null(),
            Self::Whole(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Boolean(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
        }
    }

    pub(crate) fn time(&mut self, time_ns: Option<i64>) {
        match (self, time_ns) {
            (Self::Time(builder), time_ns) => builder.append_option(time_ns),
            (Self::Text(builder), Some(time_ns)) => {
                let mut text = Vec::new();
                write_time_text(time_ns, TimeFormat::default(), &mut text);
                builder.append_value(String::from_utf8_lossy(&text));
            }
            (builder, _) => builder.null(),
        }
    }

    pub(crate) fn text(&mut self, bytes: Option<&[u8]>) {
        match (self, bytes) {
            (Self::Text(builder), Some(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => builder.append_value(text),
                Err(_) => builder.append_value(String::from_utf8_lossy(bytes)),
            },
            (builder, _) => builder.null(),
        }
    }

    /// Appends a value as a column of this kind holds it.
    fn value(&mut self, kind: LogColumnKind, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap_or("");
        match self {
            Self::Text(_) if kind == LogColumnKind::List => {
                let mut json = Vec::new();
                write_list(bytes, &mut json);
                self.text(Some(&json));
            }
            Self::Text(_) => self.text(Some(bytes)),
            Self::Whole(builder) => builder.append_option(text.parse().ok()),
            Self::Float(builder) => builder.append_option(text.parse().ok()),
            Self::Boolean(builder) => builder.append_option(text.parse().ok()),
            Self::Time(builder) => builder.append_null(),
        }
    }
}

/// A packed list as JSON.
fn write_list(packed: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, item) in ListReader::new(packed).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match item {
            Scalar::String(text) => write_json_text(text, out),
            Scalar::Number(text) => out.extend_from_slice(text.as_bytes()),
            Scalar::Boolean(true) => out.extend_from_slice(b"true"),
            Scalar::Boolean(false) => out.extend_from_slice(b"false"),
            Scalar::Null => out.extend_from_slice(b"null"),
        }
    }
    out.push(b']');
}
