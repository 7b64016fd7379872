//! What is told of a document that was found: source, fields, highlights.

use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use vigie_language::search::{DateFormat, Pattern};
use vigie_store::logs::{BLOCK_ROWS, LogSnapshot};

use super::SearchError;
use super::highlight::Highlight;
use super::json::{Options, strings};
use super::schema::{FieldKind, Schema};
use super::values::{Block, ValueRef};

/// A document in a snapshot: its part and its row there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowRef {
    /// The place of the part.
    pub part: u32,
    /// The row.
    pub row: u32,
}

/// A document as it is told.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its index.
    pub index: String,
    /// Its id.
    pub id: String,
    /// Its score, when it was asked for.
    pub score: Option<f32>,
    /// The document, `None` when it is not wanted.
    pub source: Option<Box<RawValue>>,
    /// What else is told, under the names of the answer: `sort`, `fields`, `highlight`, ...
    pub rest: Map<String, Value>,
    /// Its sequence number in the store.
    pub sequence: u64,
}

/// Which parts of the source are told.
#[derive(Debug, Clone, Default)]
pub struct SourceFilter {
    is_off: bool,
    includes: Vec<Pattern>,
    excludes: Vec<Pattern>,
}

impl SourceFilter {
    /// Reads `_source`: a truth, a pattern, patterns, or an object of both kinds.
    pub fn parse(value: &Value) -> Result<Self, SearchError> {
        let patterns = |value: Option<&Value>| -> Vec<Pattern> {
            value
                .map(strings)
                .unwrap_or_default()
                .iter()
                .map(|text| Pattern::parse_name(text))
                .collect()
        };
        match value {
            Value::Bool(is_on) => Ok(Self { is_off: !is_on, ..Self::default() }),
            Value::Object(map) => {
                let get = |names: [&str; 2]| map.get(names[0]).or_else(|| map.get(names[1]));
                Ok(Self {
                    is_off: false,
                    includes: patterns(get(["includes", "include"])),
                    excludes: patterns(get(["excludes", "exclude"])),
                })
            }
            Value::String(text) if text == "false" => Ok(Self { is_off: true, ..Self::default() }),
            Value::String(text) if text == "true" => Ok(Self::default()),
            Value::String(text) => {
                let parts: Vec<Pattern> =
                    text.split(',').map(|part| Pattern::parse_name(part.trim())).collect();
                Ok(Self { is_off: false, includes: parts, excludes: Vec::new() })
            }
            Value::Array(_) => {
                Ok(Self { is_off: false, includes: patterns(Some(value)), excludes: Vec::new() })
            }
            _ => Err(SearchError::parsing(
                "Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT]",
            )
            .at("_source")),
        }
    }

    /// Adds patterns from the address: `_source_includes`, `_source_excludes`.
    pub fn add(&mut self, includes: &[String], excludes: &[String]) {
        self.includes.extend(includes.iter().map(|text| Pattern::parse_name(text)));
        self.excludes.extend(excludes.iter().map(|text| Pattern::parse_name(text)));
    }

    /// Whether nothing is told.
    pub fn is_off(&self) -> bool {
        self.is_off
    }

    /// The source as it is told.
    pub fn apply(&self, json: String) -> Option<Box<RawValue>> {
        if self.is_off {
            return None;
        }
        if self.includes.is_empty() && self.excludes.is_empty() {
            return RawValue::from_string(json).ok();
        }
        let value: Value = serde_json::from_str(&json).ok()?;
        let kept = self.keep("", value, self.includes.is_empty()).unwrap_or_else(|| json!({}));
        serde_json::value::to_raw_value(&kept).ok()
    }

    fn keep(&self, path: &str, value: Value, is_included: bool) -> Option<Value> {
        match value {
            Value::Object(map) => {
                let mut kept = Map::new();
                for (key, inner) in map {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    if self.excludes.iter().any(|pattern| pattern.matches(&path)) {
                        continue;
                    }
                    let is_included =
                        is_included || self.includes.iter().any(|pattern| pattern.matches(&path));
                    if let Some(inner) = self.keep(&path, inner, is_included)
                        && (is_included || !inner.as_object().is_some_and(Map::is_empty))
                    {
                        kept.insert(key, inner);
                    }
                }
                Some(Value::Object(kept))
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let kept: Vec<Value> = items
                    .into_iter()
                    .filter_map(|item| self.keep(path, item, is_included))
                    .filter(|item| is_included || !item.as_object().is_some_and(Map::is_empty))
                    .collect();
                (is_included || !kept.is_empty()).then_some(Value::Array(kept))
            }
            other => is_included.then_some(other),
        }
    }
}

/// What is told of each hit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetch {
    pub(crate) source: SourceFilter,
    pub(crate) fields: Vec<(String, Option<DateFormat>)>,
    pub(crate) docvalue_fields: Vec<(String, Option<DateFormat>)>,
    pub(crate) highlight: Option<Highlight>,
    pub(crate) tells_version: bool,
    pub(crate) tells_sequence: bool,
    /// `stored_fields: _none_`: not even the id.
    pub(crate) is_bare: bool,
}

