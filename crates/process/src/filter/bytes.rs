//! `bytes`: `1.5 MB` as a number of bytes.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::options::Options;
use crate::{field, text};

#[derive(Debug)]
struct Bytes {
    source: FieldReference,
    target: FieldReference,
    is_metric: bool,
    decimal: char,
    tags: Vec<String>,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let source = options.reference(&options.text("source")?.unwrap_or_else(|| "message".into()))?;
    let target = options.field("target")?.unwrap_or_else(|| source.clone());
    let decimal = options.text("decimal_separator")?.and_then(|text| text.chars().next());
    Ok(Box::new(Bytes {
        source,
        target,
        is_metric: options.choice("conversion_method", &["binary", "metric"])? == Some("metric"),
        decimal: decimal.unwrap_or('.'),
        tags: options.tags("tag_on_failure", "_bytesparsefailure")?,
    }))
}

impl Filter for Bytes {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let Some(value) = field::get(event, &self.source) else { return fail(event, &self.tags) };
        match self.read(&text::of_value(value)) {
            Some(bytes) if field::set(event, &self.target, Value::Integer(bytes)) => {
                Verdict::Matched
            }
            _ => fail(event, &self.tags),
        }
    }
}

impl Bytes {
    fn read(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '_');
        let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end)?;
        let plain: String = number
            .chars()
            .filter(|c| c.is_ascii_digit() || *c == self.decimal)
            .map(|c| if c == self.decimal { '.' } else { c })
            .collect();
        let number: f64 = plain.parse().ok()?;
        let unit = unit.trim().to_ascii_lowercase();
        let unit = unit.strip_suffix('b').unwrap_or(&unit);
        let (prefix, is_binary) = match unit.strip_suffix('i') {
            Some(prefix) => (prefix, true),
            None => (unit, !self.is_metric),
        };
        let power = match prefix {
            "" => 0,
            "k" => 1,
            "m" => 2,
            "g" => 3,
            "t" => 4,
            "p" => 5,
            "e" => 6,
            _ => return None,
        };
        let bytes = number * if is_binary { 1024_f64 } else { 1000.0 }.powi(power);
        (bytes < 9e18).then_some(bytes as i64)
    }
}
