//! Writing a part from pieces of the head or of other parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;

use super::file::Data;
use super::values::{Origin, Source};
use super::{SECTION_DATA, SECTION_META, integers};
use crate::StoreError;
use crate::codec::input::{put_prefixed, put_signed, put_varint};
use crate::codec::integers::Scratch;
use crate::logs::chunk::Chunk;
use crate::logs::column::LogColumnKind;
use crate::logs::rows::RowSet;
use crate::part::container::{Compression, ContainerWriter, Signal};

/// A piece that goes into a part, and its rows that do not.
#[derive(Debug, Clone)]
pub(crate) struct PartInput {
    pub(crate) chunk: Arc<Chunk>,
    pub(crate) deleted: Option<Arc<RowSet>>,
}

/// What a part holds, for the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogPartMeta {
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sequence_end: u64,
}

/// Writes a part; `None` when no row is left.
pub(crate) fn write_part(inputs: &[PartInput]) -> Result<Option<(Bytes, LogPartMeta)>, StoreError> {
    let order = order(inputs);
    if order.is_empty() {
        return Ok(None);
    }
    let pieces: Vec<Arc<Chunk>> = inputs.iter().map(|input| Arc::clone(&input.chunk)).collect();
    let mut container = ContainerWriter::new(order.len() * 64, super::ZSTD_LEVEL);
    let mut data = Data::new(container.section(SECTION_DATA, "data", Compression::None));
    let mut writer = Writer { pieces: &pieces, order: &order, scratch: Scratch::default() };
    let (directory, mut meta) = writer.write(&mut data)?;
    data.end();
    let mut section = container.section(SECTION_META, "meta", Compression::Zstd);
    section.block(&directory)?;
    section.end();
    let bytes = container.finish(Signal::Logs)?;
    meta.bytes = bytes.len() as u64;
    Ok(Some((bytes, meta)))
}

/// The rows that stay, by time, then by sequence number.
fn order(inputs: &[PartInput]) -> Vec<Origin> {
    let mut keyed: Vec<(i64, u64, Origin)> = Vec::new();
    for (piece, input) in inputs.iter().enumerate() {
        let columns = input.chunk.times.iter().zip(&input.chunk.sequences);
        for (row, (time, sequence)) in columns.enumerate() {
            if input.deleted.as_ref().is_none_or(|deleted| !deleted.contains(row as u32)) {
                keyed.push((*time, *sequence, (piece as u32, row as u32)));
            }
        }
    }
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, origin)| origin).collect()
}

struct Writer<'a> {
    pieces: &'a [Arc<Chunk>],
    order: &'a [Origin],
    scratch: Scratch,
}

