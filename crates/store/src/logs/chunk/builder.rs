//! Documents into columns.

use std::sync::Arc;

use hashbrown::{HashMap, HashTable};
use vigie_model::{
    DocumentEvent, DocumentReader, DocumentWriter, Scalar, write_document_json, write_time_text,
};

use super::Chunk;
use super::memory_column::MemoryColumn;
use super::shape::{Path, Shape, Step, StepKind, pack_step};
use crate::logs::column::{ColumnKey, LogColumnKind};

/// A chunk or part has no more columns; what else documents hold goes to the overflow column.
pub(crate) const COLUMNS_MAX: usize = 2_000;

/// Takes documents one by one.
#[derive(Debug, Default)]
pub(crate) struct ChunkBuilder {
    pub(crate) chunk: Chunk,
    /// Of each column: where its dictionary's values are.
    tables: Vec<HashTable<u32>>,
    id_table: HashTable<u32>,
    places: HashMap<ColumnKey, u32>,
    shape_places: HashMap<Vec<u8>, u32>,
    last_shape: u32,
    last_index: u32,
    slow: Slow,
}

/// What the slow path needs, kept for its allocations.
#[derive(Debug, Default)]
struct Slow {
    path: Path,
    packed: Vec<u8>,
    steps: Vec<(StepKind, u32)>,
    touched: Vec<u32>,
}

/// Why a document does not go into columns as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misfit {
    /// A path has two values.
    Repeated,
    /// There are too many columns.
    Columns,
}

impl ChunkBuilder {
    pub(crate) fn rows(&self) -> u32 {
        self.chunk.times.len() as u32
    }

    /// Appends a document.
    pub(crate) fn push(
        &mut self,
        index: &str,
        id: Option<&str>,
        (sequence, time_ns): (u64, i64),
        body: &[u8],
    ) {
        let row = self.rows();
        let shape = match self.push_fast(row, body) {
            Some(shape) => shape,
            None => self.push_slow(row, time_ns, body),
        };
        self.last_shape = shape;
        self.chunk.shape_codes.push(shape);
        let index = self.index(index);
        self.chunk.index_codes.push(index);
        if let Some(id) = id {
            let ids = self.chunk.ids.get_or_insert_with(|| MemoryColumn::new(LogColumnKind::Text));
            ids.push_bytes(row, id.as_bytes(), &mut self.id_table);
        }
        self.chunk.sequences.push(sequence);
        self.chunk.times.push(time_ns);
    }

    fn index(&mut self, name: &str) -> u32 {
        let indexes = &mut self.chunk.indexes;
        if indexes.get(self.last_index as usize).is_none_or(|last| last != name) {
            let found = indexes.iter().position(|known| known == name);
            let at = found.unwrap_or_else(|| {
                indexes.push(name.to_owned());
                indexes.len() - 1
            });
            self.last_index = at as u32;
        }
        self.last_index
    }

    /// The document has the shape of the one before, as most have: no path is looked up. `None`,
    /// with nothing changed, when it has another.
    fn push_fast(&mut self, row: u32, body: &[u8]) -> Option<u32> {
        let shape = Arc::clone(self.chunk.shapes.get(self.last_shape as usize)?);
        let mut reader = DocumentReader::new(body);
        for (at, step) in shape.steps.iter().enumerate() {
            let event = reader.next();
            let fits = event.as_ref().is_some_and(|event| {
                let (kind, key) = StepKind::of(event);
                kind == step.kind && key == step.key
            });
            let Some(event) = event.filter(|_| fits) else {
                self.undo(shape.steps.iter().take(at));
                return None;
            };
            if step.kind.column_kind().is_some() {
                self.put(row, step.column, &event);
            }
        }
        if reader.next().is_some() {
            self.undo(shape.steps.iter());
            return None;
        }
        Some(self.last_shape)
    }

