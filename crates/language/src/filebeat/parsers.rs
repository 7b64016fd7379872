//! Parsers of an input: what makes messages of lines, and fields of messages.

use std::time::Duration;

use regex::bytes::Regex;

use super::input::{InputKind, patterns};
use super::{Section, Warning};
use crate::yaml::{ConfigError, Node, Source};

/// Which stream of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Both.
    All,
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// What makes events of lines.
#[derive(Debug, Clone)]
pub enum Parser {
    /// Lines of Docker or of the Container Runtime Interface, told apart line by line.
    Container(Stream),
    /// Several lines are one message.
    Multiline(MultilineRules),
    /// Lines are JSON.
    Json(JsonRules),
    /// Lines are syslog.
    Syslog,
    /// Only messages that match one of these.
    Include(Vec<Regex>),
}

/// Which lines belong together.
#[derive(Debug, Clone)]
pub struct MultilineRules {
    /// How it is told.
    pub kind: MultilineKind,
    /// Lines of one message; more are left out.
    pub lines_max: u64,
    /// A message that does not grow for so long is whole.
    pub timeout: Duration,
    /// Whether lines are joined without a line feed.
    pub skip_newline: bool,
}

/// How lines that belong together are told.
#[derive(Debug, Clone)]
pub enum MultilineKind {
    /// By a pattern: lines that match it (or do not) belong to the one before or after.
    Pattern {
        /// The pattern.
        pattern: Regex,
        /// Whether those belong that do not match.
        negate: bool,
        /// Whether they follow the line they belong to (`after`) or come before it.
        after: bool,
        /// A line that ends the message.
        flush: Option<Regex>,
    },
    /// So many lines each.
    Count(u64),
    /// Lines are joined while they match (or do not).
    While {
        /// The pattern.
        pattern: Regex,
        /// Whether those are joined that do not match.
        negate: bool,
    },
}

/// How JSON becomes fields.
#[derive(Debug, Clone, Default)]
pub struct JsonRules {
    /// Where its fields stand; empty: at the root.
    pub target: Option<String>,
    /// Whether they take the place of what is there.
    pub overwrite_keys: bool,
    /// Whether what is wrong is told in `error`.
    pub add_error_key: bool,
    /// Whether dotted keys become nested ones.
    pub expand_keys: bool,
    /// The field whose text is the message that lines are chosen and joined by.
    pub message_key: Option<String>,
    /// Whether what is wrong is not logged.
    pub ignore_decoding_error: bool,
}

