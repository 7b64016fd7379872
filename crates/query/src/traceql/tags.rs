//! Which attributes spans have, and which values these.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use vigie_language::traceql::{Expression, Field, Intrinsic, Scope};
use vigie_store::logs::{BLOCK_ROWS, LogColumn, LogColumnKind, LogQuery, LogSnapshot};
use vigie_store::spans;

use super::evaluate::{fields_of, is_true, prepare};
use super::pushdown::{Pushed, of_expression, paths};
use super::rows::{Rows, is_of_row, value_of};
use super::scan::log_query;
use super::value::FieldValue;
use crate::QueryError;

/// Names by scope: `resource`, `span`, `event`.
pub type TagNames = BTreeMap<&'static str, BTreeSet<String>>;

/// Of which spans.
#[derive(Debug, Clone, PartialEq)]
pub struct TagRange {
    /// Earliest start, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Latest start, included.
    pub end_ns: i64,
    /// What else must be true of the spans.
    pub filter: Option<Expression>,
    /// Names of one scope, or values, that are wanted.
    pub limit: usize,
}

impl TagRange {
    fn query(&self, snapshot: &LogSnapshot) -> Result<LogQuery, QueryError> {
        let pushed = match &self.filter {
            Some(filter) => of_expression(filter, snapshot)?,
            None => Pushed { filter: vigie_store::logs::LogFilter::All, services: None },
        };
        Ok(log_query(pushed, self.start_ns, self.end_ns))
    }
}

const SCOPES: [(&str, &str); 3] = [
    ("resource", spans::RESOURCE),
    ("span", spans::ATTRIBUTES),
    ("event", spans::EVENT_ATTRIBUTES),
];

/// The names of attributes. A filter that the store cannot answer alone gives names of spans that
/// pass it in part.
pub fn tag_names(snapshot: &LogSnapshot, range: &TagRange) -> Result<TagNames, QueryError> {
    let query = range.query(snapshot)?;
    let mut found: TagNames = BTreeMap::new();
    for part in snapshot.parts() {
        let matcher = part.matcher(&query)?;
        if matcher.is_empty() {
            continue;
        }
        let mut masks = Vec::new();
        for block in matcher.blocks() {
            let mask = matcher.block(block)?;
            if mask.iter().any(|word| *word != 0) {
                masks.push((block, mask));
            }
        }
        if masks.is_empty() {
            continue;
        }
        found.entry("resource").or_default().insert("service.name".to_owned());
        for (path, ..) in part.fields()? {
            let Some((scope, name)) = split(&path) else { continue };
            let names = found.entry(scope).or_default();
            if names.contains(name) || names.len() >= range.limit {
                continue;
            }
            if is_there(&part.columns(&path)?, &masks)? {
                names.insert(name.to_owned());
            }
        }
    }
    Ok(found)
}

