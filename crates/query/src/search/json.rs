//! Reading options out of JSON objects, as leniently as Elasticsearch does, with its errors.

use serde_json::{Map, Value};

use super::SearchError;

/// The options of one query or aggregation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options<'a> {
    name: &'a str,
    map: &'a Map<String, Value>,
}

impl<'a> Options<'a> {
    pub(crate) fn new(name: &'a str, map: &'a Map<String, Value>) -> Self {
        Self { name, map }
    }

    /// `value` must be an object.
    pub(crate) fn of(name: &'a str, value: &'a Value) -> Result<Self, SearchError> {
        match value {
            Value::Object(map) => Ok(Self::new(name, map)),
            _ => Err(SearchError::parsing(format!(
                "[{name}] query malformed, no start_object after query name"
            ))
            .at(name)),
        }
    }

    /// Refuses options that are not among `known`.
    pub(crate) fn only(self, known: &[&str]) -> Result<Self, SearchError> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(self),
            Some(key) => {
                Err(SearchError::parsing(format!("[{}] query does not support [{key}]", self.name))
                    .at(key))
            }
        }
    }

    pub(crate) fn map(self) -> &'a Map<String, Value> {
        self.map
    }

    pub(crate) fn name(self) -> &'a str {
        self.name
    }

    pub(crate) fn get(self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn need(self, key: &str) -> Result<&'a Value, SearchError> {
        self.get(key).ok_or_else(|| {
            SearchError::argument(format!("[{}] requires [{key}]", self.name)).at(self.name)
        })
    }

    pub(crate) fn text(self, key: &str) -> Result<Option<String>, SearchError> {
        self.get(key)
            .map(|value| scalar_text(value).ok_or_else(|| self.unexpected(key, value)))
            .transpose()
    }

    pub(crate) fn need_text(self, key: &str) -> Result<String, SearchError> {
        self.need(key)?;
        Ok(self.text(key)?.unwrap_or_default())
    }

    pub(crate) fn flag(self, key: &str) -> Result<Option<bool>, SearchError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match (value, value.as_str()) {
            (Value::Bool(flag), _) => Ok(Some(*flag)),
            (_, Some("true")) => Ok(Some(true)),
            (_, Some("false" | "")) => Ok(Some(false)),
            _ => Err(SearchError::argument(format!(
                "Failed to parse value [{}] as only [true] or [false] are allowed.",
                scalar_text(value).unwrap_or_default()
            ))
            .at(key)),
        }
    }

    pub(crate) fn number(self, key: &str) -> Result<Option<f64>, SearchError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.unexpected(key, value))
    }

    pub(crate) fn integer(self, key: &str) -> Result<Option<i64>, SearchError> {
        Ok(self.number(key)?.map(|number| number as i64))
    }

    /// An integer that is not negative.
    pub(crate) fn count(self, key: &str) -> Result<Option<usize>, SearchError> {
        let Some(number) = self.integer(key)? else { return Ok(None) };
        usize::try_from(number).map(Some).map_err(|_| {
            SearchError::argument(format!(
                "[{key}] must be greater than or equal to 0. Found [{number}] in [{}]",
                self.name
            ))
            .at(key)
        })
    }

    fn unexpected(self, key: &str, value: &Value) -> SearchError {
        SearchError::parsing(format!(
            "[{}] unknown token [{}] after [{key}]",
            self.name,
            token(value)
        ))
        .at(key)
    }
}

/// What the parser of Elasticsearch calls the beginning of a value.
pub(crate) fn token(value: &Value) -> &'static str {
    match value {
        Value::Null => "VALUE_NULL",
        Value::Bool(_) => "VALUE_BOOLEAN",
        Value::Number(_) => "VALUE_NUMBER",
        Value::String(_) => "VALUE_STRING",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    }
}

/// A string, number or boolean as text.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The strings of a string or of an array of them.
pub(crate) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(scalar_text).collect(),
        other => scalar_text(other).into_iter().collect(),
    }
}
