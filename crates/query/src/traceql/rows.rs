//! Fields of single spans, read from the columns of a part without reading the spans whole.

use std::cell::RefCell;

use vigie_language::traceql::{Field, Intrinsic, Scope};
use vigie_model::{ListReader, Scalar};
use vigie_store::logs::{BLOCK_ROWS, LogColumn, LogColumnKind, LogPart};
use vigie_store::spans;

use super::evaluate::Fields;
use super::pushdown::paths;
use super::value::FieldValue;
use crate::QueryError;

/// Whether the field of a span is known without the rest of its trace and without its events.
pub(super) fn is_of_row(field: &Field) -> bool {
    match field {
        Field::Intrinsic(intrinsic) => matches!(
            intrinsic,
            Intrinsic::Duration
                | Intrinsic::Name
                | Intrinsic::Status
                | Intrinsic::StatusMessage
                | Intrinsic::Kind
                | Intrinsic::Id
                | Intrinsic::ParentId
                | Intrinsic::Parent
                | Intrinsic::TraceId
                | Intrinsic::EventName
                | Intrinsic::InstrumentationName
                | Intrinsic::InstrumentationVersion
        ),
        Field::Attribute { of_parent: true, .. } => false,
        Field::Attribute { scope, .. } => {
            matches!(scope, Scope::Any | Scope::Span | Scope::Resource | Scope::Event)
        }
    }
}

