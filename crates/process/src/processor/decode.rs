//! Processors that read texts.

use std::borrow::Cow;

use base64::Engine as _;
use sha2::Digest as _;
use vigie_formats::event_json::parse_json;
use vigie_language::filebeat::Section;
use vigie_language::yaml::{ConfigError, Source};
use vigie_model::event::{Event, Object, Value};

use super::{Step, access};
use crate::text;

type Built = Result<Box<dyn Step>, ConfigError>;

#[derive(Debug)]
struct Json {
    fields: Vec<String>,
    /// `None`: the field itself; empty: the root.
    target: Option<String>,
    overwrites: bool,
    adds_error: bool,
    reads_arrays: bool,
    depth_max: u64,
    expands: bool,
    document_id: Option<String>,
}

pub(super) fn json(section: &mut Section<'_>) -> Built {
    section.ignore(&["max_depth"]);
    Ok(Box::new(Json {
        fields: section.texts("fields")?,
        target: section.text("target")?,
        overwrites: section.boolean("overwrite_keys", false)?,
        adds_error: section.boolean("add_error_key", false)?,
        reads_arrays: section.boolean("process_array", false)?,
        depth_max: section.number("max_depth", 1)?.clamp(1, 32),
        expands: section.boolean("expand_keys", false)?,
        document_id: section.text("document_id")?.filter(|name| !name.is_empty()),
    }))
}

impl Json {
    fn read(&self, text: &str) -> Result<Value, String> {
        let value = parse_json(text.as_bytes()).map_err(|error| error.to_string())?;
        match value {
            Value::Object(_) => {}
            Value::List(_) if self.reads_arrays => {}
            // A text that is no document stays what it is.
            _ => return Err("is no JSON object".to_owned()),
        }
        Ok(deeper(value, self.depth_max - 1, self.reads_arrays))
    }
}

/// Reads JSON in the texts of JSON.
fn deeper(value: Value, depth: u64, reads_arrays: bool) -> Value {
    if depth == 0 {
        return value;
    }
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => match parse_json(text.as_bytes()) {
            Ok(Value::List(_)) if !reads_arrays => Value::String(text),
            Ok(inner) => deeper(inner, depth - 1, reads_arrays),
            Err(_) => Value::String(text),
        },
        Value::Object(object) => {
            let mut read = Object::with_capacity(object.len());
            for (key, value) in object {
                read.push(key, deeper(value, depth, reads_arrays));
            }
            Value::Object(read)
        }
        other => other,
    }
}

impl Step for Json {
    fn apply(&self, event: &mut Event) -> bool {
        for name in &self.fields {
            let Some(text) = access::get(event, name).and_then(Value::as_str) else { continue };
            let mut value = match self.read(text) {
                Ok(value) => value,
                Err(error) => {
                    if self.adds_error {
                        let message = format!("parsing input as JSON: {error}");
                        access::fail(event, message);
                        access::put(&mut event.fields, "error.data", Value::from(name.clone()));
                        access::put(&mut event.fields, "error.field", Value::from(name.clone()));
                    }
                    continue;
                }
            };
            if let (Some(id), Value::Object(object)) = (&self.document_id, &mut value)
                && let Some(id) = object.remove(id)
            {
                event.metadata.insert("_id", Value::String(text::of_value(&id)));
            }
            self.put(event, name, value);
        }
        true
    }
}

impl Json {
    fn put(&self, event: &mut Event, name: &str, value: Value) {
        match (self.target.as_deref(), value) {
            (None, value) => {
                access::set(event, name, value);
            }
            (Some(""), Value::Object(mut object)) => {
                if let Some(time) = object.remove(vigie_model::event::TIMESTAMP)
                    && self.overwrites
                {
                    access::set(event, vigie_model::event::TIMESTAMP, time);
                }
                if self.expands {
                    let mut expanded = Object::new();
                    for (key, value) in object {
                        access::put(&mut expanded, &key, value);
                    }
                    object = expanded;
                }
                access::merge(&mut event.fields, object, self.overwrites);
            }
            // A list has no place at the root.
            (Some(""), value) => {
                access::set(event, name, value);
            }
            (Some(target), value) => {
                access::set(event, target, value);
            }
        }
    }
}

