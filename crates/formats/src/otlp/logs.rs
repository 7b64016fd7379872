//! `ExportLogsServiceRequest`: records become documents.
//!
//! Fields are those that people search for: `@timestamp`, `message`, `level`, `severity_number`,
//! `trace_id`, `span_id`, `event_name`, then resource attributes (`service.name`, `host.name`, ...),
//! `scope.name`, and the record's own attributes, all by their dotted names. An attribute wins over
//! one of the resource of the same name. A body that is a map is kept as the object `body`.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde_json::Value as Json;
use vigie_model::{DocumentWriter, LogAction, LogBatch, Scalar, TimeFormat};

use super::value::{key_value, nested};
use super::{LeftOut, OtlpError, json};
use crate::protobuf::{Field, Reader, WireError};

/// Records in one request.
const RECORDS_MAX: usize = 1_000_000;

/// Nanoseconds, in UTC.
const TIME_FORMAT_CODE: u8 = 9;

type Attributes = BTreeMap<String, Json>;

/// Decodes a protobuf request and appends its records to `batch` as documents of `index`.
/// Records without a time get `now_ns`.
pub fn decode_logs(
    message: &[u8],
    index: &str,
    now_ns: i64,
    batch: &mut LogBatch,
) -> Result<LeftOut, OtlpError> {
    let index = batch.index(index);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            resource_logs(field.bytes()?, index, now_ns, batch)?;
        }
    }
    Ok(LeftOut::default())
}

/// As [`decode_logs`], of JSON.
pub fn decode_logs_json(
    body: &[u8],
    index: &str,
    now_ns: i64,
    batch: &mut LogBatch,
) -> Result<LeftOut, OtlpError> {
    decode_logs(&json::to_protobuf(body, &json::LOGS_REQUEST)?, index, now_ns, batch)
}

fn resource_logs(
    message: &[u8],
    index: u32,
    now_ns: i64,
    batch: &mut LogBatch,
) -> Result<(), OtlpError> {
    let mut resource = Attributes::new();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            let mut inner = field.message()?;
            while let Some(field) = inner.field()? {
                if field.number == 1 {
                    resource.extend([key_value(field.message()?, 0)?]);
                }
            }
        }
    }
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 2 {
            scope_logs(field.bytes()?, &resource, (index, now_ns), batch)?;
        }
    }
    Ok(())
}

fn scope_logs(
    message: &[u8],
    resource: &Attributes,
    (index, now_ns): (u32, i64),
    batch: &mut LogBatch,
) -> Result<(), OtlpError> {
    let mut scope = "";
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number == 1 {
            let mut inner = field.message()?;
            while let Some(field) = inner.field()? {
                if field.number == 1 {
                    scope = field.text()?;
                }
            }
        }
    }
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        if field.number != 2 {
            continue;
        }
        if batch.len() >= RECORDS_MAX {
            return Err(OtlpError::TooMany { what: "log records", limit: RECORDS_MAX });
        }
        let record = Record::read(field.message()?)?;
        let pushed: Result<(), Infallible> = batch.push(LogAction::Create, index, None, |writer| {
            record.write(resource, scope, writer);
            Ok(record.time_ns.unwrap_or(now_ns))
        });
        match pushed {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
    Ok(())
}

#[derive(Default)]
struct Record<'a> {
    time_ns: Option<i64>,
    severity_number: u64,
    severity_text: &'a str,
    body: Json,
    attributes: Attributes,
    trace_id: String,
    span_id: String,
    event_name: &'a str,
}

fn hex(field: Field<'_>) -> Result<String, WireError> {
    Ok(field.bytes()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl<'a> Record<'a> {
    fn read(mut message: Reader<'a>) -> Result<Self, WireError> {
        let mut record = Self::default();
        let mut observed_ns = 0;
        while let Some(field) = message.field()? {
            match field.number {
                1 => record.time_ns = Some(field.double()?.to_bits() as i64),
                2 => record.severity_number = field.uint64()?,
                3 => record.severity_text = field.text()?,
                5 => record.body = nested(field.message()?, 0)?,
                6 => record.attributes.extend([key_value(field.message()?, 0)?]),
                9 => record.trace_id = hex(field)?,
                10 => record.span_id = hex(field)?,
                11 => observed_ns = field.double()?.to_bits() as i64,
                12 => record.event_name = field.text()?,
                _ => {}
            }
        }
        record.time_ns =
            record.time_ns.filter(|time| *time > 0).or((observed_ns > 0).then_some(observed_ns));
        Ok(record)
    }

    fn write(&self, resource: &Attributes, scope: &str, writer: &mut DocumentWriter<'_>) {
        writer.time("@timestamp", TimeFormat::from_code(TIME_FORMAT_CODE).unwrap_or_default());
        match &self.body {
            Json::Null => {}
            Json::Object(_) => value(writer, "body", &self.body),
            Json::String(text) => writer.string("message", text),
            other => writer.string("message", &other.to_string()),
        }
        let level = if self.severity_text.is_empty() {
            level_of(self.severity_number)
        } else {
            self.severity_text
        };
        let texts = [
            ("level", level),
            ("trace_id", &self.trace_id),
            ("span_id", &self.span_id),
            ("event_name", self.event_name),
            ("scope.name", scope),
        ];
        for (key, text) in texts {
            if !text.is_empty() && !self.attributes.contains_key(key) {
                writer.string(key, text);
            }
        }
        if self.severity_number != 0 {
            writer.number("severity_number", &self.severity_number.to_string());
        }
        for (key, found) in resource {
            if !self.attributes.contains_key(key) {
                value(writer, key, found);
            }
        }
        for (key, found) in &self.attributes {
            value(writer, key, found);
        }
    }
}

/// The name of a severity, by OpenTelemetry's ranges.
const fn level_of(number: u64) -> &'static str {
    match number {
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        21..=24 => "FATAL",
        _ => "",
    }
}

/// Writes a value; its depth was bounded when it was read.
fn value(writer: &mut DocumentWriter<'_>, key: &str, found: &Json) {
    match found {
        Json::Null => writer.null(key),
        Json::Bool(flag) => writer.boolean(key, *flag),
        Json::Number(number) => writer.number(key, &number.to_string()),
        Json::String(text) => writer.string(key, text),
        Json::Object(fields) => {
            writer.begin_object(key);
            for (key, found) in fields {
                value(writer, key, found);
            }
            writer.end_object();
        }
        Json::Array(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            writer.raw(key, &found.to_string());
        }
        Json::Array(items) => {
            writer.begin_list(key);
            for item in items {
                match item {
                    Json::Bool(flag) => writer.item(Scalar::Boolean(*flag)),
                    Json::Number(number) => writer.item(Scalar::Number(&number.to_string())),
                    Json::String(text) => writer.item(Scalar::String(text)),
                    _ => writer.item(Scalar::Null),
                }
            }
            writer.end_list();
        }
    }
}
