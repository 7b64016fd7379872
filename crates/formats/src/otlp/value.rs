//! Attribute values of OTLP: scalars as they are, lists and maps as the text of their JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value as Json};
use vigie_model::span::{Attribute, AttributeValue, SpanBatch, Text};

use super::{ATTRIBUTES_MAX, OtlpError, VALUE_DEPTH_MAX};
use crate::protobuf::{Reader, WireError};

/// Reads a `KeyValue` and appends it to the batch's attributes.
pub(super) fn push_key_value(
    batch: &mut SpanBatch,
    mut message: Reader<'_>,
) -> Result<(), OtlpError> {
    let mut key = "";
    let mut value = None;
    while let Some(field) = message.field()? {
        match field.number {
            1 => key = field.text()?,
            2 => value = Some(field.message()?),
            _ => {}
        }
    }
    let Some(value) = value else { return Ok(()) };
    if batch.attributes.len() >= ATTRIBUTES_MAX {
        return Err(OtlpError::TooMany { what: "attributes", limit: ATTRIBUTES_MAX });
    }
    let Some(value) = any_value(batch, value)? else { return Ok(()) };
    let key = batch.keep(key);
    batch.attributes.push(Attribute { key, value });
    Ok(())
}

/// Reads an `AnyValue`; `None` when it is empty.
fn any_value(
    batch: &mut SpanBatch,
    mut message: Reader<'_>,
) -> Result<Option<AttributeValue>, WireError> {
    let mut value = None;
    while let Some(field) = message.field()? {
        value = Some(match field.number {
            1 => AttributeValue::Text(batch.keep(field.text()?)),
            2 => AttributeValue::Bool(field.uint64()? != 0),
            3 => AttributeValue::Integer(field.int64()?),
            4 => AttributeValue::Float(field.double()?),
            5 => AttributeValue::List(json_text(batch, &list(field.message()?, 0)?)),
            6 => AttributeValue::Map(json_text(batch, &map(field.message()?, 0)?)),
            7 => AttributeValue::Bytes(batch.keep(&BASE64.encode(field.bytes()?))),
            _ => continue,
        });
    }
    Ok(value)
}

fn json_text(batch: &mut SpanBatch, value: &Json) -> Text {
    batch.keep(&value.to_string())
}

fn list(mut message: Reader<'_>, depth: usize) -> Result<Json, WireError> {
    let mut items = Vec::new();
    while let Some(field) = message.field()? {
        if field.number == 1 {
            items.push(nested(field.message()?, depth)?);
        }
    }
    Ok(Json::Array(items))
}

fn map(mut message: Reader<'_>, depth: usize) -> Result<Json, WireError> {
    let mut pairs = Map::new();
    while let Some(field) = message.field()? {
        if field.number == 1 {
            let (key, value) = key_value(field.message()?, depth)?;
            pairs.insert(key, value);
        }
    }
    Ok(Json::Object(pairs))
}

/// Reads a `KeyValue` whose value stands `depth` levels deep.
pub(super) fn key_value(
    mut message: Reader<'_>,
    depth: usize,
) -> Result<(String, Json), WireError> {
    let (mut key, mut value) = ("", Json::Null);
    while let Some(field) = message.field()? {
        match field.number {
            1 => key = field.text()?,
            2 => value = nested(field.message()?, depth)?,
            _ => {}
        }
    }
    Ok((key.to_owned(), value))
}

pub(super) fn nested(mut message: Reader<'_>, depth: usize) -> Result<Json, WireError> {
    if depth >= VALUE_DEPTH_MAX {
        return Err(WireError::Group);
    }
    let mut value = Json::Null;
    while let Some(field) = message.field()? {
        value = match field.number {
            1 => Json::from(field.text()?),
            2 => Json::from(field.uint64()? != 0),
            3 => Json::from(field.int64()?),
            4 => Json::from(field.double()?),
            5 => list(field.message()?, depth + 1)?,
            6 => map(field.message()?, depth + 1)?,
            7 => Json::from(BASE64.encode(field.bytes()?)),
            _ => continue,
        };
    }
    Ok(value)
}

/// The value of the attribute `key` among `attributes`, when it is text.
pub(super) fn find_text(batch: &SpanBatch, attributes: &[Attribute], key: &str) -> Option<Text> {
    attributes.iter().rev().find_map(|attribute| match attribute.value {
        AttributeValue::Text(text) if batch.text(attribute.key) == key => Some(text),
        _ => None,
    })
}
