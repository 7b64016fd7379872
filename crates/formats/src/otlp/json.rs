//! OTLP's JSON as its protobuf: one table says the messages, one visitor rewrites any of them.
//!
//! So there is one decoder for both forms. The mapping is OTLP's: lowerCamelCase names (the
//! original snake_case is taken too), ids in hexadecimal, other bytes in base64, 64-bit integers as
//! text or numbers, enumerations as numbers or names. Unknown fields and nulls are passed over.

mod schema;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

pub(super) use schema::{LOGS_REQUEST, METRICS_REQUEST, TRACES_REQUEST};

use self::schema::{Field, Kind, Message};
use super::OtlpError;
use crate::protobuf::Writer as _;

/// Rewrites the JSON `body` of a request as the protobuf `message` of it.
pub(super) fn to_protobuf(body: &[u8], message: &'static Message) -> Result<Vec<u8>, OtlpError> {
    let mut out = Vec::with_capacity(body.len() / 2);
    let mut reader = serde_json::Deserializer::from_slice(body);
    MessageSeed { message, out: &mut out }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(out)
}

/// Writes the fields of an object.
struct MessageSeed<'a> {
    message: &'static Message,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object ({})", self.message.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match self.message.field(&key) {
                Some(field) => map.next_value_seed(FieldSeed { field, out: self.out })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Writes a field, each item of it when it is a list.
struct FieldSeed<'a> {
    field: &'static Field,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl FieldSeed<'_> {
    fn integer<E: Error>(self, value: i64) -> Result<(), E> {
        let number = self.field.number;
        match self.field.kind {
            Kind::Varint | Kind::Enumeration(_) => self.out.put_uint(number, value as u64),
            Kind::Zigzag => self.out.put_sint(number, value),
            Kind::Fixed64 => self.out.put_double(number, f64::from_bits(value as u64)),
            Kind::Fixed32 => {
                self.out.put_varint(u64::from(number) << 3 | 5);
                self.out.extend_from_slice(&(value as u32).to_le_bytes());
            }
            Kind::Double => self.out.put_double(number, value as f64),
            Kind::Bool => self.out.put_uint(number, u64::from(value != 0)),
            _ => return Err(E::invalid_type(serde::de::Unexpected::Signed(value), &self)),
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.field.kind {
            Kind::Text => "text",
            Kind::Hex => "hexadecimal digits",
            Kind::Base64 => "base64",
            Kind::Bool => "a boolean",
            Kind::Double => "a float",
            Kind::Message(message) => return write!(f, "an object ({})", message.name),
            _ => "an integer",
        };
        write!(f, "{what} for {}", self.field.name)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            Kind::Bool => {
                self.out.put_uint(self.field.number, u64::from(value));
                Ok(())
            }
            _ => Err(E::invalid_type(serde::de::Unexpected::Bool(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.integer(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        if self.field.kind == Kind::Double {
            return self.visit_f64(value as f64);
        }
        self.integer(value as i64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.field.kind {
            Kind::Double => {
                self.out.put_double(self.field.number, value);
                Ok(())
            }
            // `1e3` and `5.0` are integers to JSON.
            _ if value.fract() == 0.0 && value.abs() < 9.0e15 => self.integer(value as i64),
            _ => Err(E::invalid_type(serde::de::Unexpected::Float(value), &self)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let number = self.field.number;
        match self.field.kind {
            Kind::Text => self.out.put_bytes(number, text.as_bytes()),
            Kind::Hex => self.out.put_bytes(number, &hex_bytes(text).unwrap_or(vec![0])),
            Kind::Base64 => {
                let bytes = BASE64.decode(text).map_err(|error| E::custom(error.to_string()))?;
                self.out.put_bytes(number, &bytes);
            }
            Kind::Enumeration(names) => {
                let at = names.iter().position(|name| *name == text);
                let value = at.map(|at| at as i64).or_else(|| text.parse().ok());
                return self.integer(value.unwrap_or(0));
            }
            Kind::Double => {
                let value = match text {
                    "Infinity" => Ok(f64::INFINITY),
                    "-Infinity" => Ok(f64::NEG_INFINITY),
                    text => text.parse(),
                };
                return self.visit_f64(value.map_err(|_| E::custom("a float was expected"))?);
            }
            Kind::Varint | Kind::Zigzag | Kind::Fixed64 | Kind::Fixed32 => {
                let signed = text.parse::<i64>();
                let value = signed.or_else(|_| text.parse::<u64>().map(|value| value as i64));
                let message = || format!("{text:?} is no 64-bit integer ({})", self.field.name);
                let value = value.map_err(|_| E::custom(message()))?;
                return self.integer(value);
            }
            Kind::Bool | Kind::Message(_) => {
                return Err(E::invalid_type(serde::de::Unexpected::Str(text), &self));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Kind::Message(message) = self.field.kind else {
            return Err(A::Error::invalid_type(serde::de::Unexpected::Map, &self));
        };
        let mut written = Ok(());
        self.out.put_message(self.field.number, |out| {
            written = MessageSeed { message, out }.visit_map(map);
        });
        written
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(FieldSeed { field: self.field, out: self.out })?.is_some() {}
        Ok(())
    }
}

/// The bytes of an id; `None` when it is no hexadecimal text, which makes its span invalid.
fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    text.as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
