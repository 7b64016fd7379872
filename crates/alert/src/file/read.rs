//! From YAML to groups as they are written.
//!
//! What has the wrong type or name is collected, since that is how Prometheus' YAML library
//! reports it: all of it at once, line by line.

use std::collections::BTreeMap;

use vigie_language::promql::parse_duration_ms;
use vigie_language::yaml::{Key, Node, Value};

use super::{RuleFileError, Written, WrittenGroup, WrittenRule};
use crate::Place;

/// Groups and rules that one file may have.
const RULES_MAX: usize = 1_000_000;

/// Collects what is wrong.
#[derive(Debug, Default)]
struct Reader {
    ignore_unknown_fields: bool,
    /// What the YAML library lists together.
    lines: Vec<(Place, String)>,
    /// What it stops at.
    others: Vec<RuleFileError>,
}

/// Reads all groups; an error has everything that is wrong with types and names.
pub(super) fn groups(
    node: &Node,
    ignore_unknown_fields: bool,
) -> Result<Vec<WrittenGroup>, Vec<RuleFileError>> {
    let mut reader = Reader { ignore_unknown_fields, ..Reader::default() };
    let mut groups = Vec::new();
    let fields = reader.fields(node, "rulefmt.RuleGroups");
    for (key, value) in fields {
        match key.text.as_str() {
            "groups" => {
                for group in reader.list(value, "[]rulefmt.RuleGroup") {
                    groups.push(reader.group(group));
                }
            }
            _ => reader.unknown(key, "rulefmt.RuleGroups"),
        }
    }
    reader.finish().map(|()| groups)
}

impl Reader {
    fn finish(self) -> Result<(), Vec<RuleFileError>> {
        let mut errors = self.others;
        if let Some((place, _)) = self.lines.first() {
            let lines =
                self.lines.iter().map(|(place, text)| format!("\n  line {}: {text}", place.line));
            let message = format!("yaml: unmarshal errors:{}", lines.collect::<String>());
            errors.push(RuleFileError { place: *place, message });
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn group(&mut self, node: &Node) -> WrittenGroup {
        const TYPE: &str = "rulefmt.RuleGroup";
        let mut group = WrittenGroup { place: place(node), ..WrittenGroup::default() };
        for (key, value) in self.fields(node, TYPE) {
            match key.text.as_str() {
                "name" => group.name = self.text(value).text,
                "interval" => group.interval_ms = self.duration(value),
                "query_offset" if value.is_null() => {}
                "query_offset" => group.query_offset_ms = Some(self.duration(value)),
                "limit" => group.limit = self.integer(value),
                "labels" => group.labels = self.map(value),
                "rules" => {
                    for rule in self.list(value, "[]rulefmt.Rule") {
                        let rule = self.rule(rule);
                        group.rules.push(rule);
                    }
                }
                _ => self.unknown(key, TYPE),
            }
        }
        group
    }

    fn rule(&mut self, node: &Node) -> WrittenRule {
        const TYPE: &str = "rulefmt.Rule";
        let mut rule = WrittenRule { place: place(node), ..WrittenRule::default() };
        for (key, value) in self.fields(node, TYPE) {
            match key.text.as_str() {
                "record" => rule.record = self.text(value),
                "alert" => rule.alert = self.text(value),
                "expr" => rule.expr = self.text(value),
                "for" => rule.for_ms = self.duration(value),
                "keep_firing_for" => rule.keep_firing_for_ms = self.duration(value),
                "labels" => rule.labels = self.map(value),
                "annotations" => rule.annotations = self.map(value),
                _ => self.unknown(key, TYPE),
            }
        }
        rule
    }

    fn fields<'a>(&mut self, node: &'a Node, type_name: &str) -> Vec<(&'a Key, &'a Node)> {
        match &node.value {
            Value::Map(pairs) => pairs.iter().map(|(key, value)| (key, value)).collect(),
            Value::Null => Vec::new(),
            _ => {
                self.mismatch(node, type_name);
                Vec::new()
            }
        }
    }

    fn list<'a>(&mut self, node: &'a Node, type_name: &str) -> &'a [Node] {
        match &node.value {
            Value::List(items) if items.len() <= RULES_MAX => items,
            Value::Null => &[],
            _ => {
                self.mismatch(node, type_name);
                &[]
            }
        }
    }

    fn text(&mut self, node: &Node) -> Written {
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

    fn map(&mut self, node: &Node) -> BTreeMap<String, String> {
        let fields = self.fields(node, "map[string]string");
        fields.into_iter().map(|(key, value)| (key.text.clone(), self.text(value).text)).collect()
    }

    fn integer(&mut self, node: &Node) -> i64 {
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

    fn duration(&mut self, node: &Node) -> i64 {
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

    fn unknown(&mut self, key: &Key, type_name: &str) {
        if !self.ignore_unknown_fields {
            let place = Place { line: key.line, column: key.column };
            self.lines.push((place, format!("field {} not found in type {type_name}", key.text)));
        }
    }

    fn mismatch(&mut self, node: &Node, type_name: &str) {
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

fn place(node: &Node) -> Place {
    Place { line: node.line, column: node.column }
}
