//! Reading YAML by hand: what has the wrong type or name is collected.
//!
//! Prometheus' YAML library reports all of it at once, line by line; so does this.

use std::collections::BTreeMap;

use vigie_language::promql::parse_duration_ms;
use vigie_language::yaml::{Key, Node, Value};

use crate::{Place, RuleFileError};

/// Entries that one list may have.
const ENTRIES_MAX: usize = 1_000_000;

/// A text and where it stands.
#[derive(Debug, Default, Clone)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    ignore_unknown_fields: bool,
    /// What the YAML library lists together.
    lines: Vec<(Place, String)>,
    /// What it stops at.
    others: Vec<RuleFileError>,
}

impl Reader {
    /// A reader that may leave out what it does not know.
    pub(crate) fn new(ignore_unknown_fields: bool) -> Self {
        Self { ignore_unknown_fields, ..Self::default() }
    }

    pub(crate) fn finish(self) -> Result<(), Vec<RuleFileError>> {
        let mut errors = self.others;
        if let Some((place, _)) = self.lines.first() {
            let lines =
                self.lines.iter().map(|(place, text)| format!("\n  line {}: {text}", place.line));
            let message = format!("yaml: unmarshal errors:{}", lines.collect::<String>());
            errors.push(RuleFileError { place: *place, message });
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    pub(crate) fn fields<'a>(
        &mut self,
        node: &'a Node,
        type_name: &str,
    ) -> Vec<(&'a Key, &'a Node)> {
        match &node.value {
            Value::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
            Value::Null => Vec::new(),
            _ => {
                self.mismatch(node, type_name);
                Vec::new()
            }
        }
    }

    pub(crate) fn list<'a>(&mut self, node: &'a Node, type_name: &str) -> &'a [Node] {
        match &node.value {
            Value::List(items) if items.len() <= ENTRIES_MAX => items,
            Value::Null => &[],
            _ => {
                self.mismatch(node, type_name);
                &[]
            }
        }
    }

    pub(crate) fn text(&mut self, node: &Node) -> Written {
        let text = match &node.value {
            Value::Scalar(text, _) => text.clone(),
            Value::Null => String::new(),
            _ => {
                self.mismatch(node, "string");
                String::new()
            }
        };
        Written { text, place: place(node) }
    }

    pub(crate) fn map(&mut self, node: &Node) -> BTreeMap<String, String> {
        let fields = self.fields(node, "map[string]string");
        fields.into_iter().map(|(key, value)| (key.text.clone(), self.text(value).text)).collect()
    }

    pub(crate) fn integer(&mut self, node: &Node) -> i64 {
        match &node.value {
            Value::Null => 0,
            Value::Scalar(text, true) if text.parse::<i64>().is_ok() => {
                text.parse().unwrap_or_default()
            }
            _ => {
                self.mismatch(node, "int");
                0
            }
        }
    }

    pub(crate) fn duration(&mut self, node: &Node) -> i64 {
        let text = match &node.value {
            Value::Null => return 0,
            Value::Scalar(text, _) => text,
            _ => {
                self.mismatch(node, "string");
                return 0;
            }
        };
        parse_duration_ms(text).unwrap_or_else(|error| {
            let place = place(node);
            let message = format!("{}:{}: {error}", place.line, place.column);
            self.others.push(RuleFileError { place, message });
            0
        })
    }

    pub(crate) fn unknown(&mut self, key: &Key, type_name: &str) {
        if !self.ignore_unknown_fields {
            let place = Place { line: key.line, column: key.column };
            self.lines.push((place, format!("field {} not found in type {type_name}", key.text)));
        }
    }

    pub(crate) fn mismatch(&mut self, node: &Node, type_name: &str) {
        let found = match &node.value {
            Value::Null => "!!null".to_owned(),
            Value::List(_) => "!!seq".to_owned(),
            Value::Map(_) => "!!map".to_owned(),
            Value::Scalar(text, plain) => {
                let tag = match () {
                    () if *plain && text.parse::<i64>().is_ok() => "!!int",
                    () if *plain && text.parse::<f64>().is_ok() => "!!float",
                    () if *plain && matches!(text.as_str(), "true" | "false") => "!!bool",
                    () => "!!str",
                };
                // As the YAML library cuts what it quotes.
                let text = if text.chars().count() > 10 {
                    format!("{}...", text.chars().take(7).collect::<String>())
                } else {
                    text.clone()
                };
                format!("{tag} `{text}`")
            }
        };
        self.lines.push((place(node), format!("cannot unmarshal {found} into {type_name}")));
    }
}

pub(crate) fn place(node: &Node) -> Place {
    Place { line: node.line, column: node.column }
}
