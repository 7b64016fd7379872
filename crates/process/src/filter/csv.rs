//! `csv`: columns of a line become fields.

use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::options::Options;
use crate::{field, text};

/// Columns that one line has.
const COLUMNS_MAX: usize = 10_000;

#[derive(Debug)]
struct Csv {
    source: FieldReference,
    target: Option<FieldReference>,
    columns: Vec<String>,
    separator: char,
    quote: Option<char>,
    skip_empty_columns: bool,
    skip_empty_rows: bool,
    skip_header: bool,
    generates_names: bool,
    convert: Vec<(String, String)>,
    detected: parking_lot::RwLock<Option<Vec<String>>>,
    detects: bool,
}

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let one = |name: &str, default: &str| -> Result<Option<char>, ConfigError> {
        Ok(options.text(name)?.unwrap_or_else(|| default.to_owned()).chars().next())
    };
    let separator = match options.text("separator")?.as_deref() {
        Some("\\t") => '\t',
        Some(text) => text.chars().next().ok_or_else(|| options.error("separator: is empty"))?,
        None => ',',
    };
    Ok(Box::new(Csv {
        source: options.reference(&options.text("source")?.unwrap_or_else(|| "message".into()))?,
        target: options.field("target")?,
        columns: options.list("columns")?.unwrap_or_default(),
        separator,
        quote: one("quote_char", "\"")?,
        skip_empty_columns: options.boolean("skip_empty_columns", false)?,
        skip_empty_rows: options.boolean("skip_empty_rows", false)?,
        skip_header: options.boolean("skip_header", false)?,
        generates_names: options.boolean("autogenerate_column_names", true)?,
        convert: options.pairs("convert")?.unwrap_or_default(),
        detected: parking_lot::RwLock::new(None),
        detects: options.boolean("autodetect_column_names", false)?,
    }))
}

impl Filter for Csv {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let Some(Value::String(line)) = field::get(event, &self.source) else {
            return Verdict::Passed;
        };
        if self.skip_empty_rows && line.trim().is_empty() {
            event.add_tag("_csvskippedemptyfield");
            return Verdict::Failed;
        }
        let Some(values) = cut(line, self.separator, self.quote) else {
            return fail(event, &["_csvparsefailure".to_owned()]);
        };
        if self.detects && self.detected.read().is_none() {
            // The first line names the columns, and is no event.
            *self.detected.write() = Some(values);
            return Verdict::Dropped;
        }
        if self.skip_header && !self.columns.is_empty() && self.columns == values {
            return Verdict::Dropped;
        }
        let detected = self.detected.read();
        let columns = detected.as_ref().unwrap_or(&self.columns);
        for (at, value) in values.into_iter().enumerate() {
            if self.skip_empty_columns && value.is_empty() {
                continue;
            }
            let name = match columns.get(at) {
                Some(name) if name.is_empty() => continue,
                Some(name) => name.clone(),
                None if self.generates_names => format!("column{}", at + 1),
                None => break,
            };
            self.keep(event, &name, value);
        }
        Verdict::Matched
    }
}

impl Csv {
    fn keep(&self, event: &mut Event, name: &str, value: String) {
        let value = match self.convert.iter().find(|(column, _)| column == name) {
            Some((_, kind)) => converted(kind, value),
            None => Value::String(value),
        };
        let Ok(reference) = FieldReference::parse(name) else { return };
        let reference = match &self.target {
            Some(target) => {
                reference.path().iter().fold(target.clone(), |inner, name| inner.child(name))
            }
            None => reference,
        };
        field::set(event, &reference, value);
    }
}

fn converted(kind: &str, value: String) -> Value {
    match kind {
        "integer" => Value::Integer(text::to_integer(&value)),
        "float" => Value::Float(text::to_float(&value)),
        "boolean" => Value::Boolean(value.eq_ignore_ascii_case("true")),
        "date" | "date_time" => {
            let text = Value::String(value);
            field::as_time_ns(&text).map_or(text, Value::Time)
        }
        _ => Value::String(value),
    }
}

/// The columns; nothing when a quote is not closed or stands in the middle.
fn cut(line: &str, separator: char, quote: Option<char>) -> Option<Vec<String>> {
    let mut columns = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        let mut value = String::new();
        if quote.is_some() && rest.peek().copied() == quote {
            rest.next();
            loop {
                let c = rest.next()?;
                if Some(c) != quote {
                    value.push(c);
                } else if rest.peek().copied() == quote {
                    value.push(c);
                    rest.next();
                } else {
                    break;
                }
            }
            if rest.peek().is_some_and(|c| *c != separator) {
                return None;
            }
        } else {
            while let Some(c) = rest.next_if(|c| *c != separator) {
                if Some(c) == quote {
                    return None;
                }
                value.push(c);
            }
        }
        columns.push(value);
        if columns.len() > COLUMNS_MAX {
            return None;
        }
        if rest.next().is_none() {
            return Some(columns);
        }
    }
}
