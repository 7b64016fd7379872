//! VictoriaMetrics' JSON lines: one series a line, `metric`, `values` and `timestamps`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::float::parse_float;

/// One line.
#[derive(Debug, Deserialize)]
pub struct ExportLine<'a> {
    /// Labels.
    #[serde(borrow)]
    pub metric: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    values: Vec<LineValue>,
    timestamps: Vec<i64>,
}

/// JSON has no NaN and no infinities: they are written as null and as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum LineValue {
    Number(f64),
    Text(String),
    Null(()),
}

impl LineValue {
    fn value(&self) -> Result<f64, String> {
        match self {
            Self::Number(value) => Ok(*value),
            Self::Null(()) => Ok(f64::NAN),
            Self::Text(text) => match text.as_str() {
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                text => parse_float(text.as_bytes()).ok_or(format!("{text:?} is not a number")),
            },
        }
    }
}

impl<'a> ExportLine<'a> {
    /// Reads a line.
    pub fn parse(text: &'a [u8]) -> Result<Self, String> {
        let line: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let (values, times) = (line.values.len(), line.timestamps.len());
        if values != times {
            return Err(format!("{values} values, but {times} timestamps"));
        }
        Ok(line)
    }

    /// Labels, by name.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metric.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Times and values.
    pub fn points(&self) -> impl Iterator<Item = Result<(i64, f64), String>> + '_ {
        let pairs = self.timestamps.iter().zip(&self.values);
        pairs.map(|(time_ms, value)| Ok((*time_ms, value.value()?)))
    }
}
