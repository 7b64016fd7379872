//! What a session holds: prepared statements, portals, and the columns of their answers.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use vigie_formats::postgres::{Answers, BINARY, Column, TEXT};
use vigie_sql::ScalarValue;
use vigie_sql::arrow::array::RecordBatch;
use vigie_sql::arrow::datatypes::Schema;

use super::command::Command;
use super::fault::Fault;
use super::value::Type;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) text: String,
    pub(super) what: What,
    pub(super) parameters: Vec<Type>,
    pub(super) columns: Vec<Field>,
}

#[derive(Debug)]
pub(super) enum What {
    /// There is no statement in the text.
    Nothing,
    Command(Command),
    Question,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Type,
}

/// A statement with its values, and what of its answer is not sent yet.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) statement: Arc<Prepared>,
    pub(super) values: Vec<ScalarValue>,
    pub(super) formats: Vec<i16>,
    pub(super) rows: Option<Rows>,
}

#[derive(Debug)]
pub(super) struct Rows {
    pub(super) batches: VecDeque<RecordBatch>,
    /// The next row of the first batch.
    pub(super) next: usize,
    pub(super) _held: OwnedSemaphorePermit,
}

pub(super) fn closed() -> Fault {
    Fault::new("57P01", "terminating connection due to administrator command")
}

pub(super) fn no_statement(name: &str) -> Fault {
    Fault::new("26000", format!("prepared statement \"{name}\" does not exist"))
}

pub(super) fn no_portal(name: &str) -> Fault {
    Fault::new("34000", format!("portal \"{name}\" does not exist"))
}

pub(super) fn fields_of(schema: &Schema) -> Vec<Field> {
    let fields = schema.fields().iter();
    fields
        .map(|field| Field { name: field.name().clone(), kind: Type::of(field.data_type()) })
        .collect()
}

pub(super) fn describe(answers: &mut Answers, fields: &[Field], formats: &[i16]) {
    if fields.is_empty() {
        return answers.no_data();
    }
    answers.columns(fields.iter().enumerate().map(|(at, field)| Column {
        name: &field.name,
        type_id: field.kind.id(),
        type_bytes: field.kind.bytes(),
        format: format_at(formats, at),
    }));
}

/// Formats are given for none, for all at once, or for each.
pub(super) fn check_formats(formats: &[i16], count: usize) -> Result<(), Fault> {
    if formats.len() > 1 && formats.len() != count {
        let text = format!("bind message has {} formats but {count} are needed", formats.len());
        return Err(Fault::protocol(text));
    }
    match formats.iter().find(|format| !matches!(**format, TEXT | BINARY)) {
        None => Ok(()),
        Some(format) => Err(Fault::new("22023", format!("unsupported format code: {format}"))),
    }
}

pub(super) fn format_at(formats: &[i16], at: usize) -> i16 {
    match formats {
        [] => TEXT,
        [all] => *all,
        each => each.get(at).copied().unwrap_or(TEXT),
    }
}
