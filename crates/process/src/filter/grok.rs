//! `grok`: fields from a text by named patterns.

use vigie_language::grok::{CaptureType, FieldNames, Grok as Expression, GrokLibrary};
use vigie_language::logstash::{ConfigError, FieldReference};
use vigie_model::event::{Event, Value};

use super::{Filter, Scope, Verdict, fail};
use crate::build::{Context, Ecs};
use crate::options::Options;
use crate::{field, text};

/// Files of patterns that one filter reads.
const FILES_MAX: usize = 1_000;

#[derive(Debug)]
struct Grok {
    matches: Vec<(FieldReference, Vec<Expression>)>,
    overwrite: Vec<FieldReference>,
    target: Option<FieldReference>,
    break_on_match: bool,
    keep_empty_captures: bool,
    tags: Vec<String>,
    timeout_tag: String,
}

pub(super) fn build(
    options: &Options<'_>,
    context: &mut Context<'_>,
) -> Result<Box<dyn Filter>, ConfigError> {
    let library = library(options, context)?;
    let named_only = options.boolean("named_captures_only", true)?;
    let mut matches = Vec::new();
    for (source, expressions) in options.hash("match")?.unwrap_or_default() {
        let mut compiled = Vec::new();
        for expression in expressions {
            let grok = Expression::compile(&expression, &library, named_only)
                .map_err(|error| options.error(&format!("match: `{expression:.200}`: {error}")))?;
            if !grok.is_linear() {
                let message = "holds look-around in a repeat, or a reference back: it runs in a \
                               slower engine with a limit of steps";
                context.warn(options.plugin(), format!("`{expression:.100}` {message}"));
            }
            compiled.push(grok);
        }
        matches.push((options.reference(&source)?, compiled));
    }
    if matches.is_empty() {
        return Err(options.error("match: names no field and no expression"));
    }
    let overwrite = options.list("overwrite")?.unwrap_or_default();
    // The time limits of the original mean seconds of backtracking; the engine here counts steps.
    options.ignore(&["timeout_millis", "timeout_scope", "patterns_files_glob"]);
    Ok(Box::new(Grok {
        matches,
        overwrite: overwrite
            .iter()
            .map(|name| options.reference(name))
            .collect::<Result<_, _>>()?,
        target: options.field("target")?,
        break_on_match: options.boolean("break_on_match", true)?,
        keep_empty_captures: options.boolean("keep_empty_captures", false)?,
        tags: options.tags("tag_on_failure", "_grokparsefailure")?,
        timeout_tag: options.text("tag_on_timeout")?.unwrap_or_else(|| "_groktimeout".to_owned()),
    }))
}

fn library(options: &Options<'_>, context: &Context<'_>) -> Result<GrokLibrary, ConfigError> {
    let names = match context.ecs(options)? {
        Ecs::Disabled => FieldNames::Legacy,
        Ecs::V1 | Ecs::V8 => FieldNames::Ecs,
    };
    let mut library = GrokLibrary::standard(names);
    for folder in options.list("patterns_dir")?.unwrap_or_default() {
        let path = context.options.folder.join(&folder);
        let disk = &context.options.world.disk;
        let mut files: Vec<_> = match disk.list(&path) {
            Ok(entries) => entries.into_iter().map(|entry| path.join(entry.name)).collect(),
            Err(_) => vec![path],
        };
        files.sort();
        for file in files.into_iter().take(FILES_MAX) {
            // Folders within the folder are passed over, as in the original.
            if let Ok(bytes) = disk.read(&file) {
                library.add_file(&String::from_utf8_lossy(&bytes));
            }
        }
    }
    for (name, pattern) in options.pairs("pattern_definitions")?.unwrap_or_default() {
        library.define(&name, &pattern);
    }
    Ok(library)
}

impl Filter for Grok {
    fn apply(&self, event: &mut Event, _scope: &mut Scope<'_>) -> Verdict {
        let mut is_matched = false;
        for (source, expressions) in &self.matches {
            match self.one_field(source, expressions, event) {
                Ok(true) => {
                    is_matched = true;
                    if self.break_on_match {
                        break;
                    }
                }
                Ok(false) => {}
                Err(TookTooLong) => {
                    event.add_tag(&self.timeout_tag);
                    return Verdict::Failed;
                }
            }
        }
        if is_matched { Verdict::Matched } else { fail(event, &self.tags) }
    }
}

struct TookTooLong;

impl Grok {
    fn one_field(
        &self,
        source: &FieldReference,
        expressions: &[Expression],
        event: &mut Event,
    ) -> Result<bool, TookTooLong> {
        let texts: Vec<String> = match field::get(event, source) {
            None | Some(Value::Null) => return Ok(false),
            Some(Value::List(items)) => items.iter().map(text::of_value).collect(),
            Some(value) => vec![text::of_value(value)],
        };
        let mut is_matched = false;
        for text in &texts {
            for expression in expressions {
                let found = expression.captures(text).map_err(|_| TookTooLong)?;
                let Some(captures) = found else { continue };
                is_matched = true;
                for capture in captures {
                    self.keep(event, capture.field, capture.text, capture.kind);
                }
                if self.break_on_match {
                    break;
                }
            }
        }
        Ok(is_matched)
    }

    fn keep(&self, event: &mut Event, name: &str, text: &str, kind: CaptureType) {
        if text.is_empty() && !self.keep_empty_captures {
            return;
        }
        let Ok(named) = FieldReference::parse(name) else { return };
        let reference = match &self.target {
            Some(target) => {
                named.path().iter().fold(target.clone(), |inner, name| inner.child(name))
            }
            None => named.clone(),
        };
        let value = match kind {
            CaptureType::Text => Value::String(text.to_owned()),
            CaptureType::Integer => Value::Integer(text::to_integer(text)),
            CaptureType::Float => Value::Float(text::to_float(text)),
        };
        if self.overwrite.contains(&named) {
            field::set(event, &reference, value);
            return;
        }
        // What is there already becomes a list with what is found.
        match field::get_mut(event, &reference) {
            None => {
                field::set(event, &reference, value);
            }
            Some(Value::List(items)) => items.push(value),
            Some(known @ Value::Null) => *known = value,
            Some(known) => {
                let first = std::mem::take(known);
                *known = Value::List(vec![first, value]);
            }
        }
    }
}