    fn undo<'a>(&mut self, steps: impl Iterator<Item = &'a Step>) {
        for step in steps.filter(|step| step.kind.column_kind().is_some()) {
            if let Some(column) = self.chunk.columns.get_mut(step.column as usize) {
                column.pop();
            }
        }
    }

    fn push_slow(&mut self, row: u32, time_ns: i64, body: &[u8]) -> u32 {
        let mut slow = std::mem::take(&mut self.slow);
        let placed = self.place(row, DocumentReader::new(body), &mut slow);
        let shape = match placed {
            Ok(()) => self.shape(&slow, body),
            Err(misfit) => self.push_whole(row, time_ns, body, misfit, &mut slow),
        };
        self.slow = slow;
        shape
    }

    /// The document as JSON, with lists of what can be found in it.
    fn push_whole(
        &mut self,
        row: u32,
        time_ns: i64,
        body: &[u8],
        mut misfit: Misfit,
        slow: &mut Slow,
    ) -> u32 {
        loop {
            for column in &slow.touched {
                if let Some(column) = self.chunk.columns.get_mut(*column as usize) {
                    column.pop();
                }
            }
            let whole = whole_document(body, time_ns, |path| {
                misfit == Misfit::Columns && !self.has_room(path)
            });
            // Paths are there once now; those without a column are in the overflow when there is
            // no room for more, so this ends.
            match self.place(row, DocumentReader::new(&whole), slow) {
                Err(again) if misfit != again => misfit = again,
                _ => return self.shape(slow, &whole),
            }
        }
    }

    fn has_room(&self, path: &str) -> bool {
        let key = ColumnKey { path: path.to_owned(), kind: LogColumnKind::List };
        self.places.contains_key(&key)
    }

    /// Puts all values into their columns.
    fn place(
        &mut self,
        row: u32,
        document: DocumentReader<'_>,
        slow: &mut Slow,
    ) -> Result<(), Misfit> {
        slow.path.clear();
        slow.packed.clear();
        slow.steps.clear();
        slow.touched.clear();
        for event in document {
            let (kind, key) = StepKind::of(&event);
            let mut place = 0;
            if let Some(column_kind) = kind.column_kind() {
                let path = slow.path.of(key);
                place = self.place_of(path, column_kind).ok_or(Misfit::Columns)?;
                let column = self.chunk.columns.get(place as usize);
                if column.is_some_and(|column| column.presence.ends_with(row)) {
                    return Err(Misfit::Repeated);
                }
                slow.touched.push(place);
                self.put(row, place, &event);
            }
            slow.path.step(kind, key);
            pack_step(kind, key, &mut slow.packed);
            slow.steps.push((kind, place));
        }
        Ok(())
    }

    fn place_of(&mut self, path: &str, kind: LogColumnKind) -> Option<u32> {
        let key = ColumnKey { path: path.to_owned(), kind };
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        // The whole document and the overflow always find a place.
        if self.chunk.keys.len() >= COLUMNS_MAX && !path.is_empty() {
            return None;
        }
        let place = self.chunk.keys.len() as u32;
        self.chunk.keys.push(key.clone());
        self.chunk.columns.push(MemoryColumn::new(kind));
        self.tables.push(HashTable::new());
        self.places.insert(key, place);
        Some(place)
    }

    #[inline]
    fn put(&mut self, row: u32, place: u32, event: &DocumentEvent<'_>) {
        let place = place as usize;
        let (Some(column), Some(table)) =
            (self.chunk.columns.get_mut(place), self.tables.get_mut(place))
        else {
            return;
        };
        match event {
            DocumentEvent::Field(_, Scalar::String(text)) | DocumentEvent::Raw(_, text) => {
                column.push_bytes(row, text.as_bytes(), table);
            }
            DocumentEvent::Field(_, Scalar::Number(text)) => column.push_number(row, text),
            DocumentEvent::Field(_, Scalar::Boolean(value)) => {
                column.push_bytes(row, if *value { b"true" } else { b"false" }, table);
            }
            DocumentEvent::List(_, list) | DocumentEvent::Hidden(_, list) => {
                column.push_bytes(row, list.as_packed(), table);
            }
            DocumentEvent::Time(..) => column.presence.push(row),
            _ => {}
        }
    }

    fn shape(&mut self, slow: &Slow, body: &[u8]) -> u32 {
        if let Some(place) = self.shape_places.get(&slow.packed) {
            return *place;
        }
        let events = DocumentReader::new(body);
        let steps = slow
            .steps
            .iter()
            .zip(events)
            .map(|((kind, place), event)| Step::new(*kind, StepKind::of(&event).1, *place));
        let place = self.chunk.shapes.len() as u32;
        self.chunk.shapes.push(Arc::new(Shape { steps: steps.collect() }));
        self.shape_places.insert(slow.packed.clone(), place);
        place
    }
}

/// The document as one piece of JSON, with its values as hidden lists by path; those for which
/// `overflows` holds go to the list of the empty path, as path, a zero and the value.
fn whole_document(body: &[u8], time_ns: i64, mut overflows: impl FnMut(&str) -> bool) -> Vec<u8> {
    let mut json = Vec::new();
    let document = DocumentReader::new(body);
    let mut is_whole = None;
    let (mut found, mut path) =
        (std::collections::BTreeMap::<String, Vec<u8>>::new(), Path::default());
    for event in document.clone() {
        let (kind, key) = StepKind::of(&event);
        let full = path.of(key);
        let mut add = |value: Scalar<'_>| {
            let items = found.entry(full.to_owned()).or_default();
            DocumentWriter::new(items).item(value);
        };
        match event {
            DocumentEvent::Field(_, value) => add(value),
            DocumentEvent::List(_, list) | DocumentEvent::Hidden(_, list) => list.for_each(add),
            DocumentEvent::Raw("", text) => is_whole = Some(text),
            DocumentEvent::Time(_, format) => {
                let mut text = Vec::new();
                write_time_text(time_ns, format, &mut text);
                add(Scalar::String(&String::from_utf8_lossy(&text)));
            }
            _ => {}
        }
        path.step(kind, key);
    }
    match is_whole {
        Some(text) => json.extend_from_slice(text.as_bytes()),
        None => write_document_json(document, time_ns, &mut json),
    }
    let mut whole = Vec::new();
    let mut writer = DocumentWriter::new(&mut whole);
    writer.raw("", &String::from_utf8_lossy(&json));
    let mut overflow = found.remove("").unwrap_or_default();
    for (path, items) in found {
        if overflows(&path) {
            for value in vigie_model::ListReader::new(&items) {
                let mut text = format!("{path}\0").into_bytes();
                match value {
                    Scalar::String(value) => text.extend_from_slice(value.as_bytes()),
                    Scalar::Null => continue,
                    other => other.write_json(&mut text),
                }
                let text = String::from_utf8_lossy(&text);
                DocumentWriter::new(&mut overflow).item(Scalar::String(&text));
            }
        } else {
            writer.begin_hidden(&path);
            writer.packed(&items);
            writer.end_list();
        }
    }
    if !overflow.is_empty() {
        writer.begin_hidden("");
        writer.packed(&overflow);
        writer.end_list();
    }
    whole
}
