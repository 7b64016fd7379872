//! What a rule file must fulfil beyond its shape.

use std::collections::HashSet;

use vigie_language::promql::{self, go_quote};
use vigie_model::METRIC_NAME;

use super::{RuleFileError, WrittenGroup, WrittenRule};
use crate::{Expander, Place};

/// Everything that is wrong, in the order of the file.
pub(super) fn check(groups: &[WrittenGroup], expander: &dyn Expander) -> Vec<RuleFileError> {
    let mut errors = Vec::new();
    let mut names = HashSet::new();
    for group in groups {
        let place = group.place;
        let mut add = |message: String| {
            let message = format!("{}:{}: {message}", place.line, place.column);
            errors.push(RuleFileError { place, message });
        };
        if group.name.is_empty() {
            add("Groupname must not be empty".to_owned());
        }
        if !names.insert(&group.name) {
            add(format!("groupname: \"{}\" is repeated in the same file", group.name));
        }
        for name in group.labels.keys().filter(|name| !is_label_name(name)) {
            add(format!("invalid label name: {name}"));
        }
        for (at, rule) in group.rules.iter().enumerate() {
            check_rule(group, at, rule, expander, &mut errors);
        }
    }
    errors
}

fn check_rule(
    group: &WrittenGroup,
    at: usize,
    rule: &WrittenRule,
    expander: &dyn Expander,
    errors: &mut Vec<RuleFileError>,
) {
    let name = if rule.alert.text.is_empty() { &rule.record.text } else { &rule.alert.text };
    let mut add_two = |place: Place, second: &str, message: String| {
        let (group, name) = (go_quote(&group.name), go_quote(name));
        let message = format!(
            "{}:{}: {second}group {group}, rule {}, {name}: {message}",
            place.line,
            place.column,
            at + 1
        );
        errors.push(RuleFileError { place, message });
    };
    if !rule.record.text.is_empty() && !rule.alert.text.is_empty() {
        let second = format!("{}:{}: ", rule.alert.place.line, rule.alert.place.column);
        let message = "only one of 'record' and 'alert' must be set".to_owned();
        add_two(rule.record.place, &second, message);
    }
    let mut add = |place: Place, message: String| add_two(place, "", message);
    if rule.record.text.is_empty() && rule.alert.text.is_empty() {
        add(rule.place, "one of 'record' or 'alert' must be set".to_owned());
    }
    if rule.expr.text.is_empty() {
        add(rule.place, "field 'expr' must be set in rule".to_owned());
    } else if let Err(error) = promql::parse(&rule.expr.text) {
        add(rule.expr.place, format!("could not parse expression: {error}"));
    }
    if !rule.record.text.is_empty() {
        check_recording(rule, &mut add);
    }
    for label in rule.labels.keys().filter(|label| !is_label_name(label)) {
        add(rule.place, format!("invalid label name: {label}"));
    }
    for name in rule.annotations.keys().filter(|name| name.is_empty()) {
        add(rule.place, format!("invalid annotation name: {name}"));
    }
    if !rule.alert.text.is_empty() {
        check_templates(rule, expander, &mut add);
    }
}

fn check_recording(rule: &WrittenRule, add: &mut impl FnMut(Place, String)) {
    let (name, place) = (&rule.record.text, rule.record.place);
    let fields = [
        (!rule.annotations.is_empty(), "annotations"),
        (rule.for_ms != 0, "for"),
        (rule.keep_firing_for_ms != 0, "keep_firing_for"),
    ];
    for (is_set, field) in fields {
        if is_set {
            add(place, format!("invalid field '{field}' in recording rule"));
        }
    }
    // Braces are no error of the name's, which may be any text, but of who wrote it.
    if name.contains(['{', '}']) {
        let advice = "braces present in the recording rule name; should it be in expr?";
        add(place, format!("{advice}: {name}"));
    }
}

fn check_templates(
    rule: &WrittenRule,
    expander: &dyn Expander,
    add: &mut impl FnMut(Place, String),
) {
    let template = format!("__alert_{}", rule.alert.text);
    for (kind, texts) in [("label", &rule.labels), ("annotation", &rule.annotations)] {
        for (name, text) in texts {
            if let Err(error) = expander.check(&template, text) {
                add(rule.place, format!("{kind} {}: {error}", go_quote(name)));
            }
        }
    }
}

/// Any text names a label since Prometheus 3, but for the metric's name.
fn is_label_name(name: &str) -> bool {
    !name.is_empty() && name != METRIC_NAME
}