/// Where a field's values lie in one part.
#[derive(Debug)]
enum Place<'a> {
    Service,
    /// A field that is missing when it has its usual value, or is text.
    Text(Option<&'a dyn LogColumn>, Intrinsic),
    Duration(Option<&'a dyn LogColumn>),
    /// Columns of an attribute, in the order in which they are asked.
    Columns(Vec<&'a dyn LogColumn>),
}

/// Reads rows of one part.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    part: &'a LogPart,
    places: Vec<(Field, Place<'a>)>,
    service_codes: Box<[u32; BLOCK_ROWS]>,
    block: usize,
    row: u32,
    bytes: RefCell<Vec<u8>>,
}

impl<'a> Rows<'a> {
    /// A reader of these fields.
    pub(super) fn new(part: &'a LogPart, fields: &[Field]) -> Result<Self, QueryError> {
        let mut places = Vec::new();
        for field in fields {
            places.push((field.clone(), place(part, field)?));
        }
        Ok(Self {
            part,
            places,
            service_codes: Box::new([0; BLOCK_ROWS]),
            block: usize::MAX,
            row: 0,
            bytes: RefCell::default(),
        })
    }

    /// The part.
    pub(super) const fn part(&self) -> &'a LogPart {
        self.part
    }

    /// Goes to a row.
    pub(super) fn at(&mut self, row: u32) -> Result<(), QueryError> {
        let block = row as usize / BLOCK_ROWS;
        if block != self.block {
            self.part.index_codes(block, &mut self.service_codes)?;
            self.block = block;
        }
        self.row = row;
        Ok(())
    }

    fn service(&self) -> FieldValue {
        let code = self.service_codes.get(self.row as usize % BLOCK_ROWS).copied().unwrap_or(0);
        match self.part.indexes().get(code as usize) {
            Some(name) if !name.is_empty() => FieldValue::Text(name.clone()),
            _ => FieldValue::Nil,
        }
    }

    fn text(&self, column: Option<&dyn LogColumn>) -> Result<Option<String>, QueryError> {
        let Some(column) = column else { return Ok(None) };
        let mut bytes = self.bytes.borrow_mut();
        bytes.clear();
        if !column.value(self.row, &mut bytes)? {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn of_column(&self, column: &dyn LogColumn) -> Result<FieldValue, QueryError> {
        let mut bytes = self.bytes.borrow_mut();
        bytes.clear();
        if !column.value(self.row, &mut bytes)? {
            return Ok(FieldValue::Nil);
        }
        Ok(value_of(column.kind(), &bytes))
    }
}

/// The value that these bytes of a column say.
pub(super) fn value_of(kind: LogColumnKind, bytes: &[u8]) -> FieldValue {
    let text = || String::from_utf8_lossy(bytes);
    match kind {
        LogColumnKind::Text | LogColumnKind::Time => FieldValue::Text(text().into_owned()),
        LogColumnKind::Boolean => FieldValue::Boolean(bytes == b"true"),
        LogColumnKind::Number => number(&text()),
        LogColumnKind::List => FieldValue::List(
            ListReader::new(bytes)
                .map(|item| match item {
                    Scalar::String(text) => FieldValue::Text(text.to_owned()),
                    Scalar::Number(text) => number(text),
                    Scalar::Boolean(value) => FieldValue::Boolean(value),
                    Scalar::Null => FieldValue::Nil,
                })
                .collect(),
        ),
        LogColumnKind::Raw => {
            serde_json::from_slice(bytes).map_or(FieldValue::Nil, |json| FieldValue::of_json(&json))
        }
    }
}

fn number(text: &str) -> FieldValue {
    match text.parse::<i64>() {
        Ok(value) => FieldValue::Integer(value),
        Err(_) => text.parse().map_or(FieldValue::Nil, FieldValue::Float),
    }
}

fn place<'a>(part: &'a LogPart, field: &Field) -> Result<Place<'a>, QueryError> {
    let text = |path| part.column(path, LogColumnKind::Text);
    Ok(match field {
        Field::Intrinsic(Intrinsic::Duration) => {
            Place::Duration(part.column(spans::DURATION_NS, LogColumnKind::Number)?)
        }
        Field::Intrinsic(Intrinsic::EventName) => Place::Columns(part.columns(spans::EVENT_NAME)?),
        Field::Intrinsic(intrinsic) => {
            let path = match intrinsic {
                Intrinsic::Name => spans::NAME,
                Intrinsic::Status => spans::STATUS,
                Intrinsic::StatusMessage => spans::STATUS_MESSAGE,
                Intrinsic::Kind => spans::KIND,
                Intrinsic::Id => spans::SPAN_ID,
                Intrinsic::TraceId => spans::TRACE_ID,
                Intrinsic::InstrumentationName => spans::SCOPE_NAME,
                Intrinsic::InstrumentationVersion => spans::SCOPE_VERSION,
                _ => spans::PARENT_SPAN_ID,
            };
            Place::Text(text(path)?, *intrinsic)
        }
        Field::Attribute { scope, name, .. } => match paths(*scope, name) {
            None => Place::Service,
            Some(paths) => {
                let mut columns = Vec::new();
                for path in paths {
                    columns.extend(part.columns(&path)?);
                }
                Place::Columns(columns)
            }
        },
    })
}

impl Fields for Rows<'_> {
    fn value(&self, field: &Field) -> Result<FieldValue, QueryError> {
        let place = self.places.iter().find(|(known, _)| known == field);
        let Some((_, place)) = place else { return Ok(FieldValue::Nil) };
        Ok(match place {
            Place::Service => self.service(),
            Place::Duration(column) => match column {
                Some(column) => match self.of_column(*column)? {
                    FieldValue::Integer(value) => FieldValue::Duration(value),
                    _ => FieldValue::Duration(0),
                },
                None => FieldValue::Duration(0),
            },
            Place::Text(column, intrinsic) => of_text(*intrinsic, self.text(*column)?),
            Place::Columns(columns) => {
                for column in columns {
                    let value = self.of_column(*column)?;
                    if value != FieldValue::Nil {
                        return Ok(value);
                    }
                }
                FieldValue::Nil
            }
        })
    }
}

/// The value of an intrinsic that the store keeps as text, if at all.
pub(super) fn of_text(intrinsic: Intrinsic, text: Option<String>) -> FieldValue {
    match (intrinsic, text.as_deref()) {
        (Intrinsic::Status, None) => FieldValue::Status("unset"),
        (Intrinsic::Status, Some("ok")) => FieldValue::Status("ok"),
        (Intrinsic::Status, Some(_)) => FieldValue::Status("error"),
        (Intrinsic::Kind, None) => FieldValue::Kind("unspecified"),
        (Intrinsic::Kind, Some(name)) => FieldValue::of_kind(crate::traces::kind_of_name(name)),
        (Intrinsic::Parent, None) => FieldValue::Nil,
        (_, None) => FieldValue::Text(String::new()),
        (_, Some(_)) => FieldValue::Text(text.unwrap_or_default()),
    }
}