/// Whether one of the rows has a value in one of the columns.
fn is_there(
    columns: &[&dyn LogColumn],
    masks: &[(usize, vigie_store::logs::Mask)],
) -> Result<bool, QueryError> {
    for column in columns {
        for (block, mask) in masks {
            let present = column.present(*block)?;
            if present.iter().zip(mask).any(|(a, b)| a & b != 0) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn split(path: &str) -> Option<(&'static str, &str)> {
    SCOPES.iter().find_map(|(scope, prefix)| {
        let name = path.strip_prefix(prefix)?.strip_prefix('.')?;
        Some((*scope, name))
    })
}

/// The values of a field, in order.
pub fn tag_values(
    snapshot: &LogSnapshot,
    field: &Field,
    range: &TagRange,
) -> Result<Vec<FieldValue>, QueryError> {
    if let Some(values) = fixed(field) {
        return Ok(values);
    }
    let query = range.query(snapshot)?;
    let mut values = Values { seen: HashSet::new(), found: Vec::new(), limit: range.limit };
    let is_service = matches!(field, Field::Attribute { scope: Scope::Resource | Scope::Any, of_parent: false, name } if name == "service.name");
    let needs_rows = range.filter.is_some() || is_service;
    if needs_rows {
        by_row(snapshot, &query, field, range, &mut values)?;
    } else {
        for path in value_paths(field) {
            by_column(snapshot, &query, &path, &mut values)?;
        }
    }
    let mut found = values.found;
    found.sort_by(|a, b| super::value::order(a, b).unwrap_or_else(|| a.text().cmp(&b.text())));
    Ok(found)
}

/// Values that are the same everywhere.
fn fixed(field: &Field) -> Option<Vec<FieldValue>> {
    let kinds = ["client", "consumer", "internal", "producer", "server", "unspecified"];
    match field {
        Field::Intrinsic(Intrinsic::Status) => {
            Some(["error", "ok", "unset"].map(FieldValue::Status).to_vec())
        }
        Field::Intrinsic(Intrinsic::Kind) => Some(kinds.map(FieldValue::Kind).to_vec()),
        _ => None,
    }
}

fn value_paths(field: &Field) -> Vec<String> {
    let path = match field {
        Field::Attribute { of_parent: false, scope, name } => {
            return paths(*scope, name).unwrap_or_default();
        }
        // The names of roots are names.
        Field::Intrinsic(Intrinsic::Name | Intrinsic::TraceRootName) => spans::NAME,
        Field::Intrinsic(Intrinsic::StatusMessage) => spans::STATUS_MESSAGE,
        Field::Intrinsic(Intrinsic::EventName) => spans::EVENT_NAME,
        Field::Intrinsic(Intrinsic::InstrumentationName) => spans::SCOPE_NAME,
        Field::Intrinsic(Intrinsic::InstrumentationVersion) => spans::SCOPE_VERSION,
        _ => return Vec::new(),
    };
    vec![path.to_owned()]
}

struct Values {
    seen: HashSet<Vec<u8>>,
    found: Vec<FieldValue>,
    limit: usize,
}

impl Values {
    fn is_full(&self) -> bool {
        self.found.len() >= self.limit
    }

    fn add(&mut self, value: FieldValue) {
        match value {
            FieldValue::Nil => {}
            FieldValue::List(items) => items.into_iter().for_each(|item| self.add(item)),
            FieldValue::Text(text) if text.is_empty() => {}
            value => {
                let mut key = Vec::new();
                value.write_key(&mut key);
                if !self.is_full() && self.seen.insert(key) {
                    self.found.push(value);
                }
            }
        }
    }
}

fn by_row(
    snapshot: &LogSnapshot,
    query: &LogQuery,
    field: &Field,
    range: &TagRange,
    values: &mut Values,
) -> Result<(), QueryError> {
    use super::evaluate::Fields as _;
    let mut fields = vec![field.clone()];
    if let Some(filter) = &range.filter {
        fields_of(filter, &mut |field| fields.push(field.clone()));
    }
    // What needs whole traces is not asked here; the store's answer is as good as it gets.
    let ready = match &range.filter {
        Some(filter) if fields.iter().all(is_of_row) => Some(prepare(filter)?),
        _ => None,
    };
    for part in snapshot.parts() {
        let matcher = part.matcher(query)?;
        let mut rows = Rows::new(part, &fields)?;
        for block in matcher.blocks() {
            if values.is_full() {
                return Ok(());
            }
            let mask = matcher.block(block)?;
            for at in 0..BLOCK_ROWS {
                if mask.get(at / 64).is_none_or(|word| word >> (at % 64) & 1 == 0) {
                    continue;
                }
                rows.at((block * BLOCK_ROWS + at) as u32)?;
                if ready.as_ref().map_or(Ok(true), |ready| is_true(ready, &rows))? {
                    values.add(rows.value(field)?);
                }
            }
        }
    }
    Ok(())
}

fn by_column(
    snapshot: &LogSnapshot,
    query: &LogQuery,
    path: &str,
    values: &mut Values,
) -> Result<(), QueryError> {
    for part in snapshot.parts() {
        let columns = part.columns(path)?;
        if columns.is_empty() {
            continue;
        }
        let matcher = part.matcher(query)?;
        for block in matcher.blocks() {
            let mask = matcher.block(block)?;
            for column in &columns {
                if values.is_full() {
                    return Ok(());
                }
                of_block(*column, block, &mask, values)?;
            }
        }
    }
    Ok(())
}

fn of_block(
    column: &dyn LogColumn,
    block: usize,
    mask: &vigie_store::logs::Mask,
    values: &mut Values,
) -> Result<(), QueryError> {
    let present = column.present(block)?;
    let is_set = |at: usize| {
        let word = |mask: &vigie_store::logs::Mask| {
            mask.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
        };
        word(&present) && word(mask)
    };
    let is_coded = column.dictionary_len().is_some() && column.kind() != LogColumnKind::Number;
    if is_coded {
        let mut codes = [0; BLOCK_ROWS];
        column.codes(block, &mut codes)?;
        let mut wanted: Vec<u32> =
            codes.iter().enumerate().filter(|(at, _)| is_set(*at)).map(|(_, code)| *code).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for code in wanted {
            values.add(value_of(column.kind(), column.dictionary_value(code)?));
        }
        return Ok(());
    }
    let mut bytes = Vec::new();
    for at in (0..BLOCK_ROWS).filter(|at| is_set(*at)) {
        bytes.clear();
        if column.value((block * BLOCK_ROWS + at) as u32, &mut bytes)? {
            values.add(value_of(column.kind(), &bytes));
        }
    }
    Ok(())
}
