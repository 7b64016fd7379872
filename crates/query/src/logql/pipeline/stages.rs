//! One stage of a pipeline.

use std::sync::LazyLock;

use regex::Regex;
use vigie_language::logql::{Extraction, LabelSource, NamedMatcher, Pattern, Stage};
use vigie_model::pattern::compile;

use super::json::{self, Step};
use super::label_filter::CompiledLabelFilter;
use super::line_filter::CompiledLineFilter;
use super::logfmt;
use super::template::{LineTemplate, TEMPLATE_ERROR, data_of};
use crate::logql::LogqlError;
use crate::logql::labels::{
    CompiledMatcher, ERROR, ERROR_DETAILS, LineLabels, Origin, PRESERVE_ERROR, label_name,
};

/// A stage that is ready to run.
#[derive(Debug)]
pub(super) enum CompiledStage {
    LineFilter(CompiledLineFilter),
    Json,
    JsonPaths(Vec<(Extraction, Vec<Step>)>),
    Logfmt { flags: (bool, bool), wanted: Vec<Extraction> },
    Regexp(Regex),
    Pattern(Pattern),
    Unpack,
    LabelFilter(CompiledLabelFilter),
    LineFormat(LineTemplate),
    LabelFormat(Vec<(String, Format)>),
    Decolorize,
    Drop(Vec<Named>),
    Keep(Vec<Named>),
}

/// Where a formatted label's value comes from.
#[derive(Debug)]
pub(super) enum Format {
    Rename(String),
    Template(LineTemplate),
}

/// A label, or a label with a condition.
#[derive(Debug)]
pub(super) enum Named {
    Name(String),
    Matcher(CompiledMatcher),
}

impl Named {
    fn new(named: &NamedMatcher) -> Result<Self, LogqlError> {
        Ok(match named {
            NamedMatcher::Name(name) => Self::Name(name.clone()),
            NamedMatcher::Matcher(matcher) => {
                Self::Matcher(CompiledMatcher::new(matcher).map_err(LogqlError::BadRequest)?)
            }
        })
    }

    fn is(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Matcher(wanted) => wanted.matcher.name == name && wanted.matches(value),
        }
    }
}

/// Sequences that colour a terminal's text.
static COLOURS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("[\u{1b}\u{9b}][\\[()#;?]*(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-ORZcf-nqry=><]").ok()
});

impl CompiledStage {
    pub(super) fn new(stage: &Stage) -> Result<Self, LogqlError> {
        let named = |list: &[NamedMatcher]| {
            list.iter().map(Named::new).collect::<Result<Vec<_>, LogqlError>>()
        };
        Ok(match stage {
            Stage::LineFilter(filter) => Self::LineFilter(CompiledLineFilter::new(filter)?),
            Stage::Json(list) if list.is_empty() => Self::Json,
            Stage::Json(list) => {
                let path = |extraction: &Extraction| {
                    let text = &extraction.expression;
                    let path = json::parse_path(text).ok_or_else(|| {
                        LogqlError::BadRequest(format!(
                            "parse error : cannot parse expression [{text}]: syntax error"
                        ))
                    })?;
                    Ok((extraction.clone(), path))
                };
                Self::JsonPaths(list.iter().map(path).collect::<Result<_, LogqlError>>()?)
            }
            Stage::Logfmt { strict, keep_empty, extractions } => {
                Self::Logfmt { flags: (*strict, *keep_empty), wanted: extractions.clone() }
            }
            Stage::Regexp(text) => {
                let regex = compile(text);
                Self::Regexp(regex.map_err(|error| LogqlError::BadRequest(error.to_string()))?)
            }
            Stage::Pattern(text) => {
                Self::Pattern(Pattern::parse_named(text).map_err(LogqlError::BadRequest)?)
            }
            Stage::Unpack => Self::Unpack,
            Stage::LabelFilter(filter) => Self::LabelFilter(CompiledLabelFilter::new(filter)?),
            Stage::LineFormat(text) => Self::LineFormat(LineTemplate::new("line", text)?),
            Stage::LabelFormat(list) => {
                let format = |source: &LabelSource| -> Result<Format, LogqlError> {
                    Ok(match source {
                        LabelSource::Label(name) => Format::Rename(name.clone()),
                        LabelSource::Template(text) => {
                            Format::Template(LineTemplate::new("label", text)?)
                        }
                    })
                };
                let formats = list.iter().map(|f| Ok((f.label.clone(), format(&f.source)?)));
                Self::LabelFormat(formats.collect::<Result<_, LogqlError>>()?)
            }
            Stage::Decolorize => Self::Decolorize,
            Stage::Drop(list) => Self::Drop(named(list)?),
            Stage::Keep(list) => Self::Keep(named(list)?),
        })
    }

    /// Works on a line; `false` when it is filtered out.
    pub(super) fn run(&self, time_ns: i64, line: &mut String, labels: &mut LineLabels) -> bool {
        match self {
            Self::LineFilter(filter) => return filter.keeps(line),
            Self::LabelFilter(filter) => return filter.keeps(labels),
            Self::Json => json::extract_all(line, labels),
            Self::JsonPaths(paths) => json::extract_paths(line, paths, labels),
            Self::Logfmt { flags, wanted } => logfmt::extract(line, *flags, wanted, labels),
            Self::Regexp(regex) => {
                let Some(captures) = regex.captures(line) else { return true };
                for name in regex.capture_names().flatten() {
                    if let Some(found) = captures.name(name) {
                        labels.extract(&label_name(name), found.as_str());
                    }
                }
            }
            Self::Pattern(pattern) => {
                pattern.captures(line, |name, value| labels.extract(name, value));
            }
            Self::Unpack => json::unpack(line, labels),
            Self::LineFormat(template) => match template.render(&data_of(labels), line, time_ns) {
                Ok(text) => *line = text,
                Err(error) => labels.fail(TEMPLATE_ERROR, &error),
            },
            Self::LabelFormat(formats) => format_labels(formats, time_ns, line, labels),
            Self::Decolorize => {
                if let Some(colours) = COLOURS.as_ref()
                    && line.contains(['\u{1b}', '\u{9b}'])
                {
                    *line = colours.replace_all(line, "").into_owned();
                }
            }
            Self::Drop(list) => {
                labels.retain(|name, value| !list.iter().any(|named| named.is(name, value)));
            }
            Self::Keep(list) => labels.retain(|name, value| {
                matches!(name, ERROR | ERROR_DETAILS | PRESERVE_ERROR)
                    || list.iter().any(|named| named.is(name, value))
            }),
        }
        true
    }
}

fn format_labels(formats: &[(String, Format)], time_ns: i64, line: &str, labels: &mut LineLabels) {
    let mut data = None;
    for (label, format) in formats {
        match format {
            Format::Rename(from) => {
                if let Some(value) = labels.get(from).map(str::to_owned) {
                    labels.set(label, &value, Origin::Parsed);
                    labels.remove(from);
                }
            }
            Format::Template(template) => {
                let data = data.get_or_insert_with(|| data_of(labels));
                match template.render(data, line, time_ns) {
                    Ok(text) => labels.set(label, &text, Origin::Parsed),
                    Err(error) => labels.fail(TEMPLATE_ERROR, &error),
                }
            }
        }
    }
}
