//! Merging: parts become one, without what is deleted.

use std::sync::Arc;

use bytes::Bytes;
use vigie_model::DocumentReader;

use super::chunk::ChunkBuilder;
use super::column::BLOCK_ROWS;
use super::head::LivePart;
use super::part::{LogPartMeta, PartInput, write_part};
use super::part_view::LogPart;
use super::rows::{RowSet, bits};
use crate::StoreError;

/// Rows of a piece on the way from one part to another.
const PIECE_ROWS: u32 = 1 << 16;

/// A part as it was when its merge began.
#[derive(Debug, Clone)]
pub(crate) struct MergeInput {
    part: LogPart,
    id: u64,
    level: u32,
}

impl MergeInput {
    pub(crate) fn new(part: &LivePart) -> Self {
        Self { part: part.view(), id: part.stored.row.id, level: part.stored.row.level }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn level(&self) -> u32 {
        self.level
    }

    /// What was deleted then.
    pub(crate) fn deleted(&self) -> Option<&RowSet> {
        self.part.deleted.as_deref()
    }
}

/// Writes one part with what is left of some; `None` when nothing is.
pub(crate) fn merge_parts(
    inputs: &[MergeInput],
) -> Result<Option<(Bytes, LogPartMeta)>, StoreError> {
    let (mut pieces, mut builder) = (Vec::new(), ChunkBuilder::default());
    for input in inputs {
        copy(&input.part, &mut builder, &mut pieces)?;
    }
    close(&mut builder, &mut pieces);
    write_part(&pieces)
}

fn close(builder: &mut ChunkBuilder, pieces: &mut Vec<PartInput>) {
    if builder.rows() > 0 {
        let chunk = Arc::new(std::mem::take(builder).chunk);
        pieces.push(PartInput { chunk, deleted: None });
    }
}

fn copy(
    part: &LogPart,
    builder: &mut ChunkBuilder,
    pieces: &mut Vec<PartInput>,
) -> Result<(), StoreError> {
    part.columns.check()?;
    let (mut times, mut sequences) = ([0; BLOCK_ROWS], [0; BLOCK_ROWS]);
    let (mut codes, mut body, mut id) = ([0; BLOCK_ROWS], Vec::new(), Vec::new());
    let ids = part.columns.ids()?;
    for block in 0..part.blocks() {
        part.times(block, &mut times)?;
        part.sequences(block, &mut sequences)?;
        part.index_codes(block, &mut codes)?;
        for at in bits(&part.live(block)) {
            let row = (block * BLOCK_ROWS + at) as u32;
            body.clear();
            part.packed(row, &mut body)?;
            if !DocumentReader::new(&body).is_well_formed() {
                return Err(crate::part::container::corrupt("a document is not well formed"));
            }
            id.clear();
            let own = match ids {
                Some(ids) => ids.value(row, &mut id)?,
                None => false,
            };
            let own = own.then(|| String::from_utf8_lossy(&id));
            let of = |values: &[u64; BLOCK_ROWS]| values.get(at).copied().unwrap_or(0);
            let place = (of(&sequences), times.get(at).copied().unwrap_or(0));
            let code = codes.get(at).copied().unwrap_or(0);
            let index = part.indexes().get(code as usize).map_or("", String::as_str);
            builder.push(index, own.as_deref(), place, &body);
            if builder.rows() >= PIECE_ROWS {
                close(builder, pieces);
            }
        }
    }
    Ok(())
}