impl Fetch {
    /// Reads the options that `_search` and `top_hits` share.
    pub(crate) fn parse(options: Options<'_>) -> Result<Self, SearchError> {
        let mut source =
            options.get("_source").map(SourceFilter::parse).transpose()?.unwrap_or_default();
        let stored = options.get("stored_fields").map(strings).unwrap_or_default();
        let is_bare = stored.iter().any(|name| name == "_none_");
        // Stored fields take the place of the source unless that is asked for.
        if !stored.is_empty()
            && options.get("_source").is_none()
            && !stored.iter().any(|n| n == "_source")
        {
            source.is_off = true;
        }
        Ok(Self {
            source,
            fields: field_list(options, "fields")?,
            docvalue_fields: field_list(options, "docvalue_fields")?,
            highlight: options.get("highlight").map(Highlight::parse).transpose()?,
            tells_version: options.flag("version")?.unwrap_or(false),
            tells_sequence: options.flag("seq_no_primary_term")?.unwrap_or(false),
            is_bare,
        })
    }
}

fn field_list(
    options: Options<'_>,
    key: &str,
) -> Result<Vec<(String, Option<DateFormat>)>, SearchError> {
    let Some(value) = options.get(key) else { return Ok(Vec::new()) };
    let items: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    };
    let mut fields = Vec::new();
    for item in items {
        match item {
            Value::String(name) => fields.push((name.clone(), None)),
            other => {
                let field = Options::of(key, other)?;
                let format = field.text("format")?.filter(|format| format != "use_field_mapping");
                let format = format.map(|format| DateFormat::parse(&format)).transpose();
                // A format of numbers, such as `#.0`, is passed over.
                fields.push((field.need_text("field")?, format.unwrap_or(None)));
            }
        }
    }
    Ok(fields)
}

/// Makes hits of rows.
#[derive(Debug)]
pub(crate) struct Fetcher<'a> {
    pub(crate) snapshot: &'a LogSnapshot,
    pub(crate) schema: &'a Arc<Schema>,
    pub(crate) fetch: &'a Fetch,
}

impl Fetcher<'_> {
    pub(crate) fn hit(&self, at: RowRef, score: Option<f32>) -> Result<Hit, SearchError> {
        let Some(part) = self.snapshot.parts().get(at.part as usize) else {
            return Err(SearchError::new("search_exception", "a part is gone").with_status(500));
        };
        let mut rest = Map::new();
        let sequence = part.sequence_of(at.row)?;
        if self.fetch.tells_version {
            rest.insert("_version".into(), 1.into());
        }
        if self.fetch.tells_sequence {
            rest.insert("_seq_no".into(), sequence.into());
            rest.insert("_primary_term".into(), 1.into());
        }
        let mut fields = Map::new();
        for (list, is_doc_value) in
            [(&self.fetch.docvalue_fields, true), (&self.fetch.fields, false)]
        {
            for (pattern, format) in list {
                self.fields(at, pattern, format.as_ref(), is_doc_value, &mut fields)?;
            }
        }
        if !fields.is_empty() {
            rest.insert("fields".into(), Value::Object(fields));
        }
        let mut source = None;
        let needs_source = !self.fetch.source.is_off() || self.fetch.highlight.is_some();
        if needs_source {
            let mut json = Vec::new();
            part.source(at.row, &mut json)?;
            let json = String::from_utf8(json).unwrap_or_default();
            if let Some(highlight) = &self.fetch.highlight {
                let found = highlight.apply(&json, self.schema);
                if !found.is_empty() {
                    rest.insert("highlight".into(), Value::Object(found));
                }
            }
            source = self.fetch.source.apply(json);
        }
        let id = if self.fetch.is_bare { String::new() } else { part.id_of(at.row)? };
        Ok(Hit { index: part.index_of(at.row)?.to_owned(), id, score, source, rest, sequence })
    }

    /// The values of all fields that `pattern` names, as lists.
    fn fields(
        &self,
        at: RowRef,
        pattern: &str,
        format: Option<&DateFormat>,
        is_doc_value: bool,
        out: &mut Map<String, Value>,
    ) -> Result<(), SearchError> {
        for name in self.schema.expand(pattern) {
            let values = row_values(self.snapshot, self.schema, at, &name, format)?;
            if !values.is_empty() && (is_doc_value || !name.starts_with('_')) {
                out.insert(name, Value::Array(values));
            }
        }
        Ok(())
    }
}

/// The values of one field of one row.
pub(crate) fn row_values(
    snapshot: &LogSnapshot,
    schema: &Schema,
    at: RowRef,
    name: &str,
    format: Option<&DateFormat>,
) -> Result<Vec<Value>, SearchError> {
    let Some(part) = snapshot.parts().get(at.part as usize) else { return Ok(Vec::new()) };
    let field = schema.field(name);
    let block = Block { part, part_at: at.part as usize, block: at.row as usize / BLOCK_ROWS };
    let row = (at.row as usize % BLOCK_ROWS) as u16;
    let mut values = Vec::new();
    block.values(&field, &[row], &mut |_, value| {
        values.push(match value {
            ValueRef::Text(text) => Value::from(text),
            ValueRef::Boolean(truth) => Value::Bool(truth),
            ValueRef::Number(ms) if field.kind == FieldKind::Date => {
                let format = format.unwrap_or(&field.format);
                Value::from(format.write(ms as i64, &jiff::tz::TimeZone::UTC))
            }
            ValueRef::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Value::from(number as i64)
            }
            ValueRef::Number(number) => Value::from(number),
        });
    })?;
    Ok(values)
}

impl Hit {
    /// As an answer shows it.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("_index".into(), self.index.clone().into());
        if !self.id.is_empty() {
            map.insert("_id".into(), self.id.clone().into());
        }
        map.insert("_score".into(), self.score.map_or(Value::Null, Value::from));
        if let Some(source) = &self.source {
            map.insert("_source".into(), serde_json::from_str(source.get()).unwrap_or(Value::Null));
        }
        map.extend(self.rest.clone());
        Value::Object(map)
    }
}