impl Writer<'_> {
    fn write(&mut self, data: &mut Data<'_>) -> Result<(Vec<u8>, LogPartMeta), StoreError> {
        let mut out = Vec::new();
        let times = self.gather(|chunk, row| chunk.times.get(row).copied());
        let sequences = self.gather(|chunk, row| chunk.sequences.get(row).map(|s| *s as i64));
        let bounds = |values: &[i64]| {
            (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0))
        };
        let ((start_ns, end_ns), (first, last)) = (bounds(&times), bounds(&sequences));
        put_varint(&mut out, times.len() as u64);
        put_signed(&mut out, start_ns);
        put_signed(&mut out, end_ns);
        put_varint(&mut out, first as u64);
        put_varint(&mut out, last as u64);
        integers::write(&times, &mut self.scratch, data)?.put(&mut out);
        integers::write(&sequences, &mut self.scratch, data)?.put(&mut out);
        self.write_indexes(&times, &mut out, data)?;
        self.write_shapes(&mut out, data)?;
        self.write_ids(&mut out, data)?;
        self.write_columns(&mut out, data)?;
        let rows = times.len() as u64;
        let meta = LogPartMeta { start_ns, end_ns, rows, bytes: 0, sequence_end: last as u64 + 1 };
        Ok((out, meta))
    }

    fn gather(&self, value: impl Fn(&Chunk, usize) -> Option<i64>) -> Vec<i64> {
        let value = |(piece, row): &Origin| {
            let piece = self.pieces.get(*piece as usize);
            piece.and_then(|piece| value(piece, *row as usize)).unwrap_or(0)
        };
        self.order.iter().map(value).collect()
    }

    /// Names of indices with what they hold, and the index of each row.
    fn write_indexes(
        &mut self,
        times: &[i64],
        out: &mut Vec<u8>,
        data: &mut Data<'_>,
    ) -> Result<(), StoreError> {
        let mut names: Vec<&str> = Vec::new();
        let mut known: Vec<Vec<Option<i64>>> =
            self.pieces.iter().map(|piece| vec![None; piece.indexes.len()]).collect();
        let mut places: HashMap<&str, i64> = HashMap::new();
        let mut codes = Vec::with_capacity(self.order.len());
        let mut counts: Vec<(u64, i64, i64)> = Vec::new();
        for ((piece, row), time) in self.order.iter().zip(times) {
            let Some(chunk) = self.pieces.get(*piece as usize) else { continue };
            let own = chunk.index_codes.get(*row as usize).copied().unwrap_or(0) as usize;
            let slot = known.get_mut(*piece as usize).and_then(|known| known.get_mut(own));
            let code = match slot {
                Some(Some(code)) => *code,
                slot => {
                    let name = chunk.indexes.get(own).map_or("", String::as_str);
                    let code = *places.entry(name).or_insert_with(|| {
                        names.push(name);
                        counts.push((0, *time, *time));
                        names.len() as i64 - 1
                    });
                    if let Some(slot) = slot {
                        *slot = Some(code);
                    }
                    code
                }
            };
            if let Some((count, _, end)) = counts.get_mut(code as usize) {
                *count += 1;
                *end = *time;
            }
            codes.push(code);
        }
        put_varint(out, names.len() as u64);
        for (name, (count, start, end)) in names.iter().zip(counts) {
            put_prefixed(out, name.as_bytes());
            put_varint(out, count);
            put_signed(out, start);
            put_signed(out, end);
        }
        integers::write(&codes, &mut self.scratch, data)?.put(out);
        Ok(())
    }

    /// Shapes, and the shape of each row.
    fn write_shapes(&mut self, out: &mut Vec<u8>, data: &mut Data<'_>) -> Result<(), StoreError> {
        let mut places: HashMap<Vec<u8>, i64> = HashMap::new();
        let mut known: Vec<Vec<i64>> =
            self.pieces.iter().map(|piece| vec![-1; piece.shapes.len()]).collect();
        let (mut codes, mut packed) = (Vec::with_capacity(self.order.len()), Vec::new());
        for (piece, row) in self.order {
            let Some(chunk) = self.pieces.get(*piece as usize) else { continue };
            let own = chunk.shape_codes.get(*row as usize).copied().unwrap_or(0) as usize;
            let slot = known.get_mut(*piece as usize).and_then(|known| known.get_mut(own));
            let Some((slot, shape)) = slot.zip(chunk.shapes.get(own)) else { continue };
            if *slot < 0 {
                let mut bytes = Vec::new();
                shape.pack(&mut bytes);
                let next = places.len() as i64;
                *slot = *places.entry(bytes.clone()).or_insert(next);
                if *slot == next {
                    put_prefixed(&mut packed, &bytes);
                }
            }
            codes.push(*slot);
        }
        put_varint(out, places.len() as u64);
        put_varint(out, u64::from(data.put_compressed(&packed)?));
        integers::write(&codes, &mut self.scratch, data)?.put(out);
        Ok(())
    }

    fn write_ids(&mut self, out: &mut Vec<u8>, data: &mut Data<'_>) -> Result<(), StoreError> {
        let kind = LogColumnKind::Text;
        let ids = Source::new(kind, self.pieces, self.order, |chunk| chunk.ids.as_ref());
        out.push(u8::from(!ids.rows.is_empty()));
        if ids.rows.is_empty() {
            return Ok(());
        }
        put_varint(out, ids.rows.len() as u64);
        super::bits::write(&ids.rows, self.order.len(), out, data)?;
        ids.write_dictionary(&mut self.scratch, out, data)
    }

    fn write_columns(&mut self, out: &mut Vec<u8>, data: &mut Data<'_>) -> Result<(), StoreError> {
        let mut keys: BTreeMap<(&str, LogColumnKind), Vec<Option<usize>>> = BTreeMap::new();
        for (number, piece) in self.pieces.iter().enumerate() {
            for (at, key) in piece.keys.iter().enumerate() {
                let places = keys.entry((&key.path, key.kind)).or_default();
                places.resize(self.pieces.len(), None);
                if let Some(place) = places.get_mut(number) {
                    *place = Some(at);
                }
            }
        }
        let (mut count, mut entries) = (0_u64, Vec::new());
        for ((path, kind), places) in keys {
            // The number of a piece is found by its address: each is there once.
            let column = |chunk: &Chunk| {
                let number =
                    self.pieces.iter().position(|piece| std::ptr::eq(&raw const **piece, chunk));
                number.and_then(|number| places.get(number).copied().flatten())
            };
            let source = Source::new(kind, self.pieces, self.order, |chunk| {
                column(chunk).and_then(|at| chunk.columns.get(at))
            });
            if source.rows.is_empty() {
                continue;
            }
            count += 1;
            put_prefixed(&mut entries, path.as_bytes());
            entries.push(kind as u8);
            put_varint(&mut entries, source.rows.len() as u64);
            source.write(self.order.len(), &mut self.scratch, &mut entries, data)?;
        }
        put_varint(out, count);
        out.extend_from_slice(&entries);
        Ok(())
    }
}