/// In the order in which they are applied.
pub(super) fn read(
    section: &mut Section<'_>,
    kind: InputKind,
    source: &Source,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Parser>, ConfigError> {
    let mut found = Vec::new();
    if kind == InputKind::Container {
        let stream = stream(section)?;
        section.ignore(&["format", "combine_partial", "containers"]);
        found.push(Parser::Container(stream));
    }
    for node in section.list("parsers")? {
        let mut one = Section::of(node, source)?;
        let Some(name) = one.names().next() else {
            return Err(one.error("a parser has a name: ndjson, multiline, container, syslog"));
        };
        let empty = Node { value: crate::yaml::Value::Null, line: node.line, column: node.column };
        let mut options = Section::of(one.take(name).unwrap_or(&empty), source)?;
        found.push(match name {
            "ndjson" => {
                Parser::Json(JsonRules { target: options.text("target")?, ..json(&mut options)? })
            }
            "multiline" => Parser::Multiline(multiline(&mut options)?),
            "container" => Parser::Container(stream(&mut options)?),
            "syslog" => Parser::Syslog,
            "include_message" => Parser::Include(patterns(&mut options, "patterns")?),
            other => {
                return Err(one
                    .error(format!("parser `{other}` is not there yet"))
                    .advise("there are ndjson, multiline, container, syslog, include_message"));
            }
        });
        options.ignore(&["format", "timezone", "log_errors", "add_error_key"]);
        options.finish(&format!("parsers.{name}."), warnings);
    }
    // The older inputs decode JSON first and join then, or the other way round when there is a key.
    if let Some(node) = section.take("json") {
        let mut options = Section::of(node, source)?;
        let under_root = options.boolean("keys_under_root", false)?;
        let target = if under_root { String::new() } else { "json".to_owned() };
        let rules = JsonRules { target: Some(target), ..json(&mut options)? };
        options.finish("json.", warnings);
        found.push(Parser::Json(rules));
    }
    if let Some(node) = section.take("multiline") {
        let mut options = Section::of(node, source)?;
        let rules = Parser::Multiline(multiline(&mut options)?);
        options.finish("multiline.", warnings);
        let has_key =
            matches!(found.last(), Some(Parser::Json(JsonRules { message_key: Some(_), .. })));
        let before_json = matches!(found.last(), Some(Parser::Json(_))) && !has_key;
        let at = if before_json { found.len().saturating_sub(1) } else { found.len() };
        found.insert(at, rules);
    }
    Ok(found)
}

fn stream(section: &mut Section<'_>) -> Result<Stream, ConfigError> {
    match section.text("stream")?.as_deref() {
        None | Some("all") => Ok(Stream::All),
        Some("stdout") => Ok(Stream::Stdout),
        Some("stderr") => Ok(Stream::Stderr),
        Some(other) => {
            Err(section.error(format!("stream `{other}` is none of all, stdout, stderr")))
        }
    }
}

fn json(options: &mut Section<'_>) -> Result<JsonRules, ConfigError> {
    Ok(JsonRules {
        target: None,
        overwrite_keys: options.boolean("overwrite_keys", false)?,
        add_error_key: options.boolean("add_error_key", false)?,
        expand_keys: options.boolean("expand_keys", false)?,
        message_key: options.text("message_key")?.filter(|key| !key.is_empty()),
        ignore_decoding_error: options.boolean("ignore_decoding_error", false)?,
    })
}

fn multiline(options: &mut Section<'_>) -> Result<MultilineRules, ConfigError> {
    let kind = match options.text("type")?.as_deref() {
        None | Some("pattern") => {
            let pattern = required_pattern(options, "pattern")?;
            let negate = options.boolean("negate", false)?;
            let after = match options.text("match")?.as_deref() {
                Some("after") => true,
                Some("before") => false,
                _ => return Err(options.error("multiline: `match` must be after or before")),
            };
            let flush = pattern_of(options, "flush_pattern")?;
            MultilineKind::Pattern { pattern, negate, after, flush }
        }
        Some("count") => MultilineKind::Count(options.number("count_lines", 1)?.max(1)),
        Some("while_pattern") => MultilineKind::While {
            pattern: required_pattern(options, "pattern")?,
            negate: options.boolean("negate", false)?,
        },
        Some(other) => {
            return Err(options.error(format!(
                "multiline: type `{other}` is none of pattern, count, while_pattern"
            )));
        }
    };
    Ok(MultilineRules {
        kind,
        lines_max: options.number("max_lines", 500)?.max(1),
        timeout: options.duration("timeout")?.unwrap_or(Duration::from_secs(5)),
        skip_newline: options.boolean("skip_newline", false)?,
    })
}

fn required_pattern(options: &mut Section<'_>, name: &str) -> Result<Regex, ConfigError> {
    match pattern_of(options, name)? {
        Some(pattern) => Ok(pattern),
        None => Err(options.error(format!("`{name}` is missing"))),
    }
}

fn pattern_of(options: &mut Section<'_>, name: &str) -> Result<Option<Regex>, ConfigError> {
    let Some(text) = options.text(name)? else { return Ok(None) };
    let pattern =
        Regex::new(&text).map_err(|error| options.error(format!("{name}: `{text}`: {error}")))?;
    Ok(Some(pattern))
}
