//! Processors that move, copy, change and drop fields.

use regex::Regex;
use vigie_language::filebeat::Section;
use vigie_language::yaml::ConfigError;
use vigie_model::event::{Event, TIMESTAMP, Value};

use super::{Step, access};
use crate::text;

type Built = Result<Box<dyn Step>, ConfigError>;

/// `fail_on_error` and `ignore_missing`, which most have.
#[derive(Debug, Clone, Copy)]
struct Manners {
    fail_on_error: bool,
    ignore_missing: bool,
}

impl Manners {
    fn of(section: &mut Section<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            fail_on_error: section.boolean("fail_on_error", true)?,
            ignore_missing: section.boolean("ignore_missing", false)?,
        })
    }
}

/// `fields: [{from: a, to: b}]`
fn pairs(section: &mut Section<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let source = vigie_language::yaml::Source::default();
    let mut found = Vec::new();
    for node in section.list("fields")? {
        let mut pair = Section::of(node, &source)?;
        found.push((pair.required("from")?, pair.required("to")?));
    }
    Ok(found)
}

#[derive(Debug)]
struct DropEvent;

impl Step for DropEvent {
    fn apply(&self, _event: &mut Event) -> bool {
        false
    }
}

pub(super) fn drop_event() -> Box<dyn Step> {
    Box::new(DropEvent)
}

#[derive(Debug)]
struct DropFields(Vec<FieldName>);

/// A name, or `/pattern/`.
#[derive(Debug)]
enum FieldName {
    Exact(String),
    Pattern(Regex),
}

impl FieldName {
    fn read(section: &Section<'_>, text: &str) -> Result<Self, ConfigError> {
        match text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            Some(pattern) if !pattern.is_empty() => Regex::new(pattern)
                .map(Self::Pattern)
                .map_err(|error| section.error(format!("`{text}`: {error}"))),
            _ => Ok(Self::Exact(text.to_owned())),
        }
    }
}

fn names(section: &mut Section<'_>) -> Result<Vec<FieldName>, ConfigError> {
    let texts = section.texts("fields")?;
    texts.iter().map(|text| FieldName::read(section, text)).collect()
}

pub(super) fn drop_fields(section: &mut Section<'_>) -> Built {
    section.ignore(&["ignore_missing"]);
    Ok(Box::new(DropFields(names(section)?)))
}

impl Step for DropFields {
    fn apply(&self, event: &mut Event) -> bool {
        for name in &self.0 {
            match name {
                // An event without a time or a type is none, as in Filebeat.
                FieldName::Exact(name) if name == TIMESTAMP || name == "type" => {}
                FieldName::Exact(name) => {
                    access::remove(event, name);
                }
                FieldName::Pattern(pattern) => {
                    for name in paths(event).into_iter().filter(|name| pattern.is_match(name)) {
                        if name != TIMESTAMP {
                            access::remove(event, &name);
                        }
                    }
                }
            }
        }
        true
    }
}

/// The dotted names of all values.
fn paths(event: &Event) -> Vec<String> {
    fn walk(prefix: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object.iter() {
                    walk(&format!("{prefix}.{key}"), value, found);
                }
            }
            _ => found.push(prefix.to_owned()),
        }
    }
    let mut found = Vec::new();
    for (key, value) in event.fields.iter() {
        walk(key, value, &mut found);
    }
    found
}

#[derive(Debug)]
struct IncludeFields(Vec<FieldName>);

pub(super) fn include_fields(section: &mut Section<'_>) -> Built {
    Ok(Box::new(IncludeFields(names(section)?)))
}

impl Step for IncludeFields {
    fn apply(&self, event: &mut Event) -> bool {
        let mut kept = Event { metadata: event.metadata.clone(), ..Event::default() };
        if let Some(time) = event.fields.get(TIMESTAMP) {
            kept.fields.push(TIMESTAMP, time.clone());
        }
        for name in &self.0 {
            match name {
                FieldName::Exact(name) => {
                    if let Some(value) = access::get(event, name) {
                        access::set(&mut kept, name, value.clone());
                    }
                }
                FieldName::Pattern(pattern) => {
                    for name in paths(event).into_iter().filter(|name| pattern.is_match(name)) {
                        if let Some(value) = access::get(event, &name) {
                            access::set(&mut kept, &name, value.clone());
                        }
                    }
                }
            }
        }
        *event = kept;
        true
    }
}

