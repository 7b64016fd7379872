//! Which columns the tables `logs` and `spans` have, and where their values come from.
//!
//! A snapshot's fields become columns under their dotted paths; some columns are always there
//! under one name, whatever name the sender used. What has no column is in `_source`.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use vigie_store::StoreError;
use vigie_store::logs::{LogColumnKind, LogSnapshot};

/// Fields that become columns; of more, those with the most values.
pub(crate) const COLUMNS_MAX: usize = 1_000;

/// Names of the whole document as JSON, of its id, of its index and of its time.
pub(crate) const SOURCE: &str = "_source";
pub(crate) const ID: &str = "_id";
pub(crate) const INDEX: &str = "_index";
pub(crate) const TIMESTAMP: &str = "timestamp";

/// Columns of `logs` that are always there, and the fields that they show: the first one that a
/// document has. The names are those of plain JSON logs, Elastic's common schema, OpenTelemetry
/// and Loki's senders.
const LOG_NAMES: [(&str, &[&str]); 6] = [
    ("level", &["level", "log.level", "severity", "severity_text", "detected_level", "loglevel"]),
    (
        "service",
        &["service", "service.name", "service_name", "resource.service.name", "app", "job"],
    ),
    ("message", &["message", "msg", "log", "line", "body"]),
    ("host", &["host", "host.name", "hostname", "instance"]),
    ("trace_id", &["trace_id", "trace.id", "traceId", "traceID", "traceid"]),
    ("span_id", &["span_id", "span.id", "spanId", "spanID", "spanid"]),
];

/// Columns of `spans` that are always there.
const SPAN_NAMES: [(&str, DataType); 13] = [
    ("name", DataType::Utf8View),
    ("kind", DataType::Utf8View),
    ("status", DataType::Utf8View),
    ("status_message", DataType::Utf8View),
    ("duration_ns", DataType::Int64),
    ("trace_id", DataType::Utf8View),
    ("span_id", DataType::Utf8View),
    ("parent_span_id", DataType::Utf8View),
    ("trace_state", DataType::Utf8View),
    ("scope_name", DataType::Utf8View),
    ("scope_version", DataType::Utf8View),
    ("events", DataType::Utf8View),
    ("links", DataType::Utf8View),
];

/// What the documents of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Documents {
    Logs,
    Spans,
}

/// A field that a column may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSource {
    pub(crate) path: String,
    /// The types of its values.
    pub(crate) kinds: Vec<LogColumnKind>,
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Time,
    Index,
    Id,
    Document,
    /// The first of these that has a value.
    Fields(Vec<FieldSource>),
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
    pub(crate) source: Source,
}

/// The columns of a table.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) all: Vec<Column>,
    pub(crate) schema: SchemaRef,
    /// Whether some part has fields that found no column of their own.
    pub(crate) has_overflow: bool,
}

/// The type of times.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()))
}

/// What is known of a field.
#[derive(Debug, Default)]
struct Known {
    kinds: Vec<LogColumnKind>,
    values: u64,
}

impl Columns {
    /// The columns of `snapshot`.
    pub(crate) fn of(documents: Documents, snapshot: &LogSnapshot) -> Result<Self, StoreError> {
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for field in snapshot.fields()?.into_iter().filter(|field| field.values > 0) {
            let entry = known.entry(field.path).or_default();
            entry.kinds.push(field.kind);
            entry.values += field.values;
        }
        let mut has_overflow = false;
        for part in snapshot.parts() {
            has_overflow |= part.column("", LogColumnKind::List)?.is_some();
        }
        let mut all = match documents {
            Documents::Logs => log_columns(&known),
            Documents::Spans => span_columns(&known),
        };
        let named = all.len();
        let mut fields: Vec<(&String, &Known)> = known.iter().collect();
        fields.retain(|(path, _)| all.iter().all(|column| column.name != **path));
        if fields.len() > COLUMNS_MAX {
            fields.sort_by_key(|(path, known)| (std::cmp::Reverse(known.values), path.as_str()));
            fields.truncate(COLUMNS_MAX);
            fields.sort_by_key(|(path, _)| path.as_str());
        }
        for (path, known) in fields {
            let data_type = type_of(path, &known.kinds, snapshot)?;
            all.push(field_column(path, data_type, std::slice::from_ref(path), [known]));
        }
        debug_assert!(all.len() >= named, "columns only come in addition");
        let text = |name: &str, source| Column {
            name: name.to_owned(),
            data_type: DataType::Utf8View,
            source,
        };
        if documents == Documents::Logs {
            all.push(text(INDEX, Source::Index));
            all.push(text(ID, Source::Id));
        }
        all.push(text(SOURCE, Source::Document));
        let fields = all.iter().map(|column| {
            let required = !matches!(column.source, Source::Fields(_));
            Field::new(&column.name, column.data_type.clone(), !required)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { all, schema, has_overflow })
    }

    /// The column of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Column> {
        self.all.iter().find(|column| column.name == name)
    }
}

fn time_column() -> Column {
    Column { name: TIMESTAMP.to_owned(), data_type: time_type(), source: Source::Time }
}

fn log_columns(known: &BTreeMap<String, Known>) -> Vec<Column> {
    let mut columns = vec![time_column()];
    for (name, paths) in LOG_NAMES {
        let there: Vec<&str> =
            paths.iter().copied().filter(|path| known.contains_key(*path)).collect();
        let found = there.iter().filter_map(|path| known.get(*path));
        columns.push(field_column(name, DataType::Utf8View, &there, found));
    }
    columns
}

fn span_columns(known: &BTreeMap<String, Known>) -> Vec<Column> {
    let service =
        Column { name: "service".to_owned(), data_type: DataType::Utf8View, source: Source::Index };
    let mut columns = vec![time_column(), service];
    for (name, data_type) in SPAN_NAMES {
        // What is kept as plain JSON is not listed among the fields.
        let raw = Known { kinds: vec![LogColumnKind::Raw], values: 0 };
        let found = known.get(name).unwrap_or(&raw);
        columns.push(field_column(name, data_type, &[name], [found]));
    }
    columns
}

fn field_column<'a, P: AsRef<str>>(
    name: &str,
    data_type: DataType,
    paths: &[P],
    known: impl IntoIterator<Item = &'a Known>,
) -> Column {
    let fields = paths.iter().zip(known);
    let source = |(path, known): (&P, &Known)| FieldSource {
        path: path.as_ref().to_owned(),
        kinds: known.kinds.clone(),
    };
    Column {
        name: name.to_owned(),
        data_type,
        source: Source::Fields(fields.map(source).collect()),
    }
}

/// The type that all values of a field have; text when there is none.
fn type_of(
    path: &str,
    kinds: &[LogColumnKind],
    snapshot: &LogSnapshot,
) -> Result<DataType, StoreError> {
    match kinds {
        [LogColumnKind::Number] => {
            for part in snapshot.parts() {
                let column = part.column(path, LogColumnKind::Number)?;
                if let Some(column) = column
                    && !column.is_whole()?
                {
                    return Ok(DataType::Float64);
                }
            }
            Ok(DataType::Int64)
        }
        [LogColumnKind::Boolean] => Ok(DataType::Boolean),
        [LogColumnKind::Time] => Ok(time_type()),
        _ => Ok(DataType::Utf8View),
    }
}
