//! Which fields the documents of a snapshot have.

use vigie_store::logs::{BLOCK_ROWS, LogColumnKind, LogSnapshot};

use crate::search::{Schema, SearchError};

/// What fields the documents of a snapshot have.
pub fn add_found_fields(schema: &mut Schema, snapshot: &LogSnapshot) -> Result<(), SearchError> {
    for field in snapshot.fields()? {
        let is_text = matches!(field.kind, LogColumnKind::Text);
        let is_date = is_text && looks_like_dates(snapshot, &field.path)?;
        schema.add_found(&field.path, field.kind, field.values, is_date);
    }
    Ok(())
}

/// Whether the first value of a field is a date, as Elasticsearch's detection asks.
fn looks_like_dates(snapshot: &LogSnapshot, path: &str) -> Result<bool, SearchError> {
    for part in snapshot.parts() {
        let Some(column) = part.column(path, LogColumnKind::Text)? else { continue };
        for block in 0..part.blocks() {
            let mask = column.present(block)?;
            let Some(word) = mask.iter().position(|word| *word != 0) else { continue };
            let bit = mask.get(word).map_or(0, |word| word.trailing_zeros());
            let row = (block * BLOCK_ROWS + word * 64) as u32 + bit;
            let mut bytes = Vec::new();
            column.value(row, &mut bytes)?;
            let text = String::from_utf8_lossy(&bytes);
            let has_date = text.get(4..5) == Some("-") || text.get(4..5) == Some("/");
            return Ok(has_date && vigie_model::parse_any_time(&text).is_some());
        }
    }
    Ok(false)
}
