//! JSON into values of events.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use vigie_model::event::{Object, Value};

/// Objects with fewer members are searched for repeated keys, larger ones hashed.
const SEARCHED_MEMBERS_MAX: usize = 16;

/// Why a text is no value.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Reads a JSON text. Nesting is limited by the parser (128); of equal keys the last wins;
/// integers beyond 64 bits become floats.
pub fn parse_json(text: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Seed.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a JSON text that must be an object.
pub fn parse_json_object(text: &[u8]) -> Result<Object, JsonError> {
    match parse_json(text)? {
        Value::Object(object) => Ok(object),
        _ => Err(serde_json::Error::custom("expected an object").into()),
    }
}

struct Seed;

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::with_capacity(8);
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(Self)?;
            if object.len() < SEARCHED_MEMBERS_MAX {
                object.insert(key, value);
            } else {
                object.push(key, value);
            }
        }
        if object.len() > SEARCHED_MEMBERS_MAX {
            object.deduplicate();
        }
        Ok(Value::Object(object))
    }
}

/// Reads any bytes: for fuzzing.
pub(crate) fn fuzz(data: &[u8]) {
    let Ok(value) = parse_json(data) else { return };
    let mut out = Vec::new();
    vigie_model::event::write_value_json(&value, &mut out);
    assert!(parse_json(&out).is_ok(), "what was written cannot be read");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(text: &str) -> String {
        let mut out = Vec::new();
        vigie_model::event::write_value_json(&parse_json(text.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_comes_back() {
        for text in
            [r#"{"b":1,"a":[1.5,null,true,{"x":"y\n"}],"c":{}}"#, "-9223372036854775808", r#""é""#]
        {
            assert_eq!(again(text), text);
        }
        assert_eq!(again(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
        assert_eq!(again("18446744073709551615"), "1.8446744073709552e19");
    }

    #[test]
    fn many_members_and_deep_nesting_end() {
        let members: Vec<String> =
            (0..50_000).map(|n| format!("\"k{}\":{n}", n % 40_000)).collect();
        let text = format!("{{{}}}", members.join(","));
        assert_eq!(parse_json_object(text.as_bytes()).unwrap().len(), 40_000);
        assert!(parse_json("[".repeat(100_000).as_bytes()).is_err());
        assert!(parse_json_object(b"[]").is_err());
    }
}