#[derive(Debug)]
struct Move {
    pairs: Vec<(String, String)>,
    manners: Manners,
    is_copy: bool,
}

pub(super) fn rename(section: &mut Section<'_>) -> Built {
    let (pairs, manners) = (pairs(section)?, Manners::of(section)?);
    Ok(Box::new(Move { pairs, manners, is_copy: false }))
}

pub(super) fn copy_fields(section: &mut Section<'_>) -> Built {
    let (pairs, manners) = (pairs(section)?, Manners::of(section)?);
    Ok(Box::new(Move { pairs, manners, is_copy: true }))
}

impl Step for Move {
    fn apply(&self, event: &mut Event) -> bool {
        let before = self.manners.fail_on_error.then(|| event.clone());
        let what = if self.is_copy { "copy" } else { "rename" };
        for (from, to) in &self.pairs {
            let failed = if access::get(event, to).is_some() {
                Some(format!("target field {to} already exists"))
            } else {
                let value = if self.is_copy {
                    access::get(event, from).cloned()
                } else {
                    access::remove(event, from)
                };
                match value {
                    None if self.manners.ignore_missing => None,
                    None => Some(format!("could not fetch value for key: {from}")),
                    Some(value) => (!access::set(event, to, value))
                        .then(|| format!("could not put value: {to}")),
                }
            };
            if let (Some(message), Some(before)) = (failed, &before) {
                // All or nothing.
                event.clone_from(before);
                access::fail(event, format!("Failed to {what} fields in processor: {message}"));
                return true;
            }
        }
        true
    }
}

#[derive(Debug)]
struct Replace {
    fields: Vec<(String, Regex, String)>,
    manners: Manners,
}

pub(super) fn replace(section: &mut Section<'_>) -> Built {
    let source = vigie_language::yaml::Source::default();
    let mut fields = Vec::new();
    for node in section.list("fields")? {
        let mut one = Section::of(node, &source)?;
        let (field, pattern) = (one.required("field")?, one.required("pattern")?);
        let pattern = Regex::new(&pattern)
            .map_err(|error| one.error(format!("pattern: `{pattern}`: {error}")))?;
        fields.push((field, pattern, one.text("replacement")?.unwrap_or_default()));
    }
    Ok(Box::new(Replace { fields, manners: Manners::of(section)? }))
}

impl Step for Replace {
    fn apply(&self, event: &mut Event) -> bool {
        for (name, pattern, replacement) in &self.fields {
            match access::get(event, name).and_then(Value::as_str) {
                Some(text) => {
                    let replaced = pattern.replace_all(text, replacement.as_str()).into_owned();
                    access::set(event, name, Value::String(replaced));
                }
                None if self.manners.ignore_missing || !self.manners.fail_on_error => {}
                None => {
                    let message = format!("could not fetch value for key: {name}");
                    access::fail(
                        event,
                        format!("Failed to replace fields in processor: {message}"),
                    );
                    return true;
                }
            }
        }
        true
    }
}

#[derive(Debug)]
struct Convert {
    fields: Vec<(String, String, String)>,
    manners: Manners,
    is_copy: bool,
}

pub(super) fn convert(section: &mut Section<'_>) -> Built {
    let source = vigie_language::yaml::Source::default();
    let mut fields = Vec::new();
    for node in section.list("fields")? {
        let mut one = Section::of(node, &source)?;
        let from = one.required("from")?;
        let kind = one.text("type")?.unwrap_or_default();
        let known = ["", "integer", "long", "float", "double", "string", "boolean", "ip", "auto"];
        if !known.contains(&kind.as_str()) {
            return Err(one.error(format!("type `{kind}` is none of {}", known.join(", "))));
        }
        let to = one.text("to")?.unwrap_or_else(|| from.clone());
        fields.push((from, to, kind));
    }
    section.ignore(&["tag"]);
    let is_copy = section.text("mode")?.as_deref() != Some("rename");
    Ok(Box::new(Convert { fields, manners: Manners::of(section)?, is_copy }))
}

