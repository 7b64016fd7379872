//! A YAML document as a tree that remembers where each part stands.
//!
//! Scalars stay as written (`job_name: 1.10` is the text `1.10`, as Prometheus reads it), which
//! a tree of numbers and booleans would lose.

use std::collections::HashMap;
use std::path::PathBuf;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::ConfigError;

/// Nodes that one document may have after aliases are expanded: a cap against alias bombs.
const NODES_MAX: usize = 2_000_000;

/// Where a configuration was read from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The file, for errors.
    pub file: Option<PathBuf>,
    /// The folder to which relative paths belong.
    pub folder: PathBuf,
}

/// A part of a YAML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Line from 1.
    pub line: u32,
    /// Column from 1.
    pub column: u32,
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Line from 1.
    pub line: u32,
    /// Column from 1.
    pub column: u32,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar as written, and whether it stood without quotes.
    Scalar(String, bool),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in the order of the document.
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// Reads the first document of `text`; an empty one is `Null`.
    pub fn parse(text: &str, source: &Source) -> Result<Self, ConfigError> {
        let mut reader = TreeReader {
            parser: Parser::new_from_str(text),
            anchors: HashMap::new(),
            node_count: 0,
            source,
        };
        reader.document()
    }

    /// An error that points here.
    pub fn error(&self, source: &Source, message: impl Into<String>) -> ConfigError {
        ConfigError {
            file: source.file.clone(),
            line: self.line,
            column: self.column,
            message: message.into(),
            advice: String::new(),
        }
    }

    /// The error that another kind of value was expected.
    pub fn mismatch(&self, source: &Source, expected: &str) -> ConfigError {
        let found = match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar(text, _) => format!("`{}`", shortened(text)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        };
        self.error(source, format!("cannot unmarshal {found} into {expected}"))
            .advise(format!("write {expected} here"))
    }

    /// Whether nothing was written.
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Number of nodes, this one included.
    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Null | Value::Scalar(..) => 0,
            Value::List(items) => items.iter().map(Self::count).sum::<usize>(),
            Value::Map(pairs) => pairs.iter().map(|(_, node)| node.count()).sum::<usize>(),
        }
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 {
        text.to_owned()
    } else {
        let start: String = text.chars().take(37).collect();
        format!("{start}...")
    }
}

struct TreeReader<'a, 'b> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    node_count: usize,
    source: &'b Source,
}

impl<'a> TreeReader<'a, '_> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, ConfigError> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(error)) => Err(ConfigError {
                file: self.source.file.clone(),
                line: error.marker().line() as u32,
                column: error.marker().col() as u32 + 1,
                message: format!("yaml: {}", error.info()),
                advice: String::new(),
            }),
        }
    }

    fn document(&mut self) -> Result<Node, ConfigError> {
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamEnd | Event::DocumentEnd => break,
                event if event.is_node() => return self.node(event, &span),
                _ => {}
            }
        }
        Ok(Node { value: Value::Null, line: 1, column: 1 })
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, ConfigError> {
        let (line, column) = (span.start.line() as u32, span.start.col() as u32 + 1);
        let anchor = event.anchor_id();
        let value = match event {
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(self.error(
                        line,
                        column,
                        "yaml: alias to a node that is not there",
                    ));
                };
                self.count(node.count(), line, column)?;
                return Ok(node);
            }
            Event::Scalar(text, style, _, _) => {
                let plain = style == ScalarStyle::Plain;
                if plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Value::Null
                } else {
                    Value::Scalar(text.into_owned(), plain)
                }
            }
            Event::SequenceStart(..) => Value::List(self.list()?),
            Event::MappingStart(..) => Value::Map(self.map()?),
            _ => return Err(self.error(line, column, "yaml: a value was expected here")),
        };
        self.count(1, line, column)?;
        let node = Node { value, line, column };
        if let Some(id) = anchor {
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self) -> Result<Vec<Node>, ConfigError> {
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            match event {
                Event::SequenceEnd => break,
                event if event.is_node() => items.push(self.node(event, &span)?),
                _ => {}
            }
        }
        Ok(items)
    }

    fn map(&mut self) -> Result<Vec<(Key, Node)>, ConfigError> {
        let mut pairs: Vec<(Key, Node)> = Vec::new();
        let mut merged: Vec<(Key, Node)> = Vec::new();
        while let Some((event, span)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                break;
            }
            if !event.is_node() {
                continue;
            }
            let key_node = self.node(event, &span)?;
            let (line, column) = (key_node.line, key_node.column);
            let text = match key_node.value {
                Value::Scalar(text, _) => text,
                Value::Null => "null".to_owned(),
                _ => return Err(self.error(line, column, "yaml: a key must be a scalar")),
            };
            let value = loop {
                match self.next()? {
                    Some((event, span)) if event.is_node() => break self.node(event, &span)?,
                    Some(_) => {}
                    None => return Err(self.error(line, column, "yaml: a key without a value")),
                }
            };
            if text == "<<" {
                merge_into(&mut merged, value);
                continue;
            }
            if pairs.iter().any(|(key, _)| key.text == text) {
                let message = format!("yaml: key \"{text}\" already set in map");
                return Err(self.error(line, column, &message).advise("remove one of the two"));
            }
            pairs.push((Key { text, line, column }, value));
        }
        for (key, value) in merged {
            if !pairs.iter().any(|(other, _)| other.text == key.text) {
                pairs.push((key, value));
            }
        }
        Ok(pairs)
    }

    fn count(&mut self, nodes: usize, line: u32, column: u32) -> Result<(), ConfigError> {
        self.node_count += nodes;
        if self.node_count > NODES_MAX {
            let message = format!("yaml: the document has more than {NODES_MAX} values");
            return Err(self.error(line, column, &message));
        }
        Ok(())
    }

    fn error(&self, line: u32, column: u32, message: &str) -> ConfigError {
        ConfigError {
            file: self.source.file.clone(),
            line,
            column,
            message: message.to_owned(),
            advice: String::new(),
        }
    }
}

/// `<<: *anchor` and `<<: [*one, *two]`: earlier sources win.
fn merge_into(merged: &mut Vec<(Key, Node)>, value: Node) {
    match value.value {
        Value::Map(pairs) => {
            for (key, node) in pairs {
                if !merged.iter().any(|(other, _)| other.text == key.text) {
                    merged.push((key, node));
                }
            }
        }
        Value::List(items) => items.into_iter().for_each(|item| merge_into(merged, item)),
        Value::Null | Value::Scalar(..) => {}
    }
}
