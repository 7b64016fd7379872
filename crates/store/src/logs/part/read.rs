//! Reading a part.

use std::sync::{Arc, OnceLock};

use super::column::{ColumnValues, PartColumn};
use super::file::PartFile;
use super::integers::{Integers, Place};
use super::{PART_ROWS_MAX, SECTION_META};
use crate::StoreError;
use crate::codec::Input;
use crate::logs::chunk::{Shape, write_json, write_packed};
use crate::logs::column::{BLOCK_ROWS, ColumnKey, Columns, LogColumn, LogColumnKind, Memo, Plan};
use crate::logs::matching::CompiledTest;
use crate::logs::part_view::IndexCount;
use crate::part::container::{Container, Signal, corrupt};
use crate::part::{PartCache, PartSource};

/// Columns of a part are at most these.
const COLUMNS_READ_MAX: usize = 1 << 16;

/// An open part.
#[derive(Debug)]
pub(crate) struct PartReader {
    file: Arc<PartFile>,
    rows: usize,
    time_range: (i64, i64),
    sequence_range: (u64, u64),
    times: Integers,
    sequences: Integers,
    indexes: Vec<String>,
    counts: Vec<IndexCount>,
    index_codes: Integers,
    shape_count: usize,
    shape_block: u32,
    shape_codes: Integers,
    shapes: OnceLock<Vec<Shape>>,
    ids: Option<PartColumn>,
    keys: Vec<ColumnKey>,
    columns: Vec<PartColumn>,
    memo: Memo,
}

impl PartReader {
    /// Opens a part.
    pub(crate) fn open(
        source: Arc<dyn PartSource>,
        cache: Arc<PartCache>,
    ) -> Result<Self, StoreError> {
        let container = Container::open(source, Signal::Logs)?;
        let directory = container.block(container.section(SECTION_META)?, 0)?;
        let file = Arc::new(PartFile::new(container, cache));
        let mut input = Input::new(&directory);
        let integers = |input: &mut Input<'_>| -> Result<Integers, StoreError> {
            Ok(Integers::new(Arc::clone(&file), Place::take(input)?))
        };
        let rows = input.count(PART_ROWS_MAX)?;
        let time_range = (input.signed()?, input.signed()?);
        let sequence_range = (input.varint()?, input.varint()?);
        let (times, sequences) = (integers(&mut input)?, integers(&mut input)?);
        let (indexes, counts) = take_indexes(&mut input)?;
        let index_codes = integers(&mut input)?;
        let shape_count = input.count(PART_ROWS_MAX)?;
        let shape_block = input.count(u32::MAX as usize)? as u32;
        let shape_codes = integers(&mut input)?;
        let ids = match input.byte()? {
            0 => None,
            _ => Some(PartColumn::take(&mut input, LogColumnKind::Text, rows, &file)?),
        };
        let count = input.count(COLUMNS_READ_MAX)?;
        let (mut keys, mut columns) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let path = input.text()?.to_owned();
            let kind = LogColumnKind::from_code(input.byte()?)
                .ok_or_else(|| corrupt("a column has an unknown kind"))?;
            keys.push(ColumnKey { path, kind });
            columns.push(PartColumn::take(&mut input, kind, rows, &file)?);
        }
        let all = [&times, &sequences, &index_codes, &shape_codes];
        if !input.is_empty() || all.iter().any(|column| column.len() != rows) {
            return Err(corrupt("the directory is not well formed"));
        }
        let shapes = OnceLock::new();
        Ok(Self {
            file,
            rows,
            time_range,
            sequence_range,
            times,
            sequences,
            indexes,
            counts,
            index_codes,
            shape_count,
            shape_block,
            shape_codes,
            shapes,
            ids,
            keys,
            columns,
            memo: Memo::new(),
        })
    }

    fn shapes(&self) -> Result<&Vec<Shape>, StoreError> {
        if let Some(shapes) = self.shapes.get() {
            return Ok(shapes);
        }
        let bytes = self.file.compressed(self.shape_block)?;
        let (mut input, mut shapes) = (Input::new(&bytes), Vec::new());
        let places: hashbrown::HashMap<(&str, LogColumnKind), u32> = self
            .keys
            .iter()
            .enumerate()
            .map(|(at, key)| ((key.path.as_str(), key.kind), at as u32))
            .collect();
        for _ in 0..self.shape_count {
            shapes.push(Shape::unpack(input.prefixed()?, |path, kind| {
                let place = places.get(&(path, kind)).copied();
                place.ok_or_else(|| corrupt("a shape has an unknown column"))
            })?);
        }
        Ok(self.shapes.get_or_init(|| shapes))
    }

    fn shape(&self, row: u32) -> Result<&Shape, StoreError> {
        let code = self.shape_codes.get(row as usize)?;
        let shape = self.shapes()?.get(code as usize);
        shape.ok_or_else(|| corrupt("a row has an unknown shape"))
    }

    fn part_column(&self, at: u32) -> Result<&PartColumn, StoreError> {
        self.columns.get(at as usize).ok_or_else(|| corrupt("no such column"))
    }

    fn append(&self, column: u32, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        if self.part_column(column)?.value(row, out)? {
            Ok(())
        } else {
            Err(corrupt("a row has no value where its shape has one"))
        }
    }
}

