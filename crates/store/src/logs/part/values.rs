//! Writing a column: which encoding suits its values.

use std::sync::Arc;

use hashbrown::HashTable;

use super::dictionary::{Form, form_of};
use super::file::Data;
use super::{bits, dictionary, integers, text};
use crate::StoreError;
use crate::codec::integers::Scratch;
use crate::logs::chunk::{Chunk, MemoryColumn, Texts, Values, hash};
use crate::logs::column::LogColumnKind;

/// How a column's values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Encoding {
    /// Only which rows have one.
    Rows = 0,
    /// Codes and a dictionary.
    Dictionary = 1,
    /// Bytes of fixed width.
    Fixed = 2,
    /// Templates and variables.
    Text = 3,
    /// Mantissas, scales, and texts of what is no plain decimal.
    Number = 4,
}

impl Encoding {
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Rows,
            1 => Self::Dictionary,
            2 => Self::Fixed,
            3 => Self::Text,
            4 => Self::Number,
            _ => return None,
        })
    }
}

/// A row of the part: in which piece it is, and where there.
pub(super) type Origin = (u32, u32);

/// One column of all pieces, in the order of the part's rows.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) kind: LogColumnKind,
    columns: Vec<Option<&'a MemoryColumn>>,
    /// The part's rows that have a value.
    pub(super) rows: Vec<u32>,
    /// Of each value: piece, and place in the piece's column.
    places: Vec<(u32, u32)>,
}

impl<'a> Source<'a> {
    pub(super) fn new(
        kind: LogColumnKind,
        pieces: &'a [Arc<Chunk>],
        order: &[Origin],
        column: impl Fn(&'a Chunk) -> Option<&'a MemoryColumn>,
    ) -> Self {
        let columns: Vec<_> = pieces.iter().map(|piece| column(piece)).collect();
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for (row, (piece, in_piece)) in order.iter().enumerate() {
            let column = columns.get(*piece as usize).copied().flatten();
            if let Some(place) = column.and_then(|column| column.presence.find(*in_piece)) {
                rows.push(row as u32);
                places.push((*piece, place as u32));
            }
        }
        Self { kind, columns, rows, places }
    }

    fn bytes(&self) -> impl Iterator<Item = &'a [u8]> + Clone + '_ {
        self.places.iter().map(|(piece, place)| {
            let column = self.columns.get(*piece as usize).copied().flatten();
            column.map_or(&[][..], |column| column.bytes_at(*place as usize))
        })
    }

    /// Whether values hardly repeat in some piece.
    fn is_plain(&self) -> bool {
        self.columns
            .iter()
            .flatten()
            .any(|column| matches!(column.values, Values::Bytes { codes: None, .. }))
    }

    /// Writes the column: the rows that have a value, the encoding, and what it needs.
    pub(super) fn write(
        &self,
        row_count: usize,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        data: &mut Data<'_>,
    ) -> Result<(), StoreError> {
        bits::write(&self.rows, row_count, out, data)?;
        match self.kind {
            LogColumnKind::Time => {
                out.push(Encoding::Rows as u8);
                Ok(())
            }
            LogColumnKind::Number => {
                out.push(Encoding::Number as u8);
                self.write_numbers(scratch, out, data)
            }
            LogColumnKind::Raw => {
                out.push(Encoding::Text as u8);
                text::write(self.bytes(), false, scratch, out, data)
            }
            LogColumnKind::Text if self.is_plain() => {
                let form = form_of(self.bytes());
                if form == Form::Text {
                    out.push(Encoding::Text as u8);
                    return text::write(self.bytes(), true, scratch, out, data);
                }
                out.push(Encoding::Fixed as u8);
                dictionary::write_fixed(self.bytes(), form, out, data)
            }
            _ => self.write_dictionary(scratch, out, data),
        }
    }

    /// Writes codes, in the order in which values are first seen, and the dictionary.
    pub(super) fn write_dictionary(
        &self,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        data: &mut Data<'_>,
    ) -> Result<(), StoreError> {
        out.push(Encoding::Dictionary as u8);
        let (mut texts, mut table) = (Texts::default(), HashTable::<(u64, u32)>::new());
        let mut code_of = |value: &[u8]| {
            let key = hash(value);
            let found = table
                .find(key, |(other, code)| *other == key && texts.get(*code as usize) == value);
            found.map(|(_, code)| *code).unwrap_or_else(|| {
                let code = texts.len() as u32;
                texts.push(value);
                table.insert_unique(key, (key, code), |(key, _)| *key);
                code
            })
        };
        // A piece's own codes are looked up once.
        let mut known: Vec<Vec<u32>> = self
            .columns
            .iter()
            .map(|column| match column.map(|column| &column.values) {
                Some(Values::Bytes { codes: Some(_), texts }) => vec![u32::MAX; texts.len()],
                _ => Vec::new(),
            })
            .collect();
        let mut codes = Vec::with_capacity(self.places.len());
        for (piece, place) in &self.places {
            let Some(column) = self.columns.get(*piece as usize).copied().flatten() else {
                continue;
            };
            let own = match &column.values {
                Values::Bytes { codes: Some(codes), .. } => codes.get(*place as usize).copied(),
                _ => None,
            };
            let slot = own.and_then(|own| known.get_mut(*piece as usize)?.get_mut(own as usize));
            let code = match slot {
                Some(slot) => {
                    if *slot == u32::MAX {
                        *slot = code_of(column.bytes_at(*place as usize));
                    }
                    *slot
                }
                None => code_of(column.bytes_at(*place as usize)),
            };
            codes.push(i64::from(code));
        }
        integers::write(&codes, scratch, data)?.put(out);
        dictionary::write(&texts, scratch, out, data)
    }

    fn write_numbers(
        &self,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
        data: &mut Data<'_>,
    ) -> Result<(), StoreError> {
        let (mut mantissas, mut scales) =
            (Vec::with_capacity(self.places.len()), Vec::with_capacity(self.places.len()));
        let mut texts = Texts::default();
        for (piece, place) in &self.places {
            let Some(column) = self.columns.get(*piece as usize).copied().flatten() else {
                continue;
            };
            match column.number_at(*place as usize) {
                Ok(decimal) => {
                    mantissas.push(decimal.mantissa);
                    scales.push(i64::from(decimal.scale));
                }
                Err(text) => {
                    mantissas.push(texts.len() as i64);
                    scales.push(-1);
                    texts.push(text);
                }
            }
        }
        integers::write(&mantissas, scratch, data)?.put(out);
        integers::write(&scales, scratch, data)?.put(out);
        dictionary::write(&texts, scratch, out, data)
    }
}
