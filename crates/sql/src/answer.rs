//! Answers: from batches to columns and rows of JSON.

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use serde_json::Value;

use crate::SqlError;

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Its type, in the words of SQL: `text`, `bigint`, `double`, `boolean`, `timestamp`; others
    /// as Arrow calls them.
    pub data_type: String,
}

/// What a statement gives.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlAnswer {
    /// The columns.
    pub columns: Vec<SqlColumn>,
    /// The rows: as many values as columns.
    pub rows: Vec<Vec<Value>>,
}

/// A type in the words of SQL.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Int64 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

/// Appends a batch's rows. Numbers and truth are JSON's own, all else is text.
pub(crate) fn append_rows(batch: &RecordBatch, rows: &mut Vec<Vec<Value>>) -> Result<(), SqlError> {
    let start = rows.len();
    rows.resize_with(start + batch.num_rows(), || Vec::with_capacity(batch.num_columns()));
    let options = FormatOptions::default();
    for array in batch.columns() {
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(internal)?;
        for (at, row) in rows.iter_mut().skip(start).enumerate() {
            row.push(value_of(array.as_ref(), &formatter, at)?);
        }
    }
    Ok(())
}

fn internal(error: impl std::fmt::Display) -> SqlError {
    SqlError::Internal(error.to_string())
}

fn value_of(
    array: &dyn Array,
    formatter: &ArrayFormatter<'_>,
    at: usize,
) -> Result<Value, SqlError> {
    if array.is_null(at) {
        return Ok(Value::Null);
    }
    let data_type = array.data_type();
    if !data_type.is_integer() && !data_type.is_floating() && *data_type != DataType::Boolean {
        return Ok(match data_type {
            DataType::Null => Value::Null,
            _ => Value::String(formatter.value(at).try_to_string().map_err(internal)?),
        });
    }
    Ok(match ScalarValue::try_from_array(array, at)? {
        ScalarValue::Boolean(value) => value.into(),
        ScalarValue::Int8(value) => value.into(),
        ScalarValue::Int16(value) => value.into(),
        ScalarValue::Int32(value) => value.into(),
        ScalarValue::Int64(value) => value.into(),
        ScalarValue::UInt8(value) => value.into(),
        ScalarValue::UInt16(value) => value.into(),
        ScalarValue::UInt32(value) => value.into(),
        ScalarValue::UInt64(value) => value.into(),
        ScalarValue::Float32(value) => value.into(),
        // What is not finite is null: JSON has no word for it.
        ScalarValue::Float64(value) => value.into(),
        _ => Value::Null,
    })
}