fn take_indexes(input: &mut Input<'_>) -> Result<(Vec<String>, Vec<IndexCount>), StoreError> {
    let count = input.count(PART_ROWS_MAX)?;
    let (mut names, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..count {
        names.push(input.text()?.to_owned());
        counts.push(IndexCount {
            documents: input.varint()?,
            start_ns: input.signed()?,
            end_ns: input.signed()?,
        });
    }
    Ok((names, counts))
}

impl Columns for PartReader {
    fn memo(&self) -> Option<&Memo> {
        Some(&self.memo)
    }

    fn rows(&self) -> u32 {
        self.rows as u32
    }

    fn time_range(&self) -> (i64, i64) {
        self.time_range
    }

    fn sequence_range(&self) -> (u64, u64) {
        self.sequence_range
    }

    fn is_sorted(&self) -> bool {
        true
    }

    fn times(&self, block: usize, times: &mut [i64; BLOCK_ROWS]) -> Result<(), StoreError> {
        self.times.block(block, times).map(|_| ())
    }

    fn sequences(&self, block: usize, out: &mut [u64; BLOCK_ROWS]) -> Result<(), StoreError> {
        let mut values = [0; BLOCK_ROWS];
        let count = self.sequences.block(block, &mut values)?;
        for (out, value) in out.iter_mut().zip(&values).take(count) {
            *out = *value as u64;
        }
        Ok(())
    }

    fn indexes(&self) -> &[String] {
        &self.indexes
    }

    fn index_counts(&self) -> Option<&[IndexCount]> {
        Some(&self.counts)
    }

    fn index_codes(&self, block: usize, codes: &mut [u32; BLOCK_ROWS]) -> Result<(), StoreError> {
        let mut values = [0; BLOCK_ROWS];
        let count = self.index_codes.block(block, &mut values)?;
        for (out, value) in codes.iter_mut().zip(&values).take(count) {
            *out = *value as u32;
        }
        Ok(())
    }

    fn time_of(&self, row: u32) -> Result<i64, StoreError> {
        self.times.get(row as usize)
    }

    fn index_code_of(&self, row: u32) -> Result<u32, StoreError> {
        self.index_codes.get(row as usize).map(|code| code as u32)
    }

    fn keys(&self) -> &[ColumnKey] {
        &self.keys
    }

    fn column(&self, at: usize) -> Result<&dyn LogColumn, StoreError> {
        self.part_column(at as u32).map(|column| column as &dyn LogColumn)
    }

    fn ids(&self) -> Result<Option<&dyn LogColumn>, StoreError> {
        Ok(self.ids.as_ref().map(|ids| ids as &dyn LogColumn))
    }

    fn rows_of_id(&self, id: &str) -> Result<Vec<u32>, StoreError> {
        self.ids.as_ref().map_or(Ok(Vec::new()), |ids| ids.rows_with(id.as_bytes()))
    }

    fn row_of_sequence(&self, sequence: u64) -> Result<Option<u32>, StoreError> {
        let wanted = sequence as i64;
        for block in 0..self.rows.div_ceil(BLOCK_ROWS) {
            let (least, most) = self.sequences.zone(block)?;
            if !(least..=most).contains(&wanted) {
                continue;
            }
            let mut found = None;
            let start = block * BLOCK_ROWS;
            self.sequences.range(start, (start + BLOCK_ROWS).min(self.rows), |at, known| {
                if known == wanted {
                    found = Some((start + at) as u32);
                }
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn document_json(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let time_ns = self.times.get(row as usize)?;
        write_json(self.shape(row)?, time_ns, out, |column, out| self.append(column, row, out))
    }

    fn document_packed(&self, row: u32, out: &mut Vec<u8>) -> Result<(), StoreError> {
        write_packed(self.shape(row)?, out, |column, out| self.append(column, row, out))
    }

    fn plan(&self, at: usize, test: &CompiledTest) -> Result<Option<Plan>, StoreError> {
        let column = self.part_column(at as u32)?;
        match &column.values {
            ColumnValues::Text(text) => {
                super::tokens::plan(&text.text, column.rows()?, self.rows, test)
            }
            ColumnValues::Fixed(_) => {
                let CompiledTest::Equals { texts, .. } = test else { return Ok(None) };
                let mut rows = crate::logs::RowSet::empty(self.rows as u32);
                for text in texts {
                    column.rows_with(text.as_bytes())?.into_iter().for_each(|row| rows.insert(row));
                }
                Ok(Some(Plan::Rows(rows)))
            }
            _ => Ok(None),
        }
    }

    fn templates(
        &self,
        at: usize,
        block: usize,
        codes: &mut [u32; BLOCK_ROWS],
    ) -> Result<(), StoreError> {
        let column = self.part_column(at as u32)?;
        let ColumnValues::Text(text) = &column.values else { return Ok(()) };
        column.spread(&text.text.codes, block, |row, code| {
            if let Some(out) = codes.get_mut(row) {
                *out = code as u32;
            }
        })
    }
}
