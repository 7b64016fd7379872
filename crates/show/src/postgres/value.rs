//! Values: from Arrow to PostgreSQL's types and back.

use jiff::Timestamp;
use jiff::civil::Date;
use vigie_formats::postgres::BINARY;
use vigie_sql::ScalarValue;
use vigie_sql::arrow::array::{Array, RecordBatch};
use vigie_sql::arrow::datatypes::DataType;
use vigie_sql::arrow::util::display::array_value_to_string;

use super::fault::Fault;

/// Microseconds from 1970 to 2000, where PostgreSQL's times begin.
const EPOCH_US: i64 = 946_684_800_000_000;
/// Days from 1970 to 2000.
const EPOCH_DAYS: i32 = 10_957;

/// A type of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Date,
    Timestamp,
    TimestampTz,
    Text,
}

impl Type {
    /// The type in which values of a type of Arrow's are shown.
    pub(super) const fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::UInt8 | DataType::Int16 => Self::Int2,
            DataType::UInt16 | DataType::Int32 => Self::Int4,
            DataType::UInt32 | DataType::Int64 => Self::Int8,
            DataType::Float16 | DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            // Numbers that no other type holds, lists, spans of time: as text, whole.
            _ => Self::Text,
        }
    }

    /// The type with a number that a client names; `None` where it is left to the server.
    pub(super) fn of_id(id: u32) -> Result<Option<Self>, Fault> {
        Ok(Some(match id {
            // Unknown, and 0 for the same.
            0 | 705 => return Ok(None),
            16 => Self::Bool,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            // char, name, text, json, bpchar, varchar, jsonb.
            18 | 19 | 25 | 114 | 1042 | 1043 | 3802 => Self::Text,
            700 => Self::Float4,
            // numeric: what is kept are doubles.
            701 | 1700 => Self::Float8,
            1082 => Self::Date,
            1114 => Self::Timestamp,
            1184 => Self::TimestampTz,
            other => {
                let text = format!("parameters of the type with number {other} are not taken");
                return Err(Fault::new("0A000", text));
            }
        }))
    }

    /// Its number.
    pub(super) const fn id(self) -> u32 {
        match self {
            Self::Bool => 16,
            Self::Int2 => 21,
            Self::Int4 => 23,
            Self::Int8 => 20,
            Self::Float4 => 700,
            Self::Float8 => 701,
            Self::Date => 1082,
            Self::Timestamp => 1114,
            Self::TimestampTz => 1184,
            Self::Text => 25,
        }
    }

    /// The bytes of a value; -1 where they differ.
    pub(super) const fn bytes(self) -> i16 {
        match self {
            Self::Bool => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Float4 | Self::Date => 4,
            Self::Int8 | Self::Float8 | Self::Timestamp | Self::TimestampTz => 8,
            Self::Text => -1,
        }
    }
}

/// A cell of an answer.
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Days(i32),
    Microseconds(i64),
    Text(String),
}

fn cell(batch: &RecordBatch, column: usize, row: usize) -> Option<Cell> {
    let array = batch.columns().get(column)?;
    if array.is_null(row) {
        return Some(Cell::Null);
    }
    if Type::of(array.data_type()) == Type::Text && !array.data_type().is_string() {
        return array_value_to_string(array, row).ok().map(Cell::Text);
    }
    let value = ScalarValue::try_from_array(array, row).ok()?;
    Some(match value {
        ScalarValue::Boolean(Some(value)) => Cell::Bool(value),
        ScalarValue::Int8(Some(value)) => Cell::Int(value.into()),
        ScalarValue::Int16(Some(value)) => Cell::Int(value.into()),
        ScalarValue::Int32(Some(value)) => Cell::Int(value.into()),
        ScalarValue::Int64(Some(value)) => Cell::Int(value),
        ScalarValue::UInt8(Some(value)) => Cell::Int(value.into()),
        ScalarValue::UInt16(Some(value)) => Cell::Int(value.into()),
        ScalarValue::UInt32(Some(value)) => Cell::Int(value.into()),
        ScalarValue::Float32(Some(value)) => Cell::Float(value.into()),
        ScalarValue::Float64(Some(value)) => Cell::Float(value),
        ScalarValue::Date32(Some(days)) => Cell::Days(days),
        ScalarValue::TimestampSecond(Some(time), _) => {
            Cell::Microseconds(time.checked_mul(1_000_000)?)
        }
        ScalarValue::TimestampMillisecond(Some(time), _) => {
            Cell::Microseconds(time.checked_mul(1_000)?)
        }
        ScalarValue::TimestampMicrosecond(Some(time), _) => Cell::Microseconds(time),
        ScalarValue::TimestampNanosecond(Some(time), _) => {
            Cell::Microseconds(time.div_euclid(1_000))
        }
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Cell::Text(text),
        _ => return array_value_to_string(array, row).ok().map(Cell::Text),
    })
}

/// Appends the value of a row and column. `false`: it is null.
pub(super) fn write(
    out: &mut Vec<u8>,
    batch: &RecordBatch,
    (column, row): (usize, usize),
    (kind, format): (Type, i16),
) -> bool {
    let cell = cell(batch, column, row).unwrap_or(Cell::Null);
    if format == BINARY {
        write_binary(out, &cell, kind);
    } else {
        write_text(out, &cell, kind);
    }
    !matches!(cell, Cell::Null)
}

