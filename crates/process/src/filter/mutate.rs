//! `mutate`: changes fields, in a fixed order of operations, whatever their order in the file.

mod convert;

use vigie_language::logstash::{ConfigError, FieldReference, Sprintf};
use vigie_language::ruby_pattern::RubyPattern;
use vigie_model::event::{Event, Value};

use self::convert::Target;
use super::{Filter, Scope, Verdict, fail};
use crate::options::Options;
use crate::{field, text};

#[derive(Debug)]
struct Mutate {
    operations: Vec<Operation>,
    tags: Vec<String>,
}

#[derive(Debug)]
enum Operation {
    Coerce(FieldReference, Sprintf),
    Rename(Sprintf, Sprintf),
    Update(FieldReference, Sprintf),
    Replace(FieldReference, Sprintf),
    Convert(FieldReference, Target),
    Gsub(FieldReference, Needle, Sprintf),
    Uppercase(FieldReference),
    Capitalize(FieldReference),
    Lowercase(FieldReference),
    Strip(FieldReference),
    Split(FieldReference, String),
    Join(FieldReference, String),
    Merge(FieldReference, FieldReference),
    Copy(FieldReference, FieldReference),
}

#[derive(Debug)]
enum Needle {
    Fixed(RubyPattern),
    /// Depends on the event.
    Rendered(Sprintf),
}

/// An operation failed: what follows it is not done.
struct Failed;

pub(super) fn build(options: &Options<'_>) -> Result<Box<dyn Filter>, ConfigError> {
    let mut operations = Vec::new();
    templates(options, "coerce", &mut operations, Operation::Coerce)?;
    for (from, to) in options.pairs("rename")?.unwrap_or_default() {
        operations.push(Operation::Rename(options.template(&from)?, options.template(&to)?));
    }
    templates(options, "update", &mut operations, Operation::Update)?;
    templates(options, "replace", &mut operations, Operation::Replace)?;
    for (name, target) in options.pairs("convert")?.unwrap_or_default() {
        let target = Target::parse(&target).ok_or_else(|| {
            options.error(&format!(
                "Invalid conversion type '{target}', expected one of 'string,integer,float,\
                 boolean,integer_eu,float_eu'"
            ))
        })?;
        operations.push(Operation::Convert(options.reference(&name)?, target));
    }
    gsub(options, &mut operations)?;
    for (name, operation) in [
        ("uppercase", Operation::Uppercase as fn(FieldReference) -> Operation),
        ("capitalize", Operation::Capitalize),
        ("lowercase", Operation::Lowercase),
        ("strip", Operation::Strip),
    ] {
        for field in options.list(name)?.unwrap_or_default() {
            operations.push(operation(options.reference(&field)?));
        }
    }
    for (name, separator) in options.pairs("split")?.unwrap_or_default() {
        operations.push(Operation::Split(options.reference(&name)?, separator));
    }
    for (name, separator) in options.pairs("join")?.unwrap_or_default() {
        operations.push(Operation::Join(options.reference(&name)?, separator));
    }
    for (into, others) in options.hash("merge")?.unwrap_or_default() {
        for other in others {
            let pair = (options.reference(&into)?, options.reference(&other)?);
            operations.push(Operation::Merge(pair.0, pair.1));
        }
    }
    for (from, to) in options.pairs("copy")?.unwrap_or_default() {
        operations.push(Operation::Copy(options.reference(&from)?, options.reference(&to)?));
    }
    Ok(Box::new(Mutate { operations, tags: options.tags("tag_on_failure", "_mutate_error")? }))
}

fn templates(
    options: &Options<'_>,
    name: &str,
    operations: &mut Vec<Operation>,
    operation: fn(FieldReference, Sprintf) -> Operation,
) -> Result<(), ConfigError> {
    for (field, value) in options.pairs(name)?.unwrap_or_default() {
        operations.push(operation(options.reference(&field)?, options.template(&value)?));
    }
    Ok(())
}

/// Field, expression, replacement, and again.
fn gsub(options: &Options<'_>, operations: &mut Vec<Operation>) -> Result<(), ConfigError> {
    let texts = options.list("gsub")?.unwrap_or_default();
    for three in texts.chunks(3) {
        let [field, needle, replacement] = three else {
            return Err(options.error("gsub: needs a field, an expression and a replacement each"));
        };
        let needle = if needle.contains("%{") {
            Needle::Rendered(options.template(needle)?)
        } else {
            Needle::Fixed(
                RubyPattern::compile(needle)
                    .map_err(|error| options.error(&format!("gsub: `{needle}`: {error}")))?,
            )
        };
        let replacement = options.template(replacement)?;
        operations.push(Operation::Gsub(options.reference(field)?, needle, replacement));
    }
    Ok(())
}

impl Filter for Mutate {
    fn apply(&self, event: &mut Event, scope: &mut Scope<'_>) -> Verdict {
        for operation in &self.operations {
            if operation.apply(event, scope.now_ns).is_err() {
                return fail(event, &self.tags);
            }
        }
        Verdict::Matched
    }
}