/// `field: {from: a, to: b}`
fn pair(section: &mut Section<'_>) -> Result<(String, String), ConfigError> {
    let source = Source::default();
    let Some(node) = section.take("field") else {
        return Err(section.error("`field` is missing"));
    };
    let mut pair = Section::of(node, &source)?;
    let from = pair.required("from")?;
    let to = pair.text("to")?.unwrap_or_else(|| from.clone());
    Ok((from, to))
}

/// `fields: [{from: a, to: b}]` or, for CSV, `fields: {a: b}`.
fn pairs(section: &mut Section<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let source = Source::default();
    let mut found = Vec::new();
    for node in section.list("fields")? {
        let mut pair = Section::of(node, &source)?;
        found.push((pair.required("from")?, pair.required("to")?));
    }
    Ok(found)
}

#[derive(Debug)]
struct Base64 {
    from: String,
    to: String,
    fails: bool,
}

pub(super) fn base64(section: &mut Section<'_>) -> Built {
    section.ignore(&["ignore_missing"]);
    let (from, to) = pair(section)?;
    Ok(Box::new(Base64 { from, to, fails: section.boolean("fail_on_error", true)? }))
}

impl Step for Base64 {
    fn apply(&self, event: &mut Event) -> bool {
        let Some(encoded) = access::get(event, &self.from).and_then(Value::as_str) else {
            return true;
        };
        let trimmed = encoded.trim_end_matches('=');
        let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(trimmed);
        match decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(decoded) => {
                access::set(event, &self.to, Value::String(decoded));
            }
            None if self.fails => {
                let message = format!("could not decode base64 field {}", self.from);
                access::fail(event, message);
            }
            None => {}
        }
        true
    }
}

#[derive(Debug)]
struct Csv {
    fields: Vec<(String, String)>,
    separator: char,
    overwrites: bool,
    trims: bool,
    fails: bool,
}

pub(super) fn csv(section: &mut Section<'_>) -> Built {
    section.ignore(&["ignore_missing"]);
    let mut fields = Vec::new();
    for (from, to) in section.object("fields")?.iter() {
        fields.push((from.to_owned(), text::of_value(to)));
    }
    let separator = section.text("separator")?.and_then(|text| text.chars().next());
    Ok(Box::new(Csv {
        fields,
        separator: separator.unwrap_or(','),
        overwrites: section.boolean("overwrite_keys", false)?,
        trims: section.boolean("trim_leading_space", false)?,
        fails: section.boolean("fail_on_error", true)?,
    }))
}

impl Step for Csv {
    fn apply(&self, event: &mut Event) -> bool {
        for (from, to) in &self.fields {
            let Some(line) = access::get(event, from).and_then(Value::as_str) else { continue };
            if from != to && !self.overwrites && access::get(event, to).is_some() {
                if self.fails {
                    access::fail(event, format!("target field {to} already has a value"));
                }
                continue;
            }
            match columns(line, self.separator, self.trims) {
                Some(columns) => {
                    access::set(event, to, Value::List(columns));
                }
                None if self.fails => {
                    access::fail(event, format!("error decoding CSV from field {from}"));
                }
                None => {}
            }
        }
        true
    }
}

/// The columns of a line; `None` when a quote is not closed.
fn columns(line: &str, separator: char, trims: bool) -> Option<Vec<Value>> {
    let mut found = Vec::new();
    let mut rest = line;
    loop {
        if trims {
            rest = rest.trim_start();
        }
        let (column, tail) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut column = String::new();
                let mut inner = quoted;
                loop {
                    let (part, after) = inner.split_once('"')?;
                    column.push_str(part);
                    match after.strip_prefix('"') {
                        Some(more) => {
                            column.push('"');
                            inner = more;
                        }
                        None => {
                            inner = after;
                            break;
                        }
                    }
                }
                (Cow::Owned(column), inner)
            }
            None => {
                let end = rest.find(separator).unwrap_or(rest.len());
                let (column, tail) = rest.split_at(end);
                (Cow::Borrowed(column), tail)
            }
        };
        found.push(Value::String(column.into_owned()));
        match tail.strip_prefix(separator) {
            Some(next) => rest = next,
            None if tail.is_empty() => return Some(found),
            None => return None,
        }
    }
}

#[derive(Debug)]
struct UrlDecode {
    fields: Vec<(String, String)>,
    fails: bool,
}

pub(super) fn urldecode(section: &mut Section<'_>) -> Built {
    section.ignore(&["ignore_missing"]);
    let fails = section.boolean("fail_on_error", true)?;
    Ok(Box::new(UrlDecode { fields: pairs(section)?, fails }))
}

