//! A mapping whose fields are taken one by one.

use std::collections::BTreeSet;
use std::time::Duration;

use vigie_model::event::{Object, Value as EventValue};

use super::Warning;
use crate::yaml::{ConfigError, Node, Source, Value};

/// A mapping of the configuration, and what was taken of it.
#[derive(Debug)]
pub struct Section<'a> {
    node: &'a Node,
    source: &'a Source,
    taken: BTreeSet<String>,
}

impl<'a> Section<'a> {
    /// The mapping `node`; nothing is an empty one.
    pub fn of(node: &'a Node, source: &'a Source) -> Result<Self, ConfigError> {
        match node.value {
            Value::Map(_) | Value::Null => Ok(Self { node, source, taken: BTreeSet::new() }),
            _ => Err(node.mismatch(source, "a mapping")),
        }
    }

    /// An error that points to the mapping.
    pub fn error(&self, message: impl Into<String>) -> ConfigError {
        self.node.error(self.source, message)
    }

    /// Where the mapping stands.
    pub const fn line(&self) -> u32 {
        self.node.line
    }

    /// The names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        let pairs = match &self.node.value {
            Value::Map(pairs) => pairs.as_slice(),
            _ => &[],
        };
        pairs.iter().map(|(key, _)| key.text.as_str())
    }

    /// The field `name`, unless nothing is written there.
    pub fn take(&mut self, name: &str) -> Option<&'a Node> {
        self.taken.insert(name.to_owned());
        let Value::Map(pairs) = &self.node.value else { return None };
        let found = pairs.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
        found.filter(|node| !node.is_null())
    }

    /// The fields of the mapping `name`, empty when it is not there.
    pub fn list(&mut self, name: &str) -> Result<&'a [Node], ConfigError> {
        match self.take(name) {
            None => Ok(&[]),
            Some(node) => match &node.value {
                Value::List(items) => Ok(items),
                _ => Err(node.mismatch(self.source, "a list")),
            },
        }
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ConfigError> {
        let source = self.source;
        self.take(name).map(|node| text_of(node, source)).transpose()
    }

    /// A text that has to be there.
    pub fn required(&mut self, name: &str) -> Result<String, ConfigError> {
        match self.text(name)? {
            Some(text) => Ok(text),
            None => Err(self.error(format!("`{name}` is missing"))),
        }
    }

    /// Texts: a list, or one alone.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, ConfigError> {
        let source = self.source;
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Node { value: Value::List(items), .. }) => {
                items.iter().map(|item| text_of(item, source)).collect()
            }
            Some(node) => Ok(vec![text_of(node, source)?]),
        }
    }

    /// True or false.
    pub fn boolean(&mut self, name: &str, default: bool) -> Result<bool, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(default) };
        match &node.value {
            Value::Scalar(text, _) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(true),
                "false" | "no" | "off" => Ok(false),
                _ => Err(node.mismatch(self.source, "true or false")),
            },
            _ => Err(node.mismatch(self.source, "true or false")),
        }
    }

    /// A whole number from 0.
    pub fn number(&mut self, name: &str, default: u64) -> Result<u64, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(default) };
        text_of(node, self.source)?
            .parse()
            .map_err(|_| node.mismatch(self.source, "a whole number"))
    }

    /// A time span: `10s`, `1h30m`, or seconds.
    pub fn duration(&mut self, name: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = text_of(node, self.source)?;
        match duration_of(&text) {
            Some(duration) => Ok(Some(duration)),
            None => Err(node.mismatch(self.source, "a duration such as 10s or 5m")),
        }
    }

    /// A size: `10MiB`, `20KB`, or bytes.
    pub fn size(&mut self, name: &str, default: u64) -> Result<u64, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(default) };
        size_of(&text_of(node, self.source)?)
            .ok_or_else(|| node.mismatch(self.source, "a size such as 10MiB"))
    }

    /// A mapping as fields of an event.
    pub fn object(&mut self, name: &str) -> Result<Object, ConfigError> {
        let Some(node) = self.take(name) else { return Ok(Object::new()) };
        match value_of(node) {
            EventValue::Object(object) => Ok(object),
            _ => Err(node.mismatch(self.source, "a mapping")),
        }
    }

    /// Takes fields that have no effect here.
    pub fn ignore(&mut self, names: &[&str]) {
        self.taken.extend(names.iter().map(|name| (*name).to_owned()));
    }

    /// Warns of what was not taken.
    pub fn finish(self, prefix: &str, warnings: &mut Vec<Warning>) {
        let Value::Map(pairs) = &self.node.value else { return };
        for (key, _) in pairs.iter().filter(|(key, _)| !self.taken.contains(&key.text)) {
            let message = format!("`{prefix}{}` is not known here and has no effect", key.text);
            warnings.push(Warning { line: key.line, message });
        }
    }
}

/// A scalar's text.
pub(super) fn text_of(node: &Node, source: &Source) -> Result<String, ConfigError> {
    match &node.value {
        Value::Scalar(text, _) => Ok(text.clone()),
        _ => Err(node.mismatch(source, "a text")),
    }
}

/// A value as YAML has it: plain scalars may be numbers and booleans.
pub fn value_of(node: &Node) -> EventValue {
    match &node.value {
        Value::Null => EventValue::Null,
        Value::Scalar(text, true) => plain(text),
        Value::Scalar(text, false) => EventValue::String(text.clone()),
        Value::List(items) => EventValue::List(items.iter().map(value_of).collect()),
        Value::Map(pairs) => {
            let mut object = Object::new();
            for (key, node) in pairs {
                object.insert(key.text.clone(), value_of(node));
            }
            EventValue::Object(object)
        }
    }
}

fn plain(text: &str) -> EventValue {
    match text {
        "true" | "True" | "yes" => return EventValue::Boolean(true),
        "false" | "False" | "no" => return EventValue::Boolean(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return EventValue::Integer(number);
    }
    let looks_like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match text.parse::<f64>() {
        Ok(number) if looks_like_a_number && number.is_finite() => EventValue::Float(number),
        _ => EventValue::String(text.to_owned()),
    }
}

/// Go's durations, or seconds.
pub fn duration_of(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = tail;
    }
    Duration::try_from_secs_f64(total).ok()
}

fn size_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "kib" => 1 << 10,
        "m" | "mb" => 1_000_000,
        "mib" => 1 << 20,
        "g" | "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