impl Operation {
    fn apply(&self, event: &mut Event, now_ns: i64) -> Result<(), Failed> {
        match self {
            Self::Coerce(name, value) => {
                if matches!(field::get(event, name), Some(Value::Null)) {
                    let value = text::render(value, event, now_ns);
                    set(event, name, value.into())?;
                }
            }
            Self::Rename(from, to) => {
                let reference = |template: &Sprintf| {
                    FieldReference::parse(&text::render(template, event, now_ns))
                        .map_err(|_| Failed)
                };
                let (from, to) = (reference(from)?, reference(to)?);
                if let Some(value) = field::remove(event, &from) {
                    set(event, &to, value)?;
                }
            }
            Self::Update(name, value) => {
                if field::has(event, name) {
                    let value = text::render(value, event, now_ns);
                    set(event, name, value.into())?;
                }
            }
            Self::Replace(name, value) => {
                let value = text::render(value, event, now_ns);
                set(event, name, value.into())?;
            }
            Self::Convert(name, target) => {
                if let Some(value) = field::get(event, name).cloned() {
                    let converted = target.convert(value).ok_or(Failed)?;
                    set(event, name, converted)?;
                }
            }
            Self::Gsub(name, needle, replacement) => {
                let replacement = text::render(replacement, event, now_ns);
                let rendered;
                let pattern = match needle {
                    Needle::Fixed(pattern) => pattern,
                    Needle::Rendered(template) => {
                        let needle = text::render(template, event, now_ns);
                        rendered = RubyPattern::compile(&needle).map_err(|_| Failed)?;
                        &rendered
                    }
                };
                let replace =
                    |text: &str| pattern.replace_all(text, &replacement).map_err(|_| Failed);
                each_text(event, name, replace)?;
            }
            Self::Uppercase(name) => each_text(event, name, |text| Ok(text.to_uppercase()))?,
            Self::Lowercase(name) => each_text(event, name, |text| Ok(text.to_lowercase()))?,
            Self::Capitalize(name) => each_text(event, name, |text| Ok(capitalized(text)))?,
            Self::Strip(name) => {
                let strip = |text: &str| Ok(text.trim_matches(is_blank).to_owned());
                each_text(event, name, strip)?;
            }
            Self::Split(name, separator) => {
                if let Some(Value::String(text)) = field::get(event, name) {
                    let parts = split(text, separator);
                    set(event, name, Value::List(parts))?;
                }
            }
            Self::Join(name, separator) => {
                if let Some(Value::List(items)) = field::get(event, name) {
                    let texts: Vec<_> = items.iter().map(text::of_value).collect();
                    let joined = texts.join(separator);
                    set(event, name, joined.into())?;
                }
            }
            Self::Merge(into, other) => merge(event, into, other)?,
            Self::Copy(from, to) => {
                if let Some(value) = field::get(event, from).cloned() {
                    set(event, to, value)?;
                }
            }
        }
        Ok(())
    }
}

fn set(event: &mut Event, name: &FieldReference, value: Value) -> Result<(), Failed> {
    if field::set(event, name, value) { Ok(()) } else { Err(Failed) }
}

/// Ruby strips blanks, ends of lines and NUL.
fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '\0' | '\u{b}')
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars.as_str().to_lowercase().chars()).collect()
}

/// Ruby's `split`: empty parts at the end are left out; a blank means any white space.
fn split(text: &str, separator: &str) -> Vec<Value> {
    let mut parts: Vec<&str> = match separator {
        " " => text.split_ascii_whitespace().collect(),
        "" => text.char_indices().filter_map(|(at, c)| text.get(at..at + c.len_utf8())).collect(),
        separator => text.split(separator).collect(),
    };
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts.into_iter().map(Value::from).collect()
}

/// Changes a text, or the texts of a list; anything else stays.
fn each_text(
    event: &mut Event,
    name: &FieldReference,
    change: impl Fn(&str) -> Result<String, Failed>,
) -> Result<(), Failed> {
    match field::get_mut(event, name) {
        Some(Value::String(text)) => *text = change(text)?,
        Some(Value::List(items)) => {
            for item in items {
                if let Value::String(text) = item {
                    *text = change(text)?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Lists are joined, texts make lists, objects take the members of objects.
fn merge(event: &mut Event, into: &FieldReference, other: &FieldReference) -> Result<(), Failed> {
    let Some(added) = field::get(event, other).cloned() else { return Ok(()) };
    let merged = match (field::get(event, into).cloned(), added) {
        (None | Some(Value::Null), added) => added,
        (Some(Value::Object(mut known)), Value::Object(added)) => {
            for (key, value) in added {
                known.insert(key, value);
            }
            Value::Object(known)
        }
        // A list and an object do not go together; nothing is changed.
        (Some(Value::Object(_)), _) | (Some(_), Value::Object(_)) => return Ok(()),
        (Some(known), added) => {
            let mut list = field::into_list(known);
            for value in field::into_list(added) {
                if !list.contains(&value) {
                    list.push(value);
                }
            }
            Value::List(list)
        }
    };
    set(event, into, merged)
}
