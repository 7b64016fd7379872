//! From YAML to groups as they are written.

use vigie_language::yaml::Node;

use super::{RuleFileError, WrittenGroup, WrittenRule};
use crate::reader::{Reader, place};

/// Reads all groups; an error has everything that is wrong with types and names.
pub(super) fn groups(
    node: &Node,
    ignore_unknown_fields: bool,
) -> Result<Vec<WrittenGroup>, Vec<RuleFileError>> {
    let mut reader = Reader::new(ignore_unknown_fields);
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
}