impl Step for UrlDecode {
    fn apply(&self, event: &mut Event) -> bool {
        for (from, to) in &self.fields {
            let Some(encoded) = access::get(event, from).and_then(Value::as_str) else { continue };
            let spaced = encoded.replace('+', " ");
            match percent_encoding::percent_decode_str(&spaced).decode_utf8() {
                Ok(decoded) => {
                    let decoded = decoded.into_owned();
                    access::set(event, to, Value::String(decoded));
                }
                Err(_) if self.fails => {
                    access::fail(event, format!("error trying to URL-decode {from}"));
                }
                Err(_) => {}
            }
        }
        true
    }
}

#[derive(Debug)]
struct Syslog {
    field: String,
    overwrites: bool,
    adds_error: bool,
}

pub(super) fn syslog(section: &mut Section<'_>) -> Built {
    section.ignore(&["format", "timezone", "ignore_missing", "ignore_failure", "tag"]);
    Ok(Box::new(Syslog {
        field: section.text("field")?.unwrap_or_else(|| "message".to_owned()),
        overwrites: section.boolean("overwrite_keys", true)?,
        adds_error: section.boolean("add_error_key", true)?,
    }))
}

impl Step for Syslog {
    fn apply(&self, event: &mut Event) -> bool {
        let Some(text) = access::get(event, &self.field).and_then(Value::as_str) else {
            return true;
        };
        let text = text.to_owned();
        let message = vigie_formats::syslog::parse(&text);
        let Some(priority) = message.priority else {
            if self.adds_error {
                access::fail(event, format!("fail to parse field {} as syslog", self.field));
            }
            return true;
        };
        let mut told = Object::new();
        told.push("priority", Value::Integer(i64::from(priority)));
        access::put(&mut told, "facility.code", Value::Integer(i64::from(priority / 8)));
        access::put(&mut told, "severity.code", Value::Integer(i64::from(priority % 8)));
        let parts = [
            ("hostname", message.hostname),
            ("appname", message.application),
            ("procid", message.process),
            ("msgid", message.message_id),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                told.push(name, Value::from(part));
            }
        }
        let mut log = Object::new();
        log.push("syslog", Value::Object(told));
        let mut all = Object::new();
        all.push("log", Value::Object(log));
        all.push("message", Value::from(message.message));
        access::merge(&mut event.fields, all, self.overwrites);
        true
    }
}

#[derive(Debug)]
struct Fingerprint {
    fields: Vec<String>,
    target: String,
    method: String,
    ignores_missing: bool,
}

pub(super) fn fingerprint(section: &mut Section<'_>) -> Built {
    section.ignore(&["encoding"]);
    let mut fields = section.texts("fields")?;
    fields.sort();
    let method = section.text("method")?.unwrap_or_else(|| "sha256".to_owned());
    if !["md5", "sha1", "sha256", "sha384", "sha512"].contains(&method.as_str()) {
        return Err(section.error(format!("fingerprint: method `{method}` is not there yet")));
    }
    Ok(Box::new(Fingerprint {
        fields,
        target: section.text("target_field")?.unwrap_or_else(|| "fingerprint".to_owned()),
        method,
        ignores_missing: section.boolean("ignore_missing", false)?,
    }))
}

impl Step for Fingerprint {
    fn apply(&self, event: &mut Event) -> bool {
        let mut all = String::new();
        for name in &self.fields {
            match access::get(event, name) {
                Some(value) => {
                    all.push('|');
                    all.push_str(name);
                    all.push('|');
                    all.push_str(&text::of_value(value));
                }
                None if self.ignores_missing => {}
                None => {
                    access::fail(event, format!("failed to find field [{name}] in event"));
                    return true;
                }
            }
        }
        all.push('|');
        let bytes = all.as_bytes();
        let digest: Vec<u8> = match self.method.as_str() {
            "md5" => md5::Md5::digest(bytes).to_vec(),
            "sha1" => sha1::Sha1::digest(bytes).to_vec(),
            "sha384" => sha2::Sha384::digest(bytes).to_vec(),
            "sha512" => sha2::Sha512::digest(bytes).to_vec(),
            _ => sha2::Sha256::digest(bytes).to_vec(),
        };
        let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        access::set(event, &self.target, Value::String(hexadecimal));
        true
    }
}