fn write_text(out: &mut Vec<u8>, cell: &Cell, kind: Type) {
    let text = match cell {
        Cell::Null => return,
        Cell::Bool(value) => if *value { "t" } else { "f" }.to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) if value.is_infinite() => {
            if *value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
        }
        // In as few digits as say which number of the type it is.
        Cell::Float(value) if kind == Type::Float4 => (*value as f32).to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Days(days) => date(*days).map(|date| date.to_string()).unwrap_or_default(),
        Cell::Microseconds(time) => {
            let zone = if kind == Type::TimestampTz { "+00" } else { "" };
            let time = Timestamp::from_microsecond(*time).unwrap_or_default();
            format!("{}{zone}", time.strftime("%Y-%m-%d %H:%M:%S%.f"))
        }
        // The protocol has no way to say a byte of zeros in text.
        Cell::Text(text) => text.replace('\0', ""),
    };
    out.extend(text.as_bytes());
}

fn date(days: i32) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

fn write_binary(out: &mut Vec<u8>, cell: &Cell, kind: Type) {
    match cell {
        Cell::Null => {}
        Cell::Bool(value) => out.push(u8::from(*value)),
        Cell::Int(value) => match kind {
            Type::Int2 => out.extend(i16::try_from(*value).unwrap_or_default().to_be_bytes()),
            Type::Int4 => out.extend(i32::try_from(*value).unwrap_or_default().to_be_bytes()),
            _ => out.extend(value.to_be_bytes()),
        },
        Cell::Float(value) if kind == Type::Float4 => out.extend((*value as f32).to_be_bytes()),
        Cell::Float(value) => out.extend(value.to_be_bytes()),
        Cell::Days(days) => out.extend(days.saturating_sub(EPOCH_DAYS).to_be_bytes()),
        Cell::Microseconds(time) => out.extend(time.saturating_sub(EPOCH_US).to_be_bytes()),
        Cell::Text(text) => out.extend(text.bytes().filter(|byte| *byte != 0)),
    }
}

/// The value of a parameter, as a client sends it.
pub(super) fn parameter(
    kind: Type,
    format: i16,
    bytes: Option<&[u8]>,
) -> Result<ScalarValue, Fault> {
    let zone = || Some("+00:00".into());
    let Some(bytes) = bytes else {
        return Ok(match kind {
            Type::Bool => ScalarValue::Boolean(None),
            Type::Int2 | Type::Int4 | Type::Int8 => ScalarValue::Int64(None),
            Type::Float4 | Type::Float8 => ScalarValue::Float64(None),
            Type::Date => ScalarValue::Date32(None),
            Type::Timestamp => ScalarValue::TimestampNanosecond(None, None),
            Type::TimestampTz => ScalarValue::TimestampNanosecond(None, zone()),
            Type::Text => ScalarValue::Utf8(None),
        });
    };
    let wrong = |text: &str| {
        Fault::new("22P02", format!("invalid input for a parameter of type {kind:?}: \"{text}\""))
    };
    if format == BINARY {
        return binary(kind, bytes)
            .ok_or_else(|| Fault::new("22P03", "incorrect binary data format in bind parameter"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Fault::new("22021", "invalid byte sequence for encoding \"UTF8\""))?;
    let found = match kind {
        Type::Bool => truth(text).map(|value| ScalarValue::Boolean(Some(value))),
        Type::Int2 | Type::Int4 | Type::Int8 => {
            text.trim().parse().ok().map(|value| ScalarValue::Int64(Some(value)))
        }
        Type::Float4 | Type::Float8 => {
            text.trim().parse().ok().map(|value| ScalarValue::Float64(Some(value)))
        }
        Type::Date => ScalarValue::try_from_string(text.to_owned(), &DataType::Date32).ok(),
        Type::Timestamp | Type::TimestampTz => {
            let zone = if kind == Type::TimestampTz { zone() } else { None };
            let data_type =
                DataType::Timestamp(vigie_sql::arrow::datatypes::TimeUnit::Nanosecond, zone);
            ScalarValue::try_from_string(text.to_owned(), &data_type).ok()
        }
        Type::Text => Some(ScalarValue::Utf8(Some(text.to_owned()))),
    };
    found.ok_or_else(|| wrong(text))
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn binary(kind: Type, bytes: &[u8]) -> Option<ScalarValue> {
    // A client that leaves the type to the server may send a narrower number than that finds.
    let integer = || match bytes.len() {
        2 => Some(i64::from(i16::from_be_bytes(bytes.try_into().ok()?))),
        4 => Some(i64::from(i32::from_be_bytes(bytes.try_into().ok()?))),
        8 => Some(i64::from_be_bytes(bytes.try_into().ok()?)),
        _ => None,
    };
    let microseconds = || {
        Some(i64::from_be_bytes(bytes.try_into().ok()?).checked_add(EPOCH_US)?.checked_mul(1_000)?)
    };
    Some(match kind {
        Type::Bool => match bytes {
            [0] => ScalarValue::Boolean(Some(false)),
            [1] => ScalarValue::Boolean(Some(true)),
            _ => return None,
        },
        Type::Int2 | Type::Int4 | Type::Int8 => ScalarValue::Int64(Some(integer()?)),
        Type::Float4 | Type::Float8 => ScalarValue::Float64(Some(match bytes.len() {
            4 => f32::from_be_bytes(bytes.try_into().ok()?).into(),
            _ => f64::from_be_bytes(bytes.try_into().ok()?),
        })),
        Type::Date => {
            let days = i32::from_be_bytes(bytes.try_into().ok()?);
            ScalarValue::Date32(Some(days.checked_add(EPOCH_DAYS)?))
        }
        Type::Timestamp => ScalarValue::TimestampNanosecond(Some(microseconds()?), None),
        Type::TimestampTz => {
            ScalarValue::TimestampNanosecond(Some(microseconds()?), Some("+00:00".into()))
        }
        Type::Text => ScalarValue::Utf8(Some(std::str::from_utf8(bytes).ok()?.to_owned())),
    })
}
