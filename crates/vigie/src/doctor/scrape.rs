//! Relabelling that can never do what it says.

use std::collections::BTreeSet;
use std::path::Path;

use vigie_alert::{Finding, FindingKind, Place};
use vigie_language::yaml::{Node, Source, Value};
use vigie_receive::config::LoadedConfig;
use vigie_world::World;

/// The sections that hold relabelling rules.
const RULE_LISTS: [&str; 4] =
    ["relabel_configs", "metric_relabel_configs", "write_relabel_configs", "alert_relabel_configs"];

/// Labels that relabelling and discovery put on targets.
pub(super) fn target_labels(loaded: &LoadedConfig) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for job in &loaded.jobs {
        let rules = job.relabel_configs.iter().chain(&job.metric_relabel_configs);
        labels.extend(rules.map(|rule| rule.target_label.clone()));
        for config in &job.discovery.static_configs {
            labels.extend(config.labels.keys().cloned());
        }
    }
    labels.retain(|label| !label.is_empty() && !label.starts_with("__"));
    labels
}

/// Findings in the configuration at `path`.
pub(super) fn examine(path: &Path, world: &World) -> Vec<Finding> {
    let Ok(bytes) = world.disk.read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes);
    let Ok(root) = Node::parse(&text, &Source::default()) else { return Vec::new() };
    let mut findings = Vec::new();
    walk(&root, &path.display().to_string(), &mut findings);
    findings
}

fn walk(node: &Node, file: &str, findings: &mut Vec<Finding>) {
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| walk(item, file, findings)),
        Value::Map(pairs) => {
            for (key, value) in pairs {
                if RULE_LISTS.contains(&key.text.as_str())
                    && let Value::List(rules) = &value.value
                {
                    findings.extend(rules.iter().filter_map(|rule| examine_rule(rule, file)));
                }
                walk(value, file, findings);
            }
        }
        Value::Null | Value::Scalar(..) => {}
    }
}

fn field<'a>(rule: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Map(pairs) = &rule.value else { return None };
    pairs.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(text, _) => Some(text),
        _ => None,
    }
}

/// A `keep` whose regex is the name of its label: the value never is that.
fn examine_rule(rule: &Node, file: &str) -> Option<Finding> {
    let action = field(rule, "action").and_then(text)?;
    let regex_node = field(rule, "regex")?;
    let regex = text(regex_node)?;
    let labels = match &field(rule, "source_labels")?.value {
        Value::List(items) => items.iter().filter_map(text).collect::<Vec<_>>(),
        _ => return None,
    };
    if !matches!(action, "keep" | "drop") || labels.as_slice() != [regex] {
        return None;
    }
    let consequence = match action {
        "keep" => "so nothing is ever kept",
        _ => "so nothing is ever dropped",
    };
    Some(Finding {
        kind: FindingKind::RegexIsLabelName,
        file: file.to_owned(),
        place: Place { line: regex_node.line, column: regex_node.column },
        message: format!(
            "the regex of this {action} is the label's name, with which its value is compared, \
             {consequence}; write what the value must be, such as regex: \"true\""
        ),
    })
}
