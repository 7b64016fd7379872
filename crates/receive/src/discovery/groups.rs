//! Target groups as JSON or YAML: the format of file and http discovery.

use vigie_model::{Labels, LabelsBuilder};

use super::TargetGroup;
use crate::config::{ConfigError, Node, Source, Value};

/// Reads a list of groups. JSON is read as the YAML that it is. `source` names the place; each
/// group is numbered in it, and `extra` labels are added.
pub(super) fn parse(
    text: &str,
    source: &Source,
    source_name: &str,
    extra: (&str, &str),
) -> Result<Vec<TargetGroup>, ConfigError> {
    let node = Node::parse(text, source)?;
    let items = match &node.value {
        Value::Null => return Ok(Vec::new()),
        Value::List(items) => items,
        _ => return Err(node.mismatch(source, "a list of target groups")),
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| group(item, source, format!("{source_name}:{index}"), extra))
        .collect()
}

fn group(
    node: &Node,
    source: &Source,
    name: String,
    extra: (&str, &str),
) -> Result<TargetGroup, ConfigError> {
    let Value::Map(fields) = &node.value else {
        return Err(node
            .error(source, "nil target group item found")
            .advise("write {targets: [...], labels: {...}}"));
    };
    let mut labels = LabelsBuilder::new();
    let mut targets = Vec::new();
    for (key, value) in fields {
        match (key.text.as_str(), &value.value) {
            (_, Value::Null) => {}
            ("targets", Value::List(items)) => {
                for item in items {
                    let Value::Scalar(address, _) = &item.value else {
                        return Err(item.mismatch(source, "an address"));
                    };
                    targets.push(Labels::from_pairs([("__address__", address)]));
                }
            }
            ("labels", Value::Map(pairs)) => {
                for (label, value) in pairs {
                    let Value::Scalar(text, _) = &value.value else {
                        return Err(value.mismatch(source, "a label value"));
                    };
                    labels.set(&label.text, text);
                }
            }
            ("targets", _) => return Err(value.mismatch(source, "a list of addresses")),
            ("labels", _) => return Err(value.mismatch(source, "a mapping of labels")),
            (field, _) => {
                let message = format!("field {field} not found in type targetgroup.Group");
                return Err(value
                    .error(source, message)
                    .advise("only targets and labels belong here"));
            }
        }
    }
    labels.set(extra.0, extra.1);
    Ok(TargetGroup { source: name, targets, labels: labels.build() })
}