fn converted(value: &Value, kind: &str) -> Option<Value> {
    let text = || text::of_value(value);
    Some(match kind {
        "integer" | "long" => match value {
            Value::Float(number) => Value::Integer(*number as i64),
            Value::Boolean(value) => Value::Integer(i64::from(*value)),
            _ => {
                let text = text();
                let text = text.trim();
                let hexadecimal =
                    text.strip_prefix("0x").map(|digits| i64::from_str_radix(digits, 16));
                Value::Integer(hexadecimal.unwrap_or_else(|| text.parse()).ok()?)
            }
        },
        "float" | "double" => Value::Float(text().trim().parse().ok()?),
        "boolean" => Value::Boolean(match text().trim() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => return None,
        }),
        "ip" => {
            let text = text();
            text.trim().parse::<std::net::IpAddr>().ok()?;
            Value::String(text)
        }
        "string" => Value::String(text()),
        _ => value.clone(),
    })
}

impl Step for Convert {
    fn apply(&self, event: &mut Event) -> bool {
        for (from, to, kind) in &self.fields {
            let Some(value) = access::get(event, from) else {
                if !self.manners.ignore_missing && self.manners.fail_on_error {
                    access::fail(event, format!("field [{from}] is missing, cannot be converted"));
                }
                continue;
            };
            match converted(value, kind) {
                Some(value) => {
                    if !self.is_copy && from != to {
                        access::remove(event, from);
                    }
                    access::set(event, to, value);
                }
                None if self.manners.fail_on_error => {
                    access::fail(event, format!("unable to convert value of [{from}] to {kind}"));
                }
                None => {}
            }
        }
        true
    }
}

#[derive(Debug)]
struct Truncate {
    fields: Vec<String>,
    bytes_max: usize,
    characters_max: usize,
}

pub(super) fn truncate_fields(section: &mut Section<'_>) -> Built {
    section.ignore(&["fail_on_error", "ignore_missing"]);
    let limit = |number: u64| match number {
        0 => usize::MAX,
        number => usize::try_from(number).unwrap_or(usize::MAX),
    };
    Ok(Box::new(Truncate {
        fields: section.texts("fields")?,
        bytes_max: limit(section.number("max_bytes", 0)?),
        characters_max: limit(section.number("max_characters", 0)?),
    }))
}

impl Step for Truncate {
    fn apply(&self, event: &mut Event) -> bool {
        for name in &self.fields {
            let Some(text) = access::get(event, name).and_then(Value::as_str) else { continue };
            let by_characters =
                text.char_indices().nth(self.characters_max).map_or(text.len(), |(at, _)| at);
            let length = text.floor_char_boundary(by_characters.min(self.bytes_max));
            if length < text.len() {
                let kept = text.get(..length).unwrap_or_default().to_owned();
                access::set(event, name, Value::String(kept));
                access::put(
                    &mut event.fields,
                    "log.flags",
                    Value::List(vec![Value::from("truncated")]),
                );
            }
        }
        true
    }
}

#[derive(Debug)]
struct Letters {
    fields: Vec<String>,
    values: Vec<String>,
    is_upper: bool,
}

/// `lowercase`, `uppercase`: `fields` are names that are changed, `values` fields whose text is.
pub(super) fn letters(section: &mut Section<'_>, is_upper: bool) -> Built {
    section.ignore(&["fail_on_error", "ignore_missing", "alter_full_field"]);
    let (fields, values) = (section.texts("fields")?, section.texts("values")?);
    Ok(Box::new(Letters { fields, values, is_upper }))
}

impl Step for Letters {
    fn apply(&self, event: &mut Event) -> bool {
        let change =
            |text: &str| if self.is_upper { text.to_uppercase() } else { text.to_lowercase() };
        for name in &self.values {
            if let Some(text) = access::get(event, name).and_then(Value::as_str) {
                let changed = change(text);
                access::set(event, name, Value::String(changed));
            }
        }
        for name in &self.fields {
            if let Some(value) = access::remove(event, name) {
                access::set(event, &change(name), value);
            }
        }
        true
    }
}
